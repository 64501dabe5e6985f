"""The figures of the report. Each takes plain data and gives a matplotlib `Figure`, so a notebook can use it too.

>>> figure = importance({"late repayments": 0.4, "spending": 0.1})
>>> figure.axes[0].get_xlabel()
'mean absolute contribution, log-odds'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from credit_eval.core.statistics import Floats, Interval
from credit_eval.report.intervals import share_interval
from credit_eval.report.style import (
    BLUE,
    DARK_VERMILLION,
    DECISION_COLOURS,
    GREY,
    INK,
    NORMAL,
    SMALL,
    VERMILLION,
    canvas,
    grid,
    key,
    label_axes,
    name_rows,
)
from credit_eval.report.words import percent

_SCALES = ((1e9, "billion "), (1e6, "million "), (1e3, "thousand "), (1.0, ""))
_LOG_TICKS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_THOUSANDS = FuncFormatter(lambda value, _: f"{value:,.0f}")
_PERCENT = FuncFormatter(lambda value, _: percent(value, 0))


# The portfolio ----------------------------------------------------------------------------------------------


def score_distribution(histogram: pd.DataFrame, grades: pd.DataFrame, *, width: int = 10) -> Figure:
    """Customers by score, coloured by decision, the grades named above.

    `histogram`: score (lower end of a bin of `width` points), decision, n. `grades`: grade, score_low, score_high.

    Args:
        histogram: score, decision and customers.
        grades: bounds of each.
        width: points per bar.

    Returns:
        to show or save.
    """
    figure, axes = canvas()
    table = histogram.pivot_table(index="score", columns="decision", values="n", aggfunc="sum", fill_value=0)
    present = [name for name in DECISION_COLOURS if name in table.columns]
    below = np.zeros(len(table))
    for name in reversed(present):
        axes.bar(table.index, table[name], width * 0.92, below, align="edge", color=DECISION_COLOURS[name])
        below += table[name].to_numpy()
    _name_grades(axes, grades, below.max(initial=1.0))
    label_axes(axes, "score, points (higher is safer)", f"customers per {width} points")
    axes.yaxis.set_major_formatter(_THOUSANDS)
    key(axes, [(name, DECISION_COLOURS[name]) for name in present])
    return figure


def decisions_by_grade(decisions: pd.DataFrame) -> Figure:
    """Share of each decision within each grade, safest grade on top; `decisions`: grade, decision, n.

    Args:
        decisions: a row per grade and decision.

    Returns:
        to show or save.
    """
    table = decisions.pivot_table(index="grade", columns="decision", values="n", aggfunc="sum", fill_value=0)
    present = [name for name in DECISION_COLOURS if name in table.columns]
    sizes = table.sum(axis=1)
    figure, axes = canvas(height=0.75 + 0.34 * len(table))
    left = np.zeros(len(table))
    for name in present:
        share = (table[name] / sizes).to_numpy()
        axes.barh(table.index, share, 0.72, left, color=DECISION_COLOURS[name])
        _write_shares(axes, share, left)
        left += share
    for place, n in enumerate(sizes):
        axes.text(1.01, place, f"{n:,}", va="center", fontsize=SMALL, color=INK)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(_PERCENT)
    axes.invert_yaxis()
    label_axes(axes, "share of the grade's customers (number at the right)", "grade")
    key(axes, [(name, DECISION_COLOURS[name]) for name in present])
    return figure


def limits_by_grade(grades: pd.DataFrame, currency: str, *, lines: bool = True) -> Figure:
    """Sum of credit limits by grade, before and after; `grades`: grade, limit_before, limit_after in `currency`.

    `lines`: whether anybody had a limit before; if not, only what is granted is drawn.

    Args:
        grades: a row per grade.
        currency: code of the data set's currency, such as CNY.
        lines: False where there are loans and no lines.

    Returns:
        to show or save.
    """
    scale, word = _scale(float(grades[["limit_before", "limit_after"]].to_numpy().max(initial=0.0)))
    figure, axes = canvas(height=0.75 + (0.5 if lines else 0.34) * len(grades))
    places = np.arange(len(grades))
    drawn = [("limit_before", GREY, -0.19), ("limit_after", BLUE, 0.19)] if lines else [("limit_after", BLUE, 0.0)]
    for column, colour, shift in drawn:
        amounts = grades[column].to_numpy() / scale
        bars = axes.barh(places + shift, amounts, 0.36 if lines else 0.7, color=colour)
        axes.bar_label(bars, [f"{amount:,.1f}" for amount in amounts], padding=3, fontsize=SMALL, color=INK)
    axes.set_yticks(places, list(grades["grade"]))
    axes.invert_yaxis()
    label_axes(axes, f"sum of credit limits, {word}{currency}".rstrip(), "grade")
    if lines:
        key(axes, [("before", GREY), ("after", BLUE)])
    return figure


def reasons(labels: Sequence[str], counts: Sequence[int], among: int, what: str) -> Figure:
    """How often each reason stands first, commonest on top; `among` that many `what` ("adverse decisions").

    Args:
        labels: of reason codes.
        counts: how often each stands first.
        among: how many there are.
        what: they are, in the plural.

    Returns:
        to show or save.
    """
    figure, axes = canvas(height=0.8 + 0.27 * len(labels))
    places = np.arange(len(labels))
    bars = axes.barh(places, counts, 0.7, color=BLUE)
    shares = [f"{count:,}  ({percent(count / max(among, 1), 0)})" for count in counts]
    axes.bar_label(bars, shares, padding=3, fontsize=SMALL, color=INK)
    name_rows(axes, labels)
    axes.set_xlim(0, max(counts, default=1) * 1.16)
    axes.xaxis.set_major_formatter(_THOUSANDS)
    label_axes(axes, f"customers for whom it is the first reason,\nof {among:,} {what}", "reason")
    return figure


# The model --------------------------------------------------------------------------------------------------


def reliability(bins: Sequence[Mapping[str, float]]) -> Figure:
    """Predicted against observed default rate per bin, with 95 % intervals, both axes logarithmic.

    `bins`: n, predicted, observed. A bin without defaults stands hollow at the lower edge.

    Args:
        bins: predicted, observed and bounds of each.

    Returns:
        to show or save.
    """
    figure, axes = canvas(4.8, 4.2)
    predicted = np.array([each["predicted"] for each in bins])
    seen = [share_interval(each["observed"] * each["n"], each["n"]) for each in bins]
    low, high = _log_limits([*predicted, *(one.value for one in seen)])
    axes.plot([low, high], [low, high], color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for at, one in zip(predicted, seen, strict=True):
        axes.plot([at, at], [max(one.low, low), min(one.high, high)], color=BLUE, linewidth=1.2)
        empty = one.value <= 0
        face = "white" if empty else BLUE
        axes.plot(at, max(one.value, low), "o", color=BLUE, markerfacecolor=face, markersize=5.5, clip_on=False)
    _log_percent(axes, low, high)
    axes.text(0.03, 0.95, "– –  predicted = observed", transform=axes.transAxes, **_SAID)
    label_axes(axes, "predicted probability of default, mean of the bin", "share that defaulted, with 95 % interval")
    return figure


def capture(points: Sequence[Mapping[str, float]]) -> Figure:
    """Who is found among the riskiest: cumulative share of bads and of goods, and the largest gap between them.

    `points`: share (of all, riskiest first), bads, goods; each from 0 to 1. The gap is the KS statistic, as
    closely as the points lie.

    Args:
        points: share of customers, of bads and of goods at each.

    Returns:
        to show or save.
    """
    share, bads, goods = (np.array([each[name] for each in points]) for name in ("share", "bads", "goods"))
    figure, axes = canvas(4.8, 4.2)
    axes.plot(share, bads, color=VERMILLION, linewidth=2)
    axes.plot(share, goods, color=BLUE, linewidth=2)
    widest = int(np.argmax(bads - goods))
    at, gap = share[widest], bads[widest] - goods[widest]
    axes.plot([at, at], [goods[widest], bads[widest]], color=INK, linewidth=1)
    axes.text(at + 0.015, bads[widest] - gap / 2, f"KS {gap:.2f} at the\nriskiest {percent(at, 0)}", **_SAID)
    _name_line(axes, share, bads, "defaulted", DARK_VERMILLION, at=0.40)
    _name_line(axes, share, goods, "did not default", BLUE, at=0.66)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_PERCENT)
    axes.set(xlim=(0, 1), ylim=(0, 1.005))
    grid(axes, "both")
    label_axes(axes, "share of customers, riskiest first", "share found among them")
    return figure


def importance(mean_absolute: Mapping[str, float], *, top: int = 15) -> Figure:
    """The `top` features by mean absolute contribution in log-odds; keys are their titles.

    Args:
        mean_absolute: by title.
        top: how many.

    Returns:
        to show or save.
    """
    ranked = sorted(mean_absolute.items(), key=lambda pair: (-pair[1], pair[0]))[:top]
    figure, axes = canvas(height=0.65 + 0.33 * len(ranked))
    places, values = np.arange(len(ranked)), [value for _, value in ranked]
    bars = axes.barh(places, values, 0.7, color=BLUE)
    axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=3, fontsize=SMALL, color=INK)
    name_rows(axes, [title for title, _ in ranked])
    label_axes(axes, "mean absolute contribution, log-odds", "feature")
    return figure


def auc_comparison(areas: Mapping[str, Interval]) -> Figure:
    """AUC and 95 % interval of the model (the first) and of what it is measured against.

    Args:
        areas: by title, the model's first.

    Returns:
        to show or save.
    """
    figure, axes = canvas(height=0.7 + 0.34 * len(areas))
    for place, area in enumerate(areas.values()):
        colour = BLUE if place == 0 else GREY
        axes.plot([area.low, area.high], [place, place], color=colour, linewidth=2)
        axes.plot(area.value, place, "o", color=colour, markersize=6)
        axes.annotate(f"{area.value:.3f}", (area.value, place), (0, 6), textcoords="offset points", **_CENTRED)
    name_rows(axes, list(areas))
    grid(axes, "x")
    label_axes(axes, "AUC, with 95 % interval (0.5 = a coin)", "model")
    return figure


# Private ----------------------------------------------------------------------------------------------------

_SAID: dict[str, Any] = {"fontsize": SMALL, "color": INK}
_CENTRED: dict[str, Any] = {"fontsize": SMALL, "color": INK, "ha": "center"}


def _name_grades(axes: Axes, grades: pd.DataFrame, top: float) -> None:
    """Grade letters over their scores, thin lines between them."""
    by_score = grades.sort_values("score_low")
    bounds = list(zip(by_score["score_low"], by_score["score_high"], strict=True))
    for (_, high), (low, _) in pairwise(bounds):
        axes.axvline((high + low) / 2, color=GREY, linewidth=0.6, linestyle=(0, (2, 3)), zorder=0)
    for name, (low, high) in zip(by_score["grade"], bounds, strict=True):
        axes.text((low + high) / 2, top * 1.05, name, ha="center", fontsize=NORMAL, color=INK)
    axes.set_ylim(0, top * 1.13)


def _write_shares(axes: Axes, share: Floats, left: Floats) -> None:
    """Percentages inside the bars that have room for them."""
    for place, (part, start) in enumerate(zip(share, left, strict=True)):
        if part >= 0.07:
            axes.text(start + part / 2, place, percent(part, 0), va="center", **_CENTRED)


def _scale(largest: float) -> tuple[float, str]:
    return next(((scale, word) for scale, word in _SCALES if largest >= scale), _SCALES[-1])


def _log_limits(values: Sequence[float]) -> tuple[float, float]:
    positive = [value for value in values if value > 0]
    return max(min(positive, default=0.01) / 1.8, 1e-5), min(max(positive, default=0.5) * 1.5, 1.0)


def _log_percent(axes: Axes, low: float, high: float) -> None:
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    ticks = [tick for tick in _LOG_TICKS if low <= tick <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, [f"{100 * tick:g}\N{NO-BREAK SPACE}%" for tick in ticks])
        axis.set_ticks([], minor=True)
    grid(axes, "both")


def _name_line(axes: Axes, x: Floats, y: Floats, name: str, colour: str, *, at: float) -> None:
    """The name of a curve below it, `at` a share of its way."""
    point = int((len(x) - 1) * at)
    said: dict[str, Any] = {"color": colour, "fontsize": NORMAL, "fontweight": "bold", "va": "top"}
    axes.annotate(name, (x[point], y[point]), (7, -7), textcoords="offset points", **said)
