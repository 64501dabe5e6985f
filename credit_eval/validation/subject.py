"""What is validated: rows that a version was judged by, what was known of them, and its trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from credit_eval.core.errors import IntegrityError
from credit_eval.models.model import CreditModel
from credit_eval.models.record import Record, judging
from credit_eval.models.training import Trainable

KEYS = ["customer_id", "as_of"]


class Declared(Trainable, Protocol):
    """What a validator needs to know of a feature (`language.Feature` has it)."""

    @property
    def tables(self) -> frozenset[str]:
        """The tables that it reads."""

    @property
    def title(self) -> str:
        """What it is, in words."""


@dataclass(frozen=True)
class Subject:
    """A version, and all that is asked about it is asked of.

    Attributes:
        record: of the version.
        rows: customer_id, as_of, defaulted, part, p_default by trees that learnt nothing from the row; and a column per
            feature.
        judged: the trees that were judged: those of the part `fit`.
        champion: the trees that decide.
        features: as declared.
        days_past_due: (n,) of each row; 0 where nothing is late or nobody tells.
        groups: by attribute that no model may see, the group of each row.
        tested: rows that the judged trees did not learn from: those that judge, or where no time splits the sample, of
            a fifth of the customers.
        threshold: p_default above which a policy restricts.
    """

    record: Record
    rows: pd.DataFrame
    judged: CreditModel
    champion: CreditModel
    features: Sequence[Declared]
    days_past_due: pd.Series[float]
    tested: pd.DataFrame
    groups: dict[str, pd.Series[str]] = field(default_factory=dict)
    threshold: float = 0.5

    def part(self, part: str) -> pd.DataFrame:
        """Rows of a part; may be none."""
        return self.rows[self.rows["part"] == part]

    @property
    def judging(self) -> pd.DataFrame:
        """The rows that judge: out of time where there are such, else all, out of fold."""
        return judging(self.rows)

    @property
    def development(self) -> pd.DataFrame:
        """The rows that taught, each judged out of fold."""
        return self.part("fit")


def joined(judged: pd.DataFrame, sample: pd.DataFrame) -> pd.DataFrame:
    """Judged rows with what was known of them, in the order of the sample.

    Raises:
        IntegrityError: the sample is of other rows or labels than those that judged.
    """
    features = sample.drop(columns=["part", "label_known_at"])
    found = features.merge(judged.rename(columns={"defaulted": "labelled"}), on=KEYS, how="left", validate="1:1")
    other = found["p_default"].isna() | (found["labelled"] != found["defaulted"])
    if other.any() or len(found) != len(judged):
        raise IntegrityError(
            "the data are not those that the version was judged by",
            expected=f"{len(judged):,} rows with their labels",
            received=f"{len(found):,} rows, of which {int(other.sum()):,} are unknown or have another label",
            todo="train again: `credit-eval train`",
        )
    return found.drop(columns="labelled")
