"""Sources: what turns something into the declared tables: the simulator, importers, mappings of your own files."""
