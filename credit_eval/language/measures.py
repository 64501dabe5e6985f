"""What is made of finished aggregates: one number per member, from one or several answers.

    Ratio        factor * over / under
    Difference   left - right
    Series       steps of equal length before as_of, and what their answers look like in a row
    Rank         where a member stands among all members of the same as_of
    Given        what a flat table holds of the member at as_of

>>> from credit_eval.language.expressions import column
>>> spent = Aggregate("orders", "sum", value=column("amount"), when_empty=0)
>>> [part.days for part in aggregates_of(Series(spent, "slope", step=30, steps=3, when_empty=None))]
[30, 60, 90]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from credit_eval.core.errors import DeclarationError
from credit_eval.language.aggregates import Aggregate

SeriesFold = Literal["slope", "variation", "longest_run", "active"]


@dataclass(frozen=True)
class Ratio:
    """`factor * over / under`; unknown where either is, or where `under` is 0."""

    over: Aggregate
    under: Aggregate
    factor: int = 1

    def __post_init__(self) -> None:
        _require(not (self.over.is_text or self.under.is_text), self, "two numbers")


@dataclass(frozen=True)
class Difference:
    """`left - right`; unknown where either is."""

    left: Aggregate
    right: Aggregate

    def __post_init__(self) -> None:
        _require(not (self.left.is_text or self.right.is_text), self, "two numbers")


@dataclass(frozen=True)
class Series:
    """A count or sum in each of `steps` steps of `step` days before `as_of`, oldest first, folded again.

    slope: of the least-squares line through the steps, per step; variation: sample deviation over mean (unknown
    where the mean is not positive); longest_run: most steps in a row that are not 0; active: how many are not 0.
    Where every step is 0 the answer is `when_empty`.
    """

    of: Aggregate
    fold: SeriesFold
    step: int
    steps: int
    when_empty: Literal[0] | None

    def __post_init__(self) -> None:
        fitting = self.of.kind in ("count", "sum") and self.of.days is None and self.of.when_empty == 0
        _require(fitting, self, "a count or sum over ever whose silence is 0")
        _require(self.step > 0 and self.steps > 1, self, "at least two steps of at least one day")

    @property
    def windows(self) -> tuple[Aggregate, ...]:
        """The aggregate over the last step, the last two, …: a step's answer is the difference of two of them."""
        return tuple(replace(self.of, days=self.step * n) for n in range(1, self.steps + 1))


@dataclass(frozen=True)
class Rank:
    """The share of the members of one `as_of` that are below, counting half of those equal; unknown stays unknown."""

    of: Aggregate | Ratio | Difference | Series

    def __post_init__(self) -> None:
        _require(not (isinstance(self.of, Aggregate) and self.of.is_text), self, "a number")


@dataclass(frozen=True)
class Given:
    """What the flat table holds in `column` of the very member, customer and as_of; of a date, the days since then.

    No engine computes it: it is there.
    """

    column: str
    type: Literal["number", "category", "date"]


Measure = Aggregate | Ratio | Difference | Series | Rank | Given


def aggregates_of(measure: Measure) -> tuple[Aggregate, ...]:
    """The aggregates a measure is made of."""
    match measure:
        case Ratio(over, under):
            return (over, under)
        case Difference(left, right):
            return (left, right)
        case Series():
            return measure.windows
        case Rank(of):
            return aggregates_of(of)
        case Given():
            return ()
        case _:
            return (measure,)


def _require(fine: bool, node: object, expected: str) -> None:
    if not fine:
        raise DeclarationError("a measure that cannot mean anything", expected=expected, received=repr(node))
