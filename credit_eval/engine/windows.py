"""Which rows each window of each observation holds.

Rows in order make every window a slice: a window of 30 days is rows `start` to `end`, found once by binary search.

    customer a, clock   1 Jan   9 Jan   30 Jan  31 Jan  3 Feb
    row                 0       1       2       3       4
    as_of 1 Feb, ever           rows 0 to 4 (not included)
    as_of 1 Feb, 30 days        rows 1 to 4: from 2 January on
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from credit_eval.core.clock import DAY_US
from credit_eval.engine.columns import Array
from credit_eval.engine.compiled import compiled
from credit_eval.engine.rows import Observations, Rows


class Windows:
    """One stream's rows, and which of them each window of each observation holds.

    Attributes:
        rows: what windows are of.
        group, as_of: (m,) of the observations.
        ends: (m,) the row after the last of each observation's windows, the same for all of them.
    """

    def __init__(self, rows: Rows, observations: Observations) -> None:
        self.rows, self.group, self.as_of = rows, observations.group, observations.as_of
        self._low, self._high = slices(rows.group, observations.group)
        self.ends = _before(rows.clock, self._low, self._high, self.as_of)
        self._starts: dict[int | None, Array] = {None: self._low}

    @cached_property
    def ones(self) -> Array:
        """(n,) what rows add up to their number."""
        return np.ones(len(self.rows.clock), np.int64)

    def starts(self, windows: Iterable[int | None]) -> Array:
        """First row of each window of so many days (None: ever), (w, m)."""
        return np.stack([self._start(days) for days in windows])

    def _start(self, days: int | None) -> Array:
        if days not in self._starts:
            assert days is not None
            bound = self.as_of - days * DAY_US
            self._starts[days] = _before(self.rows.clock, self._low, self._high, bound)
        return self._starts[days]


def known_late(rows: Rows, observations: Observations) -> Array:
    """Which observations have a row with a clock before their `as_of` that was not known yet: their places."""
    if rows.known is None:
        return np.zeros(0, np.int64)
    late = np.flatnonzero(rows.known > rows.clock)
    low, high = slices(rows.group[late], observations.group)
    return np.flatnonzero(_any_unknown(rows.clock[late], rows.known[late], low, high, observations.as_of))


def as_known(rows: Rows, observations: Observations, chosen: Array) -> tuple[Rows, Observations]:
    """A stream with a group for each chosen observation, of the rows it knew."""
    assert rows.known is not None
    as_of = observations.as_of[chosen]
    row, owner = pairs(*slices(rows.group, observations.group[chosen]))
    seen = rows.known[row] < as_of[owner]
    return rows.take(row[seen], owner[seen]), Observations(np.arange(len(chosen)), as_of)


def pairs(starts: Array, ends: Array) -> tuple[Array, Array]:
    """All rows of all slices, in order, and which slice each is of."""
    lengths = ends - starts
    owner = np.repeat(np.arange(len(starts)), lengths)
    first = np.cumsum(lengths) - lengths
    return np.arange(len(owner)) + (starts - first)[owner], owner


@compiled("whole", "whole")
def slices(group: Array, asked: Array) -> tuple[Array, Array]:
    """Per asked group (ascending, may repeat): its first row, and the row after its last."""
    low, high = np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)
    row, last = 0, 0
    for place in range(len(asked)):
        if place == 0 or asked[place] != asked[place - 1]:
            row = last
            while row < len(group) and group[row] < asked[place]:
                row += 1
            last = row
            while last < len(group) and group[last] == asked[place]:
                last += 1
        low[place], high[place] = row, last
    return low, high


@compiled("whole", "whole", "whole", "whole")
def _before(clock: Array, low: Array, high: Array, bound: Array) -> Array:
    """Per observation: the first of its rows at or after a bound."""
    found = np.zeros(len(bound), np.int64)
    for place in range(len(bound)):
        left, right = low[place], high[place]
        while left < right:
            middle = (left + right) // 2
            if clock[middle] < bound[place]:
                left = middle + 1
            else:
                right = middle
        found[place] = left
    return found


@compiled("whole", "whole", "whole", "whole", "whole")
def _any_unknown(clock: Array, known: Array, low: Array, high: Array, as_of: Array) -> Array:
    """Per observation: whether one of its rows had happened, and was not known yet. Rows are the late ones only."""
    found = np.zeros(len(as_of), np.bool_)
    for place in range(len(as_of)):
        for row in range(low[place], high[place]):
            if clock[row] < as_of[place] <= known[row]:
                found[place] = True
    return found


@compiled("whole", "windows", "whole")
def longest(group: Array, starts: Array, ends: Array) -> int:
    """Rows of the longest run from the widest window of a group's first observation to the end of its last."""
    most, first = 0, 0
    for place in range(len(group)):
        if group[place] != group[first]:
            first = place
        most = max(most, ends[place] - starts[0, first])
    return most
