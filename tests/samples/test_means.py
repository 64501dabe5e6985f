"""What a customer pays with their own money: worked by hand, and never more by borrowing."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from event_tables import arrow_of, draw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credit_eval.samples.definition import DefaultDefinition
from credit_eval.samples.standing import standing
from credit_eval.schema.duckdb import DuckDB, select
from credit_eval.schema.store import Dataset, DatasetInfo

AS_OF = datetime(2026, 7, 1)
MEANS = ["own_inflow", "debt_service", "unbilled", "monthly_income"]

ORDERS = """
customer_id  occurred_at  known_at    order_id  amount  status
a            2026-02-01   2026-02-01  1         600.00  placed
a            2026-03-01   2026-03-01  2         300.00  placed
a            2025-12-01   2025-12-01  3         120.00  placed
a            2026-03-05   2026-03-05  3         120.00  returned
a            2026-04-01   2026-04-01  4         80.00   placed
a            2026-04-02   2026-07-01  4         80.00   cancelled
"""
PAYMENTS = """
customer_id  occurred_at  known_at    payment_id  amount  outcome    order_id  method
a            2026-02-01   2026-02-01  p1          600.00  succeeded  1         wallet
a            2026-03-01   2026-03-01  p2          300.00  succeeded  2         bnpl
a            2025-12-01   2025-12-01  p3          120.00  succeeded  3         card
a            2026-04-01   2026-04-01  p4          80.00   succeeded  4         card
a            2026-05-01   2026-05-01  p5          70.00   failed     1         wallet
a            2026-05-02   2026-05-02  p6          55.00   succeeded  1         -
a            2026-06-20   2026-06-20  p7          45.00   succeeded  5         bnpl
"""
LINES = """
customer_id  occurred_at  known_at    account_id  installment_id  due_at      due_amount  paid_at
a            2026-03-31   2026-03-31  A           1               2026-07-15  40.00       -
a            2026-03-31   2026-03-31  A           2               2026-09-15  41.00       -
a            2026-03-31   2026-03-31  A           3               2026-06-15  42.00       -
"""


def observed(root: Path, **tables: str) -> dict[str, float]:
    """The means of customer a at `AS_OF`, of a data set of these tables."""
    columns = {}
    for name, text in tables.items():
        pq.write_table(arrow_of(name, draw(name, text)), root / f"{name}.parquet")
        columns[name] = text.split("\n")[1].split()
    return read(root, columns)


def read(root: Path, columns: dict[str, list[str]]) -> dict[str, float]:
    info = DatasetInfo(
        "tiny", "test", "XXX", datetime(2025, 1, 1), datetime(2026, 12, 31), "repayments", columns, {}, {}
    )
    with DuckDB(threads=1) as engine:
        members = select(f"SELECT 'a' AS customer_id, TIMESTAMP '{AS_OF}' AS as_of")
        engine.write_parquet(members, root / "cohort.parquet")
        (row,) = standing(engine, Dataset(root, info), root / "cohort.parquet", DefaultDefinition()).to_dict("records")
    return {name: row[name] for name in MEANS}


def test_own_money_by_hand(tmp_path: Path) -> None:
    """600 by wallet and 80 by card; the card's 120 are too old, but came back lately; a cancellation not known yet."""
    found = observed(tmp_path, orders=ORDERS, payments=PAYMENTS, repayments=LINES)
    assert found["own_inflow"] == 600 + 80 - 120
    assert found["debt_service"] == 40 + 42  # due within 30 days, and late
    assert found["unbilled"] == 45  # bought after the last statement
    assert found["monthly_income"] != found["monthly_income"]


def test_without_ways_to_pay_what_was_drawn_on_credit_is_taken_off(tmp_path: Path) -> None:
    found = observed(tmp_path, orders=ORDERS, repayments=LINES)
    assert found["own_inflow"] == 600 + 300 + 80 - 120 - (40 + 41 + 42)
    assert found["unbilled"] == 0


def test_a_source_that_tells_neither_does_not_know(tmp_path: Path) -> None:
    found = observed(tmp_path, repayments=LINES)
    assert found["own_inflow"] != found["own_inflow"]
    assert found["debt_service"] == 82


def test_an_income_is_the_last_one_known(tmp_path: Path) -> None:
    customers = """
customer_id  occurred_at  known_at    monthly_income
a            2026-01-01   2026-01-01  900.00
a            2026-02-01   2026-02-01  1000.00
a            2026-06-01   2026-07-01  5000.00
"""
    assert observed(tmp_path, customers=customers)["monthly_income"] == 1000


EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "day": st.integers(1, 200),
            "amount": st.integers(1, 900),
            "method": st.sampled_from(["wallet", "card", "bnpl"]),
            "returned": st.booleans(),
        }
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS, st.integers(0, 7))
@pytest.mark.parametrize("methods", [True, False])
def test_turning_a_purchase_to_credit_never_shows_more_means(
    tmp_path: Path, methods: bool, events: list[Any], which: int
) -> None:
    """The same purchases, one of them on credit and billed at the end of its month: no more own money, no less debt."""
    which %= len(events)
    before = means_of(tmp_path, events, methods)
    events[which] = events[which] | {"method": "bnpl"}
    after = means_of(tmp_path, events, methods)
    assert after["own_inflow"] <= before["own_inflow"]
    assert after["debt_service"] >= before["debt_service"]
    assert after["own_inflow"] / 6 - after["debt_service"] <= before["own_inflow"] / 6 - before["debt_service"]


def means_of(root: Path, events: list[dict[str, Any]], methods: bool) -> dict[str, float]:
    """Orders, their payments, and a line 30 days after what was bought on credit, drawn up at the purchase."""
    orders, payments, lines = [], [], []
    for number, one in enumerate(events):
        at = AS_OF - timedelta(days=one["day"])
        common = {"customer_id": "a", "occurred_at": at, "known_at": at, "amount": one["amount"]}
        orders.append(common | {"order_id": str(number), "status": "placed"})
        payments.append(
            common
            | {"payment_id": str(number), "outcome": "succeeded", "order_id": str(number), "method": one["method"]}
        )
        if one["returned"]:
            orders.append(common | {"order_id": str(number), "status": "returned"})
        elif one["method"] == "bnpl":
            due = at + timedelta(days=30)
            paid = {"paid_at": due, "paid_amount": one["amount"], "paid_known_at": due}
            line = {"account_id": "A", "installment_id": str(number), "due_at": due, "due_amount": one["amount"]}
            lines.append({"customer_id": "a", "occurred_at": at, "known_at": at} | line | paid)
    tables = {"orders": orders, "repayments": lines} | ({"payments": payments} if methods else {})
    for name, rows in tables.items():
        pq.write_table(arrow_of(name, rows), root / f"{name}.parquet")
    columns = {name: [*{column: None for row in rows for column in row}] for name, rows in tables.items()}
    columns["repayments"] = [
        "customer_id",
        "known_at",
        "due_at",
        "due_amount",
        "paid_at",
        "paid_amount",
        "paid_known_at",
    ]
    return read(root, columns)
