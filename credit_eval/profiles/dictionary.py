"""The feature dictionary, written from the declarations."""

from __future__ import annotations

from credit_eval.events.query import Aggregate
from credit_eval.features.language import Catalogue, Dimension, Feature

_DIRECTION = {1: "higher is riskier", -1: "higher is safer", 0: "not claimed"}

_HEAD = """# Features

Generated from the declarations by `make docs`; a test holds it current. A feature at `as_of` reads only events
known strictly before `as_of`. *No events* says what an empty history means: 0, or unknown (never a filled value).
"""


def dictionary(catalogue: Catalogue) -> str:
    """The catalogue as Markdown, one table per dimension."""
    parts = [_HEAD, f"{len(catalogue.features)} features.\n"]
    for dimension in Dimension:
        of_dimension = [f for f in catalogue.features if f.dimension == dimension]
        parts.append(f"## {dimension.replace('_', ' ').capitalize()} ({len(of_dimension)})\n")
        parts.append("| feature | meaning | unit | no events | direction of risk | reason code | reads |")
        parts.append("|---|---|---|---|---|---|---|")
        parts.extend(_row(feature) for feature in of_dimension)
        parts.append("")
    return "\n".join(parts)


def _row(feature: Feature) -> str:
    cells = (
        f"`{feature.name}`",
        feature.title,
        feature.unit,
        _when_empty(feature),
        _DIRECTION[feature.direction],
        f"`{feature.reason}`",
        ", ".join(sorted(feature.tables)),
    )
    return "| " + " | ".join(cells) + " |"


def _when_empty(feature: Feature) -> str:
    measure = feature.measure
    return "0" if isinstance(measure, Aggregate) and measure.when_empty == 0 else "unknown"
