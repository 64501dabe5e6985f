"""Day tiles: what a day of a customer's events adds to any aggregate, folded once and read many times.

A tile is a row per (customer, day of the clock, day it was known). At a midnight, an event was seen if both of its
days lie before, so a snapshot at any midnight folds tiles as it would fold events, and gives the same bits. An event
known late is a tile of its own `known` day: past snapshots do not see it, and no older tile changes.

For each condition and value that aggregates name, a tile holds the *partials* they need:

    n count   s sum   q sum of squares   lo, hi smallest and largest   f, l first and last clock   v value at l

Distinct values and entropies need the values themselves: a row per (customer, day, known day, value) with its n.
A text is held as 63 bits of its MD5: two texts of one customer would be taken for one with a chance of 1 in 10**18.

    DayTiles       orders: placed, amount  -> customer_id, day, known, n_4f…, s_4f…, l_4f…
    value tiles    orders: placed, category -> customer_id, day, known, value, n
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from credit_eval.core.files import sha256_json
from credit_eval.events.engines.columns import Array, Numbers
from credit_eval.events.engines.plan import Stream, Wanted, plan
from credit_eval.events.engines.rows import SAFE, Rows
from credit_eval.events.measures import Measure
from credit_eval.events.query import Aggregate, Arithmetic, Case, Constant, Expression, scale_of

_NEEDS: dict[str, str] = {
    "count": "n",
    "gap_mean": "n",
    "gap_std": "n",
    "sum": "ns",
    "mean": "ns",
    "decayed_sum": "ns",
    "std": "nsq",
    "min": "na",
    "max": "nz",
    "last": "nlv",
    "days_since_last": "nl",
    "days_since_first": "nf",
}
_VALUED = ("nunique", "entropy")
KEYS = ("customer_id", "day", "known")


def can_be_tiled(of: Aggregate, stream: Stream) -> bool:
    """Whether days can be folded on: rows that depend on nobody's `as_of`, the latest value only, no products."""
    return not stream.paired and of.nth == 1 and not _multiplies(of.value)


def _multiplies(node: Expression | None) -> bool:
    match node:
        case Arithmetic("*", left, right):
            return not isinstance(right, Constant) or _multiplies(left)
        case Arithmetic(_, left, right) | Case(_, left, right):
            return _multiplies(left) or _multiplies(right)
        case _:
            return False


@dataclass(frozen=True)
class Partial:
    """One column of a day tile: `what` of the rows that a condition and a value keep."""

    what: str
    where: Expression | None
    value: Expression | None

    @property
    def column(self) -> str:
        """Its name says what it is of: another declaration has another column."""
        return f"{self.what}_{_digest(self.where, self.value)}"

    @property
    def scale(self) -> int:
        """Decimal places of the value: partials are whole numbers of its smallest unit."""
        return 0 if self.value is None else scale_of(self.value)


def partials_of(of: Aggregate) -> list[Partial]:
    """The columns of a day tile that answer an aggregate."""
    return [Partial(what, of.where, of.value) for what in _NEEDS[of.kind]]


def value_tile(of: Aggregate) -> str:
    """Name of the value tiles that answer a count of distinct values or an entropy."""
    return f"values-{_digest(of.where, of.value)}"


def is_valued(of: Aggregate) -> bool:
    """Whether the aggregate needs value tiles."""
    return of.kind in _VALUED


def _digest(*nodes: Expression | None) -> str:
    return sha256_json([repr(node) for node in nodes])[:12]


@dataclass(frozen=True)
class Tiling:
    """The tiles that some measures want of one stream: days with their partials, and values by tile name."""

    wanted: Wanted
    partials: tuple[Partial, ...]
    valued: Mapping[str, Aggregate]


def tilings(measures: Iterable[Measure]) -> list[Tiling]:
    """What to tile for some measures, one entry per stream; what cannot be tiled is left to the events."""
    found = []
    for wanted in plan(measures):
        kept = tuple(a for a in wanted.aggregates if can_be_tiled(a, wanted.stream))
        if kept:
            plain = {partial for a in kept if not is_valued(a) for partial in partials_of(a)}
            valued = {value_tile(a): a for a in kept if is_valued(a)}
            ordered = tuple(sorted(plain, key=lambda p: p.column))
            found.append(Tiling(replace(wanted, aggregates=kept), ordered, dict(sorted(valued.items()))))
    return found


@dataclass(frozen=True)
class DayTiles(Rows):
    """Day tiles in memory, as rows that stand for many: the clock is a day, and so is `known`."""

    day: int = 1
    partials: Mapping[Partial, Numbers] | None = None

    def take(self, rows: Array, group: Array) -> Rows:
        """Some tiles."""
        assert self.partials is not None
        chosen = {partial: column.take(rows) for partial, column in self.partials.items()}
        return DayTiles(group, self.clock[rows], None, {}, {}, partials=chosen)

    def kept(self, of: Aggregate) -> Array | None:
        """Tiles with an event."""
        return self.counts(of) > 0

    def counts(self, of: Aggregate) -> Array:
        """Events of each tile."""
        return self._column("n", of).whole

    def numbers(self, of: Aggregate) -> Numbers:
        """The value at the last clock; without one, its scale alone."""
        if of.kind == "last":
            return self._column("v", of)
        return Numbers(np.zeros(0, np.int64), scale=Partial("n", of.where, of.value).scale)

    def sums(self, of: Aggregate, times: int = 1) -> Array:
        """Sum of each tile."""
        return self._with_room(self._column("s", of), times)

    def squares(self, of: Aggregate) -> Array:
        """Sum of squares of each tile."""
        return self._with_room(self._column("q", of), 1)

    def lows(self, of: Aggregate) -> Array:
        """Smallest value of each tile."""
        return self._column("a", of).whole

    def highs(self, of: Aggregate) -> Array:
        """Largest value of each tile."""
        return self._column("z", of).whole

    def latest(self, of: Aggregate) -> Array:
        """Last clock of each tile, in microseconds."""
        return self._column("l", of).whole

    def earliest(self, of: Aggregate) -> Array:
        """First clock of each tile, in microseconds."""
        return self._column("f", of).whole

    def _column(self, what: str, of: Aggregate) -> Numbers:
        assert self.partials is not None
        return self.partials[Partial(what, of.where, of.value)]

    def _with_room(self, of: Numbers, times: int) -> Array:
        fits = of.whole.dtype == object or of.largest * self.most * times < SAFE
        return of.whole if fits else of.whole.astype(object)


@dataclass(frozen=True)
class ValueTiles(Rows):
    """Value tiles in memory: everything in them was kept."""

    day: int = 1
    n: Array | None = None

    def take(self, rows: Array, group: Array) -> Rows:
        """Some tiles."""
        assert self.n is not None
        taken = {node: of.take(rows) for node, of in self.values.items()}
        return ValueTiles(group, self.clock[rows], None, {}, taken, n=self.n[rows])

    def kept(self, of: Aggregate) -> Array | None:
        """All of them."""
        return None

    def counts(self, of: Aggregate) -> Array | None:
        """Events of each tile."""
        return self.n
