"""The language in which features are declared; it knows no engine and no feature."""
