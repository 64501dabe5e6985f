"""A flat table: one row per customer and `as_of`, of columns that somebody brought as they are.

What an event table's columns are is declared in `tables`, for every data set alike. What a flat table's columns are is
declared by the mapping that brought it, and kept with the data set: a row is part of the question (whom to judge, when,
and what was given of them), so it joins a profile by customer_id *and* as_of, and no window looks back from it.

>>> FlatColumn("months", "number", title="months the loan runs").reason_code
'R_MONTHS_THE_LOAN_RUNS'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

#: What the flat table is called, as a table.
FLAT = "flat"

FlatType = Literal["number", "category", "date"]
#: What the policy takes a column for: income of a month or a year, what is owed, the amount asked for, the limit now.
FlatRole = Literal["income", "annual_income", "debt", "amount", "limit"]

#: The sides of a customer, as `language.feature.Dimension` has them.
Side = Literal["credit_history", "fulfilment_capacity", "behaviour_preference", "identity_stability", "network"]

#: Cohorts that are made of its rows, where a mapping brings none: all, and those without a label.
ROWS, UNLABELLED = "rows", "unlabelled"
#: The suffix of the column that holds what a special code means.
MEANING = "_says"


@dataclass(frozen=True)
class FlatColumn:
    """A column of a flat table, as its mapping declares it.

    Args:
        name: of the column in profiles.
        type: `number`, `category`, or `date`, of which profiles hold the days from it to as_of.
        title: what it is, in words.
        zh: the same in Chinese; without it the feature is told in English.
        direction: +1 where a higher value can only mean more risk, -1 only less, 0 where nothing is claimed.
        unit: as `language.words.Unit` has them.
        reason: the reason code; made of the title where it is empty.
        dimension: the side of the customer that it tells of.
        lawful: where it may be used; `audit_only` for what no model may see.
        role: what the policy takes it for.
        absent: what it means that there is no value, in words; "not recorded" where it is empty.
        trusted: why a column that tells the label nearly alone is none of the future's; empty where nobody vouched.
    """

    name: str
    type: FlatType = "number"
    title: str = ""
    zh: str = ""
    direction: Literal[-1, 0, 1] = 0
    unit: str = "number"
    reason: str = ""
    dimension: Side = "identity_stability"
    lawful: Literal["any", "not_in_eu_credit", "protected", "audit_only"] = "any"
    role: FlatRole | None = None
    absent: str = ""
    trusted: str = ""

    @property
    def reason_code(self) -> str:
        """The code under which its contribution is counted."""
        words = re.sub(r"[^A-Z0-9]+", "_", (self.title or self.name).upper()).strip("_")
        return self.reason or f"R_{words or self.name.upper()}"
