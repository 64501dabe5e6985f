"""Aggregates that put rows in order: min, max, median, last, days_since_first, days_since_last."""

from __future__ import annotations

import numpy as np

from credit_eval.core.clock import DAY_US
from credit_eval.engine.columns import Array
from credit_eval.engine.compiled import compiled, of_any_size
from credit_eval.engine.subject import Answer, Family, Subject
from credit_eval.language.aggregates import Aggregate


def extreme(subject: Subject, of: Aggregate) -> Answer:
    """The smallest or the largest value."""
    found = _extreme(subject, of, subject.values.whole, least=of.kind == "min")
    return subject.filled(of, found, subject.count(of) > 0, subject.values.scale)


def median(subject: Subject, of: Aggregate) -> Answer:
    """The middle value, or the mean of the two in the middle: exact until it is halved."""
    whole, ends = subject.windows.rows.sums(of, times=2), subject.windows.ends
    twice = subject.over(
        of.kind, of, (of.kind,), lambda starts: of_any_size(_twice_the_middle, subject.kept, whole, starts, ends)
    )
    return subject.filled(of, twice.astype(np.float64) / (2 * subject.unit), subject.count(of) > 0)


def since(subject: Subject, of: Aggregate) -> Answer:
    """Days from the first or the last kept row to `as_of`."""
    windows, known = subject.windows, subject.count(of) > 0
    moment = _extreme(subject, of, windows.rows.clock, least=of.kind == "days_since_first")
    days = (windows.as_of - np.where(known, moment, windows.as_of)) / float(DAY_US)
    return subject.filled(of, days, known)


def last(subject: Subject, of: Aggregate) -> Answer:
    """The value of the n-th row from the last."""
    ends, values = subject.windows.ends, subject.values
    row = subject.over(("last", of.nth), of, ("last",), lambda starts: _from_last(subject.kept, of.nth, starts, ends))
    known = row >= 0
    whole = _by_moment(subject)[row] if len(subject.kept) else np.zeros(len(row), np.int64)
    if values.texts is None:
        return subject.filled(of, np.where(known, whole, 0), known, values.scale)
    return Answer(whole, known, texts=values.texts)


KINDS: Family = {
    "min": extreme,
    "max": extreme,
    "median": median,
    "last": last,
    "days_since_first": since,
    "days_since_last": since,
}


def _extreme(subject: Subject, of: Aggregate, whole: Array, *, least: bool) -> Array:
    ends = subject.windows.ends
    return subject.over(
        of.kind, of, (of.kind,), lambda starts: of_any_size(_extremes, subject.kept, whole, least, starts, ends)
    )


def _by_moment(subject: Subject) -> Array:
    """The value of each row, those of one moment in the order of their values."""
    rows, values = subject.windows.rows, subject.values
    row = np.flatnonzero(_unordered(subject.kept, rows.group, rows.clock))
    if len(row) == 0:
        return values.whole
    value = values.whole[row]
    if values.texts is not None:
        value = np.argsort(np.argsort(values.texts.to_numpy(zero_copy_only=False)))[value]
    elif value.dtype == object:
        value = np.unique(value, return_inverse=True)[1]
    ordered = values.whole.copy()
    ordered[row] = values.whole[row[np.lexsort((value, rows.clock[row], rows.group[row]))]]
    return ordered


@compiled("kept", "whole", "truth", "windows", "whole")
def _extremes(kept: Array, whole: Array, least: bool, starts: Array, ends: Array) -> Array:
    """Smallest or largest of what each window keeps, (w, m); 0 where it keeps nothing."""
    windows, observations = starts.shape
    found, nothing = np.zeros((windows, observations), whole.dtype), np.zeros(1, whole.dtype)
    for place in range(observations):
        best, some, last = nothing[0], False, ends[place]
        for back in range(windows):
            window = windows - 1 - back
            for row in range(starts[window, place], last):
                if kept[row] and (not some or (whole[row] < best if least else whole[row] > best)):
                    best, some = whole[row], True
            last = starts[window, place]
            found[window, place] = best
    return found


@compiled("kept", "whole", "windows", "whole")
def _twice_the_middle(kept: Array, whole: Array, starts: Array, ends: Array) -> Array:
    """The sum of the two values in the middle of what each window keeps, (w, m); 0 where it keeps nothing."""
    windows, observations = starts.shape
    found = np.zeros((windows, observations), whole.dtype)
    for place in range(observations):
        for window in range(windows):
            start = starts[window, place]
            values = np.sort(whole[start : ends[place]][kept[start : ends[place]]])
            if len(values):
                found[window, place] = values[(len(values) - 1) // 2] + values[len(values) // 2]
    return found


@compiled("kept", "number", "windows", "whole")
def _from_last(kept: Array, nth: int, starts: Array, ends: Array) -> Array:
    """Which row is the n-th last that each window keeps, (w, m); -1 where it keeps fewer."""
    windows, observations = starts.shape
    found = np.full((windows, observations), -1, np.int64)
    for place in range(observations):
        row, left = ends[place], nth
        while left > 0 and row > starts[0, place]:
            row -= 1
            left -= kept[row]
        for window in range(windows):
            if left == 0 and row >= starts[window, place]:
                found[window, place] = row
    return found


@compiled("kept", "whole", "whole")
def _unordered(kept: Array, group: Array, clock: Array) -> Array:
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
