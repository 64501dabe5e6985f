"""Contributions by dimension: which of the five sides of a customer raised or lowered the risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_eval.explain.reasons import group_contributions
from credit_eval.language.feature import Dimension


class Sided(Protocol):
    """What is needed of a feature; `features.language.Feature` has it."""

    @property
    def dimension(self) -> str:
        """One of the five dimensions."""


def dimension_contributions(values: npt.NDArray[np.float64], features: Sequence[Sided]) -> pd.DataFrame:
    """Sum contributions (n, f), log-odds, by dimension; the row sums stay what they were.

    Returns n rows and a column for each of the five dimensions in their fixed order; a dimension without a
    feature is NaN, which is not the same as having no effect.

    Raises:
        IntegrityError: `values` has not one column per feature.
    """
    names, sums = group_contributions(values, [str(feature.dimension) for feature in features])
    return pd.DataFrame(sums, columns=names).reindex(columns=[str(side) for side in Dimension])
