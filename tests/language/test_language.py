"""The language refuses what cannot mean anything, and says everything else once."""

from __future__ import annotations

from datetime import datetime

import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import DeclarationError, TableError
from credit_eval.language.aggregates import Aggregate
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.constructors import (
    count,
    decayed,
    difference,
    fold,
    gaps,
    rank,
    ratio,
    series,
    share,
    since,
    trend,
)
from credit_eval.language.expressions import AsOf, DaysBetween, column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.measures import Difference, Rank, Ratio, Series
from credit_eval.schema.store import DatasetInfo
from credit_eval.schema.tables import TABLES

_SEX = fold("customers", "last", Of("sex", column("sex"), "category", "sex"), when_empty=None)
_WOMEN = Keep("women", column("sex").equals("f"), "women")
_ORDERS = Aggregate("orders", "count", when_empty=0)


def test_a_column_for_audit_is_read_by_features_for_audit_only() -> None:
    assert Feature(_SEX, Dimension.IDENTITY, 0, "R_AUDIT", "audit_only").lawful == "audit_only"
    with pytest.raises(DeclarationError, match="audit only") as refused:
        Feature(_SEX, Dimension.IDENTITY, 0, "R_AUDIT")
    assert "sex" in str(refused.value)


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Aggregate("orders", "sum", when_empty=0),
        lambda: Aggregate("orders", "count", value=column("amount")),
        lambda: Aggregate("orders", "sum", value=column("status")),
        lambda: Aggregate("orders", "count", where=column("amount")),
        lambda: Aggregate("orders", "count", where=column("amount").equals("ten")),
        lambda: Aggregate("orders", "count", days=0),
        lambda: Aggregate("orders", "count", clock="status"),
        lambda: Aggregate("orders", "max", value=DaysBetween(column("amount"), column("occurred_at"))),
        lambda: Aggregate("orders", "count", where=column("status").equals("plcaed")),
        lambda: Aggregate("orders", "last", value=column("amount"), nth=0),
        lambda: Aggregate("orders", "max", value=column("amount"), nth=2),
        lambda: Aggregate("orders", "decayed_sum", value=column("amount"), when_empty=0),
        lambda: Aggregate("orders", "sum", value=column("amount"), half_life=7, when_empty=0),
        lambda: Aggregate("orders", "decayed_sum", value=column("amount"), half_life=0, when_empty=0),
        lambda: Aggregate("orders", "days_since_last", nth=2),
        lambda: Aggregate("orders", "last", value=column("category"), when_empty=0),
        lambda: Series(Aggregate("orders", "max", column("amount")), "slope", step=30, steps=3, when_empty=None),
        lambda: Series(Aggregate("orders", "count", days=7, when_empty=0), "slope", step=30, steps=3, when_empty=None),
        lambda: Series(_ORDERS, "slope", step=30, steps=1, when_empty=None),
        lambda: Series(_ORDERS, "slope", step=0, steps=3, when_empty=None),
        lambda: Series(Aggregate("orders", "count"), "slope", step=30, steps=3, when_empty=None),
        lambda: Rank(Aggregate("orders", "last", value=column("category"))),
        lambda: Difference(Aggregate("orders", "last", value=column("category")), _ORDERS),
        lambda: Ratio(Aggregate("orders", "last", value=column("category")), Aggregate("orders", "count")),
        lambda: Feature(_SEX, Dimension.IDENTITY, 0, "R_CUSTOMER_PROFILE"),
        lambda: Feature(_SEX, Dimension.IDENTITY, 0, "R_CUSTOMER_PROFILE", "not_in_eu_credit"),
        lambda: Feature(count("customers", _WOMEN), Dimension.IDENTITY, 0, "R_CUSTOMER_PROFILE"),
        lambda: Feature(share("customers", _WOMEN), Dimension.IDENTITY, 0, "R_CUSTOMER_PROFILE"),
    ],
    ids=[
        *("no value", "a value to count", "sum of text", "no condition", "types", "window", "clock", "days"),
        *("unknown category", "nth 0", "nth of max", "no half-life", "half-life of a sum", "half-life 0"),
        *("nth of a time", "0 for a text", "series of max", "series of a window", "series of one step"),
        *("series of no days", "series of the unknown", "rank of a text", "difference of a text", "ratio of a text"),
        *("audit", "audit, not in the EU", "audit in a condition", "audit in a share"),
    ],
)
def test_a_declaration_that_cannot_mean_anything_is_refused(declare: object) -> None:
    with pytest.raises(DeclarationError, match="expected"):
        declare()  # type: ignore[operator]


def test_an_unknown_table_or_column_is_named() -> None:
    with pytest.raises(TableError, match="one of customers"):
        Aggregate("order", "count")
    with pytest.raises(TableError, match="amuont"):
        Aggregate("orders", "sum", value=column("amuont"))


def test_two_features_of_one_name_are_refused() -> None:
    feature = Feature(count("orders", days=30), Dimension.BEHAVIOUR, 0, "R_ORDER_ACTIVITY")
    with pytest.raises(DeclarationError, match="orders_count_30d"):
        Catalogue((feature, feature))


def test_a_category_has_no_direction() -> None:
    region = fold("customers", "last", Of("region", column("region"), "category", "region"), when_empty=None)
    with pytest.raises(DeclarationError, match="direction"):
        Feature(region, Dimension.IDENTITY, +1, "R_CUSTOMER_PROFILE")


def source_of(without: dict[str, set[str]], timezone: str = "UTC") -> DatasetInfo:
    """A source of these tables, without these columns of theirs."""
    columns = {
        table: [c.name for c in TABLES[table].all_columns if c.name not in lack] for table, lack in without.items()
    }
    start = datetime(2026, 1, 1)
    return DatasetInfo("x", "test", "EUR", start, start, "repayments", columns, {}, {}, timezone=timezone)


def test_hours_and_weekdays_are_of_the_clocks_of_the_source() -> None:
    local = CATALOGUE.available(source_of({"orders": set()}, "+08:00")).catalogue
    utc = CATALOGUE.available(source_of({"orders": set()})).catalogue
    moved = [one.name for one, other in zip(local.features, utc.features, strict=True) if one != other]
    kinds = ("night", "weekend", "gap", "silence", "decayed", "rhythm")
    assert moved
    assert [name for name in moved if not any(kind in name for kind in kinds)] == []
    assert {"orders_night_share_180d", "orders_weekend_share_180d"} <= set(moved)
    assert "zone='+08:00'" in repr(local["orders_night_share_180d"])
    assert local.fingerprint != utc.fingerprint
    assert CATALOGUE.available(source_of({"orders": set()}, "+00:00")).catalogue == utc


def test_features_over_what_a_source_lacks_are_absent_and_say_what_is_missing() -> None:
    found = CATALOGUE.available(source_of({"orders": {"installments"}}))
    provided, absent = found.catalogue, found.absent
    assert provided.names
    assert all(feature.tables == {"orders"} for feature in provided.features)
    assert absent["orders_placed_installments_mean_180d"] == "column orders.installments"
    assert absent["payments_failed_count_30d"] == "table payments"
    assert len(provided.features) + len(absent) == len(CATALOGUE.features)


_PLACED = Keep("placed", column("status").equals("placed"), "orders placed")
_SPENDING = Of("amount", column("amount"), "money", "spending")
_VALUE = Of("value", column("amount"), "money", "order value")
_AGE = Of("age", DaysBetween(column("occurred_at"), AsOf()), "days", "age of orders")


@pytest.mark.parametrize(
    ("named", "name", "title"),
    [
        (
            count("orders", _PLACED, days=30),
            "orders_placed_count_30d",
            "orders placed in the last 30 days",
        ),
        (count("orders", _PLACED), "orders_placed_count", "orders placed so far"),
        (
            fold("orders", "max", _VALUE, _PLACED, days=90, when_empty=None),
            "orders_placed_value_max_90d",
            "largest order value in the last 90 days",
        ),
        (
            fold("orders", "max", _AGE, when_empty=None),
            "orders_age_max",
            "longest age of orders so far",
        ),
        (
            fold("orders", "last", _VALUE, nth=2, when_empty=None),
            "orders_value_last_2",
            "second most recent order value",
        ),
        (
            decayed("orders", _SPENDING, half_life=30, when_empty=0),
            "orders_amount_decayed_30d",
            "spending, weighted by recency (half after 30 days)",
        ),
        (
            gaps("orders", _PLACED, spread=True, days=365),
            "orders_placed_gap_std_365d",
            "spread of the time between days with orders placed in the last 365 days",
        ),
        (
            series("orders", "slope", _SPENDING, steps=6, when_empty=0),
            "orders_amount_slope_6x30d",
            "average change a month of spending, over the last 6 months",
        ),
        (
            series("orders", "active", keep=_PLACED, step=7, steps=12, when_empty=0),
            "orders_placed_active_12x7d",
            "weeks with orders placed, of the last 12 weeks",
        ),
        (
            series("orders", "longest_run", keep=_PLACED, step=10, steps=3, when_empty=0),
            "orders_placed_longest_run_3x10d",
            "most periods of 10 days in a row with orders placed, of the last 3 periods of 10 days",
        ),
        (
            rank(count("orders", _PLACED, days=30)),
            "orders_placed_count_30d_rank",
            "orders placed in the last 30 days, percentile among all customers",
        ),
        (
            share("orders", _PLACED, days=30),
            "orders_placed_share_30d",
            "orders placed as a share of all orders in the last 30 days",
        ),
        (
            trend("orders", _SPENDING, short=30, long=90),
            "orders_amount_trend_30d_90d",
            "daily spending, last 30 days relative to last 90 (1: steady)",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() and value.isascii() else "",
)
def test_names_and_words_follow_from_the_declaration(named: Named, name: str, title: str) -> None:
    assert (named.name, named.title) == (name, title)


def test_measures_of_measures_keep_what_they_are_made_of() -> None:
    latest, before = (fold("orders", "last", _VALUE, when_empty=None, nth=n) for n in (1, 2))
    change = difference("orders_change", latest, before, title="change")
    against = ratio("orders_ratio", latest, before, title="ratio")
    assert change.measure == Difference(latest.measure, before.measure)  # type: ignore[arg-type]
    assert against.measure == Ratio(latest.measure, before.measure)  # type: ignore[arg-type]
    assert (change.unit, against.unit) == ("money", "ratio")
    assert since("orders", phrase="since the last order").unit == "days"
