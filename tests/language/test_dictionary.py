"""The dictionary says of every feature all that its declaration says."""

from __future__ import annotations

import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.catalogue.audit import AUDIT
from credit_eval.profiles.dictionary import dictionary

TOLD = """
    payments_failed_count_30d | count | 30 d | 0 | higher is riskier | R_FAILED_PAYMENTS | any | payments
    orders_placed_amount_decayed_30d | money | half-life 30 d | 0 | not claimed | R_SPENDING_LEVEL | any | orders
    orders_placed_amount_slope_6x30d | money | 6 × 30 d | 0 | not claimed | R_SPENDING_TREND | any | orders
    orders_placed_amount_cv_365d | ratio | 365 d | unknown | not claimed | R_IRREGULAR_SPENDING | any | orders
    behaviour_login_variation_6x30d | ratio | 6 × 30 d | unknown | not claimed | R_LOGINS | any | behaviour
    orders_placed_count_90d_rank | share | 90 d | the rank of 0 | not claimed | R_ORDER_ACTIVITY | any | orders
    orders_placed_pace_30d_180d | ratio | 30 d, 180 d | unknown | not claimed | R_ORDER_ACTIVITY | any | orders
    orders_placed_silence_365d | ratio | ever, 365 d | unknown | not claimed | R_ORDER_ACTIVITY | any | orders
    orders_placed_amount_last_change | money | ever | unknown | not claimed | R_SPENDING_TREND | any | orders
    payments_after_order_days_last | days | ever | unknown | not claimed | R_UNPAID_ORDERS | any | orders, payments
    browsing_carts_abandoned_30d | number | 30 d | 0 | not claimed | R_CONVERSION | not for credit in the EU | browsing
    repayments_on_time_share | share | ever | unknown | higher is safer | R_LATE_REPAYMENTS | any | repayments
"""


def rows(page: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("told", TOLD.strip().splitlines(), ids=lambda told: told.split()[0])
def test_a_row_tells_the_declaration(told: str) -> None:
    name, unit, windows, no_events, direction, reason, lawful, tables = told.strip().split(" | ")
    feature = CATALOGUE[name]
    (row,) = [row for row in rows(dictionary(CATALOGUE)) if row[0] == f"`{name}`"]
    assert row[1:] == [feature.title, feature.zh, unit, windows, no_events, direction, f"`{reason}`", lawful, tables]


def test_every_feature_has_one_row_under_its_dimension_and_the_counts_add_up() -> None:
    page = dictionary(CATALOGUE)
    assert sorted(row[0].strip("`") for row in rows(page)) == sorted(CATALOGUE.names)
    assert f"{len(CATALOGUE.features)} features." in page
    for section in page.split("\n## ")[1:]:
        heading, *_ = section.splitlines()
        assert f"({len(rows(section))})" in heading


def test_what_is_for_audit_only_says_so() -> None:
    assert [row[8] for row in rows(dictionary(AUDIT))] == ["audit only", "audit only"]
