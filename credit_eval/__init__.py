"""credit_eval: events in, credit decisions out, and every number on the way can be explained and replayed."""

__version__ = "0.1.0"
