"""The language in which features are declared. A feature is said once; everything else comes from it.

From one `Feature` come its column name, its entry in the dictionary, what an engine computes and its reason
sentence. The name is the declaration's parts in order: table, what is kept, what is measured, how it is folded, which
window.

>>> from credit_eval.language.expressions import column
>>> from credit_eval.language.feature import Dimension, Feature
>>> from credit_eval.language.typical import Typical
>>> failed = Keep("failed", column("outcome").equals("failed"), "payments failed")
>>> risky = Feature(count("payments", failed, days=30), Dimension.BEHAVIOUR, +1, "R_FAILED_PAYMENTS")
>>> risky.name
'payments_failed_count_30d'
>>> risky.sentence(3.0, Typical(0.0, without=0.0))
'3 payments failed in the last 30 days; typical: 0'

Its Chinese title stands in a table (`translation.py`); a feature needs English only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from credit_eval.language.aggregates import Aggregate, Kind
from credit_eval.language.expressions import Expression
from credit_eval.language.feature import Keep, Named, Of
from credit_eval.language.measures import Difference, Given, Rank, Ratio, Series, SeriesFold
from credit_eval.language.words import (
    ROWS,
    Unit,
    folded,
    joined,
    so_far,
    stepped,
    window,
)


def count(table: str, keep: Keep | None = None, *, days: int | None = None, clock: str = "occurred_at") -> Named:
    """How many rows; none is 0.

    Args:
        table: a declared table, such as payments.
        keep: which of its rows; None for all.
        days: length of the window that ends at `as_of`; None for ever.
        clock: the time by which rows fall into the window.

    Returns:
        a measure with its name, unit and title.
    """
    aggregate = Aggregate(table, "count", where=_where(keep), days=days, clock=clock, when_empty=0)
    title = joined(_rows(table, keep), so_far(days))
    return Named(_name(table, keep, None, "count", days), aggregate, "count", title)


def fold(
    table: str,
    kind: Kind,
    of: Of,
    keep: Keep | None = None,
    *,
    days: int | None = None,
    clock: str = "occurred_at",
    when_empty: Literal[0] | None,
    nth: int = 1,
    title: str | None = None,
) -> Named:
    """A fold of a value: sum, mean, std, min, max, median, nunique, entropy or last.

    `title` is said where the made-up words limp.

    Args:
        table: a declared table, such as payments.
        kind: how the values become one.
        of: the value of a row.
        keep: which of its rows; None for all.
        days: length of the window that ends at `as_of`; None for ever.
        clock: the time by which rows fall into the window.
        when_empty: 0, or None for unknown, where no row is kept.
        nth: of `last`: 1 the latest, 2 the one before.
        title: in place of the made-up words.

    Returns:
        a measure with its name, unit and title.
    """
    aggregate = Aggregate(table, kind, of.value, _where(keep), days=days, clock=clock, when_empty=when_empty, nth=nth)
    units: dict[str, Unit] = {"nunique": "count", "entropy": "number"}
    name = _name(table, keep, of, kind if nth == 1 else f"{kind}_{nth}", days)
    return Named(name, aggregate, units.get(kind, of.unit), title or folded(kind, of.phrase, days, nth, of.unit))


def decayed(
    table: str, of: Of, keep: Keep | None = None, *, half_life: int, clock: str = "occurred_at", when_empty: Literal[0]
) -> Named:
    """The sum of a value, where what is `half_life` days old counts half."""
    aggregate = Aggregate(
        table, "decayed_sum", of.value, _where(keep), clock=clock, when_empty=when_empty, half_life=half_life
    )
    title = f"{of.phrase}, weighted by recency (half after {half_life} days)"
    return Named(f"{_name(table, keep, of, 'decayed', None)}_{half_life}d", aggregate, of.unit, title)


def gaps(
    table: str, keep: Keep | None = None, *, spread: bool = False, days: int | None = None, clock: str = "occurred_at"
) -> Named:
    """Mean (or spread) of the days between successive days with a row."""
    kind: Kind = "gap_std" if spread else "gap_mean"
    aggregate = Aggregate(table, kind, where=_where(keep), days=days, clock=clock, when_empty=None)
    said = "spread of the" if spread else "average"
    title = joined(said, "time between days with", _rows(table, keep), window(days))
    return Named(_name(table, keep, None, kind, days), aggregate, "days", title)


def series(
    table: str,
    shape: SeriesFold,
    of: Of | None = None,
    keep: Keep | None = None,
    *,
    step: int = 30,
    steps: int,
    clock: str = "occurred_at",
    when_empty: Literal[0] | None,
) -> Named:
    """What counts (or sums of `of`) in steps of 30 days look like in a row: slope, variation, longest_run, active."""
    kind: Kind = "sum" if of else "count"
    inner = Aggregate(table, kind, of.value if of else None, _where(keep), clock=clock, when_empty=0)
    what = of.phrase if of else _rows(table, keep)
    units: dict[SeriesFold, Unit] = {
        "slope": of.unit if of else "number",
        "variation": "ratio",
        "longest_run": "number",
        "active": "number",
    }
    name = f"{_name(table, keep, of, shape, None)}_{steps}x{step}d"
    return Named(name, Series(inner, shape, step, steps, when_empty), units[shape], stepped(shape, what, step, steps))


def rank(named: Named) -> Named:
    """Where the customer stands among everybody observed at the same as_of: 0 lowest, 1 highest."""
    assert not isinstance(named.measure, Rank | Given)
    title = f"{named.title}, percentile among all customers"
    return Named(f"{named.name}_rank", Rank(named.measure), "share", title)


def since(
    table: str, keep: Keep | None = None, *, first: bool = False, clock: str = "occurred_at", phrase: str
) -> Named:
    """Days from the latest (or first) row to `as_of`; unknown if there is none. `phrase`: "since the last order"."""
    kind: Kind = "days_since_first" if first else "days_since_last"
    aggregate = Aggregate(table, kind, where=_where(keep), clock=clock, when_empty=None)
    return Named(_name(table, keep, None, kind, None), aggregate, "days", phrase)


def share(
    table: str, keep: Keep, *, days: int | None = None, among: Keep | None = None, clock: str = "occurred_at"
) -> Named:
    """Share of rows (of those `among`) that are kept; unknown if there is no row.

    Args:
        table: a declared table, such as payments.
        keep: which rows count.
        days: length of the window that ends at `as_of`; None for ever.
        among: which rows they are a share of; None for all.
        clock: the time by which rows fall into the window.

    Returns:
        a measure with its name, unit and title.
    """
    both = replace(keep, where=among.where & keep.where) if among else keep
    over, under = (count(table, k, days=days, clock=clock).measure for k in (both, among))
    assert isinstance(over, Aggregate)
    assert isinstance(under, Aggregate)
    whole = among.phrase if among else f"all {ROWS[table]}"
    title = joined(keep.phrase, f"as a share of {whole}", window(days))
    return Named(_name(table, keep, None, "share", days), Ratio(over, under), "share", title)


def ratio(name: str, over: Named, under: Named, *, factor: int = 1, unit: Unit = "ratio", title: str) -> Named:
    """`factor * over / under` of two aggregates, under a name of its own; unknown where `under` is 0 or unknown."""
    assert isinstance(over.measure, Aggregate)
    assert isinstance(under.measure, Aggregate)
    return Named(name, Ratio(over.measure, under.measure, factor), unit, title)


def difference(name: str, left: Named, right: Named, *, title: str) -> Named:
    """`left - right` of two aggregates, under a name of its own; unknown where either is."""
    assert isinstance(left.measure, Aggregate)
    assert isinstance(right.measure, Aggregate)
    return Named(name, Difference(left.measure, right.measure), left.unit, title)


def trend(table: str, of: Of, keep: Keep | None = None, *, short: int, long: int, clock: str = "occurred_at") -> Named:
    """Daily level of the sum in the short window against the long one: 1 is steady, 2 is doubled."""
    over, under = (fold(table, "sum", of, keep, days=days, clock=clock, when_empty=0) for days in (short, long))
    name = f"{_name(table, keep, of, 'trend', None)}_{short}d_{long}d"
    title = f"daily {of.phrase}, last {short} days relative to last {long} (1: steady)"
    return ratio(name, over, under, factor=long // short, title=title)


def _rows(table: str, keep: Keep | None) -> str:
    return keep.phrase if keep else ROWS[table]


def _where(keep: Keep | None) -> Expression | None:
    return keep.where if keep else None


def _name(table: str, keep: Keep | None, of: Of | None, kind: str, days: int | None) -> str:
    parts = [table, keep and keep.label, of and of.label, kind, f"{days}d" if days else None]
    return "_".join(part for part in parts if part)
