"""Who is scored, and when: everybody with an account at a date, or a cohort that the source brought.

A run's label names its directories and files. It is made and read here only.

>>> Run(datetime(2026, 7, 1)).label, Run.read("cohort=test")
('as_of=2026-07-01', Run(as_of=None, cohort='test'))
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from credit_eval.core.errors import CohortError
from credit_eval.core.names import checked_label


@dataclass(frozen=True)
class Run:
    """One of the two: `as_of`, a midnight, or the name of a `cohort`, whose members may have any as_of.

    Args:
        as_of: midnight, UTC.
        cohort: name of a cohort of the data set.

    Raises:
        CohortError: both, neither, or not at midnight.
    """

    as_of: datetime | None = None
    cohort: str | None = None

    def __post_init__(self) -> None:
        if (self.as_of is None) == (self.cohort is None):
            raise CohortError("a run is of a date or of a cohort", expected="one of the two", received=repr(self))
        if self.as_of and self.as_of.time() != datetime.min.time():
            raise CohortError(
                "a batch run observes at midnight",
                expected="YYYY-MM-DD",
                received=self.as_of.isoformat(),
                todo="leave out the time of day; a cohort of the source may have any",
            )

    @classmethod
    def read(cls, label: str) -> Run:
        """The run of a label.

        Raises:
            SourceError: it is none.
        """
        kind, _, value = checked_label(label).partition("=")
        return cls(as_of=datetime.fromisoformat(value)) if kind == "as_of" else cls(cohort=value)

    @property
    def label(self) -> str:
        """What its directories are called."""
        return f"cohort={self.cohort}" if self.as_of is None else f"as_of={self.as_of:%Y-%m-%d}"
