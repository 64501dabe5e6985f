"""Contributions customer by customer: a dot each, a row per feature, thick where many customers lie.

The picture is the one SHAP made known (Lundberg 2018). It is drawn here, since SHAP's own goes through pyplot, whose
state all threads share, and scatters its dots at random.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from credit_eval.report.style import BLUE, FAINT, GREY, INK, SMALL, VERMILLION, canvas, key, label_axes, name_rows

_LOW_TO_HIGH = LinearSegmentedColormap.from_list("low to high", [BLUE, "#D9D9D9", VERMILLION])
_BINS = 120
_ROW_WIDTH = 0.4

Floats = NDArray[np.float64]


def beeswarm(
    contributions: pd.DataFrame, titles: dict[str, str], values: pd.DataFrame | None = None, *, top: int = 12
) -> Figure:
    """The `top` features by mean absolute contribution, largest on top.

    `contributions`: a row per customer and a column per feature, log-odds. `titles` by feature name. With `values`
    (same rows; a column per feature) a dot is coloured by the rank of its value, grey where the value is unknown
    or a category; without, by whether it raises the risk.
    """
    order = contributions.abs().mean().sort_values(ascending=False, kind="stable").index[:top]
    figure, axes = canvas(height=0.9 + 0.38 * len(order))
    axes.axvline(0, color=GREY, linewidth=0.8)
    for place, name in enumerate(order):
        moved = contributions[name].to_numpy(np.float64)
        colours = _by_sign(moved) if values is None else _by_rank(values[name])
        axes.scatter(moved, place + _spread(moved), s=4, c=colours, linewidths=0, rasterized=True)
    name_rows(axes, [titles.get(name, name) for name in order])
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    label_axes(axes, "contribution, log-odds (right of 0: raises the risk)", "feature")
    _explain_colours(figure, axes, by_value=values is not None)
    return figure


def _spread(values: Floats) -> Floats:
    """Heights within a row: dots of one narrow bin are stacked from its middle outwards, scaled to the fullest bin.

    >>> _spread(np.array([0.0, 0.0, 0.0, 1.0])).round(2).tolist()
    [0.0, 0.13, -0.13, 0.0]
    """
    low, high = values.min(initial=0.0), values.max(initial=0.0)
    bins = np.zeros(values.size, dtype=int) if low == high else ((values - low) / (high - low) * _BINS).astype(int)
    rank = pd.Series(bins).groupby(bins).cumcount().to_numpy()
    outwards = (rank + 1) // 2 * np.where(rank % 2, 1, -1)
    return np.asarray(outwards / max(rank.max(initial=0) + 1, 1) * _ROW_WIDTH)


def _by_sign(values: Floats) -> NDArray[Any]:
    return np.where(values > 0, VERMILLION, BLUE)


def _by_rank(values: pd.Series[Any]) -> list[Any]:
    """Colours by rank among the distinct values; grey for unknown values and for categories."""
    if not pd.api.types.is_numeric_dtype(values):
        return [GREY] * len(values)
    ranks = values.rank(method="dense") - 1
    highest = max(ranks.max(), 1)
    return [GREY if pd.isna(rank) else _LOW_TO_HIGH(rank / highest) for rank in ranks]


def _explain_colours(figure: Figure, axes: Axes, *, by_value: bool) -> None:
    if not by_value:
        key(axes, [("raises the risk", VERMILLION), ("lowers it", BLUE)])
        return
    bar = figure.colorbar(ScalarMappable(cmap=_LOW_TO_HIGH), ax=axes, aspect=40, pad=0.01, ticks=[0, 1])
    bar.ax.set_yticklabels(["low", "high"], fontsize=SMALL, color=INK)
    bar.ax.set_ylabel("value of the feature (grey: unknown, or a category)", fontsize=SMALL, color=INK, labelpad=-8)
    bar.outline.set_visible(False)
