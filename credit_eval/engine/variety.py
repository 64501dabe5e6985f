"""Aggregates of how many different values there are, and how evenly they occur: nunique, entropy."""

from __future__ import annotations

import numpy as np

from credit_eval.core.compiled import inlined
from credit_eval.engine.columns import Array
from credit_eval.engine.compiled import compiled, in_memory_order
from credit_eval.engine.subject import Answer, Family, Subject
from credit_eval.engine.windows import longest
from credit_eval.language.aggregates import Aggregate

#: Odd number without pattern, which scatters values over a table.
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
#: Steps of 2**-LOG_BITS in which n * log2(n) is counted, so that entropies are sums of whole numbers.
LOG_BITS = 34


def nunique(subject: Subject, of: Aggregate) -> Answer:
    """How many different values there are."""
    group, ends = subject.windows.group, subject.windows.ends

    def counted(starts: Array) -> Array:
        return _distinct(subject.kept, _codes(subject), group, starts, ends, longest(group, starts, ends))

    return subject.or_empty(of, subject.over(of.kind, of, (of.kind,), counted))


def entropy(subject: Subject, of: Aggregate) -> Answer:
    """The entropy of the values' shares, in bits."""
    found = subject.over(
        of.kind,
        of,
        (of.kind,),
        lambda starts: _entropies(subject.kept, _codes(subject), starts, subject.windows.ends),
    )
    return subject.filled(of, found, subject.count(of) > 0)


KINDS: Family = {"nunique": nunique, "entropy": entropy}


def _codes(subject: Subject) -> Array:
    """The value as a code: equal where values are equal."""
    whole = subject.values.whole
    return np.unique(whole, return_inverse=True)[1] if whole.dtype == object else in_memory_order(whole)


@inlined
def _mask(rows: int) -> int:
    """One less than the slots of a table with room for some rows: a power of two."""
    slots = 2
    while slots < 2 * rows:
        slots *= 2
    return slots - 1


@inlined
def _table(rows: int) -> tuple[Array, Array, Array]:
    """Codes, what is kept of each, and whose they are."""
    slots = _mask(rows) + 1
    return np.zeros(slots, np.int64), np.zeros(slots, np.int64), np.zeros(slots, np.int64)


@inlined
def _slot(codes: Array, stamps: Array, stamp: int, code: int, mask: int) -> int:
    """Where a code is in the table, or would be."""
    scattered = np.uint64(code) * _SCATTER
    slot = np.int64((scattered >> np.uint64(32)) & np.uint64(mask))
    while stamps[slot] == stamp and codes[slot] != code:
        slot = (slot + 1) & mask
    return int(slot)


@inlined
def _n_log_n(n: int) -> int:
    many = float(max(n, 1))
    return int(np.rint(many * np.log2(many) * 2.0**LOG_BITS))


@compiled("kept", "whole", "whole", "windows", "whole", "number")
def _distinct(kept: Array, code: Array, group: Array, starts: Array, ends: Array, most: int) -> Array:
    """How many different codes each window keeps, (w, m).

    A code counts where it occurs last: at the row whose next occurrence is not before the window's end.
    """
    windows, observations = starts.shape
    found = np.zeros((windows, observations), np.int64)
    following = np.zeros(most, np.int64)
    codes, latest, stamps = _table(most)
    first = 0
    while first < observations:
        after = first + 1
        while after < observations and group[after] == group[first]:
            after += 1
        begin, end = starts[0, first], ends[after - 1]
        mask = _mask(end - begin)
        for row in range(end - 1, begin - 1, -1):
            following[row - begin] = -1  # no occurrence to count
            if kept[row]:
                slot = _slot(codes, stamps, first + 1, code[row], mask)
                following[row - begin] = latest[slot] if stamps[slot] == first + 1 else np.iinfo(np.int64).max
                codes[slot], latest[slot], stamps[slot] = code[row], row, first + 1
        for place in range(first, after):
            total, last = 0, ends[place]
            for back in range(windows):
                window = windows - 1 - back
                for row in range(starts[window, place], last):
                    total += following[row - begin] >= ends[place]
                last = starts[window, place]
                found[window, place] = total
        first = after
    return found


@compiled("kept", "whole", "windows", "whole")
def _entropies(kept: Array, code: Array, starts: Array, ends: Array) -> Array:
    """Entropy in bits of the codes in each window, log2(N) - sum(n*log2(n))/N, (w, m)."""
    windows, observations = starts.shape
    found = np.zeros((windows, observations))
    most = 0
    for place in range(observations):
        most = max(most, ends[place] - starts[0, place])
    codes, number, stamps = _table(most)
    occurs = np.zeros(most, np.int64)
    for place in range(observations):
        different, last, total, mask = 0, ends[place], 0, _mask(ends[place] - starts[0, place])
        for back in range(windows):
            window = windows - 1 - back
            for row in range(starts[window, place], last):
                if kept[row]:
                    slot = _slot(codes, stamps, place + 1, code[row], mask)
                    if stamps[slot] != place + 1:
                        codes[slot], number[slot], stamps[slot] = code[row], different, place + 1
                        occurs[different] = 0
                        different += 1
                    occurs[number[slot]] += 1
                    total += 1
            last, together = starts[window, place], 0
            for of in range(different):
                together += _n_log_n(occurs[of])
            found[window, place] = (_n_log_n(total) - together) / (max(total, 1) * 2.0**LOG_BITS)
    return found
