"""Fault injection over every command: `make test-faults`."""
