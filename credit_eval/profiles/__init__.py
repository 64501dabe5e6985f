"""Profiles: one row per (customer_id, as_of), a column per feature; how they are built, kept, described and shown."""
