"""Many features said together: one measure over several windows, several measures of one subject.

>>> from credit_eval.language.feature import Dimension
>>> [feature.name for feature in about("R_ORDER_ACTIVITY", Dimension.CAPACITY, *counts("orders", None, 30, 90))]
['orders_count_30d', 'orders_count_90d']
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from credit_eval.language.aggregates import Kind
from credit_eval.language.constructors import count, fold, gaps, ratio, share, since
from credit_eval.language.expressions import Constant, Part, column
from credit_eval.language.feature import Dimension, Feature, Keep, Lawful, Named, Of

#: Conditions on the time of day and of the week, by the customers' clocks (the data set's zone).
AT_NIGHT = Part("hour", column("occurred_at")).below(6)
ON_WEEKEND = Part("weekday", column("occurred_at")).above(5)


def about(
    reason: str, dimension: Dimension, *named: Named, direction: Literal[-1, 0, 1] = 0, lawful: Lawful = "any"
) -> tuple[Feature, ...]:
    """Features of one subject: they share their reason code, direction and lawful use."""
    return tuple(Feature(one, dimension, direction, reason, lawful) for one in named)


def counts(table: str, keep: Keep | None, *windows: int | None, clock: str = "occurred_at") -> tuple[Named, ...]:
    """How many rows, over several windows (None: ever)."""
    return tuple(count(table, keep, days=days, clock=clock) for days in windows)


def shares(
    table: str, keep: Keep, *windows: int | None, among: Keep | None = None, clock: str = "occurred_at"
) -> tuple[Named, ...]:
    """Share of rows that are kept, over several windows."""
    return tuple(share(table, keep, days=days, among=among, clock=clock) for days in windows)


def folds(
    table: str,
    kind: Kind,
    of: Of,
    keep: Keep | None,
    *windows: int | None,
    when_empty: Literal[0] | None,
    clock: str = "occurred_at",
) -> tuple[Named, ...]:
    """A fold of a value, over several windows."""
    return tuple(fold(table, kind, of, keep, days=days, when_empty=when_empty, clock=clock) for days in windows)


def told(named: Named, title: str) -> Named:
    """The same measure in other words, where the made-up ones limp."""
    return replace(named, title=title)


def one_each(keep: Keep, label: str) -> Of:
    """The number 1 for every row, so that rows can be counted by recency."""
    return Of(label, Constant(1), "number", keep.phrase)


def pace(table: str, keep: Keep, *, short: int, long: int) -> Named:
    """Daily number of rows in the short window against the long one: 1 is steady, 2 is doubled."""
    over, under = counts(table, keep, short, long)
    title = f"daily {keep.phrase}, last {short} days relative to last {long} (1: steady)"
    return ratio(f"{table}_{keep.label}_pace_{short}d_{long}d", over, under, factor=long // short, title=title)


def silence(table: str, keep: Keep | None, *, days: int, name: str, title: str) -> Named:
    """Days since the last row against the usual days between rows: above 1, the customer is quieter than usual."""
    return ratio(name, since(table, keep, phrase=""), gaps(table, keep, days=days), title=title)
