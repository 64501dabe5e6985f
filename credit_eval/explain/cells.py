"""All that a model sees of a feature: in which cell a value lies.

A cell is an interval between two thresholds of any split on the feature, a category, or what counts as missing. All
values of one cell go the same way at every split, so a row is as many small whole numbers as the model has features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from credit_eval.explain.trees import ZERO, CategoryRule, NumberRule, Rule

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """The cells of one feature.

    Of a number with thresholds t0 < … < tm-1: cell k holds values up to tk, cell m those above, m + 1 the missing ones,
    and m + 2 zero where a split takes it for missing. Of a category: itself, or `categories` for anything else.
    """

    thresholds: Floats
    categories: int
    zero_apart: bool

    @property
    def representatives(self) -> Floats:
        """A value of every cell, in their order."""
        if self.categories:
            return np.append(np.arange(self.categories, dtype=np.float64), np.nan)
        upper = self.thresholds
        if self.zero_apart:  # a threshold that is itself taken for zero stands for the numbers below
            upper = np.where(np.abs(upper) <= ZERO, np.nextafter(-ZERO, -np.inf), upper)
        return np.concatenate([upper, [np.inf, np.nan], [0.0] if self.zero_apart else []])


def cells_of(rules: Sequence[Rule]) -> Cells:
    """The cells that all splits of a model on one feature tell apart.

    >>> cells_of([NumberRule(2.0, True, 2), NumberRule(-1.0, False, 2)]).representatives
    array([-1.,  2., inf, nan])
    >>> cells_of([CategoryRule(np.array([False, True]))]).representatives
    array([ 0.,  1., nan])
    """
    numbers = [rule for rule in rules if isinstance(rule, NumberRule)]
    sets = [len(rule.left) for rule in rules if isinstance(rule, CategoryRule)]
    return Cells(
        np.unique([rule.threshold for rule in numbers]),
        max(sets, default=0),
        any(rule.zero_is_missing for rule in numbers),
    )
