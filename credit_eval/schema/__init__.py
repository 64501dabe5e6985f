"""Event tables: what they are, where they lie on disk, and the engines that read them."""
