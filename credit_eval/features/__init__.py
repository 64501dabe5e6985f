"""Feature declarations: the language, and the catalogue written in it."""
