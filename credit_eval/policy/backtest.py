"""Two policies on past observations whose outcomes are known: whom they stop, what that costs, and how sure it is.

Every row is decided on by itself, as if it came up for review for the first time under the policy, by probabilities of
trees that had learnt nothing from it. What a policy would have changed in people's behaviour is not in it.

- *Stopped* is who gets no new credit: restricted or declined.
- *Realised loss* of a policy is LGD × EAD of its own limit for whoever defaulted; *realised profit* the policy's own
  account (`policy.profit`) with what came in place of p_default.

>>> round(expected_cut(0.10, 0.80, 0.50), 3)
0.09
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_eval.core.errors import PolicyError, SampleError
from credit_eval.core.odds import log_odds, probability, shift_to_mean
from credit_eval.core.statistics import Interval, auc_interval, delta_interval
from credit_eval.policy.decide import decide
from credit_eval.policy.losses import Losses
from credit_eval.policy.profit import Book, expected_loss, profit_at
from credit_eval.policy.settings import Policy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Decisions that give no new credit.
STOPPED = ("restrict", "decline")
#: Of the rule on p_default alone.
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
#: Everybody's odds are raised until so many times as many are expected to default.
HARDER = (1.5, 2.0)
_FEWEST = 10
_NOBODY = 1e-9


@dataclass(frozen=True)
class Outcome:
    """A policy on n observations of which some defaulted.

    Attributes:
        policy: name and version.
        n, bads: observations, and those that defaulted.
        stopped: share of observations that get no new credit.
        rate: default rate of the others.
        rate_of_all: default rate of everybody.
        cut: by how much stopping lowers the default rate, relative to that of everybody; paired.
        bads_stopped: share of the bads that are stopped.
        goods_per_bad: goods stopped for each bad stopped; None where no bad is.
        limits: sum of the limits.
        loss: realised, in currency units. `profit`: realised; None where the policy says nothing of profit.
        expected_loss: by p_default.
    """

    policy: str
    n: int
    bads: int
    stopped: Interval
    rate: Interval
    rate_of_all: Interval
    cut: Interval
    bads_stopped: Interval
    goods_per_bad: float | None
    limits: float
    loss: Interval
    profit: Interval | None
    expected_loss: float


@dataclass(frozen=True)
class Segment:
    """Observations of a segment under a policy: `by` what, `name`; intervals are None where there are too few to tell.

    Attributes:
        n, bads: observations, and those that defaulted.
        stopped: share that gets no new credit. `rate`: default rate of the others. `loss`: realised.
    """

    by: str
    name: str
    policy: str
    n: int
    bads: int
    stopped: Interval | None
    rate: Interval | None
    loss: Interval | None


@dataclass(frozen=True)
class Swap:
    """Observations by who stops them, and how many of them defaulted."""

    who: str
    n: int
    bads: int


@dataclass(frozen=True)
class Harder:
    """A policy where so many times as many are expected to default: share stopped, expected default rate of the others
    and of all, expected loss."""

    policy: str
    factor: float
    stopped: float
    rate: float
    rate_of_all: float
    expected_loss: float


@dataclass(frozen=True)
class Point:
    """The rule on p_default alone, at a threshold: share stopped, default rate of the others, by how much that is lower
    than everybody's (paired), by how much it would be for such a base rate and AUC (`expected_cut`), and the goods
    stopped for each bad stopped (None where no bad is)."""

    threshold: float
    stopped: float
    rate: float
    cut: Interval
    expected_cut: float
    goods_per_bad: float | None


@dataclass(frozen=True)
class Backtest:
    """Policies side by side on the same observations; differences are of the last to the first. `auc` of p_default."""

    auc: Interval
    frontier: list[Point]
    outcomes: list[Outcome]
    rate_difference: Interval
    loss_difference: Interval
    profit_difference: Interval | None
    swaps: list[Swap]
    harder: list[Harder]
    segments: list[Segment]


def backtest(
    policies: Sequence[Policy],
    inputs: Sequence[pd.DataFrame],
    defaulted: npt.ArrayLike,
    losses: Sequence[Losses],
    segments: Mapping[str, Sequence[object]] = MappingProxyType({}),
) -> Backtest:
    """Decide on the same observations under each policy, and hold it against what came.

    Args:
        policies: two.
        inputs: of each, (n) rows as `decide` reads them, which differ where a policy measures capacity another way.
        defaulted: (n,) 0 or 1, known.
        losses: of each.
        segments: by name, the segment (n,) of each observation.

    Returns:
        both, their differences, the swap set, both in harder times, and both by segment.

    Raises:
        PolicyError: their amounts are in different currencies, or a decision cannot be made.
        SampleError: fewer than 10 bads or goods.
    """
    one, other = policies
    if None not in (one.currency, other.currency) and one.currency != other.currency:
        raise PolicyError(
            "two policies in different currencies cannot be compared",
            expected=f"{one.currency}, as {one.name} says",
            received=f"{other.currency}, as {other.name} says",
            todo="write one of them in the currency of the data set",
        )
    y = np.asarray(defaulted, dtype=np.float64)
    _check(y)
    customers, p = pd.factorize(inputs[0]["customer_id"])[0], inputs[0]["p_default"].to_numpy(dtype=np.float64)
    area = auc_interval(y, p, groups=customers)
    sides = [_Side.of(*each, y) for each in zip(policies, inputs, losses, strict=True)]
    here, there = sides
    return Backtest(
        auc=area,
        frontier=[_point(p, y, customers, threshold, area.value) for threshold in THRESHOLDS],
        outcomes=[side.outcome(customers) for side in sides],
        rate_difference=_difference_of_rates(here, there, y, customers),
        loss_difference=_sum(there.loss - here.loss, customers),
        profit_difference=None
        if here.profit is None or there.profit is None
        else _sum(there.profit - here.profit, customers),
        swaps=_swaps(here.stopped, there.stopped, y),
        harder=[
            _harder(policy, frame, lost, factor)
            for policy, frame, lost in zip(policies, inputs, losses, strict=True)
            for factor in HARDER
        ],
        segments=[
            side.segment(by, str(name), np.asarray(of) == name, customers)
            for by, of in segments.items()
            for name in sorted(set(of), key=str)
            for side in sides
        ],
    )


def expected_cut(rate: float, auc: float, threshold: float) -> float:
    """By how much stopping everybody above a threshold lowers the default rate, for such a base rate and AUC.

    Of a score that is normal among goods and among bads with the same spread (the binormal model: Green and Swets 1966)
    and whose probabilities are true. 0.18: the default rate of those who are not stopped is 18 % lower.

    Args:
        rate: of defaults among everybody.
        auc: of the score.
        threshold: of p_default.

    Returns:
        relative to the rate; NaN where next to nobody would be left.
    """
    normal = NormalDist()
    apart = 2**0.5 * normal.inv_cdf(auc)
    if apart <= 0:
        return 0.0
    at = apart / 2 + (np.log(threshold / (1 - threshold)) - np.log(rate / (1 - rate))) / apart
    bads, goods = rate * normal.cdf(at - apart), (1 - rate) * normal.cdf(at)
    return float(1 - bads / (bads + goods) / rate) if bads + goods > _NOBODY else float("nan")


@dataclass(frozen=True)
class _Side:
    """A policy's decisions with what came."""

    policy: Policy
    y: Floats
    stopped: npt.NDArray[np.bool_]
    limit: Floats
    loss: Floats
    profit: Floats | None
    expected: Floats

    @classmethod
    def of(cls, policy: Policy, inputs: pd.DataFrame, losses: Losses, y: Floats) -> _Side:
        decided = decide(inputs, policy, calibrated=True, losses=losses, wordless=True)
        limit = decided["limit_new"].to_numpy(dtype=np.float64)
        book = _book(inputs, policy, y)
        profit = profit_at(book, limit, policy, losses, decided["apr"].to_numpy(dtype=np.float64))
        return cls(
            policy,
            y,
            decided["decision"].isin(STOPPED).to_numpy(),
            limit,
            expected_loss(book, limit, losses),
            None if policy.profit is None else profit,
            decided["expected_loss"].to_numpy(dtype=np.float64),
        )

    def outcome(self, customers: Ints) -> Outcome:
        y, out = self.y, self.stopped.astype(np.float64)
        ones, kept = np.ones(y.size), 1 - out
        goods, bads = float((out * (1 - y)).sum()), float((out * y).sum())
        return Outcome(
            policy=f"{self.policy.name} {self.policy.policy_version}",
            n=y.size,
            bads=int(y.sum()),
            stopped=_ratio(out, ones, customers),
            rate=_ratio(kept * y, kept, customers),
            rate_of_all=_ratio(y, ones, customers),
            cut=_cut(kept, y, ones, customers),
            bads_stopped=_ratio(out * y, y, customers),
            goods_per_bad=goods / bads if bads else None,
            limits=float(self.limit.sum()),
            loss=_sum(self.loss, customers),
            profit=None if self.profit is None else _sum(self.profit, customers),
            expected_loss=float(self.expected.sum()),
        )

    def segment(self, by: str, name: str, mine: npt.NDArray[np.bool_], customers: Ints) -> Segment:
        y, out, who = self.y[mine], self.stopped[mine].astype(np.float64), customers[mine]
        bads = int(y.sum())
        policy, told = f"{self.policy.name} {self.policy.policy_version}", min(bads, y.size - bads) >= _FEWEST
        kept = 1 - out
        return Segment(
            by,
            name,
            policy,
            y.size,
            bads,
            _ratio(out, np.ones(y.size), who) if told else None,
            _ratio(kept * y, kept, who) if told and kept.any() else None,
            _sum(self.loss[mine], who) if told else None,
        )


def _book(inputs: pd.DataFrame, policy: Policy, p: Floats) -> Book:
    """What profit hangs on, with `p` in place of p_default; the grade stays that of p_default."""
    bounds = [grade.up_to for grade in policy.grades]
    grade = np.searchsorted(bounds, inputs["p_default"].to_numpy(dtype=np.float64), side="left").astype(np.int64)
    balance, capacity = (inputs[name].to_numpy(dtype=np.float64) for name in ("balance", "capacity"))
    return Book(p, grade, balance, capacity, inputs["requested"].notna().to_numpy())


def _harder(policy: Policy, inputs: pd.DataFrame, losses: Losses, factor: float) -> Harder:
    p = inputs["p_default"].to_numpy(dtype=np.float64)
    x = log_odds(np.clip(p, 1e-9, 1 - 1e-9))
    shifted = probability(x + shift_to_mean(x, min(factor * float(p.mean()), 0.999)))
    decided = decide(inputs.assign(p_default=shifted), policy, calibrated=True, losses=losses, wordless=True)
    kept = ~decided["decision"].isin(STOPPED).to_numpy()
    rate = float(shifted[kept].mean()) if kept.any() else float("nan")
    name = f"{policy.name} {policy.policy_version}"
    return Harder(
        name, factor, float(1 - kept.mean()), rate, float(shifted.mean()), float(decided["expected_loss"].sum())
    )


def _point(p: Floats, y: Floats, customers: Ints, threshold: float, area: float) -> Point:
    out = (p > threshold).astype(np.float64)
    kept, ones = 1 - out, np.ones(y.size)
    bads, rate = float((out * y).sum()), float(y.mean())
    return Point(
        threshold,
        float(out.mean()),
        float(y[kept > 0].mean()) if kept.any() else float("nan"),
        _cut(kept, y, ones, customers),
        expected_cut(rate, area, threshold),
        float((out * (1 - y)).sum()) / bads if bads else None,
    )


def _cut(kept: Floats, y: Floats, ones: Floats, customers: Ints) -> Interval:
    columns = np.column_stack([kept * y, kept, y, ones])
    return delta_interval(lambda s: 1 - s[0] / s[1] / (s[2] / s[3]), columns, groups=customers)


def _difference_of_rates(here: _Side, there: _Side, y: Floats, customers: Ints) -> Interval:
    a, b = (1.0 - side.stopped for side in (here, there))
    return delta_interval(lambda s: s[2] / s[3] - s[0] / s[1], np.column_stack([a * y, a, b * y, b]), groups=customers)


def _ratio(above: Floats, below: Floats, customers: Ints) -> Interval:
    return delta_interval(lambda s: s[0] / s[1], np.column_stack([above, below]), groups=customers)


def _sum(amounts: Floats, customers: Ints) -> Interval:
    return delta_interval(lambda s: s[0], amounts[:, None], groups=customers)


def _swaps(here: npt.NDArray[np.bool_], there: npt.NDArray[np.bool_], y: Floats) -> list[Swap]:
    whom = {"both": here & there, "the first alone": here & ~there, "the second alone": there & ~here}
    whom["neither"] = ~here & ~there
    return [Swap(who, int(mask.sum()), int(y[mask].sum())) for who, mask in whom.items()]


def _check(y: Floats) -> None:
    bads, goods = int(y.sum()), int((1 - y).sum())
    if min(bads, goods) < _FEWEST:
        raise SampleError(
            "too few outcomes to hold a policy against",
            expected=f"at least {_FEWEST} bads and {_FEWEST} goods whose windows have ended",
            received=f"{bads} bads and {goods} goods",
            todo="take cohorts whose windows have matured, or more of them",
        )
