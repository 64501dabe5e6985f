"""The review page: a scored run where a person can look at every customer it decided on."""
