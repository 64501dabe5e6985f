"""Pictures of a screening: which features say most, which are unknown, which say the same, which move with time.

Each takes what `samples` measured as plain frames, indexed by feature, and the features' titles by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from credit_eval.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    NORMAL,
    ORANGE,
    PURPLE,
    SKY,
    SMALL,
    VERMILLION,
    canvas,
    grid,
    key,
    label_axes,
    name_rows,
)
from credit_eval.report.words import percent

_OPPOSITE_TO_SAME = LinearSegmentedColormap.from_list("opposite to same", [BLUE, "#FFFFFF", VERMILLION])
_LINES = (VERMILLION, BLUE, GREEN, ORANGE, PURPLE, SKY, INK)
_BOUNDS = {0.1: "0.1, usually looked at", 0.25: "0.25, acted on"}
_PSI_TICKS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
_LEAST_PSI = 0.01
_ARROWS = {"higher": "↑", "lower": "↓"}
_LABEL_WIDTH = 44  # letters
_ROOM = 0.75  # share of the height that names at the ends of lines take up

Floats = NDArray[np.float64]


def strongest(table: pd.DataFrame, titles: Mapping[str, str], *, top: int = 20) -> Figure:
    """The `top` features by information value, and the AUC of each alone with its 95 % interval beside it.

    `table`: iv, iv_by_chance, auc, auc_low, auc_high, riskier, alarm (text or missing). Alarmed features are
    vermillion, and their bars may be cut off, so that they do not dwarf the others. An open dot is a category, which
    has no direction.

    Args:
        table: what `screening.screen` gave.
        titles: of features, by name.
        top: how many.

    Returns:
        to show or save.
    """
    ranked = table.sort_values("iv", ascending=False, kind="stable").head(top)
    figure, left, right = _two_panels(height=0.9 + 0.36 * len(ranked))
    colours = np.where(ranked["alarm"].notna(), VERMILLION, BLUE)
    _draw_values(left, ranked, colours)
    name_rows(left, [titles.get(name, name) for name in ranked.index])
    label_axes(left, "information value (tick: by chance alone)", "feature")
    _draw_areas(right, ranked, colours)
    label_axes(right, "AUC alone, 95 % interval\n(↑ higher values are riskier, ↓ lower)", "")
    if ranked["alarm"].notna().any():
        key(left, [("feature", BLUE), ("feature with an alarm", VERMILLION)])
    return figure


def missing_by_family(table: pd.DataFrame) -> Figure:
    """Share of unknown rows of each feature, a dot each, by family; `table`: family, missing.

    Args:
        table: what `screening.screen` gave.

    Returns:
        to show or save.
    """
    order = table.groupby("family")["missing"].median().sort_values(kind="stable").index
    figure, axes = canvas(height=0.9 + 0.36 * len(order))
    for place, family in enumerate(order):
        shares = table["missing"][table["family"] == family].sort_values().to_numpy()
        axes.plot(100 * shares, place + _jitter(shares), "o", color=BLUE, alpha=0.45, markersize=5, markeredgewidth=0)
        axes.plot([100 * np.median(shares)] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=1.6)
        said = (
            f"{len(shares):,} {'feature' if len(shares) == 1 else 'features'}, median {percent(np.median(shares), 0)}"
        )
        axes.text(1.02, place, said, transform=axes.get_yaxis_transform(), va="center", fontsize=SMALL, color=INK)
    name_rows(axes, list(order))
    axes.set_xlim(-2, 102)
    grid(axes, "x")
    label_axes(axes, "rows for which a feature is unknown, % (dot: a feature, bar: median)", "tables it reads")
    return figure


def correlation_clusters(correlation: pd.DataFrame, table: pd.DataFrame, *, most: int = 40) -> Figure:
    """Rank correlations of the features that lie in clusters, largest clusters first, up to `most` features.

    `correlation`: feature by feature. `table`: cluster (0: alone), represented_by. The name in bold stands for its
    cluster.

    Args:
        correlation: what `rank_correlation` gave.
        table: what `screening.screen` gave.
        most: how many features at most.

    Returns:
        to show or save.
    """
    names = clustered(table, most=most)
    size = max(0.9 + 0.19 * len(names), 3.0)
    figure, axes = canvas(4.2 + size, 0.5 + size)
    shown = correlation.loc[names, names].to_numpy()
    image = axes.imshow(shown, cmap=_OPPOSITE_TO_SAME, vmin=-1, vmax=1, interpolation="nearest")
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks([])
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if table["represented_by"][name] == name else "normal")
    _frame_clusters(axes, table["cluster"][names].to_numpy())
    together = int((table["cluster"] > 0).sum())
    label_axes(axes, f"the same features ({len(names)} of {together} in clusters)", "feature")
    bar = figure.colorbar(image, ax=axes, shrink=min(1.0, 3 / size), aspect=14, pad=0.02)
    bar.set_label("rank correlation (Spearman)", fontsize=NORMAL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, labelcolor=INK)
    bar.outline.set_visible(False)
    return figure


def clustered(table: pd.DataFrame, *, most: int = 40) -> list[str]:
    """Names of features in clusters: whole clusters, the largest first, as many as go into `most`, at least one.

    Within a cluster the highest IV, which stands for it, is the first.

    Args:
        table: what `screening.screen` gave.
        most: how many names at most.

    Returns:
        names.
    """
    by_strength = table[table["cluster"] > 0].sort_values(["cluster", "iv"], ascending=[True, False], kind="stable")
    groups = by_strength.groupby("cluster", sort=True).groups
    ranked = sorted(groups.values(), key=lambda names: -len(names))
    chosen: list[str] = []
    for names in ranked:
        if not chosen or len(chosen) + len(names) <= most:
            chosen += list(names)
    return chosen


def psi_lines(psi: pd.DataFrame, titles: Mapping[str, str], *, top: int = 10) -> Figure:
    """PSI against the first month of the `top` features that moved furthest; `psi`: a column per later month.

    Args:
        psi: what `psi_by_month` gave.
        titles: of features, by name.
        top: how many.

    Returns:
        to show or save.
    """
    worst = psi.loc[psi.max(axis=1).sort_values(ascending=False, kind="stable").index[:top]]
    figure, axes = canvas(9.6, 1.2 + 0.36 * len(worst))
    values = worst.clip(lower=_LEAST_PSI).to_numpy()
    places = np.arange(values.shape[1])
    for number, (line, colour) in enumerate(zip(values, _colours(len(worst)), strict=True)):
        style = "-" if number < len(_LINES) else (0, (5, 2))
        axes.plot(places, line, color=colour, linewidth=1.6, linestyle=style, marker="o", markersize=3)
    axes.set_xticks(places, _month_names(pd.PeriodIndex(psi.columns)))
    axes.set_xlim(-0.2, places[-1] + 0.15)
    _psi_axis(axes, values)
    _name_ends(axes, values[:, -1], [titles.get(name, name) for name in worst.index], _colours(len(worst)))
    label_axes(axes, "month of as_of", f"PSI against the first month (below {_LEAST_PSI} drawn as {_LEAST_PSI})")
    return figure


# Private ----------------------------------------------------------------------------------------------------


def _two_panels(height: float) -> tuple[Figure, Axes, Axes]:
    """A wide and a narrow pair of axes that share their rows."""
    figure, left = canvas(9.6, height)
    panels = figure.add_gridspec(1, 2, width_ratios=(1.5, 1))
    left.set_subplotspec(panels[0])
    right: Axes = figure.add_subplot(panels[1], sharey=left)
    for side in ("top", "right", "left"):
        right.spines[side].set_visible(False)
    right.spines["bottom"].set_color(GREY)
    right.tick_params(labelsize=SMALL, labelcolor=INK, color=GREY, length=3)
    right.tick_params(axis="y", left=False, labelleft=False)
    right.set_axisbelow(True)
    return figure, left, right


def _draw_values(axes: Axes, ranked: pd.DataFrame, colours: NDArray[np.str_]) -> None:
    honest = ranked["iv"][ranked["alarm"].isna()]
    end = min(float(ranked["iv"].max()), 1.3 * float(honest.max()) if len(honest) else np.inf)
    places = np.arange(len(ranked))
    drawn = np.minimum(ranked["iv"].to_numpy(), end)
    bars = axes.barh(places, drawn, 0.7, color=colours)
    cut = ["  (cut off)" if iv > end else "" for iv in ranked["iv"]]
    said = [f"{iv:.2f}{words}" for iv, words in zip(ranked["iv"], cut, strict=True)]
    axes.bar_label(bars, said, padding=3, fontsize=SMALL, color=INK)
    axes.plot(ranked["iv_by_chance"], places, "|", color=INK, markersize=9)
    axes.set_xlim(0, end * (1.3 if any(cut) else 1.12))


def _draw_areas(axes: Axes, ranked: pd.DataFrame, colours: NDArray[np.str_]) -> None:
    axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    ends = zip(
        ranked["auc"], ranked["auc_low"], ranked["auc_high"], ranked["riskier"].map(_ARROWS), colours, strict=True
    )
    for place, (area, low, high, arrow, colour) in enumerate(ends):
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        face = colour if isinstance(arrow, str) else "white"
        axes.plot(area, place, "o", color=colour, markerfacecolor=face, markersize=6)
        said = f"{area:.2f} {arrow if isinstance(arrow, str) else ''}"
        axes.annotate(said, (high, place), (5, 0), textcoords="offset points", va="center", fontsize=SMALL, color=INK)
    axes.set_xlim(min(0.48, ranked["auc_low"].min() - 0.01), ranked["auc_high"].max() + 0.07)
    grid(axes, "x")


def _jitter(shares: Floats) -> Floats:
    """Up and down by turns, so that equal shares stay apart; the same every time."""
    return np.asarray(0.24 * np.sin(2.4 * np.arange(len(shares))))


def _frame_clusters(axes: Axes, cluster: NDArray[np.int64]) -> None:
    starts = np.flatnonzero(np.diff(cluster, prepend=-1))
    for start, end in zip(starts, np.append(starts[1:], len(cluster)), strict=True):
        width = end - start
        axes.add_patch(
            Rectangle((start - 0.5, start - 0.5), width, width, fill=False, color=INK, linewidth=1, clip_on=False)
        )


def _colours(n: int) -> list[str]:
    return [_LINES[place % len(_LINES)] for place in range(n)]


def _month_names(months: pd.PeriodIndex) -> list[str]:
    """Short names, the year below the first and each January."""
    with_year = (months.month == 1) | (months == months[0])
    return [f"{month:%b}\n{month:%Y}" if told else f"{month:%b}" for month, told in zip(months, with_year, strict=True)]


def _psi_axis(axes: Axes, values: Floats) -> None:
    axes.set_yscale("log")
    high = max(float(values.max()) * 1.3, 0.3)
    axes.set_ylim(_LEAST_PSI * 0.9, high)
    ticks = [tick for tick in _PSI_TICKS if tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    grid(axes, "y")
    for bound, words in _BOUNDS.items():
        axes.axhline(bound, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85}
        said: dict[str, Any] = {"fontsize": SMALL, "color": INK, "ha": "right", "va": "bottom", "bbox": behind}
        axes.text(axes.get_xlim()[1], bound * 1.06, words, zorder=4, **said)


def _name_ends(axes: Axes, ends: Floats, names: list[str], colours: list[str]) -> None:
    """Names at the right of where the lines end, moved apart, with a thin line to each."""
    low, high = np.log(axes.get_ylim())
    heights = (np.log(ends) - low) / (high - low)
    for height, place, name, colour in zip(heights, _apart(heights), names, colours, strict=True):
        over = axes.transAxes
        axes.plot([1.0, 1.03], [height, place], color=colour, linewidth=0.8, transform=over, clip_on=False)
        text = fill(name, _LABEL_WIDTH)
        axes.text(1.035, place, text, transform=over, va="center", fontsize=SMALL, color=INK, linespacing=0.95)


def _apart(heights: Floats) -> Floats:
    """Places from 0 to 1 in the order of the heights, as near to them as room between them allows."""
    order = np.argsort(heights, kind="stable")
    gap = _ROOM / max(len(heights), 1)
    steps = gap * np.arange(len(heights))
    pushed_up = np.maximum.accumulate(heights[order] - steps) + steps
    ceilings = 1 - steps[::-1]
    places = np.empty(len(heights))
    places[order] = np.minimum(pushed_up, ceilings)
    return places
