"""Rows of one stream in memory, sorted by (group, clock), and the cohort rows that look at them.

A *group* is whose rows they are: a customer's number, or a cohort row's where the stream is joined. Arrays are (n,) for
rows and (m,) for observations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from credit_eval.engine.columns import SAFE, Array, Numbers
from credit_eval.language.aggregates import Aggregate
from credit_eval.language.expressions import Expression


@dataclass(frozen=True)
class Observations:
    """Cohort rows: whose rows each looks at, `group` (m,), and its `as_of` (m,) in microseconds. Sorted by both."""

    group: Array
    as_of: Array


@dataclass(frozen=True)
class Rows:
    """Events, one a row.

    Attributes:
        group: (n,) ascending.
        clock: (n,) microseconds, ascending within a group.
        known: (n,) since when a row is known, or its clock if that is later; None: its clock, everywhere.
        conditions: (n,) truth values of each condition that an aggregate asks for.
        values: (n,) of each value.
    """

    group: Array
    clock: Array
    known: Array | None
    conditions: Mapping[Expression, Array]
    values: Mapping[Expression, Numbers]

    def sorted(self, order: Array) -> Rows:
        """The same rows in another order."""
        known = None if self.known is None else self.known[order]
        return replace(self.take(order, self.group[order]), known=known)

    def take(self, rows: Array, group: Array) -> Rows:
        """Some rows as a stream of its own, with new groups; all of them count as known."""
        conditions = {node: kept[rows] for node, kept in self.conditions.items()}
        values = {node: of.take(rows) for node, of in self.values.items()}
        return Rows(group, self.clock[rows], None, conditions, values)

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
        """Squares of the value, with room for their sum over any group."""
        whole = self._roomy(self.numbers(of), 1, 2)
        return whole * whole

    def _roomy(self, of: Numbers, times: int, power: int) -> Array:
        fits = of.largest**power * self._most * times < SAFE
        return of.whole if fits or of.whole.dtype == object else of.whole.astype(object)

    @cached_property
    def _most(self) -> int:
        """Rows of the largest group."""
        return int(np.bincount(self.group).max()) if len(self.group) else 0
