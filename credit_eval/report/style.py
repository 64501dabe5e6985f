"""How every figure looks, and how a figure becomes text in a page.

Figures are plain `Figure` objects: no pyplot, so nothing is shared between threads or left open. Colours are those
of Okabe and Ito ("Color Universal Design", 2008), which people who see colours differently can tell apart.
"""

from __future__ import annotations

import io
import re
import textwrap
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ORANGE, SKY, GREEN = "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
DARK_VERMILLION = "#A34700"  # for text: vermillion is too pale for small letters
INK, FAINT, GREY = "#222222", "#DDDDDD", "#8C8C8C"

#: One colour a decision, in the order in which they are stacked: from more credit to less.
DECISION_COLOURS = {
    "approve": GREEN,
    "hold": "#BBBBBB",
    "refer": SKY,
    "reduce": ORANGE,
    "decline": PURPLE,
    "restrict": VERMILLION,
}

SMALL, NORMAL = 8.5, 9.5
_NAME_WIDTH = 46  # letters

_SAVING = threading.Lock()


def canvas(width: float = 7.2, height: float = 3.4) -> tuple[Figure, Axes]:
    """An empty figure (size in inches) with one bare pair of axes: two thin spines, small labels, no box."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes: Axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.tick_params(labelsize=SMALL, labelcolor=INK, color=GREY, length=3)
    axes.set_axisbelow(True)
    return figure, axes


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Say what the axes are, with units."""
    axes.set_xlabel(x, fontsize=NORMAL, color=INK)
    axes.set_ylabel(y, fontsize=NORMAL, color=INK)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Rows from the top down with their names at the left, long ones on two lines."""
    axes.set_yticks(range(len(names)), [textwrap.fill(name, _NAME_WIDTH) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)


def grid(axes: Axes, along: Literal["x", "y", "both"]) -> None:
    """Faint lines across one axis, or both."""
    axes.grid(axis=along, color=FAINT, linewidth=0.6)


def key(axes: Axes, entries: Iterable[tuple[str, str]]) -> None:
    """A row of colours and their names above the axes, for figures with no room to name them in place."""
    from matplotlib.patches import Patch

    patches = [Patch(color=colour, label=name) for name, colour in entries]
    axes.legend(
        handles=patches,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=len(patches),
        frameon=False,
        fontsize=SMALL,
        labelcolor=INK,
        handlelength=0.9,
        handleheight=0.9,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


def svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an inline `<svg>` that says what it shows; the same figure gives the same text.

    `name` keeps the identifiers of several figures in one page apart.
    """
    stream = io.StringIO()
    # Letters are drawn as outlines: a page must look the same where the typeface is not installed.
    chosen: dict[Any, Any] = {"svg.hashsalt": name, "svg.fonttype": "path"}
    with _SAVING, matplotlib.rc_context(chosen):  # settings of saving are matplotlib's only global ones
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing, dpi=160)
    return _described(_tidy(stream.getvalue(), name), description)


def _tidy(text: str, name: str) -> str:
    """Without the XML prologue, comments, and identifiers that nothing refers to; the others in the figure's name."""
    text = text[text.index("<svg") :]
    used = set(re.findall(r"url\(#([^)]+)\)", text)) | set(re.findall(r'href="#([^"]+)"', text))
    text = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", text)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, flags=re.DOTALL)  # would style the whole page
    text = re.sub(r"\s*<!--.*?-->", "", text, flags=re.DOTALL)  # repeats every text that was drawn
    for identifier in sorted(used):
        text = re.sub(rf'(?<=[#"]){re.escape(identifier)}(?=[)"])', f"{name}-{identifier}", text)
    return text


def _described(text: str, description: str) -> str:
    from markupsafe import escape

    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1)
