"""The feature dictionary, written from the declarations.

>>> from credit_eval.catalogue import CATALOGUE
>>> windows(CATALOGUE["orders_placed_amount_trend_30d_180d"].measure)
'30 d, 180 d'
>>> windows(CATALOGUE["orders_placed_amount_slope_6x30d"].measure)
'6 × 30 d'
"""

from __future__ import annotations

from credit_eval.language.aggregates import Aggregate
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.feature import Dimension, Feature
from credit_eval.language.measures import Difference, Given, Measure, Rank, Ratio, Series, aggregates_of

_DIRECTION = {1: "higher is riskier", -1: "higher is safer", 0: "not claimed"}
_LAWFUL = {
    "any": "any",
    "not_in_eu_credit": "not for credit in the EU",
    "protected": "not for credit in the US or EU",
    "audit_only": "audit only",
}

_HEAD = """# Features

Generated from the declarations by `make docs`; a test holds it current. A feature at `as_of` reads only events
known strictly before `as_of`. *Windows* end there, too, and are in days; `6 × 30 d` is six steps in a row, which
the words call months. *No events* says what an empty history means: 0, or unknown (never a filled value).
*Lawful use* says where a model may be given it. Codes are told in words in `credit_eval/language/reasons.py`.
"""
_COLUMNS = (
    "feature",
    "meaning",
    "含义",
    "unit",
    "windows",
    "no events",
    "direction of risk",
    "reason code",
    "lawful use",
    "reads",
)


def dictionary(catalogue: Catalogue) -> str:
    """The catalogue as Markdown, one table per dimension."""
    parts = [_HEAD, f"{len(catalogue.features)} features.\n"]
    for dimension in Dimension:
        of_dimension = [f for f in catalogue.features if f.dimension == dimension]
        parts.append(f"## {dimension.replace('_', ' ').capitalize()} ({len(of_dimension)})\n")
        parts.append(_line(_COLUMNS))
        parts.append("|---" * len(_COLUMNS) + "|")
        parts.extend(_row(feature) for feature in of_dimension)
        parts.append("")
    return "\n".join(parts)


def windows(measure: Measure) -> str:
    """The windows a measure looks at, the first asked for first."""
    if isinstance(measure, Rank):
        return windows(measure.of)
    if isinstance(measure, Given):
        return "as_of"
    if isinstance(measure, Series):
        return f"{measure.steps} × {measure.step} d"
    return ", ".join(dict.fromkeys(_window(aggregate) for aggregate in aggregates_of(measure)))


def _window(aggregate: Aggregate) -> str:
    if aggregate.half_life:
        return f"half-life {aggregate.half_life} d"
    return f"{aggregate.days} d" if aggregate.days else "ever"


def _row(feature: Feature) -> str:
    return _line(
        (
            f"`{feature.name}`",
            feature.title,
            feature.zh,
            feature.unit,
            windows(feature.measure),
            _when_empty(feature.measure),
            _DIRECTION[feature.direction],
            f"`{feature.reason}`",
            _LAWFUL[feature.lawful],
            ", ".join(sorted(feature.tables)),
        )
    )


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _when_empty(measure: Measure) -> str:
    """What silence in every table read gives; a rank of 0 is that of those who have none."""
    match measure:
        case Rank(of):
            return "the rank of 0" if _when_empty(of) == "0" else "unknown"
        case Difference(left, right):
            return "0" if (left.when_empty, right.when_empty) == (0, 0) else "unknown"
        case Ratio() | Given():
            return "unknown"
        case _:
            return "0" if measure.when_empty == 0 else "unknown"
