"""SHAP's own pictures, waterfall and beeswarm, as plain figures: the pictures that analysts expect (Lundberg 2018).

SHAP draws with pyplot, whose state all threads share, and scatters dots by NumPy's global generator. So one picture is
drawn at a time, on a figure of its own that is taken out of pyplot again, and the generator is put back.
"""

from __future__ import annotations

import textwrap
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from credit_eval.report.style import BLUE, INK, NORMAL, SMALL, VERMILLION

_LOW_TO_HIGH = LinearSegmentedColormap.from_list("low to high", [BLUE, "#D9D9D9", VERMILLION])
_NAME_WIDTH = 58
_DRAWING = threading.Lock()


def beeswarm(explanation: Any, *, top: int = 12) -> Figure:
    """A dot per customer, a row per feature: the `top` features by mean absolute contribution, the largest on top.

    Dots are coloured by the feature's value, grey where it is unknown or a category.
    """
    with _drawing() as (plt, shap):
        figure, axes = plt.subplots(figsize=(8.6, 1.0 + 0.42 * top))
        shap.plots.beeswarm(
            explanation,
            max_display=top,
            color=_LOW_TO_HIGH,
            color_bar_label="value of the feature (grey: unknown, or a category)",
            group_remaining_features=False,
            ax=axes,
            plot_size=None,
            s=6,
            show=False,
        )
        axes.set_xlabel("contribution, log-odds (right of 0: raises the risk)", fontsize=NORMAL, color=INK)
        axes.margins(y=0.02)
        bar = figure.axes[-1]
        bar.yaxis.label.set_size(SMALL)
        bar.tick_params(labelsize=SMALL)
        return _laid_out(figure)


def waterfall(explanation: Any, *, top: int = 12) -> Figure:
    """One customer, from the base value to the log-odds: a bar per feature, the `top` largest, the rest together."""
    with _drawing() as (plt, shap):
        figure = plt.figure(figsize=(8.6, 1.2 + 0.4 * top))
        shap.plots.waterfall(explanation, max_display=top, show=False)
        figure.set_size_inches(8.6, 1.6 + 0.4 * top)
        axes = figure.axes[0]
        said = "log-odds of default (vermillion raises the risk, blue lowers it)"
        axes.set_xlabel(said, fontsize=NORMAL, color=INK, labelpad=26)
        _recolour(axes, shap)
        half = len(axes.get_yticks()) // 2  # shap writes every name twice, in grey and in black
        names = [label.get_text() for label in axes.get_yticklabels()[:half]]
        axes.set_yticks(axes.get_yticks()[:half], names, color=INK)
        return _laid_out(figure)


def _recolour(axes: Axes, shap: Any) -> None:
    """Our two colours in place of shap's, for the bars and the numbers beside them."""
    ours = {tuple(shap.plots.colors.red_rgb): VERMILLION, tuple(shap.plots.colors.blue_rgb): BLUE}
    for patch in axes.patches:
        patch.set_color(ours.get(tuple(patch.get_facecolor()[:3]), patch.get_facecolor()))
    for text in axes.texts:
        text.set_fontsize(SMALL)
        colour = text.get_color()
        text.set_color(colour if isinstance(colour, str) else ours.get(tuple(colour), INK))


def _laid_out(figure: Figure) -> Figure:
    """Names of features small and on two lines, so that the bars have room."""
    axes = figure.axes[0]
    axes.set_ylabel("feature", fontsize=NORMAL, color=INK)
    axes.set_yticks(axes.get_yticks(), [textwrap.fill(one.get_text(), _NAME_WIDTH) for one in axes.get_yticklabels()])
    axes.tick_params(labelsize=SMALL)
    figure.set_layout_engine("tight", rect=(0, 0, 0.97, 1))
    return figure


@contextmanager
def _drawing() -> Iterator[tuple[Any, Any]]:
    """pyplot and shap, for one picture: figures made in the block are no longer pyplot's when it ends."""
    with _DRAWING, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap uses what matplotlib will drop
        import matplotlib.pyplot as plt
        import shap

        before, interactive, state = set(plt.get_fignums()), plt.isinteractive(), np.random.get_state()
        np.random.seed(0)
        try:
            yield plt, shap
        finally:
            np.random.set_state(state)
            for number in set(plt.get_fignums()) - before:
                plt.close(number)
            if interactive:
                plt.ion()
