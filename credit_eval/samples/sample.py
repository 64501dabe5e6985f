"""A labelled sample, split: what an analyst fits on and judges by."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from credit_eval.core.errors import SampleError
from credit_eval.profiles.store import Profiles
from credit_eval.samples.cohorts import Drawn
from credit_eval.samples.split import Split


@dataclass(frozen=True)
class LeftOut:
    """Rows that are not in a sample: those that cannot be judged, by reason, and those not drawn."""

    by_reason: dict[str, int]
    drawn: Drawn


@dataclass(frozen=True)
class Sample:
    """Profiles with what became of each, and which part each row plays.

    The parts are `fit`, and where the data last long enough `gap` (in no use) and `oot` (out of time, to judge by).
    `None` stands for all rows.

    Attributes:
        split: the rows, their parts, and why they were split so.
        profiles: what the features were read from.
        left_out: rows that are not here, and why.
    """

    split: Split
    profiles: Profiles
    left_out: LeftOut

    def __repr__(self) -> str:
        parts = ", ".join(f"{part} {n:,}" for part, n in self.frame["part"].value_counts().items())
        return f"Sample({len(self.frame):,} rows, {int(self.frame['defaulted'].sum()):,} in default; {parts})"

    @property
    def frame(self) -> pd.DataFrame:
        """customer_id, as_of, defaulted, label_known_at, part, and a column per feature."""
        return self.split.frame

    @property
    def why(self) -> str:
        """How the sample was split and why, in a sentence."""
        return self.split.why

    def X(self, part: str | None = None) -> pd.DataFrame:  # noqa: N802 (scikit-learn's own name for it)
        """Features of a part: float64, NaN where unknown; categories are texts.

        Args:
            part: of the sample: fit, gap or oot; None for all rows.

        Returns:
            (n, f).
        """
        return self.rows(part).loc[:, self.profiles.info.features]

    def y(self, part: str | None = None) -> pd.Series[int]:
        """Whether each row of a part defaulted, 0 or 1.

        Args:
            part: of the sample: fit, gap or oot; None for all rows.

        Returns:
            (n,).
        """
        return self.rows(part)["defaulted"]

    def groups(self, part: str | None = None) -> pd.Series[str]:
        """The customer of each row of a part: rows of one customer tell one story.

        Args:
            part: of the sample: fit, gap or oot; None for all rows.

        Returns:
            (n,).
        """
        return self.rows(part)["customer_id"]

    def rows(self, part: str | None = None) -> pd.DataFrame:
        """Everything there is of a part: customer_id, as_of, defaulted, label_known_at, part, and the features.

        Args:
            part: of the sample: fit, gap or oot; None for all rows.

        Returns:
            n rows.
        """
        if part is None:
            return self.frame
        rows = self.frame[self.frame["part"] == part]
        if rows.empty:
            raise SampleError(
                "the sample has no such part",
                expected=", ".join(sorted(self.frame["part"].unique())),
                received=part,
                todo=self.why,
            )
        return rows

    def part(self, part: str | None = None) -> tuple[pd.DataFrame, pd.Series[int], pd.Series[str]]:
        """X, y and groups of a part: what `DefaultModel.fit` takes, so that no customer is in two of its folds.

        Args:
            part: of the sample: fit, gap or oot; None for all rows.

        Returns:
            (n, f), (n,) and (n,).
        """
        return self.X(part), self.y(part), self.groups(part)
