"""Rows of one stream in memory, sorted by (group, clock): what the kernel folds.

A *group* is whose rows they are: a customer, or a member where the stream is paired. Arrays are (n,), a row per event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from credit_eval.engine.columns import Array, Numbers
from credit_eval.events.query import Aggregate, Expression

#: Beyond this, sums are made of Python's whole numbers: 64 bits might not hold them.
SAFE = 2**62


@dataclass(frozen=True)
class Rows:
    """Events, one a row. `known` holds since when a row is known where that is later than its clock, else the clock."""

    group: Array
    clock: Array
    known: Array | None
    conditions: Mapping[Expression, Array]
    values: Mapping[Expression, Numbers]
    _most: list[int] = field(default_factory=list, compare=False)

    def sorted(self, order: Array) -> Rows:
        """The same rows in another order."""
        known = None if self.known is None else self.known[order]
        return replace(self.take(order, self.group[order]), known=known, _most=[])

    def take(self, rows: Array, group: Array) -> Rows:
        """Some rows as a stream of its own, with new groups; all of them count as known."""
        conditions = {node: kept[rows] for node, kept in self.conditions.items()}
        values = {node: of.take(rows) for node, of in self.values.items()}
        return Rows(group, self.clock[rows], None, conditions, values)

    @property
    def most(self) -> int:
        """Rows of the largest group."""
        if not self._most:
            self._most.append(int(np.bincount(self.group).max()) if len(self.group) else 0)
        return self._most[0]

    def kept(self, of: Aggregate) -> Array | None:
        """Which rows an aggregate keeps (None: all)."""
        kept = None if of.where is None else self.conditions[of.where]
        known = None if of.value is None else self.values[of.value].known
        return kept if known is None else known if kept is None else kept & known

    def numbers(self, of: Aggregate) -> Numbers:
        """The value itself."""
        assert of.value is not None  # the declaration was checked
        return self.values[of.value]

    def sums(self, of: Aggregate, times: int = 1) -> Array:
        """Addends, with room for `times` their sum over any group."""
        return self._roomy(self.numbers(of), times, 1)

    def squares(self, of: Aggregate) -> Array:
        """Squares of the value."""
        whole = self._roomy(self.numbers(of), 1, 2)
        return whole * whole

    def _roomy(self, of: Numbers, times: int, power: int) -> Array:
        fits = of.largest**power * self.most * times < SAFE
        return of.whole if fits or of.whole.dtype == object else of.whole.astype(object)
