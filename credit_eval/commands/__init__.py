"""The commands of the command line, by what they are about; each only opens, calls and prints."""
