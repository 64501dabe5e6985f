"""SELECTs in a mapping: what they give, where their rows come from, and that they read nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from credit_eval.core.errors import CreditEvalError, SourceError, TableError
from credit_eval.ingest.mapping import append_mapping, first_rows, import_mapping
from credit_eval.schema.duckdb import DuckDB, quote
from credit_eval.schema.store import Dataset

FILES = {
    "clients.csv": "client,since\nK1,2024-01-01\nK2,2024-02-01\n",
    "trans.csv": (
        "account;date;kind;cents;balance\nA1;240301;PRIJEM;1050;100\nA1;240302;VYDAJ;-2500;75\n"
        "A2;240303;VYDAJ;NA;10\nA2;240304;VYDAJ;-100;9\n"
    ),
    "owner.csv": "account,client\nA1,K1\nA2,K2\n",
}
OUTGOING = """
SELECT client AS customer_id, strptime(date, '%y%m%d') AS occurred_at, account || '-' || date AS payment_id,
       abs(cents::INT) / 100 AS amount, 'succeeded' AS outcome, moved.source_file, moved.source_row
FROM moved WHERE cents::INT < 0 -- what went out
"""
MAPPING: dict[str, Any] = {
    "dataset": "bank",
    "currency": "CZK",
    "known_until": "2024-04-01",
    "files": {
        "client": "clients.csv",
        "trans": {"file": "trans*.csv", "delimiter": ";", "missing": ["NA"]},
        "owner": {"file": "owner.csv", "columns": ["account", "client"]},
    },
    "views": {
        "moved": "SELECT trans.*, client FROM trans JOIN owner USING (account) WHERE cents IS NOT NULL",
    },
    "tables": {
        "customers": {"file": "clients.csv", "columns": {"customer_id": "client", "occurred_at": "since"}},
        "payments": {"select": OUTGOING},
    },
}


class Bank:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bank"
        self.folder.mkdir()
        for name, text in FILES.items():
            (self.folder / name).write_text(text)

    def mapping(self, **changes: Any) -> Path:
        path = self.folder / "bank.yaml"
        path.write_text(yaml.safe_dump({**MAPPING, **changes}, sort_keys=False))
        return path

    def load(self, **changes: Any) -> Dataset:
        return import_mapping(self.mapping(**changes), self.folder.parent / "raw", replace=True)

    def payments(self, select: str, **changes: Any) -> Dataset:
        return self.load(tables={**MAPPING["tables"], "payments": {"select": select}}, **changes)

    def refused(self, select: str, kind: type[CreditEvalError] = SourceError) -> str:
        with pytest.raises(kind) as error:
            self.payments(select)
        assert not list((self.folder.parent / "raw").glob("*"))
        return str(error.value)


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


def rows(dataset: Dataset, table: str, what: str) -> list[tuple[Any, ...]]:
    with DuckDB() as engine:
        return engine.rows(f"SELECT {what} FROM read_parquet({quote(dataset.path(table))}) ORDER BY ALL")


def test_filters_signs_cents_and_a_second_file(bank: Bank) -> None:
    found = rows(bank.load(), "payments", "customer_id, payment_id, amount::VARCHAR, occurred_at::VARCHAR")
    assert found == [
        ("K1", "A1-240302", "25.00", "2024-03-02 00:00:00"),
        ("K2", "A2-240304", "1.00", "2024-03-04 00:00:00"),
    ]


def test_unpivoted_columns_and_row_numbers_as_ids(bank: Bank) -> None:
    (bank.folder / "wide.csv").write_text("client,2024-02-01,2024-03-01\nK1,5,7\nK2,,9\n")
    found = bank.payments(
        "SELECT client AS customer_id, day AS occurred_at, row_number() OVER () AS payment_id, amount, "
        "'succeeded' AS outcome FROM (UNPIVOT (SELECT * EXCLUDE (source_file, source_row) FROM wide) "
        'ON "2024-02-01", "2024-03-01" INTO NAME day VALUE amount)',
        files={**MAPPING["files"], "wide": "wide.csv"},
    )
    assert rows(found, "payments", "payment_id, amount::VARCHAR") == [("1", "5.00"), ("2", "7.00"), ("3", "9.00")]


def test_its_times_are_by_the_mappings_clocks(bank: Bank) -> None:
    found = rows(bank.load(timezone="Europe/Prague"), "payments", "occurred_at::VARCHAR")
    assert found == [("2024-03-01 23:00:00",), ("2024-03-03 23:00:00",)]


def test_a_bad_row_is_told_by_its_file_and_row_or_else_by_its_number(bank: Bank) -> None:
    negative = OUTGOING.replace("abs(cents::INT)", "cents::INT")
    said = bank.refused(negative, TableError)
    assert "payments.amount is too small" in said
    assert "(trans.csv row 3, trans.csv row 5)" in said
    unplaced = negative.replace(", moved.source_file, moved.source_row", "")
    assert "(payments row 1, payments row 2)" in bank.refused(unplaced, TableError)


@pytest.mark.parametrize(
    "select",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('{outside}/secret.csv')",
        "SELECT * FROM read_csv('{inside}/../secret.csv')",
        "SELECT * FROM '{outside}/secret.csv'",
        "SELECT * FROM glob('{outside}/*')",
        "SELECT * FROM read_blob('{inside}/link.csv')",
        "SELECT * FROM read_csv('https://example.com/x.csv')",
        "SELECT client, since FROM client UNION ALL SELECT column0, column1 FROM read_csv('/etc/passwd')",
    ],
)
def test_a_select_reads_nothing_outside_the_folder(bank: Bank, select: str) -> None:
    outside = bank.folder.parent
    (outside / "secret.csv").write_text("a,b\n1,2\n")
    (bank.folder / "link.csv").symlink_to(outside / "secret.csv")
    said = bank.refused(select.format(outside=outside, inside=bank.folder))
    assert "the SELECT of payments cannot be answered" in said
    assert "name the file under `files`, within the mapping's folder" in said


@pytest.mark.parametrize(
    "statement",
    [
        "COPY client TO '{inside}/out.csv'",
        "ATTACH '{inside}/x.duckdb' AS x",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "CREATE TABLE x AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY (SELECT 1) TO '{inside}/out.csv'",
        "SELECT 1) TO '{inside}/out.csv' --",
        "DROP VIEW client",
        "PRAGMA version",
        "",
        "-- nothing",
        "SELECT",
    ],
)
def test_whatever_is_not_one_select_is_refused(bank: Bank, statement: str) -> None:
    text = statement.format(inside=bank.folder)
    said = bank.refused(text)
    assert "tables.payments.select: is not one SELECT" in said
    assert sorted(path.name for path in bank.folder.iterdir()) == sorted([*FILES, "bank.yaml"])
    with pytest.raises(SourceError, match=r"line \d+: views\.moved: is not one SELECT"):
        bank.load(views={"moved": text})


def test_a_select_changes_no_table_of_ours(bank: Bank) -> None:
    writes = "WITH x AS (INSERT INTO aside VALUES (1) RETURNING 1) SELECT * FROM x"
    assert "the SELECT of payments cannot be answered" in bank.refused(writes)
    with pytest.raises(CreditEvalError, match="data-modifying"):
        bank.load(notes=[{"text": "{n}", "count": writes}])


def test_a_query_in_a_query_cannot_write_either(bank: Bank) -> None:
    inner = f"COPY (SELECT 1) TO ''{bank.folder}/out.csv''"
    bank.refused(f"SELECT * FROM query('{inner}')")
    assert not (bank.folder / "out.csv").exists()


def test_a_column_that_there_is_not_is_told_where_it_is_asked_for(bank: Bank) -> None:
    assert "the SELECT of payments cannot be answered" in bank.refused("SELECT nonsense FROM trans")
    with pytest.raises(SourceError, match="the SELECT of view moved cannot be answered"):
        bank.load(views={"moved": "SELECT nonsense FROM trans"})
    said = bank.refused("SELECT client AS customer_id, since::INT AS occurred_at FROM client")
    assert "the SELECT of payments meets a value that it cannot convert" in said
    assert "TRY_CAST" in said


def test_declared_checks_hold_for_what_a_select_gives(bank: Bank) -> None:
    said = bank.refused("SELECT client AS customer_id, since AS occurred_at, 1 AS nonsense FROM client", TableError)
    assert "payments lacks the column" in said


def test_counted_notes(bank: Bank) -> None:
    notes = ["as it is", {"text": "{n} rows lack an amount", "count": "SELECT count(*) FROM trans WHERE cents IS NULL"}]
    assert bank.load(notes=notes).info.notes[:2] == ["as it is", "1 rows lack an amount"]
    none = {"text": "{n} rows", "count": "SELECT count(*) FROM trans WHERE false"}
    assert "0 rows" not in bank.load(notes=[none]).info.notes
    with pytest.raises(SourceError, match=r"line \d+: notes\.0\.count: is not one SELECT"):
        bank.load(notes=[{"text": "{n}", "count": "DROP VIEW client"}])


def test_an_append_reads_the_same_selects_in_another_folder(bank: Bank, tmp_path: Path) -> None:
    bank.load(known_until="2024-03-05")
    later = tmp_path / "later"
    later.mkdir()
    (later / "clients.csv").write_text("client,since\nK3,2024-03-05\n")
    (later / "trans.csv").write_text("account;date;kind;cents;balance\nA3;240306;VYDAJ;-700;2\n")
    (later / "owner.csv").write_text("account,client\nA3,K3\n")
    grown = append_mapping(bank.folder / "bank.yaml", later, tmp_path / "raw", "bank")
    assert grown.info.rows == {"customers": 3, "payments": 3}


def test_the_first_rows_are_shown_and_nothing_is_written(bank: Bank) -> None:
    found = first_rows(bank.mapping(), "payments", rows=1)
    assert found.columns.tolist()[:2] == ["customer_id", "occurred_at"]
    assert found.iloc[0][["amount", "source_file", "source_row"]].tolist() == ["25.00", "trans.csv", 3]
    columns = {"customer_id": "client", "occurred_at": "account"}
    broken = {**MAPPING["tables"], "customers": {"file": "owner.csv", "columns": columns}}
    shown = first_rows(bank.mapping(tables=broken), "customers")
    assert shown["occurred_at"].tolist() == ["A1 (cannot be read)", "A2 (cannot be read)"]
    with pytest.raises(SourceError, match="does not speak of orders"):
        first_rows(bank.mapping(), "orders")
    assert sorted(path.name for path in bank.folder.parent.iterdir()) == ["bank"]


def test_a_feed_that_came_twice_is_refused_or_dropped_and_counted(bank: Bank) -> None:
    (bank.folder / "trans2.csv").write_text(FILES["trans.csv"])  # the same rows under the same pattern
    with pytest.raises(TableError, match=r"payments\.payment_id repeats a key"):
        bank.load()
    tables = {**MAPPING["tables"], "payments": {"select": OUTGOING, "duplicates": "drop"}}
    dataset = bank.load(tables=tables)
    assert dataset.info.rows["payments"] == 2
    assert "2 rows of payments came twice and were dropped" in dataset.info.notes
    customers = {**MAPPING["tables"]["customers"], "file": "client*.csv", "duplicates": "drop"}
    (bank.folder / "clients2.csv").write_text("client,since\nK1,2024-01-01\nK1,2024-01-05\n")
    dataset = bank.load(tables={**tables, "customers": customers})
    assert dataset.info.rows["customers"] == 3


def test_a_schedule_whose_customer_stands_on_the_plan_in_cents_with_payments_in_a_third_file(bank: Bank) -> None:
    """As buy-now-pay-later warehouses keep them: three tables, the customer on one of them only."""
    (bank.folder / "plan.csv").write_text("plan,who,start,total_cents\nP1,K1,2024-02-05,9000\nP2,K2,2024-02-06,100\n")
    (bank.folder / "line.csv").write_text(
        "plan,n,due,cents\nP1,1,2024-02-19,4500\nP1,2,2024-03-04,4500\nP2,1,2024-02-20,100\n"
    )
    (bank.folder / "paid.csv").write_text("plan,n,at,cents\nP1,1,2024-02-19T09:00,4500\n")
    accounts = (
        "SELECT who AS customer_id, start AS occurred_at, plan AS account_id, start AS opened_at, "
        "total_cents::INT / 100 AS credit_limit, source_file, source_row FROM plan"
    )
    lines = (
        "SELECT who AS customer_id, start AS occurred_at, plan AS account_id, n AS installment_id, due AS due_at, "
        "line.cents::INT / 100 AS due_amount, paid.at AS paid_at, paid.cents::INT / 100 AS paid_amount, "
        "line.source_file, line.source_row FROM line JOIN plan USING (plan) LEFT JOIN paid USING (plan, n)"
    )
    dataset = bank.load(
        files={**MAPPING["files"], "plan": "plan.csv", "line": "line.csv", "paid": "paid.csv"},
        tables={**MAPPING["tables"], "accounts": {"select": accounts}, "repayments": {"select": lines}},
    )
    what = "customer_id, account_id, installment_id, due_amount::VARCHAR, paid_at::VARCHAR"
    assert rows(dataset, "repayments", what) == [
        ("K1", "P1", "1", "45.00", "2024-02-19 09:00:00"),
        ("K1", "P1", "2", "45.00", None),
        ("K2", "P2", "1", "1.00", None),
    ]
