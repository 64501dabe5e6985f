"""Draw the rooms of the package and who imports whom, from the imports themselves: docs/rooms.svg.

    .venv/bin/python docs/draw_rooms.py

Rooms stand in the order in which they may import: only from the left. The number is lines of code; an arc's width is
how many modules of one room import from the other.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from credit_eval.report.style import BLUE, GREY, INK, SMALL, VERMILLION, canvas

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "credit_eval"


def rooms() -> list[str]:
    """The order that the tests hold."""
    text = (ROOT / "tests" / "test_layers.py").read_text(encoding="utf-8")
    listed = re.search(r"ROOMS = \((.*?)\)\.split", text, re.DOTALL)
    assert listed is not None
    names = "".join(re.findall(r'"([^"]*)"', listed[1])).split()
    return [name for name in names if (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists()]


def room_of(path: Path) -> str:
    """The room of a module."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Rooms that a module imports from, wherever in the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[1] for name in names if name.startswith("credit_eval.")}


def main() -> None:
    """Draw."""
    order = rooms()
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if room_of(path) in order]
    lines = Counter[str]()
    for path in paths:
        lines[room_of(path)] += len(path.read_text(encoding="utf-8").splitlines())
    arcs = Counter((room_of(path), other) for path in paths for other in imports(path) & set(order) - {room_of(path)})
    figure, axes = canvas(11, 4.4)
    place = {room: x for x, room in enumerate(order)}
    for (room, other), n in arcs.items():
        a, b = place[other], place[room]
        style = {"arrowstyle": "-", "connectionstyle": "arc3,rad=-0.45", "linewidth": 0.4 + 0.25 * n, "alpha": 0.6}
        axes.annotate("", (b, 0), (a, 0), arrowprops=style | {"color": BLUE if a < b else VERMILLION})
    axes.plot(range(len(order)), [0] * len(order), "o", color=INK, markersize=7)
    for room, x in place.items():
        axes.annotate(
            f"{room}  {lines[room]:,}", (x, 0), (0, -12), textcoords="offset points", rotation=60, ha="right", va="top",
            fontsize=SMALL, color=INK,
        )  # fmt: skip
    axes.set_xlim(-0.5, len(order) - 0.5)
    axes.set_ylim(-1.9, 4.3)
    axes.axis("off")
    axes.set_title(
        "Rooms in the order in which they may import, with their lines; an arc's width is how many modules import",
        loc="left", fontsize=SMALL + 1, color=GREY,
    )  # fmt: skip
    figure.savefig(ROOT / "docs" / "rooms.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
