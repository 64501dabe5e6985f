"""Quarantine: a bad value that the row does not need goes alone, and too much is said to be too much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from credit_eval.core.errors import QuarantineError, TableError
from credit_eval.ingest.mapping import import_mapping
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset

TABLES: dict[str, Any] = {
    "customers": {"file": "c.csv", "columns": {"customer_id": "id", "occurred_at": "at", "birth_year": "born"}},
    "orders": {
        "file": "o.csv",
        "columns": {"order_id": "id", "customer_id": "who", "occurred_at": "at", "amount": "sum", "channel": "via"},
        "constants": {"status": "placed"},
    },
}


def load(folder: Path, customers: list[str], orders: list[str], *, quarantine: bool = True, **keys: Any) -> Dataset:
    (folder / "c.csv").write_text("\n".join(["id,at,born", *customers, ""]))
    (folder / "o.csv").write_text("\n".join(["id,who,at,sum,via", *orders, ""]))
    mapping = {"dataset": "shop", "currency": "EUR", "tables": TABLES, **keys}
    (folder / "m.yaml").write_text(yaml.safe_dump(mapping))
    return import_mapping(folder / "m.yaml", folder / "raw", quarantine=quarantine, replace=True)


def rows(path: Path, what: str = "*") -> list[tuple[Any, ...]]:
    with DuckDB() as engine:
        return engine.rows(f"SELECT {what} FROM {parquet(path)} ORDER BY ALL")


CUSTOMERS = [f"{n},2025-01-01,born in {1950 + n}" for n in range(30)]
ORDERS = [f"{n},{n % 30},2025-02-01,5,web" for n in range(40)]


def test_a_malformed_optional_column_takes_no_customer_along(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"customers\.birth_year cannot be read"):
        load(tmp_path, CUSTOMERS, ORDERS, quarantine=False)
    dataset = load(tmp_path, CUSTOMERS, ORDERS)
    assert dataset.info.rows == {"customers": 30, "orders": 40}
    assert rows(dataset.path("customers"), "count(birth_year)") == [(0,)]
    said = "30 values of customers.birth_year were set aside, their rows stay: see quarantine/customers.values.parquet"
    assert said in dataset.info.notes
    aside = rows(dataset.root / "quarantine" / "customers.values.parquet")
    assert len(aside) == 30
    assert aside[0] == ("birth_year", "c.csv", 2, "born in 1950", "cannot be read: expected a whole number")


def test_values_that_are_fine_stay_as_they_are(tmp_path: Path) -> None:
    customers = ["a,2025-01-01,1980", "b,2025-01-01,80", "c,2025-01-01,", "d,2025-01-01,x"]
    dataset = load(tmp_path, customers, ["1,a,2025-02-01,5,web"])
    assert rows(dataset.path("customers"), "customer_id, birth_year") == [
        ("a", 1980), ("b", None), ("c", None), ("d", None)
    ]  # fmt: skip
    assert any(note.startswith("2 values of customers.birth_year") for note in dataset.info.notes)


@pytest.mark.parametrize(
    "bad", ["1,a,2025-02-01,-5,web", "1,a,never,5,web", "1,,2025-02-01,5,web", ",a,2025-02-01,5,web"]
)
def test_a_row_whose_key_time_money_or_customer_is_bad_goes_as_a_whole(tmp_path: Path, bad: str) -> None:
    dataset = load(tmp_path, ["a,2025-01-01,1980"], [bad, "2,a,2025-02-01,7,web"])
    assert rows(dataset.path("orders"), "order_id") == [("2",)]
    assert "1 rows of orders were set aside: see quarantine/orders.parquet" in dataset.info.notes


def test_too_much_is_refused_with_its_reasons_ranked_and_a_cascade_told_as_one(tmp_path: Path) -> None:
    customers = [f"{n},{'never' if n < 12 else '2025-01-01'},1980" for n in range(30)]
    orders = [f"{n},{n % 30},2025-02-01,{-1 if n == 20 else 5},web" for n in range(40)]
    with pytest.raises(QuarantineError) as refused:
        load(tmp_path, customers, orders)
    assert refused.value.exit_code == 22
    said = str(refused.value)
    assert "received: 12 of 30 rows of customers; 23 of 40 rows of orders" in said
    reasons = [line.strip() for line in said.splitlines() if line.startswith("    - ")]
    assert reasons[0].startswith("- 12: customers.occurred_at cannot be read")
    assert reasons[1].startswith("- 1: orders.amount is too small")
    assert reasons[2] == "- 22: rows that refer to these"
    assert not (tmp_path / "raw" / "shop").exists()
    dataset = load(tmp_path, customers, orders, set_aside_at_most=0.6)
    assert dataset.info.rows == {"customers": 18, "orders": 17}


@pytest.mark.parametrize(("bad", "of", "fine"), [(10, 20, True), (11, 20, False), (11, 220, True), (12, 230, False)])
def test_few_rows_or_a_small_share_may_always_go(tmp_path: Path, bad: int, of: int, fine: bool) -> None:
    orders = [f"{n},a,2025-02-01,{-1 if n < bad else 5},web" for n in range(of)]
    if fine:
        assert load(tmp_path, ["a,2025-01-01,1980"], orders).info.rows["orders"] == of - bad
    else:
        with pytest.raises(QuarantineError):
            load(tmp_path, ["a,2025-01-01,1980"], orders)
