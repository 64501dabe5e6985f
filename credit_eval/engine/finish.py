"""From the kernel's answers to what profiles hold: a double or a text per cohort row and measure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from credit_eval.engine.columns import SAFE, Array
from credit_eval.engine.subject import Answer
from credit_eval.language.aggregates import Aggregate, type_of_value
from credit_eval.language.measures import Difference, Measure, Rank, Ratio, Series

Answers = Sequence[Answer]


def finished(measure: Measure, answers: Answers) -> pa.Array:
    """A measure, from the answers of its aggregates (in the order of `aggregates_of`): (m,) double or string.

    Null where unknown. A rank is its measure until ranked.
    """
    if isinstance(measure, Aggregate) and measure.is_text:
        return _texts(measure, answers[0])
    values = doubles(measure, answers)
    return pa.array(values, mask=np.isnan(values))


def doubles(measure: Measure, answers: Answers) -> Array:
    """A measure that is a number, (m,) float64, NaN where unknown."""
    match measure:
        case Ratio(factor=factor):
            top, bottom = (answer.doubles() for answer in answers)
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(bottom != 0, factor * top / bottom, np.nan)
        case Difference():
            return answers[0].doubles() - answers[1].doubles()
        case Series():
            return _series(measure, answers)
        case Rank(of):
            return doubles(of, answers)
        case _:
            return answers[0].doubles()


def _texts(aggregate: Aggregate, answer: Answer) -> pa.Array:
    texts = pa.array(["false", "true"]) if type_of_value(aggregate) == "bool" else answer.texts
    if texts is None or not len(texts):
        return pa.nulls(len(answer.whole), pa.string())
    codes = pa.array(np.where(answer.known, answer.whole, 0).astype(np.int64), mask=~answer.known)
    return texts.take(codes).cast(pa.string())


def _series(measure: Series, answers: Answers) -> Array:
    """Steps as whole numbers, (m, steps), oldest first; then the fold."""
    wide = np.stack([answer.whole for answer in answers], axis=1)
    scale = answers[0].scale
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
