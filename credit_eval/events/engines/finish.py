"""From the kernel's answers to what profiles hold: a double or a text per member and measure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from credit_eval.events.engines.columns import Array
from credit_eval.events.engines.fold import Answer
from credit_eval.events.engines.rows import SAFE
from credit_eval.events.measures import Difference, Measure, Rank, Ratio, Series
from credit_eval.events.query import Aggregate, type_of_value

Answers = Mapping[Aggregate, Answer]


def finished(measure: Measure, answers: Answers) -> pa.Array:
    """A measure per member: (m,) double or string, null where unknown. A rank is its measure until ranked."""
    if isinstance(measure, Aggregate) and measure.is_text:
        return _texts(measure, answers[measure])
    values = doubles(measure, answers)
    return pa.array(values, mask=np.isnan(values))


def doubles(measure: Measure, answers: Answers) -> Array:
    """A measure that is a number, (m,) float64, NaN where unknown."""
    match measure:
        case Ratio(over, under, factor):
            top, bottom = answers[over].doubles(), answers[under].doubles()
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(bottom != 0, factor * top / bottom, np.nan)
        case Difference(left, right):
            return answers[left].doubles() - answers[right].doubles()
        case Series():
            return _series(measure, answers)
        case Rank(of):
            return doubles(of, answers)
        case _:
            return answers[measure].doubles()


def ranked(values: Array, as_of: Array) -> Array:
    """Where each value stands among the known ones of its `as_of`: the share below, and half of the share equal.

    Args:
        values: (n,) float64, NaN where unknown.
        as_of: (n,) whole numbers.

    >>> ranked(np.array([3.0, 1.0, 1.0, np.nan, 7.0]), np.array([0, 0, 0, 0, 9])).tolist()
    [0.8333333333333334, 0.3333333333333333, 0.3333333333333333, nan, 0.5]
    """
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.lexsort((values[known], as_of[known]))]
    places, moment, value = np.arange(len(order)), as_of[order], values[order]
    new_moment = np.diff(moment, prepend=moment[:1] - 1) != 0
    new_value = new_moment | (np.diff(value, prepend=value[:1]) != 0)
    begins, of_moment, of_value = np.flatnonzero(new_moment), np.cumsum(new_moment) - 1, np.cumsum(new_value) - 1
    members = np.diff(np.append(begins, len(order)))[of_moment]
    first = np.flatnonzero(new_value)
    equal = np.diff(np.append(first, len(order)))[of_value]
    below = places[first][of_value] - begins[of_moment]
    found = np.full(len(values), np.nan)
    found[order] = (below + equal / 2) / members
    return found


def _texts(aggregate: Aggregate, answer: Answer) -> pa.Array:
    texts = ("false", "true") if type_of_value(aggregate) == "bool" else answer.texts or ()
    if not texts:
        return pa.nulls(len(answer.whole), pa.string())
    codes = pa.array(np.where(answer.known, answer.whole, 0).astype(np.int64), mask=~answer.known)
    return pa.array(texts, pa.string()).take(codes)


def _series(measure: Series, answers: Answers) -> Array:
    """Steps as whole numbers, (m, steps), oldest first; then the fold."""
    wide = np.stack([answers[window].whole for window in measure.windows], axis=1)
    scale = answers[measure.windows[0]].scale
    steps = np.diff(wide, axis=1, prepend=np.zeros((len(wide), 1), wide.dtype))[:, ::-1]
    silent = ~(steps != 0).any(axis=1)
    folds = {"active": _active, "longest_run": _longest_run, "variation": _variation, "slope": _slope}
    found = folds[measure.fold](steps)
    if measure.fold == "slope":
        found = found / 10**scale
    return np.where(silent, np.nan if measure.when_empty is None else 0.0, found)


def _active(steps: Array) -> Array:
    active: Array = (steps != 0).sum(axis=1).astype(np.float64)
    return active


def _longest_run(steps: Array) -> Array:
    run = np.zeros(len(steps), np.int64)
    longest = run
    for step in steps.T:
        run = np.where(step != 0, run + 1, 0)
        longest = np.maximum(longest, run)
    return longest.astype(np.float64)


def _variation(steps: Array) -> Array:
    """Sample deviation over mean: sqrt((k*sum(x^2) - sum(x)^2) * k / (k-1)) / sum(x), free of the unit."""
    k, steps = steps.shape[1], _roomy(steps)
    total = steps.sum(axis=1)
    spread = (k * (steps * steps).sum(axis=1) - total * total).astype(np.float64)
    positive = (total > 0).astype(np.bool_)
    under = np.where(positive, total, 1).astype(np.float64)
    return np.where(positive, np.sqrt(spread * k / (k - 1)) / under, np.nan)


def _slope(steps: Array) -> Array:
    """Least squares on 0, 1, …: sum((2j - k + 1) * x_j) / (2 * sum((j - (k-1)/2)^2))."""
    k, steps = steps.shape[1], _roomy(steps)
    twice = 2 * np.arange(k) - (k - 1)
    slope: Array = (steps * twice).sum(axis=1).astype(np.float64) / (k * (k * k - 1) / 6)
    return slope


def _roomy(steps: Array) -> Array:
    """Whole numbers whose products and squares fit."""
    largest = max(abs(int(steps.max())), abs(int(steps.min()))) if steps.size else 0
    return steps.astype(object) if largest * largest * steps.shape[1] ** 2 >= SAFE else steps
