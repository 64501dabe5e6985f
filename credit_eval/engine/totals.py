"""Aggregates that add up: count, sum, mean, std, decayed_sum."""

from __future__ import annotations

import numpy as np

from credit_eval.core.clock import DAY_US
from credit_eval.core.zones import zone_named
from credit_eval.engine.columns import SAFE, Array
from credit_eval.engine.compiled import compiled, in_memory_order, of_any_size
from credit_eval.engine.subject import Answer, Family, Subject
from credit_eval.language.aggregates import WEIGHT_BITS, Aggregate, weight_of


def count(subject: Subject, of: Aggregate) -> Answer:
    """How many rows are kept."""
    return subject.or_empty(of, subject.count(of))


def total(subject: Subject, of: Aggregate) -> Answer:
    """The sum, exact."""
    return subject.or_empty(of, _sum(subject, of), subject.values.scale)


def mean(subject: Subject, of: Aggregate) -> Answer:
    """Exact until the division."""
    n = subject.count(of)
    return subject.filled(of, _sum(subject, of).astype(np.float64) / (np.maximum(n, 1) * subject.unit), n > 0)


def std(subject: Subject, of: Aggregate) -> Answer:
    """The sample deviation."""
    rows = subject.windows.rows
    squares = subject.over("squares", of, ("std",), lambda starts: subject.added(rows.squares(of), starts))
    return sample_deviation(subject, of, subject.count(of), _sum(subject, of), squares)


def sample_deviation(subject: Subject, of: Aggregate, n: Array, total: Array, squares: Array) -> Answer:
    """sqrt((n*sum(x^2) - sum(x)^2) / (n*(n-1))), exact until the root; unknown for fewer than two."""
    largest = max((abs(int(a.max())) for a in (n, total, squares, -total) if len(a)), default=0)
    if largest * largest >= SAFE:
        total, squares, n = total.astype(object), squares.astype(object), n.astype(object)
    spread = (n * squares - total * total).astype(np.float64)
    pairs = np.maximum(n * (n - 1), 1).astype(np.float64)
    return subject.filled(of, np.sqrt(spread / pairs) / subject.unit, (n > 1).astype(np.bool_))


def decayed_sum(subject: Subject, of: Aggregate) -> Answer:
    """The sum of values, each times the weight of its age in days."""
    assert of.half_life is not None
    oldest = (WEIGHT_BITS + 1) * of.half_life + 1  # days: no weight is left, and a day that clocks were set on is long
    weights = np.array([weight_of(age, of.half_life) for age in range(oldest + 1)])
    reach = len(weights) if of.days is None else min(of.days, len(weights))
    windows = subject.windows
    clocks = zone_named(of.zone)
    day, today = (clocks.to_local(moments) // DAY_US for moments in (windows.rows.clock, windows.as_of))
    addends = in_memory_order(windows.rows.sums(of, times=2**WEIGHT_BITS))
    starts = windows.starts([reach])
    weighted = of_any_size(
        _decayed, subject.kept, addends, day, weights.astype(addends.dtype), today, starts[0], windows.ends
    )
    return subject.or_empty(of, weighted.astype(np.float64) / 2.0**WEIGHT_BITS, subject.values.scale)


KINDS: Family = {"count": count, "sum": total, "mean": mean, "std": std, "decayed_sum": decayed_sum}


def _sum(subject: Subject, of: Aggregate) -> Array:
    rows = subject.windows.rows
    return subject.over("sum", of, ("sum", "mean", "std"), lambda starts: subject.added(rows.sums(of), starts))


@compiled("kept", "whole", "whole", "whole", "whole", "whole", "whole")
def _decayed(kept: Array, whole: Array, day: Array, weights: Array, today: Array, starts: Array, ends: Array) -> Array:
    """Sums of what is kept, each times the weight of its age in days, (m,); the last weight is of all older."""
    found = np.zeros(len(ends), whole.dtype)
    for place in range(len(ends)):
        for row in range(starts[place], ends[place]):
            if kept[row]:
                found[place] += whole[row] * weights[min(today[place] - day[row], len(weights) - 1)]
    return found
