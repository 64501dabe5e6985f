"""What surrounds the nightly run: a look at what came out, room for the next, and a copy for when all is lost."""
