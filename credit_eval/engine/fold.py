"""The kernel: folds rows sorted by (group, clock) into one answer per observation and aggregate.

Rows in order make every window a slice. A observation's window of 30 days is rows `start[30]` to `end`, found once by
binary search; the compiled loops fold all windows of all observations of a customer in one pass over its rows. All of
it is whole numbers, so an answer has the same bits in any order of rows and on any number of threads; doubles appear
only in the last step.

A row that is known later than its clock says disturbs the slices of those observations who observe in between. These
few observations get a copy of their rows with only what they knew, and are folded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from credit_eval.core.clock import DAY_US
from credit_eval.engine import loops
from credit_eval.engine.columns import Array
from credit_eval.engine.rows import SAFE, Rows
from credit_eval.events.query import WEIGHT_BITS, Aggregate, Expression, Kind, weight_of


@dataclass(frozen=True)
class Observations:
    """Cohort rows: whose rows each looks at, `group` (m,), and its `as_of` (m,) in microseconds. Sorted by both."""

    group: Array
    as_of: Array


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


def fold(rows: Rows, observations: Observations, aggregates: Sequence[Aggregate]) -> list[Answer]:
    """Every aggregate's answer for every observation.

    Args:
        rows: sorted by (group, clock).
        observations: groups that `rows` may or may not hold.
        aggregates: of the stream the rows are of.
    """
    answers = _answers(_Slices(rows, observations), aggregates)
    disturbed = np.flatnonzero(_disturbed(rows, observations))
    if len(disturbed) == 0:
        return [answers[a] for a in aggregates]
    again = _answers(_Slices(*_as_known(rows, observations, disturbed)), aggregates)
    return [_replaced(answers[a], disturbed, again[a]) for a in aggregates]


def _answers(slices: _Slices, aggregates: Sequence[Aggregate]) -> dict[Aggregate, Answer]:
    found: dict[Aggregate, Answer] = {}
    for asked in _by_subject(tuple(aggregates)):
        found |= _Subject(slices, asked).answers()
    return found


@lru_cache(maxsize=64)
def _by_subject(aggregates: tuple[Aggregate, ...]) -> list[list[Aggregate]]:
    """Those of one condition and value together."""
    found: dict[tuple[Expression | None, Expression | None], list[Aggregate]] = {}
    for of in aggregates:
        found.setdefault((of.where, of.value), []).append(of)
    return list(found.values())


def _disturbed(rows: Rows, observations: Observations) -> Array:
    """Observations for whom a row with a clock before `as_of` was not known yet."""
    if rows.known is None:
        return np.zeros(len(observations.group), np.bool_)
    late = np.flatnonzero(rows.known > rows.clock)
    low, high = loops.slices(rows.group[late], observations.group)
    return loops.disturbed(rows.clock[late], rows.known[late], low, high, observations.as_of)


def _as_known(rows: Rows, observations: Observations, chosen: Array) -> tuple[Rows, Observations]:
    """A stream with a group per chosen observation, of the rows it knew."""
    assert rows.known is not None
    as_of = observations.as_of[chosen]
    row, owner = pairs(*loops.slices(rows.group, observations.group[chosen]))
    seen = rows.known[row] < as_of[owner]
    return rows.take(row[seen], owner[seen]), Observations(np.arange(len(chosen)), as_of)


def _replaced(answer: Answer, at: Array, by: Answer) -> Answer:
    whole, known = answer.whole.astype(np.result_type(answer.whole, by.whole)), answer.known.copy()
    whole[at], known[at] = by.whole, by.known
    return Answer(whole, known, answer.scale, answer.texts)


def pairs(starts: Array, ends: Array) -> tuple[Array, Array]:
    """All rows of all slices, in order, and which slice each is of."""
    lengths = ends - starts
    owner = np.repeat(np.arange(len(starts)), lengths)
    first = np.cumsum(lengths) - lengths
    return np.arange(len(owner)) + (starts - first)[owner], owner


class _Slices:
    """One stream's rows, and which of them each window of each observation holds."""

    def __init__(self, rows: Rows, observations: Observations) -> None:
        self.rows, self.group, self.as_of = rows, observations.group, observations.as_of
        self._low, self._high = loops.slices(rows.group, observations.group)
        self.ends = loops.before(rows.clock, self._low, self._high, self.as_of)
        self._starts: dict[int | None, Array] = {None: self._low}

    def starts(self, windows: Iterable[int | None]) -> Array:
        """First row of each window, (w, m)."""
        return np.stack([self._start(days) for days in windows])

    def _start(self, days: int | None) -> Array:
        if days not in self._starts:
            assert days is not None
            bound = self.as_of - days * DAY_US
            self._starts[days] = loops.before(self.rows.clock, self._low, self._high, bound)
        return self._starts[days]


#: An array (m,) per window.
_ByWindow = dict[int | None, Array]


class _Subject:
    """Aggregates of one condition and value: what they need of the rows is folded once, for all windows together."""

    def __init__(self, slices: _Slices, asked: Sequence[Aggregate]) -> None:
        self._slices, self._asked, self._of, self._rows = slices, asked, asked[0], slices.rows
        self._done: dict[Any, _ByWindow] = {}
        kept = self._rows.kept(self._of)
        self._all, self._kept = kept is None, np.ones(len(self._rows.clock), np.bool_) if kept is None else kept

    def answers(self) -> dict[Aggregate, Answer]:
        """Every aggregate's answer."""
        return {aggregate: self._answer(aggregate) for aggregate in self._asked}

    def _answer(self, of: Aggregate) -> Answer:
        match of.kind:
            case "count":
                return self._or_empty(of, self._count(of))
            case "sum":
                return self._or_empty(of, self._sum(of), self._rows.numbers(of).scale)
            case "mean":
                return self._mean(of)
            case "std":
                return self._deviation(of, self._count(of), self._sum(of), self._squares(of))
            case "min" | "max":
                return self._extreme(of)
            case "last":
                return self._last(of)
            case "days_since_last" | "days_since_first":
                return self._since(of)
            case _:
                return self._rarer(of)

    def _rarer(self, of: Aggregate) -> Answer:
        match of.kind:
            case "nunique":
                return self._or_empty(of, self._distinct(of))
            case "entropy":
                return self._filled(of, self._entropy(of), self._count(of) > 0)
            case "decayed_sum":
                return self._decayed(of)
            case _:
                return self._gaps(of)

    # What windows hold ---------------------------------------------------------------------------------------

    def _over(self, what: Any, kinds: Sequence[Kind], loop: Callable[[Array], Array]) -> _ByWindow:
        """What a loop finds in the windows that aggregates of some kinds ask for (none: all); found once."""
        if what not in self._done:
            asked = {of.days for of in self._asked if not kinds or of.kind in kinds}
            windows = sorted(asked, key=lambda days: -np.inf if days is None else -days)
            self._done[what] = dict(zip(windows, loop(self._slices.starts(windows)), strict=True))
        return self._done[what]

    def _count(self, of: Aggregate) -> Array:
        return self._over("counts", (), self._counted)[of.days]

    def _counted(self, starts: Array) -> Array:
        if self._all:
            return self._slices.ends - starts
        return loops.counts(self._kept, self._slices.group, starts, self._slices.ends)

    def _added(self, whole: Array, starts: Array) -> Array:
        return _loop(loops.sums, self._kept, _int64(whole), self._slices.group, starts, self._slices.ends)

    def _sum(self, of: Aggregate) -> Array:
        return self._over("sums", ("sum", "mean", "std"), lambda s: self._added(self._rows.sums(of), s))[of.days]

    def _squares(self, of: Aggregate) -> Array:
        return self._over("squares", ("std",), lambda s: self._added(self._rows.squares(of), s))[of.days]

    def _reduced(self, of: Aggregate, whole: Array, *, least: bool) -> Array:
        """Smallest or largest of each window; 0 where nothing was kept."""
        ends = self._slices.ends
        return self._over(
            of.kind, (of.kind,), lambda starts: _loop(loops.extremes, self._kept, _int64(whole), least, starts, ends)
        )[of.days]

    def _distinct(self, of: Aggregate) -> Array:
        group, ends = self._slices.group, self._slices.ends
        return self._over(
            "distinct", (of.kind,), lambda starts: loops.distinct(self._kept, self._codes, group, starts, ends)
        )[of.days]

    def _entropy(self, of: Aggregate) -> Array:
        ends = self._slices.ends
        return self._over("entropy", (of.kind,), lambda starts: loops.entropies(self._kept, self._codes, starts, ends))[
            of.days
        ]

    @cached_property
    def _codes(self) -> Array:
        """The value as a code: equal where values are equal."""
        whole = self._rows.numbers(self._of).whole
        return np.unique(whole, return_inverse=True)[1] if whole.dtype == object else _int64(whole)

    # Answers -------------------------------------------------------------------------------------------------

    def _or_empty(self, of: Aggregate, whole: Array, scale: int = 0) -> Answer:
        """What was folded; where no row was kept, the declared silence."""
        if of.when_empty == 0:
            return Answer(whole, np.ones(len(whole), np.bool_), scale)
        return Answer(whole, self._count(of) > 0, scale)

    def _filled(self, of: Aggregate, values: Array, known: Array, scale: int = 0) -> Answer:
        """As `_or_empty`, for folds that are not 0 of themselves where nothing was kept."""
        if of.when_empty is None:
            return Answer(values, known, scale)
        silent = self._count(of) == 0
        return Answer(np.where(silent, 0, values), known | silent, scale)

    def _mean(self, of: Aggregate) -> Answer:
        n, scale = self._count(of), self._rows.numbers(of).scale
        return self._filled(of, self._sum(of).astype(np.float64) / (np.maximum(n, 1) * float(10**scale)), n > 0)

    def _deviation(self, of: Aggregate, n: Array, total: Array, squares: Array) -> Answer:
        """sqrt((n*sum(x^2) - sum(x)^2) / (n*(n-1))), exact until the root."""
        largest = max((abs(int(a.max())) for a in (n, total, squares, -total) if len(a)), default=0)
        if largest * largest >= SAFE:
            total, squares, n = total.astype(object), squares.astype(object), n.astype(object)
        spread = (n * squares - total * total).astype(np.float64)
        pairs = np.maximum(n * (n - 1), 1).astype(np.float64)
        unit = float(10 ** (self._rows.numbers(of).scale if of.value is not None else 0))
        return self._filled(of, np.sqrt(spread / pairs) / unit, (n > 1).astype(np.bool_))

    def _extreme(self, of: Aggregate) -> Answer:
        least = of.kind == "min"
        numbers = self._rows.numbers(of)
        return self._filled(of, self._reduced(of, numbers.whole, least=least), self._count(of) > 0, numbers.scale)

    def _since(self, of: Aggregate) -> Answer:
        first = of.kind == "days_since_first"
        moment = self._reduced(of, self._rows.clock, least=first)
        known = self._count(of) > 0
        days = (self._slices.as_of - np.where(known, moment, self._slices.as_of)) / float(DAY_US)
        return self._filled(of, days, known)

    def _last(self, of: Aggregate) -> Answer:
        ends, numbers = self._slices.ends, self._rows.numbers(of)
        asked = ("last", of.nth)
        row = self._over(asked, ("last",), lambda starts: loops.from_last(self._kept, of.nth, starts, ends))[of.days]
        known = row >= 0
        whole = self._in_order[row] if len(self._kept) else np.zeros(len(row), np.int64)
        if numbers.texts is None:
            return self._filled(of, np.where(known, whole, 0), known, numbers.scale)
        return Answer(whole, known, texts=numbers.texts)

    @cached_property
    def _in_order(self) -> Array:
        """The value of each row, those of one moment by their value."""
        of = next(of for of in self._asked if of.kind == "last")
        numbers, clock, group = self._rows.numbers(of), self._rows.clock, self._rows.group
        row = np.flatnonzero(loops.unordered(self._kept, group, clock))
        if len(row) == 0:
            return numbers.whole
        value = numbers.whole[row]
        if numbers.texts is not None:
            value = np.argsort(np.argsort(numbers.texts.to_numpy(zero_copy_only=False)))[value]
        elif value.dtype == object:
            value = np.unique(value, return_inverse=True)[1]
        ordered = numbers.whole.copy()
        ordered[row] = numbers.whole[row[np.lexsort((value, clock[row], group[row]))]]
        return ordered

    def _decayed(self, of: Aggregate) -> Answer:
        assert of.half_life is not None
        weights = np.array([weight_of(age, of.half_life) for age in range((WEIGHT_BITS + 1) * of.half_life)])
        reach = len(weights) if of.days is None else min(of.days, len(weights))
        slices, rows = self._slices, self._rows
        day, today = rows.clock // DAY_US, slices.as_of // DAY_US
        addends = _int64(rows.sums(of, times=2**WEIGHT_BITS))
        starts = slices.starts([reach])
        total = _loop(
            loops.decayed, self._kept, addends, day, weights.astype(addends.dtype), today, starts, slices.ends
        )[0]
        return self._or_empty(of, total.astype(np.float64) / 2.0**WEIGHT_BITS, rows.numbers(of).scale)

    def _gaps(self, of: Aggregate) -> Answer:
        slices, rows = self._slices, self._rows
        day = rows.clock // DAY_US
        n, total, squares = (a[0] for a in loops.gaps(self._kept, day, slices.starts([of.days]), slices.ends))
        if of.kind == "gap_mean":
            return self._filled(of, total / np.maximum(n, 1), n > 0)
        return self._deviation(of, n, total, squares)


def _int64(whole: Array) -> Array:
    """As the loops want it: one after the other in memory; Python's own numbers stay."""
    return whole if whole.dtype == object else np.ascontiguousarray(whole, np.int64)


def _loop(loop: Callable[..., Array], kept: Array, whole: Array, *more: Any) -> Array:
    """A loop over numbers of 64 bits, or of any size."""
    return (loops.python(loop) if whole.dtype == object else loop)(kept, whole, *more)
