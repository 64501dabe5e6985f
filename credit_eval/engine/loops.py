"""The kernel's inner loops, compiled: one pass over a customer's rows for all of its members and windows.

Rows are sorted by (group, clock), members by (group, as_of). `starts` (w, m) and `ends` (m,) say which rows each window
of each member holds, the widest window first; `kept` (n,) which rows count. Whole numbers have 64 bits here. Where
these are not enough, `python(loop)` is the same loop over Python's own numbers: slower, and without end.

The loops hold no lock, so that threads share the work. Compiled code is kept beside this file, or in the user's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from credit_eval.engine.columns import Array

_Loop = TypeVar("_Loop", bound=Callable[..., Any])
#: Odd number without pattern, which scatters values over a table.
_SCATTER = np.uint64(0x9E3779B97F4A7C15)
#: Steps of 2**-LOG_BITS in which n * log2(n) is counted, so that entropies are sums of whole numbers.
LOG_BITS = 34


def _compiled(*arguments: str) -> Callable[[_Loop], _Loop]:
    """Compile for these types, once and for all: (n,) of truths or whole numbers, (w, m) of whole numbers."""
    kinds = {
        "kept": numba.types.Array(numba.types.boolean, 1, "C", readonly=True),
        "whole": numba.types.Array(numba.types.int64, 1, "C", readonly=True),
        "windows": numba.types.Array(numba.types.int64, 2, "C", readonly=True),
        "number": numba.types.int64,
        "truth": numba.types.boolean,
    }
    signature = tuple(kinds[argument] for argument in arguments)

    def compile_(loop: _Loop) -> _Loop:
        try:
            return cast(_Loop, numba.njit(signature, nogil=True, cache=True)(loop))
        except RuntimeError:  # nowhere to keep it: compiled anew by each process
            return cast(_Loop, numba.njit(signature, nogil=True)(loop))

    return compile_


def python(loop: _Loop) -> _Loop:
    """The loop as it is written, for numbers of any size."""
    return cast(_Loop, loop.py_func)  # type: ignore[attr-defined]


@_compiled("whole", "whole")
def slices(group: Array, asked: Array) -> tuple[Array, Array]:
    """Per asked group (ascending, may repeat): its first row, and the row after its last."""
    low, high = np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)
    row, last = 0, 0
    for member in range(len(asked)):
        if member == 0 or asked[member] != asked[member - 1]:
            row = last
            while row < len(group) and group[row] < asked[member]:
                row += 1
            last = row
            while last < len(group) and group[last] == asked[member]:
                last += 1
        low[member], high[member] = row, last
    return low, high


@_compiled("whole", "whole", "whole", "whole")
def before(clock: Array, low: Array, high: Array, bound: Array) -> Array:
    """Per member: the first of its rows at or after a bound."""
    found = np.zeros(len(bound), np.int64)
    for member in range(len(bound)):
        left, right = low[member], high[member]
        while left < right:
            middle = (left + right) // 2
            if clock[middle] < bound[member]:
                left = middle + 1
            else:
                right = middle
        found[member] = left
    return found


@_compiled("whole", "whole", "whole", "whole", "whole")
def disturbed(clock: Array, known: Array, low: Array, high: Array, as_of: Array) -> Array:
    """Per member: whether one of its rows had happened, and was not known yet. Rows are the late ones only."""
    found = np.zeros(len(as_of), np.bool_)
    for member in range(len(as_of)):
        for row in range(low[member], high[member]):
            if clock[row] < as_of[member] <= known[row]:
                found[member] = True
    return found


@_compiled("whole", "windows", "whole")
def _most_rows(group: Array, starts: Array, ends: Array) -> int:
    """Rows of the longest run from the first window of a group to its last."""
    most, first = 0, 0
    for member in range(len(group)):
        if group[member] != group[first]:
            first = member
        most = max(most, ends[member] - starts[0, first])
    return most


@_compiled("kept", "whole", "windows", "whole")
def counts(kept: Array, group: Array, starts: Array, ends: Array) -> Array:
    """How many rows each window keeps, (w, m)."""
    windows, members = starts.shape
    found = np.zeros((windows, members), np.int64)
    reached = np.zeros(_most_rows(group, starts, ends) + 1, np.int64)
    first = 0
    while first < members:
        after = first + 1
        while after < members and group[after] == group[first]:
            after += 1
        begin, total = starts[0, first], 0
        for row in range(begin, ends[after - 1]):
            total += kept[row]
            reached[row - begin + 1] = total
        for member in range(first, after):
            for window in range(windows):
                found[window, member] = reached[ends[member] - begin] - reached[starts[window, member] - begin]
        first = after
    return found


@_compiled("kept", "whole", "whole", "windows", "whole")
def sums(kept: Array, whole: Array, group: Array, starts: Array, ends: Array) -> Array:
    """Sums of what each window keeps, (w, m)."""
    windows, members = starts.shape
    found = np.zeros((windows, members), whole.dtype)
    reached = np.zeros(_most_rows(group, starts, ends) + 1, whole.dtype)
    first = 0
    while first < members:
        after = first + 1
        while after < members and group[after] == group[first]:
            after += 1
        begin = starts[0, first]
        for row in range(begin, ends[after - 1]):
            reached[row - begin + 1] = reached[row - begin] + (whole[row] if kept[row] else 0)
        for member in range(first, after):
            for window in range(windows):
                found[window, member] = reached[ends[member] - begin] - reached[starts[window, member] - begin]
        first = after
    return found


@_compiled("kept", "whole", "truth", "windows", "whole")
def extremes(kept: Array, whole: Array, least: bool, starts: Array, ends: Array) -> Array:
    """Smallest or largest of what each window keeps, (w, m); 0 where it keeps nothing."""
    windows, members = starts.shape
    found, nothing = np.zeros((windows, members), whole.dtype), np.zeros(1, whole.dtype)
    for member in range(members):
        best, some, last = nothing[0], False, ends[member]
        for back in range(windows):
            window = windows - 1 - back
            for row in range(starts[window, member], last):
                if kept[row] and (not some or (whole[row] < best if least else whole[row] > best)):
                    best, some = whole[row], True
            last = starts[window, member]
            found[window, member] = best
    return found


@_compiled("kept", "number", "windows", "whole")
def from_last(kept: Array, nth: int, starts: Array, ends: Array) -> Array:
    """Which row is the n-th last that each window keeps, (w, m); -1 where it keeps fewer."""
    windows, members = starts.shape
    found = np.full((windows, members), -1, np.int64)
    for member in range(members):
        row, left = ends[member], nth
        while left > 0 and row > starts[0, member]:
            row -= 1
            left -= kept[row]
        for window in range(windows):
            if left == 0 and row >= starts[window, member]:
                found[window, member] = row
    return found


@_compiled("kept", "whole", "whole")
def unordered(kept: Array, group: Array, clock: Array) -> Array:
    """Which kept rows stand at one moment with another of their group, or not in the order of time, (n,).

    Sorted among themselves, by group and moment first, they fill their own places.
    """
    found = np.zeros(len(kept), np.bool_)
    first, last, latest = -1, -1, np.int64(0)
    for row in range(len(kept)):
        if kept[row]:
            if first >= 0 and group[first] == group[row] and latest >= clock[row]:
                found[last] = found[row] = True
                latest = max(latest, clock[row])
            else:
                first, latest = row, clock[row]
            last = row
    return found


@numba.njit(nogil=True)
def _mask(rows: int) -> int:
    """One less than the slots of a table with room for some rows: a power of two."""
    slots = 2
    while slots < 2 * rows:
        slots *= 2
    return slots - 1


@numba.njit(nogil=True)
def _table(rows: int) -> tuple[Array, Array, Array]:
    """Codes, what is kept of each, and whose they are."""
    slots = _mask(rows) + 1
    return np.zeros(slots, np.int64), np.zeros(slots, np.int64), np.zeros(slots, np.int64)


@numba.njit(nogil=True)
def _slot(codes: Array, stamps: Array, stamp: int, code: int, mask: int) -> int:
    """Where a code is in the table, or would be."""
    scattered = np.uint64(code) * _SCATTER
    slot = np.int64((scattered >> np.uint64(32)) & np.uint64(mask))
    while stamps[slot] == stamp and codes[slot] != code:
        slot = (slot + 1) & mask
    return int(slot)


@numba.njit(nogil=True)
def _n_log_n(n: int) -> int:
    many = float(max(n, 1))
    return int(np.rint(many * np.log2(many) * 2.0**LOG_BITS))


@_compiled("kept", "whole", "whole", "windows", "whole")
def distinct(kept: Array, code: Array, group: Array, starts: Array, ends: Array) -> Array:
    """How many different codes each window keeps, (w, m).

    A code counts where it occurs last: at the row whose next occurrence is not before the window's end.
    """
    windows, members = starts.shape
    found = np.zeros((windows, members), np.int64)
    most = _most_rows(group, starts, ends)
    following = np.zeros(most, np.int64)
    codes, place, stamps = _table(most)
    first = 0
    while first < members:
        after = first + 1
        while after < members and group[after] == group[first]:
            after += 1
        begin, end = starts[0, first], ends[after - 1]
        mask = _mask(end - begin)
        for row in range(end - 1, begin - 1, -1):
            following[row - begin] = -1  # no occurrence to count
            if kept[row]:
                slot = _slot(codes, stamps, first + 1, code[row], mask)
                following[row - begin] = place[slot] if stamps[slot] == first + 1 else np.iinfo(np.int64).max
                codes[slot], place[slot], stamps[slot] = code[row], row, first + 1
        for member in range(first, after):
            total, last = 0, ends[member]
            for back in range(windows):
                window = windows - 1 - back
                for row in range(starts[window, member], last):
                    total += following[row - begin] >= ends[member]
                last = starts[window, member]
                found[window, member] = total
        first = after
    return found


@_compiled("kept", "whole", "windows", "whole")
def entropies(kept: Array, code: Array, starts: Array, ends: Array) -> Array:
    """Entropy in bits of the codes in each window, log2(N) - sum(n*log2(n))/N, (w, m)."""
    windows, members = starts.shape
    found = np.zeros((windows, members))
    most = 0
    for member in range(members):
        most = max(most, ends[member] - starts[0, member])
    codes, number, stamps = _table(most)
    occurs = np.zeros(most, np.int64)
    for member in range(members):
        different, last, total, mask = 0, ends[member], 0, _mask(ends[member] - starts[0, member])
        for back in range(windows):
            window = windows - 1 - back
            for row in range(starts[window, member], last):
                if kept[row]:
                    slot = _slot(codes, stamps, member + 1, code[row], mask)
                    if stamps[slot] != member + 1:
                        codes[slot], number[slot], stamps[slot] = code[row], different, member + 1
                        occurs[different] = 0
                        different += 1
                    occurs[number[slot]] += 1
                    total += 1
            last, together = starts[window, member], 0
            for of in range(different):
                together += _n_log_n(occurs[of])
            found[window, member] = (_n_log_n(total) - together) / (max(total, 1) * 2.0**LOG_BITS)
    return found


@_compiled("kept", "whole", "whole", "whole", "whole", "windows", "whole")
def decayed(kept: Array, whole: Array, day: Array, weights: Array, today: Array, starts: Array, ends: Array) -> Array:
    """Sums of what each window keeps, each times the weight of its age in days, (w, m); the last is of all older."""
    windows, members = starts.shape
    found, nothing = np.zeros((windows, members), whole.dtype), np.zeros(1, whole.dtype)
    for member in range(members):
        total, last = nothing[0], ends[member]
        for back in range(windows):
            window = windows - 1 - back
            for row in range(starts[window, member], last):
                if kept[row]:
                    total += whole[row] * weights[min(today[member] - day[row], len(weights) - 1)]
            last = starts[window, member]
            found[window, member] = total
    return found


@_compiled("kept", "whole", "windows", "whole")
def gaps(kept: Array, day: Array, starts: Array, ends: Array) -> tuple[Array, Array, Array]:
    """Between days with a kept row in each window: how many gaps, their sum and the sum of their squares, (w, m)."""
    windows, members = starts.shape
    n, total = np.zeros((windows, members), np.int64), np.zeros((windows, members), np.int64)
    squares = np.zeros((windows, members), np.int64)
    for member in range(members):
        some, latest, following, many, squared, last = False, 0, 0, 0, 0, ends[member]
        for back in range(windows):
            window = windows - 1 - back
            for row in range(last - 1, starts[window, member] - 1, -1):
                if kept[row]:
                    if not some:
                        some, latest, following = True, day[row], day[row]
                    gap = following - day[row]
                    many += gap > 0
                    squared += gap * gap
                    following = day[row]
            last = starts[window, member]
            n[window, member], total[window, member], squares[window, member] = many, latest - following, squared
    return n, total, squares
