"""Measures of events, as they were known at an observation date; docs/engine.md is the page to read first."""
