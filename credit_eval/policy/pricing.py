"""What a rate has to bear, and whose risk the legal cap cannot.

Of a unit that is owed for a year by customers of whom a share p defaults in each window of T years,

    rate = funding + (p * LGD / T + operating + capital * hurdle) / (1 - p) + margin,

since whoever defaults is taken to pay no interest. `capital` is held against a unit owed, and has to earn `hurdle`
beyond what it is refinanced at. What the legal cap, or a grade's own rate, does not bear is lost on every unit lent
at it. Source of the form: Phillips, Pricing Credit Products (2018), chapter 3.

>>> said = Price(capital=0.08, hurdle=0.10, margin=0.01)
>>> parts = needed(np.array([0.05]), said, lgd=0.40, years=1.0, funding=0.04, operating=np.array([0.02]))
>>> parts.rate.round(4).tolist(), parts.expected_loss.round(4).tolist()
([0.1005], [0.0211])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_eval.policy.losses import Losses
from credit_eval.policy.settings import Policy, Price

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Rates of customers are written to a tenth of a percent, upwards.
_TENTHS, _SLACK = 1000, 1e-9


@dataclass(frozen=True)
class Needed:
    """Shares of what is owed, a year, each after what defaulting customers do not pay: they add up to `rate`."""

    funding: Floats
    expected_loss: Floats
    operating: Floats
    capital: Floats
    margin: Floats

    @property
    def rate(self) -> Floats:
        """The yearly rate that bears all of it."""
        return self.funding + self.expected_loss + self.operating + self.capital + self.margin


def needed(p: Floats, said: Price, *, lgd: float, years: float, funding: float, operating: Floats) -> Needed:
    """The rates of customers of whom shares `p` default within a window of so many years; infinite where all do.

    Args:
        p: (n,) probabilities of default within the window.
        said: capital, hurdle and margin.
        lgd: loss given default.
        years: the window.
        funding: of a unit, a year.
        operating: (n,) cost of a unit owed, a year.

    Returns:
        the parts of the rate, each (n,).
    """
    whole = np.ones_like(p)
    with np.errstate(divide="ignore"):
        paying = 1 / (1 - p)

    def borne(cost: Floats) -> Floats:
        """By those who pay; nothing of nothing, even where nobody does."""
        return np.multiply(cost, paying, out=np.zeros_like(p), where=cost > 0)

    capital = said.capital * said.hurdle * whole
    return Needed(funding * whole, borne(p * lgd / years), borne(operating), borne(capital), said.margin * whole)


def rates(p: Floats, grade: Ints, policy: Policy, losses: Losses) -> Floats:
    """Yearly rates (n,) of customers of these grades: the grade's own, or what each one's risk needs."""
    listed = np.array([each.apr for each in policy.grades], dtype=np.float64)[grade]
    if policy.price is None or policy.price.by == "grade":
        return listed
    assert policy.legal_cap is not None  # a policy is refused without
    own = np.minimum(needed_rates(p, policy, losses), policy.legal_cap)
    return np.maximum(np.minimum(np.ceil(own * _TENTHS - _SLACK) / _TENTHS, policy.legal_cap), listed)


def unbearable(p: Floats, grade: Ints, policy: Policy, losses: Losses) -> npt.NDArray[np.bool_]:
    """Whose risk needs a rate above the legal cap (n,), unless somebody signed for the loss in their grade.

    Whoever is riskier than somebody who is refused for it is refused too, whoever signed.
    """
    if policy.price is None or policy.legal_cap is None:
        return np.zeros(len(p), dtype=bool)
    unsigned = np.array([each.loss_signed_by is None for each in policy.grades])
    worst = np.array([each.up_to for each in policy.grades], dtype=np.float64)
    refused = unsigned & (needed_rates(worst, policy, losses) > policy.legal_cap)
    safer = np.concatenate([[False], np.logical_or.accumulate(refused)[:-1]])
    above = needed_rates(p, policy, losses) > policy.legal_cap
    return np.asarray((above & unsigned[grade]) | safer[grade])


def needed_rates(p: Floats, policy: Policy, losses: Losses) -> Floats:
    """What the risk of customers needs, operating cost aside, which depends on what they owe."""
    funding = policy.profit.funding_rate if policy.profit else 0.0
    said, years = policy.price or Price(), losses.window_days / 365
    return needed(p, said, lgd=losses.lgd, years=years, funding=funding, operating=np.zeros_like(p)).rate


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
    grades = pd.DataFrame([{"grade": each.grade, "signed": each.loss_signed_by} for each in policy.grades])
    found = grades.assign(number=range(len(grades))).merge(seen, on="grade", how="inner")
    p, owed = found["p"].to_numpy(dtype=np.float64), found["owed"].to_numpy(dtype=np.float64)
    cost = policy.money(policy.profit.operating_cost) if policy.profit else 0.0
    operating = np.divide(cost, owed, out=np.zeros_like(owed), where=owed > 0)
    funding = policy.profit.funding_rate if policy.profit else 0.0
    years = losses.window_days / 365
    parts = needed(p, policy.price or Price(), lgd=losses.lgd, years=years, funding=funding, operating=operating)
    apr, cap = rates(p, found["number"].to_numpy(), policy, losses), policy.legal_cap
    lacks = np.nan if cap is None else np.maximum(parts.rate - cap, 0.0)
    told = found[["grade", "n", "p"]].assign(apr=apr, **vars(parts), needed=parts.rate)
    return told.assign(short=np.maximum(parts.rate - apr, 0.0), capped=lacks, signed=found["signed"])


def unsigned(policy: Policy, table: pd.DataFrame) -> Sequence[str]:
    """Grades that lend at a loss that nobody signed for, in words."""
    lends = {grade.grade for grade in policy.grades if grade.limit_cap > 0}
    return [
        f"grade {row['grade']} at {row['apr']:.1%} a year does not bear the {row['needed']:.1%} that its credit costs, "
        "and nobody signed for the loss"
        for row in table.to_dict("records")
        if row["short"] > 0 and row["grade"] in lends and not row["signed"]
    ]
