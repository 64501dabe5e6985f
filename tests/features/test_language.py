"""The language refuses what cannot mean anything, and says everything else once."""

from __future__ import annotations

import pytest

from credit_eval.core.errors import DeclarationError, TableError
from credit_eval.events.query import Aggregate, DaysBetween, column
from credit_eval.events.tables import TABLES
from credit_eval.features.catalogue import AMOUNT_ASKED, BALANCE, CATALOGUE, LIMIT, NET_SPENDING_180
from credit_eval.features.language import Catalogue, Dimension, Feature, Of, count, fold


def test_the_catalogue_covers_every_table_and_has_at_least_sixty_features() -> None:
    assert len(CATALOGUE.features) >= 60
    assert {table for feature in CATALOGUE.features for table in feature.tables} == set(TABLES)
    assert {BALANCE, LIMIT, NET_SPENDING_180, AMOUNT_ASKED} <= set(CATALOGUE.names)


def test_every_name_follows_from_its_declaration() -> None:
    for feature in CATALOGUE.features:
        assert feature.name.split("_")[0] in feature.tables
        assert feature.name.isidentifier()


def test_no_feature_reads_an_audit_only_column() -> None:
    audit = {(t.name, c.name) for t in TABLES.values() for c in t.columns if c.audit_only}
    read = {(table, name) for feature in CATALOGUE.features for table, names in feature.needs.items() for name in names}
    assert audit
    assert not audit & read


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
        lambda: Aggregate("customers", "last", value=column("sex")),
    ],
    ids=["no value", "a value to count", "sum of text", "no condition", "types", "window", "clock", "days", "audit"],
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


def test_features_over_what_a_source_lacks_are_absent_and_say_what_is_missing() -> None:
    columns = {"orders": [c.name for c in TABLES["orders"].all_columns if c.name != "installments"]}
    provided, absent = CATALOGUE.available(columns)
    assert provided.names
    assert all(feature.tables == {"orders"} for feature in provided.features)
    assert absent["orders_placed_installments_mean_180d"] == "column orders.installments"
    assert absent["payments_failed_count_30d"] == "table payments"
    assert len(provided.features) + len(absent) == len(CATALOGUE.features)


def test_reason_sentences_read_aloud() -> None:
    said = {name: CATALOGUE[name].sentence for name in CATALOGUE.names}
    assert said["payments_failed_count_30d"](3.0, 0.0) == "3 payments failed in the last 30 days; most customers: 0"
    assert said["payments_failed_count_30d"](1.0, 0.0) == "Payments failed in the last 30 days: 1; most customers: 0"
    assert said["customers_age_last"](34.0, 41.0) == "Age: 34 years; most customers: 41 years"
    assert said["orders_placed_amount_sum_90d"](float("nan"), 1200.0, "CNY").startswith(
        "Spending on orders in the last 90 days: unknown"
    )
    assert said["customers_bank_last"]("First Bank", "GT Bank") == "Bank: First Bank; commonest: GT Bank"
    assert said["payments_bnpl_share_180d"](0.4, 0.1).endswith("in the last 180 days: 40 %; most customers: 10 %")
