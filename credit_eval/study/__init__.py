"""What an analyst opened, and what its scored runs left."""

from credit_eval.study.study import Study, open_study

__all__ = ["Study", "open_study"]
