"""What all kinds of aggregates are worked out with: the rows that a condition and a value keep, window by window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from credit_eval.engine.columns import Array, Numbers
from credit_eval.engine.compiled import compiled, of_any_size
from credit_eval.engine.windows import Windows, longest
from credit_eval.language.aggregates import Aggregate, Kind


@dataclass(frozen=True)
class Answer:
    """`whole[i] / 10**scale` (m,) where `known[i]`; for texts, codes into `texts`."""

    whole: Array
    known: Array
    scale: int = 0
    texts: pa.Array | None = None

    def doubles(self) -> Array:
        """As float64, NaN where unknown."""
        return np.where(self.known, self.whole.astype(np.float64) / 10**self.scale, np.nan)


class Subject:
    """Aggregates of one condition and value: what they need of the rows is found once, for all windows together.

    Attributes:
        windows: of the stream.
        kept: (n,) which rows the condition and the value keep.
    """

    def __init__(self, windows: Windows, asked: Sequence[Aggregate]) -> None:
        self.windows, self._asked = windows, asked
        kept = windows.rows.kept(asked[0])
        self._all = kept is None
        self.kept = np.ones(len(windows.rows.clock), np.bool_) if kept is None else kept
        self._found: dict[object, dict[int | None, Array]] = {}

    @cached_property
    def values(self) -> Numbers:
        """(n,) the value of each row; of those that are not kept, anything."""
        return self.windows.rows.numbers(self._asked[0])

    @property
    def unit(self) -> float:
        """What the value's whole numbers are divided by; 1 for aggregates of no value."""
        return 1.0 if self._asked[0].value is None else float(10**self.values.scale)

    def over(self, what: object, of: Aggregate, kinds: Sequence[Kind], loop: Callable[[Array], Array]) -> Array:
        """What a loop finds in the windows of an aggregate, (m,).

        It is called once, with the starts (w, m) of all windows that aggregates of these kinds (none: of any) ask for,
        the widest first, and what it found is kept under the name `what`.
        """
        if what not in self._found:
            asked = {other.days for other in self._asked if not kinds or other.kind in kinds}
            windows = sorted(asked, key=lambda days: -np.inf if days is None else -days)
            self._found[what] = dict(zip(windows, loop(self.windows.starts(windows)), strict=True))
        return self._found[what][of.days]

    def count(self, of: Aggregate) -> Array:
        """How many rows the window keeps, (m,)."""
        return self.over("count", of, (), self._counted)

    def _counted(self, starts: Array) -> Array:
        return self.windows.ends - starts if self._all else self.added(self.windows.ones, starts)

    def added(self, whole: Array, starts: Array) -> Array:
        """Sums of addends (n,) in windows that begin at `starts` (w, m), of what is kept: (w, m)."""
        group, ends = self.windows.group, self.windows.ends
        found: Array = of_any_size(_sums, self.kept, whole, group, starts, ends, longest(group, starts, ends))
        return found

    def or_empty(self, of: Aggregate, whole: Array, scale: int = 0) -> Answer:
        """What was found, if that is 0 where no row was kept; there, the declared answer to no events."""
        if of.when_empty == 0:
            return Answer(whole, np.ones(len(whole), np.bool_), scale)
        return Answer(whole, self.count(of) > 0, scale)

    def filled(self, of: Aggregate, values: Array, known: Array, scale: int = 0) -> Answer:
        """What was found where `known`; where no row was kept, the declared answer to no events."""
        if of.when_empty is None:
            return Answer(values, known, scale)
        empty = self.count(of) == 0
        return Answer(np.where(empty, 0, values), known | empty, scale)


#: How each kind of aggregate is answered: a family of them is a module that holds such a table.
Family = Mapping[Kind, Callable[[Subject, Aggregate], Answer]]


@compiled("kept", "whole", "whole", "windows", "whole", "number")
def _sums(kept: Array, whole: Array, group: Array, starts: Array, ends: Array, most: int) -> Array:
    """Sums of what each window keeps, (w, m): differences of what is reached from a group's first row on."""
    windows, observations = starts.shape
    found = np.zeros((windows, observations), whole.dtype)
    reached = np.zeros(most + 1, whole.dtype)
    first = 0
    while first < observations:
        after = first + 1
        while after < observations and group[after] == group[first]:
            after += 1
        begin = starts[0, first]
        for row in range(begin, ends[after - 1]):
            reached[row - begin + 1] = reached[row - begin] + (whole[row] if kept[row] else 0)
        for place in range(first, after):
            for window in range(windows):
                found[window, place] = reached[ends[place] - begin] - reached[starts[window, place] - begin]
        first = after
    return found
