"""The kernel: folds rows sorted by (group, clock) into one answer per member and aggregate.

Rows in order make every window a slice. A member's window of 30 days is rows `start[30]` to `end`, found once by
binary search; a sum over it is the difference of two prefix sums, whatever the number of windows or members. All of
it is whole numbers, so an answer has the same bits in any order of rows, on any number of threads, from events or
from tiles; doubles appear only in the last step.

A row that is known later than its clock says disturbs the slices of those members who observe in between. These
few members get a copy of their rows with only what they knew, and are folded again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from credit_eval.core.clock import DAY_US
from credit_eval.events.engines.columns import Array
from credit_eval.events.engines.rows import ALWAYS, NEVER, SAFE, Rows
from credit_eval.events.query import WEIGHT_BITS, Aggregate, weight_of

#: Pairs of member and row that are held at once.
_PAIRS = 2_000_000
#: Steps of 2**-_LOG_BITS in which n * log2(n) is counted, so that entropies are sums of whole numbers.
_LOG_BITS = 34
#: Odd numbers without pattern, which scatter codes and groups over 64 bits.
_SCATTER = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


@dataclass(frozen=True)
class Members:
    """Who asks, and when: `group` (m,) is whose rows, `as_of` (m,) in microseconds."""

    group: Array
    as_of: Array


@dataclass(frozen=True)
class Answer:
    """`whole[i] / 10**scale` (m,) where `known[i]`; for texts, codes into `texts`."""

    whole: Array
    known: Array
    scale: int = 0
    texts: tuple[str, ...] | None = None

    def doubles(self) -> Array:
        """As float64, NaN where unknown."""
        return np.where(self.known, self.whole.astype(np.float64) / 10**self.scale, np.nan)


def fold(rows: Rows, members: Members, aggregates: Sequence[Aggregate]) -> dict[Aggregate, Answer]:
    """Every aggregate's answer for every member.

    Args:
        rows: sorted by (group, clock).
        members: groups that `rows` may or may not hold.
        aggregates: of the stream the rows are of.
    """
    answers = _Folding(rows, members).answers(aggregates)
    disturbed = np.flatnonzero(_disturbed(rows, members))
    if len(disturbed) == 0:
        return answers
    again = _Folding(*_as_known(rows, members, disturbed)).answers(aggregates)
    return {a: _replaced(answer, disturbed, again[a]) for a, answer in answers.items()}


def _disturbed(rows: Rows, members: Members) -> Array:
    """Members for whom a row with a clock before `as_of` was not known yet."""
    if rows.known is None:
        return np.zeros(len(members.group), np.bool_)
    late = np.flatnonzero(rows.known > rows.clock)
    group, as_of = rows.group[late], members.as_of // (DAY_US // rows.day)
    happened = _Order(group, rows.clock[late]).before(members.group, as_of)
    by_known = np.lexsort((rows.known[late], group))
    return happened > _Order(group, rows.known[late][by_known]).before(members.group, as_of)


def _as_known(rows: Rows, members: Members, chosen: Array) -> tuple[Rows, Members]:
    """A stream with a group per chosen member, of the rows it knew."""
    assert rows.known is not None
    as_of = members.as_of[chosen]
    starts, ends = (np.searchsorted(rows.group, members.group[chosen], side) for side in ("left", "right"))
    row, owner = pairs(starts, ends)
    seen = rows.known[row] < as_of[owner] // (DAY_US // rows.day)
    return rows.take(row[seen], owner[seen]), Members(np.arange(len(chosen)), as_of)


def _replaced(answer: Answer, at: Array, by: Answer) -> Answer:
    whole, known = answer.whole.astype(np.result_type(answer.whole, by.whole)), answer.known.copy()
    whole[at], known[at] = by.whole, by.known
    return Answer(whole, known, answer.scale, answer.texts)


class _Order:
    """Places in time of rows sorted by (group, clock), one whole number each, to search in."""

    def __init__(self, group: Array, clock: Array) -> None:
        self._low, self._high = (int(clock.min()), int(clock.max())) if len(clock) else (0, 0)
        self._moments: Array | None = None
        groups = int(group[-1]) + 2 if len(group) else 1
        if (self._high - self._low + 2) * groups >= SAFE:  # so far apart that their rank in time has to do
            self._moments = np.unique(clock)
            clock = np.searchsorted(self._moments, clock)
            self._low, self._high = 0, len(self._moments) - 1
        self._span, self._last = self._high - self._low + 2, groups - 1
        self._places = group * self._span + (clock - self._low)

    def before(self, asked: Array, bound: Array) -> Array:
        """Per asked (group, bound): how many rows lie before it."""
        moment = bound if self._moments is None else np.searchsorted(self._moments, bound)
        clipped = np.clip(moment, self._low, self._high + 1) - self._low
        found: Array = np.searchsorted(self._places, np.minimum(asked, self._last) * self._span + clipped)
        return found


def pairs(starts: Array, ends: Array) -> tuple[Array, Array]:
    """All rows of all slices, in order, and which slice each is of."""
    lengths = ends - starts
    owner = np.repeat(np.arange(len(starts)), lengths)
    first = np.cumsum(lengths) - lengths
    return np.arange(len(owner)) + (starts - first)[owner], owner


def _prefix(addends: Array) -> Array:
    """Sums of the first 0, 1, …, n addends. Bytes are summed as whole numbers of 64 bits."""
    sums = np.zeros(len(addends) + 1, object if addends.dtype == object else np.int64)
    np.cumsum(addends, out=sums[1:])
    return sums


class _Folding:
    """One call of the kernel, with what its folds share."""

    def __init__(self, rows: Rows, members: Members) -> None:
        self.rows, self.members = rows, members
        self._order = _Order(rows.group, rows.clock)
        self._as_of = members.as_of // (DAY_US // rows.day)
        self._starts: dict[int | None, Array] = {}
        self._sums: dict[tuple[Any, ...], Array] = {}
        self._keeping: dict[tuple[Any, ...], _Kept] = {}
        self._found: dict[tuple[Any, ...], dict[int | None, Array]] = {}
        self._asked: Sequence[Aggregate] = ()

    def answers(self, aggregates: Sequence[Aggregate]) -> dict[Aggregate, Answer]:
        """Neighbours share their prefix sums: those of one condition and value stand together."""
        self._asked = aggregates
        ordered = sorted(aggregates, key=lambda a: (repr(a.where), repr(a.value), a.kind))
        return {aggregate: self._answer(aggregate) for aggregate in ordered}

    @cached_property
    def end(self) -> Array:
        """First row at or after `as_of`, per member."""
        return self._order.before(self.members.group, self._as_of)

    def start(self, days: int | None) -> Array:
        """First row of the window, per member."""
        if days not in self._starts:
            if days is None:
                found = np.searchsorted(self.rows.group, self.members.group)
            else:
                found = self._order.before(self.members.group, self._as_of - days * self.rows.day)
            self._starts[days] = found
        return self._starts[days]

    def _answer(self, of: Aggregate) -> Answer:
        match of.kind:
            case "count":
                return self._or_empty(of, self._count(of))
            case "sum":
                return self._or_empty(of, self._sum(of), self.rows.numbers(of).scale)
            case "mean":
                return self._mean(of)
            case "std":
                return self._deviation(of, self._count(of), self._sum(of), self._window_sum("squares", of))
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
                return self._entropy(of)
            case "decayed_sum":
                return self._decayed(of)
            case _:
                return self._gaps(of)

    # Sums over slices ----------------------------------------------------------------------------------------

    def _count(self, of: Aggregate) -> Array:
        counts = self.rows.counts(of)
        return self.end - self.start(of.days) if counts is None else self._window_sum("counts", of)

    def _sum(self, of: Aggregate) -> Array:
        return self._window_sum("sums", of)

    def _window_sum(self, what: str, of: Aggregate) -> Array:
        key = (what, of.where, of.value)
        if key not in self._sums:
            self._sums = {k: v for k, v in self._sums.items() if k[1:] == key[1:]}
            self._sums[key] = _prefix(getattr(self.rows, what)(of))
        return self._sums[key][self.end] - self._sums[key][self.start(of.days)]

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
        n, scale = self._count(of), self.rows.numbers(of).scale
        return self._filled(of, self._sum(of).astype(np.float64) / (np.maximum(n, 1) * float(10**scale)), n > 0)

    def _deviation(self, of: Aggregate, n: Array, total: Array, squares: Array) -> Answer:
        """sqrt((n*sum(x^2) - sum(x)^2) / (n*(n-1))), exact until the root."""
        largest = max((abs(int(a.max())) for a in (n, total, squares, -total) if len(a)), default=0)
        if largest * largest >= SAFE:
            total, squares, n = total.astype(object), squares.astype(object), n.astype(object)
        spread = (n * squares - total * total).astype(np.float64)
        pairs = np.maximum(n * (n - 1), 1).astype(np.float64)
        unit = float(10 ** (self.rows.numbers(of).scale if of.value is not None else 0))
        return self._filled(of, np.sqrt(spread / pairs) / unit, (n > 1).astype(np.bool_))

    def _extreme(self, of: Aggregate) -> Answer:
        least = of.kind == "min"
        whole = self._reduced(self.rows.lows(of) if least else self.rows.highs(of), least, of)
        known = self._count(of) > 0
        return self._filled(of, np.where(known, whole, 0), known, self.rows.numbers(of).scale)

    def _since(self, of: Aggregate) -> Answer:
        first = of.kind == "days_since_first"
        moment = self._reduced(self.rows.earliest(of) if first else self.rows.latest(of), first, of)
        known = self._count(of) > 0
        days = (self.members.as_of - np.where(known, moment, self.members.as_of)) / float(DAY_US)
        return self._filled(of, days, known)

    def _reduced(self, whole: Array, least: bool, of: Aggregate) -> Array:
        """Smallest or largest of each slice; an empty slice has the neutral element."""
        neutral = ALWAYS if least else NEVER
        starts, ends = self.start(of.days), self.end
        if len(starts) == 0:
            return starts
        bounds = np.stack([starts, ends], axis=1).ravel()
        function = np.minimum if least else np.maximum
        found = function.reduceat(np.append(whole, neutral), bounds)[::2]
        return np.where(ends > starts, found, neutral)

    # Folds over the kept rows alone --------------------------------------------------------------------------

    def _kept(self, of: Aggregate) -> _Kept:
        key = (of.where, of.value)
        if key not in self._keeping:
            self._keeping = {key: _Kept(self.rows, of)}
        return self._keeping[key]

    def _slices(self, of: Aggregate, days: int | None) -> tuple[_Kept, Array, Array]:
        kept = self._kept(of)
        return kept, kept.before[self.start(days)], kept.before[self.end]

    def _last(self, of: Aggregate) -> Answer:
        kept, starts, ends = self._slices(of, of.days)
        known = ends - starts >= of.nth
        at = np.where(known, ends - of.nth, 0)
        numbers = self.rows.numbers(of).take(kept.in_order)
        whole = numbers.whole[at] if len(kept.rows) else np.zeros(len(at), np.int64)
        if numbers.texts is None:
            return self._filled(of, whole, known, numbers.scale)
        return Answer(whole, known, texts=numbers.texts)

    def _distinct(self, of: Aggregate) -> Array:
        """A value counts where it occurs last: at the row whose next occurrence is not before `as_of`.

        These rows are found once, in the widest window that is asked for; the others are parts of it.
        """
        key = ("distinct", of.where, of.value)
        if key not in self._found:
            asked = {a.days for a in self._asked if ("distinct", a.where, a.value) == key and a.kind == of.kind}
            self._found = {key: self._distinct_in(of, sorted(asked, key=lambda days: days or np.inf))}
        return self._found[key][of.days]

    def _distinct_in(self, of: Aggregate, windows: Sequence[int | None]) -> dict[int | None, Array]:
        kept, widest, ends = self._slices(of, windows[-1])
        starts = {days: kept.before[self.start(days)] for days in windows}
        counted = {days: np.zeros(len(ends), np.int64) for days in windows}
        for chosen in _in_chunks(ends - widest):
            lengths = ends[chosen] - widest[chosen]
            last = _prefix(_last_of_their_value(kept.next, widest[chosen], ends[chosen]))
            done = np.cumsum(lengths)
            for days in windows:
                counted[days][chosen] = last[done] - last[done - (ends[chosen] - starts[days][chosen])]
        return counted

    def _entropy(self, of: Aggregate) -> Answer:
        kept, starts, ends = self._slices(of, of.days)
        n = self._count(of)
        found = np.zeros(len(starts))
        for chosen in _in_chunks(ends - starts):
            row, owner = pairs(starts[chosen], ends[chosen])
            found[chosen] = _entropies(owner, kept.codes[row], kept.counts[row], n[chosen])
        return self._filled(of, found, n > 0)

    def _decayed(self, of: Aggregate) -> Answer:
        assert of.half_life is not None
        weights = np.array([weight_of(age, of.half_life) for age in range((WEIGHT_BITS + 1) * of.half_life)])
        reach = len(weights) if of.days is None else min(of.days, len(weights))
        addends, scale = self.rows.sums(of, times=2**WEIGHT_BITS), self.rows.numbers(of).scale
        day, today = self.rows.clock // self.rows.day, self._as_of // self.rows.day
        starts, ends = self.start(reach), self.end
        total = np.zeros(len(starts), addends.dtype)
        for chosen in _in_chunks(ends - starts):
            row, owner = pairs(starts[chosen], ends[chosen])
            age = np.minimum(today[chosen][owner] - day[row], len(weights) - 1)
            sums = _prefix(addends[row] * weights[age])
            last = np.cumsum(ends[chosen] - starts[chosen])
            total[chosen] = sums[last] - sums[last - (ends[chosen] - starts[chosen])]
        return self._or_empty(of, total.astype(np.float64) / 2.0**WEIGHT_BITS, scale)

    def _gaps(self, of: Aggregate) -> Answer:
        kept, starts, ends = self._slices(of, of.days)
        some = ends > starts
        first, last = np.where(some, starts, 0), np.where(some, ends - 1, 0)
        n = np.where(some, kept.gaps[ends] - kept.gaps[np.where(some, starts + 1, 0)], 0)
        days = kept.day if len(kept.day) else np.zeros(1, np.int64)
        total = np.where(some, days[last] - days[first], 0)
        if of.kind == "gap_mean":
            return self._filled(of, total / np.maximum(n, 1), n > 0)
        squares = np.where(some, kept.squared_gaps[ends] - kept.squared_gaps[np.where(some, starts + 1, 0)], 0)
        return self._deviation(of, n, total, squares)


def _last_of_their_value(following: Array, starts: Array, ends: Array) -> Array:
    """For each row of each slice, whether its value does not come again within the slice."""
    if len(starts) and np.array_equal(starts[1:], ends[:-1]):  # slice after slice, as everybody's whole history is
        return following[starts[0] : ends[-1]] >= np.repeat(ends, ends - starts)
    row, owner = pairs(starts, ends)
    found: Array = following[row] >= ends[owner]
    return found


class _Kept:
    """The rows that one condition and value keep, in their order, and what is known of their neighbours."""

    def __init__(self, rows: Rows, of: Aggregate) -> None:
        self._source, self._of = rows, of
        kept = rows.kept(of)
        self.rows = np.arange(len(rows.clock)) if kept is None else np.flatnonzero(kept)
        self.before = np.arange(len(rows.clock) + 1) if kept is None else _prefix(kept)
        self.group = rows.group[self.rows]

    @cached_property
    def day(self) -> Array:
        """Calendar day of each row."""
        return self._source.clock[self.rows] // self._source.day

    @cached_property
    def _gap(self) -> Array:
        """Days from the row before, 0 at a customer's first row."""
        same = np.diff(self.group, prepend=-1) == 0
        gap: Array = np.diff(self.day, prepend=0) * same
        return gap

    @cached_property
    def gaps(self) -> Array:
        """How many of the first rows begin another day."""
        return _prefix(self._gap > 0)

    @cached_property
    def squared_gaps(self) -> Array:
        """Sum of squared gaps of the first rows."""
        return _prefix(self._gap * self._gap)

    @cached_property
    def counts(self) -> Array:
        """Events each row stands for."""
        counts = self._source.counts(self._of)
        return np.ones(len(self.rows), np.int64) if counts is None else counts[self.rows].astype(np.int64)

    @cached_property
    def in_order(self) -> Array:
        """The rows by (clock, value): those of one moment stand by their value."""
        clock = self._source.latest(self._of)[self.rows]
        unordered = np.flatnonzero(clock[1:] <= clock[:-1])
        if not (self.group[unordered] == self.group[unordered + 1]).any():
            return self.rows
        numbers = self._source.numbers(self._of)
        value = numbers.whole[self.rows]
        if numbers.texts is not None:
            value = np.argsort(np.argsort(np.array(numbers.texts, dtype=object)))[value]
        elif value.dtype == object:
            value = np.unique(value, return_inverse=True)[1]
        return self.rows[np.lexsort((value, clock, self.group))]

    @cached_property
    def codes(self) -> Array:
        """The value as a code: equal where values are equal."""
        numbers = self._source.numbers(self._of)
        whole = numbers.whole[self.rows]
        if whole.dtype == object:
            return np.unique(whole, return_inverse=True)[1]
        whole = whole.astype(np.int64)
        return whole if numbers.texts is not None or len(whole) == 0 else whole - whole.min()

    @cached_property
    def next(self) -> Array:
        """Place of the next row of the same group and value; beyond the last row if there is none."""
        n = len(self.rows)
        found = np.full(n, n)
        if n:
            order = _order_by(self.group, self.codes)
            same = (np.diff(self.group[order]) == 0) & (np.diff(self.codes[order]) == 0)
            found[order[:-1][same]] = order[1:][same]
        return found


def _order_by(group: Array, code: Array) -> Array:
    """Places such that equal (group, code) stand together, each in their order.

    Packed into one number each, with the place below, they sort several times faster. Wide codes are scattered
    first, and only their upper bits packed; should two that differ meet, the slow way decides.
    """
    n, codes = len(group), int(code.max()) + 1
    if (int(group[-1]) + 1) * codes * n < SAFE:
        packed = (group * codes + code) * n + np.arange(n)
        packed.sort()
        return packed % n
    bits = np.uint64(int(n).bit_length())
    scattered = code.astype(np.uint64) * _SCATTER[0] + group.astype(np.uint64) * _SCATTER[1]
    above: Array = (scattered >> bits << bits) + np.arange(n, dtype=np.uint64)
    above.sort()
    order: Array = (above & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    met = np.diff(above >> bits) == 0
    if np.any(met & ((np.diff(group[order]) != 0) | (np.diff(code[order]) != 0))):
        return np.lexsort((code, group))
    return order


def _entropies(owner: Array, code: Array, counts: Array, n: Array) -> Array:
    """Entropy in bits per owner, log2(N) - sum(n*log2(n))/N, the logarithms in whole steps."""
    if len(owner) == 0:
        return np.zeros(len(n))
    order = _order_by(owner, code)
    begins = np.flatnonzero(np.append(True, (np.diff(owner[order]) != 0) | (np.diff(code[order]) != 0)))
    sizes = np.add.reduceat(counts[order], begins)
    together = np.zeros(len(n), np.int64)
    np.add.at(together, owner[order][begins], _n_log_n(sizes))
    return (_n_log_n(n) - together) / (np.maximum(n, 1) * 2.0**_LOG_BITS)


def _n_log_n(n: Array) -> Array:
    many = np.maximum(n, 1).astype(np.float64)
    return np.rint(many * np.log2(many) * 2.0**_LOG_BITS).astype(np.int64)


def _in_chunks(lengths: Array) -> Iterator[slice]:
    """Slices of members with about `_PAIRS` rows together."""
    reach = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        done = int(reach[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(reach, done + _PAIRS)))
        yield slice(first, last)
        first = last
