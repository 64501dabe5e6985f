"""Who is scored, and when: everybody with an account at a date, a cohort that the source brought, or people of a file
that were in no import.

A run's label names its directories and files. It is made and read here only.

>>> Run(datetime(2026, 7, 1)).label, Run.read("cohort=test")
('as_of=2026-07-01', Run(as_of=None, cohort='test', file=None))
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from credit_eval.core.errors import CohortError
from credit_eval.core.names import checked_label


@dataclass(frozen=True)
class Run:
    """One of the three: `as_of`, a midnight; or the name of a `cohort` or a `file`, whose members may have any as_of.

    Args:
        as_of: midnight, UTC.
        cohort: name of a cohort of the data set.
        file: name of a file of people who are in no data set.

    Raises:
        CohortError: several, none, or not at midnight.
    """

    as_of: datetime | None = None
    cohort: str | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if sum(said is not None for said in (self.as_of, self.cohort, self.file)) != 1:
            raise CohortError(
                "a run is of a date, a cohort or a file", expected="one of the three", received=repr(self)
            )
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
        if kind == "as_of":
            return cls(as_of=datetime.fromisoformat(value))
        return cls(cohort=value) if kind == "cohort" else cls(file=value)

    @property
    def brought(self) -> str | None:
        """The name of the members' file, where they were brought."""
        return self.cohort or self.file

    @property
    def label(self) -> str:
        """What its directories are called."""
        if self.as_of is not None:
            return f"as_of={self.as_of:%Y-%m-%d}"
        return f"cohort={self.cohort}" if self.file is None else f"file={self.file}"
