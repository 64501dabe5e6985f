"""The batch run: profiles in, scored files with reasons, decisions and a manifest out."""
