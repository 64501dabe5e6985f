"""Aggregates of the days between successive days with a row: gap_mean, gap_std."""

from __future__ import annotations

import numpy as np

from credit_eval.core.clock import DAY_US
from credit_eval.core.zones import zone_named
from credit_eval.engine.columns import Array
from credit_eval.engine.compiled import compiled
from credit_eval.engine.subject import Answer, Family, Subject
from credit_eval.engine.totals import sample_deviation
from credit_eval.language.aggregates import Aggregate


def gaps(subject: Subject, of: Aggregate) -> Answer:
    """Their mean, or their sample deviation."""
    windows = subject.windows
    day = zone_named(of.zone).to_local(windows.rows.clock) // DAY_US
    starts = windows.starts([of.days])
    n, total, squares = (found[0] for found in _between(subject.kept, day, starts, windows.ends))
    if of.kind == "gap_mean":
        return subject.filled(of, total / np.maximum(n, 1), n > 0)
    return sample_deviation(subject, of, n, total, squares)


KINDS: Family = {"gap_mean": gaps, "gap_std": gaps}


@compiled("kept", "whole", "windows", "whole")
def _between(kept: Array, day: Array, starts: Array, ends: Array) -> tuple[Array, Array, Array]:
    """Between days with a kept row in each window: how many gaps, their sum and the sum of their squares, (w, m)."""
    windows, observations = starts.shape
    n, total = np.zeros((windows, observations), np.int64), np.zeros((windows, observations), np.int64)
    squares = np.zeros((windows, observations), np.int64)
    for place in range(observations):
        some, latest, following, many, squared, last = False, 0, 0, 0, 0, ends[place]
        for back in range(windows):
            window = windows - 1 - back
            for row in range(last - 1, starts[window, place] - 1, -1):
                if kept[row]:
                    if not some:
                        some, latest, following = True, day[row], day[row]
                    gap = following - day[row]
                    many += gap > 0
                    squared += gap * gap
                    following = day[row]
            last = starts[window, place]
            n[window, place], total[window, place], squares[window, place] = many, latest - following, squared
    return n, total, squares
