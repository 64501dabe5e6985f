"""Our exact contributions as a `shap.Explanation`, which analysts know and which SHAP's own plots draw.

`shap` computes nothing here: its explainer of LightGBM would ask LightGBM, which is already the oracle of
`contributions`. It is the form in which the numbers are handed over.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]


class Shown(Protocol):
    """What is needed of a feature; `features.language.Feature` has it."""

    @property
    def name(self) -> str:
        """Column of the profile."""

    @property
    def title(self) -> str:
        """What it is, in words."""

    @property
    def value_type(self) -> str:
        """`number` or `category`."""

    def show(self, value: object, currency: str = "") -> str:
        """A value as a person writes it."""


def explanation(
    values: Floats, base: float, profiles: pd.DataFrame, features: Sequence[Shown], *, currency: str = ""
) -> Any:
    """A `shap.Explanation` of n rows and f features, for `shap.plots` and whatever else takes one.

    Args:
        values: contributions (n, f) in log-odds, columns in the order of `features`.
        base: the base value; with the row sums of `values` it gives the log-odds.
        profiles: n rows with a column per feature.
        features: as declared; they name the columns, in words.
        currency: written after amounts of money.

    Returns:
        Its `data` are numbers, NaN where a value is unknown or a category (which is no higher than another);
        `display_data` are the values as a person writes them.
    """
    with warnings.catch_warnings():  # shap's import uses what matplotlib will drop
        warnings.simplefilter("ignore")
        import shap

    numbers = np.full(values.shape, np.nan)
    shown = np.empty(values.shape, dtype=object)
    for j, feature in enumerate(features):
        column = profiles[feature.name]
        if feature.value_type == "number":
            numbers[:, j] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        shown[:, j] = [feature.show(None if pd.isna(value) else value, currency) for value in column.tolist()]
    return shap.Explanation(
        values=values,
        base_values=np.full(len(values), base),
        data=numbers,
        display_data=shown,
        feature_names=[feature.title for feature in features],
    )
