"""What each grade's rate would have to be to bear what its credit costs, beside what it is.

Of a unit that is owed for a year by customers of whom a share p defaults in each window of T years,

    rate = funding + (p * LGD / T + operating + capital * hurdle) / (1 - p) + margin,

since whoever defaults is taken to pay no interest. `capital` is held against a unit owed, and has to earn `hurdle`
beyond what it is refinanced at. What the legal cap, or a grade's own rate, does not bear is lost on every unit lent
at it. Source of the form: Phillips, Pricing Credit Products (2018), chapter 3.

>>> said = Price(capital=0.08, hurdle=0.10, margin=0.01)
>>> parts = needed(0.05, said, lgd=0.40, years=1.0, funding=0.04, operating=0.02)
>>> round(parts.rate, 4), round(parts.expected_loss, 4)
(0.1005, 0.0211)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from credit_eval.policy.losses import Losses
from credit_eval.policy.settings import Policy, Price


@dataclass(frozen=True)
class Needed:
    """Shares of what is owed, a year, each after what defaulting customers do not pay: they add up to `rate`."""

    funding: float
    expected_loss: float
    operating: float
    capital: float
    margin: float

    @property
    def rate(self) -> float:
        """The yearly rate that bears all of it."""
        return self.funding + self.expected_loss + self.operating + self.capital + self.margin


def needed(p: float, said: Price, *, lgd: float, years: float, funding: float, operating: float) -> Needed:
    """The rate of customers of whom a share `p` < 1 defaults within a window of so many years.

    Args:
        p: probability of default within the window.
        said: capital, hurdle and margin.
        lgd: loss given default.
        years: the window.
        funding: of a unit, a year.
        operating: cost of a unit owed, a year.

    Returns:
        the parts of the rate.
    """
    paying = 1 - p
    return Needed(
        funding, p * lgd / years / paying, operating / paying, said.capital * said.hurdle / paying, said.margin
    )


def prices(policy: Policy, losses: Losses, seen: pd.DataFrame) -> pd.DataFrame:
    """A row per grade: what its rate is, what it would have to be, and the parts of that.

    Args:
        policy: with `price` and `profit`, or their defaults: nothing beside expected loss.
        losses: LGD.
        seen: `grade`, `p` (mean probability of default), `n` and `owed` (mean balance) of customers that a run scored.

    Returns:
        grade, n, p, apr, and funding, expected_loss, operating, capital, margin, needed; `short`: what the rate lacks;
        `capped`: what the legal cap lacks (NaN: there is none); `signed`: who signed for the loss.
    """
    said, profit, years = policy.price or Price(), policy.profit, losses.window_days / 365
    told = {str(row["grade"]): row for row in seen.to_dict("records")}
    found = []
    for grade in policy.grades:
        if grade.grade not in told:
            continue
        p, n, owed = (float(told[grade.grade][name]) for name in ("p", "n", "owed"))
        cost = policy.money(profit.operating_cost) / owed if profit and owed > 0 else 0.0
        parts = needed(
            p, said, lgd=losses.lgd, years=years, funding=profit.funding_rate if profit else 0.0, operating=cost
        )
        lacks = np.nan if policy.legal_cap is None else max(parts.rate - policy.legal_cap, 0.0)
        found.append(
            {"grade": grade.grade, "n": int(n), "p": p, "apr": grade.apr}
            | vars(parts)
            | {"needed": parts.rate, "short": max(parts.rate - grade.apr, 0.0), "capped": lacks}
            | {"signed": grade.loss_signed_by}
        )
    return pd.DataFrame(found)


def unsigned(policy: Policy, table: pd.DataFrame) -> Sequence[str]:
    """Grades that lend at a loss that nobody signed for, in words."""
    lends = {grade.grade for grade in policy.grades if grade.limit_cap > 0}
    return [
        f"grade {row['grade']} at {row['apr']:.1%} a year does not bear the {row['needed']:.1%} that its credit costs, "
        "and nobody signed for the loss"
        for row in table.to_dict("records")
        if row["short"] > 0 and row["grade"] in lends and not row["signed"]
    ]
