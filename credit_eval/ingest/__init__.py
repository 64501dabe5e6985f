"""What turns something into the declared tables: mappings of files, append, the simulator."""
