"""What features mean, drawn as one customer's small history: every value beside it is counted by hand.

as_of is midnight before 1 April 2026; days are counted back from it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.clock import DAY
from credit_eval.engine.reference import evaluate, measure_of

AS_OF = datetime(2026, 4, 1)


def ago(days: float) -> datetime:
    return AS_OF - timedelta(days=days)


def order(days: float, amount: int, status: str = "placed", **more: Any) -> dict[str, Any]:
    median = more.pop("median", None)
    return {
        "occurred_at": ago(days),
        "amount": Decimal(amount),
        "status": status,
        "category_median": None if median is None else Decimal(median),
        **more,
    }


def payment(days: float, amount: int, outcome: str, method: str = "card") -> dict[str, Any]:
    return {"occurred_at": ago(days), "amount": Decimal(amount), "outcome": outcome, "method": method}


def page(days: float, event: str, price: int | None = None) -> dict[str, Any]:
    return {"occurred_at": ago(days), "event": event, "price": None if price is None else Decimal(price)}


def line(drawn: float, due: float, amount: int, paid: float | None = None, part: int | None = None) -> dict[str, Any]:
    """A schedule line by days before as_of; a part payment is known the day before as_of."""
    return {
        "occurred_at": ago(drawn),
        "due_at": ago(due),
        "due_amount": Decimal(amount),
        "paid_at": None if paid is None else ago(paid),
        "paid_amount": Decimal(amount) if paid is not None else None if part is None else Decimal(part),
        "paid_known_at": ago(1) if part is not None else None,
    }


def limit(days: float, amount: int, opened: float, account: str = "a") -> dict[str, Any]:
    return {
        "occurred_at": ago(days),
        "opened_at": ago(opened),
        "account_id": account,
        "credit_limit": Decimal(amount),
    }


HISTORY: dict[str, list[dict[str, Any]]] = {
    "orders": [
        order(200, 80, category="books", installments=1),
        order(100, 40, category="games", installments=1, median=50),
        order(60, 300, category="books", installments=3, median=100),
        order(58, 300, "returned", category="books", installments=3, median=100),
        order(20, 100, category="groceries", installments=1, median=100),
        order(10, 60, category="groceries", installments=1, median=150),
        order(10, 60, "declined", category="groceries", installments=1, median=150),
    ],
    "payments": [
        payment(100, 40, "succeeded", "bnpl"),
        payment(60, 300, "failed"),
        payment(59.5, 300, "succeeded"),
        payment(19, 100, "succeeded", "bnpl"),
    ],
    "browsing": [
        page(50, "view", 20),
        page(40, "view", 60),
        page(35, "cart", 60),
        page(21, "view", 100),
        page(21, "cart", 100),
        page(20.5, "checkout"),
        page(3, "credit_page"),
    ],
    "repayments": [
        line(150, 120, 100, paid=121),  # one day early
        line(120, 90, 100, paid=80),  # ten days late
        line(90, 60, 200, paid=60),  # on the day
        line(60, 30, 200, part=50),  # thirty days open, a part of it paid
        line(30, -10, 300),  # falls due in ten days
        line(30, -40, 300),  # falls due in forty
    ],
    "accounts": [limit(300, 1000, 300), limit(200, 1400, 300), limit(50, 700, 300), limit(20, 500, 20, "b")],
    "applications": [
        {"occurred_at": ago(40), "amount": Decimal(100), "total_due": Decimal(130), "term_days": 30},
        {"occurred_at": ago(30), "amount": Decimal(300), "total_due": Decimal(360), "term_days": 60},
    ],
}

MEANT: dict[str, float | str | None] = {
    # spending: 580 in all, 500 in 180 days
    "orders_placed_amount_sum_180d": 500,
    "orders_net_amount_sum_180d": 500 - 300 - 60,
    "orders_placed_amount_last_change": 60 - 100,
    "orders_placed_amount_last_vs_mean_180d": 60 / 125,
    "orders_placed_amount_largest_share_180d": 300 / 500,
    "orders_placed_amount_trend_30d_90d": 3 * 160 / 460,
    "orders_placed_pace_30d_180d": 6 * 2 / 4,
    "orders_placed_silence_365d": 10 / ((100 + 40 + 40 + 10) / 4),
    "orders_placed_active_12x30d": 4,
    "orders_placed_longest_run_12x30d": 2,
    # goods and what became of them
    "orders_essentials_share_180d": 2 / 4,
    "orders_leisure_share_180d": 1 / 4,
    "orders_price_tier_365d": (40 + 300 + 100 + 60) / (50 + 100 + 100 + 150),
    "orders_price_tier_last": 60 / 150,
    "orders_above_median_share_365d": 1 / 4,
    "orders_premium_share_365d": 1 / 4,
    "orders_bargain_share_365d": 1 / 4,
    "orders_in_instalments_share_365d": 1 / 5,
    "orders_placed_in_instalments_amount_share_180d": 300 / 500,
    "orders_returned_share_180d": 1 / 4,
    "orders_declined_amount_vs_placed_365d": 60 / (580 / 5),
    # payments: the latest order is not paid yet, the one before was after a day
    "payments_after_order_days_last": 10 - 19,
    "payments_own_money_amount_sum_90d": 300,
    "payments_bnpl_succeeded_amount_share_180d": 140 / 440,
    "payments_succeeded_per_ordered_180d": 440 / 500,
    # browsing against buying
    "browsing_price_vs_order_90d": 60 / (460 / 3),
    "browsing_cart_price_vs_view_90d": 80 / 60,
    "browsing_carts_abandoned_90d": 2 - 1,
    "browsing_checkouts_abandoned_90d": 1 - 3,
    "browsing_order_per_view_90d": 3 / 3,
    "browsing_credit_page_share_90d": 1 / 7,
    # repayment
    "repayments_late_count_365d": 2,
    "repayments_late_7_count_365d": 2,
    "repayments_late_30_count_180d": 1,
    "repayments_days_late_last": 30,
    "repayments_days_late_last_2": 0,
    "repayments_days_late_last_3": 10,
    "repayments_days_late_last_change": 30,
    "repayments_paid_days_to_pay_last": 0,
    "repayments_paid_days_to_pay_last_3": -1,
    "repayments_held_vs_granted": (29 + 40 + 30) / (30 + 30 + 30),
    "repayments_overdue_days_late_max": 30,
    "repayments_overdue_share_365d": 200 / 600,
    "repayments_part_paid_count": 1,
    "repayments_part_paid_paid_sum": 50,
    "repayments_paid_vs_fell_due_90d": 300 / 500,
    "repayments_due_within_30d_due_sum": 300,
    "repayments_due_soon_vs_spending": 6 * 300 / 140,
    # credit there is: 800 is owed now and was 30 days ago; 90 days ago it was 300, which is paid since
    "repayments_open_due_sum": 800,
    "repayments_owed_change_30d_sum": 800 - (200 + 600),
    "repayments_owed_change_90d_sum": 800 - (100 + 200),
    "repayments_owed_change_per_limit_90d": 500 / 500,
    "repayments_owed_per_highest_limit": 800 / 1400,
    "accounts_limit_last_change": 500 - 700,
    "accounts_limit_growth": 500 / 500,
    "accounts_limit_vs_highest": 500 / 1400,
    "accounts_changed_count": 2,
    "accounts_held_nunique": 2,
    "accounts_held_nunique_90d": 1,
    "accounts_opened_limit_mean": (1000 + 500) / 2,
    "accounts_gap_mean": 280,
    # requests
    "applications_amount_last_change": 200,
    "applications_amount_vs_spending_30d": 6 * 300 / 140,
    "applications_cost_last": 60,
    "applications_repay_per_day": 360 / 60,
    "applications_debt_vs_amount": 800 / 300,
    "applications_granted_share": 2 / 2,
}


def value(name: str, history: dict[str, list[dict[str, Any]]]) -> Any:
    return measure_of(CATALOGUE[name].measure, lambda a: evaluate(a, history.get(a.table, []), AS_OF))


@pytest.mark.parametrize(("name", "meant"), MEANT.items(), ids=MEANT)
def test_a_value_is_what_was_counted_by_hand(name: str, meant: float) -> None:
    assert value(name, HISTORY) == pytest.approx(meant)


def test_what_happens_at_as_of_or_later_changes_no_feature() -> None:
    later = {
        table: [*rows, *({**row, "occurred_at": AS_OF + DAY, "opened_at": AS_OF} for row in rows)]
        for table, rows in HISTORY.items()
    }
    assert [name for name in CATALOGUE.names if value(name, later) != value(name, HISTORY)] == []


def test_a_customer_without_events_has_zeros_and_unknowns_and_nothing_else() -> None:
    assert {value(name, {}) for name in CATALOGUE.names} == {0.0, None}


def test_a_line_on_which_nothing_is_due_is_neither_late_nor_owed() -> None:
    """A free instalment has nobody to pay it: beside a line paid on time it leaves a customer who was never late."""
    history = {"repayments": [line(60, 40, 0), line(60, 20, 50, paid=21)]}
    late = [n for n in CATALOGUE.names if n.startswith("repayments_") and ("late" in n or "overdue" in n)]
    assert len(late) > 20
    assert {value(name, history) for name in late if "since" not in name and "trend" not in name} <= {0.0, None}
    assert value("repayments_days_late_mean", history) == 0.0
    assert value("repayments_overdue_count", history) == 0.0
    assert value("repayments_open_due_sum", history) == 0.0
