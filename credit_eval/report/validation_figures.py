"""Figures of the validation: month by month, grade by grade, and who moved."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from credit_eval.report.style import (
    BLUE,
    DARK_VERMILLION,
    GREY,
    INK,
    NORMAL,
    SMALL,
    VERMILLION,
    canvas,
    grid,
    label_axes,
)
from credit_eval.report.words import percent

_PART_COLOURS = {"fit": BLUE, "gap": GREY, "oot": VERMILLION}
_PART_INKS = {"fit": BLUE, "gap": "#666666", "oot": DARK_VERMILLION}
_PART_NAMES = {"fit": "out of fold", "gap": "gap", "oot": "out of time"}


def months(table: pd.DataFrame) -> Figure:
    """AUC by month with 95 % intervals, coloured by what the month was used for.

    Args:
        table: `validation.ranking.by_month`.

    Returns:
        to show or save.
    """
    told = table[table["auc"].notna()].reset_index(drop=True)
    figure, axes = canvas(7.2, 3.2)
    for place, row in enumerate(told.to_dict("records")):
        colour = _PART_COLOURS[row["part"]]
        axes.plot([place, place], [row["auc_low"], row["auc_high"]], color=colour, linewidth=2)
        axes.plot(place, row["auc"], "o", color=colour, markersize=6)
        axes.annotate(
            f"{row['auc']:.2f}", (place, row["auc"]), (6, 0), textcoords="offset points", va="center", fontsize=SMALL
        )
    axes.set_xticks(range(len(told)), list(told["what"]), rotation=30 if len(told) > 8 else 0)
    axes.margins(y=0.15)
    for part, rows in told.groupby("part", sort=False):
        axes.text(
            float(np.mean(rows.index)),
            0.02,
            _PART_NAMES[str(part)],
            transform=axes.get_xaxis_transform(),
            ha="center",
            color=_PART_INKS[str(part)],
            fontweight="bold",
            fontsize=NORMAL,
        )
    axes.set_xlim(-0.6, len(told) - 0.2)
    grid(axes, "y")
    label_axes(axes, "month of as_of", "AUC, with 95 % interval")
    return figure


def grades(table: pd.DataFrame) -> Figure:
    """Predicted and observed default rate by grade on a logarithmic axis, the observed with Jeffreys' interval.

    Args:
        table: `validation.truth.by_grade`.

    Returns:
        to show or save.
    """
    told = table[table["n"] > 0].reset_index(drop=True)
    figure, axes = canvas(7.2, 0.9 + 0.42 * len(told))
    least = max(float(told[["predicted", "rate_high"]].to_numpy().min()) / 4, 1e-5)
    for place, row in enumerate(told.to_dict("records")):
        axes.plot([max(row["rate_low"], least), row["rate_high"]], [place, place], color=BLUE, linewidth=2)
        empty = row["bads"] == 0
        axes.plot(
            max(row["rate"], least), place, "o", color=BLUE, markerfacecolor="white" if empty else BLUE, markersize=6
        )
        axes.plot(row["predicted"], place, "|", color=DARK_VERMILLION, markersize=18, markeredgewidth=2.5)
        axes.text(
            1.01, place, f"{row['n']:,}", transform=axes.get_yaxis_transform(), va="center", fontsize=SMALL, color=INK
        )
    axes.set_xscale("log")
    axes.set_xlim(least, 1)
    ticks = [tick for tick in (0.0001, 0.001, 0.01, 0.1, 1.0) if tick >= least]
    axes.set_xticks(ticks, [percent(tick, 2 if tick < 0.001 else 1 if tick < 0.01 else 0) for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(told)), list(told["grade"]))
    axes.set_ylim(len(told) - 0.4, -0.9)
    axes.text(
        0.0, 1.0, "●  defaulted, with Jeffreys' 95 % interval", transform=axes.transAxes, color=BLUE, fontsize=SMALL
    )
    axes.text(
        0.5, 1.0, "|  predicted", transform=axes.transAxes, color=DARK_VERMILLION, fontsize=SMALL, fontweight="bold"
    )
    grid(axes, "x")
    label_axes(axes, "share of the grade's rows (their number at the right)", "grade")
    return figure


def migration(table: pd.DataFrame) -> Figure:
    """Where the customers of each grade are a month later: shares by row, darker where more.

    Args:
        table: `validation.stability.migration`: n by grade before (rows) and after (columns).

    Returns:
        to show or save.
    """
    counts = table.to_numpy(dtype=np.float64)
    sums = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)
    figure, axes = canvas(5.6, 0.9 + 0.42 * len(table))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(counts > 0):
        share = shares[row, column]
        text = percent(share, 0) if share >= 0.005 else "<1"
        ink = "white" if share > 0.55 else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=SMALL, color=ink)
    axes.set_xticks(range(len(table)), list(table.columns))
    axes.set_yticks(
        range(len(table)), [f"{name}  ({int(n):,})" for name, n in zip(table.index, sums[:, 0], strict=True)]
    )
    label_axes(axes, "grade a month later", "grade (customers seen then and a month later)")
    return figure
