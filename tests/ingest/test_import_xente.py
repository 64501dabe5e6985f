"""Xente: several rows of one loan are one loan, declined purchases are no goods, nothing after issue is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credit_eval.core.errors import TableError
from credit_eval.ingest.mapping import import_mapping
from credit_eval.ingest.shipped import SHIPPED
from credit_eval.schema.duckdb import DuckDB, quote
from credit_eval.schema.store import Dataset

TRAIN_HEADER = (
    "CustomerId,TransactionStartTime,Value,TransactionId,SubscriptionId,ProductId,ProductCategory,ChannelId,"
    "TransactionStatus,IssuedDateLoan,LoanId,InvestorId"
)
REPAID_HEADER = "AmountLoan,PaidOnDate,IsFinalPayBack,DueDate,PayBackId,IsDefaulted"
SOLD = "S1,P1,airtime,C1"
NOTHING = ",".join(["NA"] * 6)


def declined(customer: str, moment: str, transaction: str) -> str:
    return f"{customer},{moment},500,{transaction},{SOLD},0,NA,NA,NA"


def granted(customer: str, moment: str, transaction: str, issued: str, loan: str) -> str:
    return f"{customer},{moment},1e+03,{transaction},{SOLD},1,{issued},{loan},I1"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Loan L1 in two instalments; L2 and L3 on one purchase, in one second with a declined one; a shared id T9."""
    folder = tmp_path / "small"
    folder.mkdir()
    first = granted("ann", "2019-01-01 10:00:02", "T1", "2019-01-01 10:00:00", "L1")
    second = granted("ann", "2019-02-01 10:00:02", "T2", "2019-02-01 10:00:00", "L2")
    third = granted("ann", "2019-02-01 10:00:02", "T2", "2019-02-01 10:00:09", "L3")
    train = [
        f"{first},600,2019-01-10 08:00:00,0,2019-01-31 10:00:00,B1,0",
        f"{first},500,2019-01-20 08:00:00,1,2019-01-31 10:00:00,B2,0",
        f"{second},400,2019-02-20 08:00:00,0,2019-03-03 10:00:00,B3,1",
        f"{third},1100,2019-02-21 08:00:00,0,NA,B4,0",
        f"{declined('ann', '2019-02-01 10:00:02', 'T9')},{NOTHING}",
        f"{declined('bob', '2019-02-03 10:00:00', 'T9')},{NOTHING}",
    ]
    test = [granted("ann", "2019-04-01 10:00:02", "T5", "2019-04-01 10:00:00", "L5")]
    test.append(declined("cyd", "2019-04-02 10:00:00", "T6"))
    (folder / "Train.csv").write_text("\n".join([f"{TRAIN_HEADER},{REPAID_HEADER}", *train, ""]))
    (folder / "Test.csv").write_text("\n".join([TRAIN_HEADER, *test, ""]))
    (folder / "unlinked_masked_final.csv").write_text(
        "TransactionId,CustomerId,ProductId,ProductCategory,ChannelId,Value,TransactionStartTime\n"
        "T77,bob,P2,tv,C3,800,13/2/19 9:05:00\n"
    )
    return folder


def rows(dataset: Dataset, table: str, what: str, where: str = "true") -> list[tuple[Any, ...]]:
    with DuckDB() as engine:
        path = quote(dataset.root / f"{table}.parquet")
        return engine.rows(f"SELECT {what} FROM read_parquet({path}) WHERE {where} ORDER BY ALL")


def test_rows_of_one_loan_are_one_loan(small: Path, tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["xente"], tmp_path, folder=small)
    lines = rows(
        dataset, "repayments", "account_id, due_amount::INT, due_at::VARCHAR, paid_at::VARCHAR, paid_amount::INT"
    )
    assert lines == [
        ("L1", 1000, "2019-01-31 10:00:00", "2019-01-20 08:00:00", 1100),
        ("L2", 1000, "2019-03-03 10:00:00", None, None),
        ("L3", 1000, "2019-03-03 10:00:09", "2019-02-21 08:00:00", 1100),
    ]
    assert [row[0] for row in rows(dataset, "accounts", "account_id")] == ["L1", "L2", "L3", "L5"]
    assert rows(dataset, "orders", "count(*)", "order_id = 'T1'") == [(1,)]


def test_declined_purchases_have_no_label_and_a_cohort_of_their_own(small: Path, tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["xente"], tmp_path, folder=small)
    sizes = {cohort: rows(dataset, f"cohorts/{cohort}", "count(*)")[0][0] for cohort in dataset.cohorts}
    assert sizes == {"train": 3, "declined": 2, "test": 1, "test_declined": 1}
    labels = rows(dataset, "outcomes", "as_of::VARCHAR, defaulted, known_at::VARCHAR")
    assert labels == [
        ("2019-01-01 10:00:02.000001", False, "2019-01-31 10:00:00"),
        ("2019-02-01 10:00:02.000001", True, "2019-03-03 10:00:00"),
        ("2019-02-01 10:00:09.000001", False, "2019-03-03 10:00:09"),
    ]


def test_what_is_decided_on_an_application_is_not_known_at_its_as_of(small: Path, tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["xente"], tmp_path, folder=small)
    seen = "customer_id = 'ann' AND known_at < TIMESTAMP '2019-02-01 10:00:02.000001'"
    assert rows(dataset, "accounts", "account_id", seen) == [("L1",)]
    assert rows(dataset, "repayments", "account_id", seen) == [("L1",)]
    assert rows(dataset, "applications", "application_id", seen) == [("T1",), ("T2",), ("T9",)]
    assert rows(dataset, "orders", "order_id, status", seen) == [("T1", "placed"), ("T2", "placed"), ("T9", "placed")]


def test_a_second_loan_on_a_purchase_is_asked_for_when_it_is_issued(small: Path, tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["xente"], tmp_path, folder=small)
    asked = rows(dataset, "applications", "occurred_at::VARCHAR", "application_id = 'T2/2'")
    assert asked == [("2019-02-01 10:00:09",)]


def test_a_loan_flagged_as_settled_below_its_value_has_no_amount_paid(small: Path, tmp_path: Path) -> None:
    train = small / "Train.csv"
    train.write_text(train.read_text().replace("400,2019-02-20 08:00:00,0", "400,2019-02-20 08:00:00,1"))
    dataset = import_mapping(SHIPPED["xente"], tmp_path, folder=small)
    line = rows(dataset, "repayments", "paid_at::VARCHAR, paid_amount", "account_id = 'L2'")
    assert line == [("2019-02-20 08:00:00", None)]
    assert any(note.startswith("1 loans were settled by a final repayment though") for note in dataset.info.notes)


def test_a_shared_transaction_id_is_told_apart(small: Path, tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["xente"], tmp_path, folder=small)
    orders = rows(dataset, "orders", "order_id, customer_id, status", "order_id LIKE 'T9%'")
    assert orders == [
        ("T9", "ann", "declined"),
        ("T9", "ann", "placed"),
        ("T9#2", "bob", "declined"),
        ("T9#2", "bob", "placed"),
    ]


def test_a_bad_row_takes_all_that_was_made_of_it_into_quarantine(small: Path, tmp_path: Path) -> None:
    train = (small / "Train.csv").read_text().replace("2019-01-01 10:00:02,1e+03", "2019-01-01 10:00:02,-5")
    (small / "Train.csv").write_text(train)
    with pytest.raises(TableError, match=r"orders\.amount is too small") as refused:
        import_mapping(SHIPPED["xente"], tmp_path, folder=small)
    assert "Train.csv row 2" in str(refused.value)
    dataset = import_mapping(SHIPPED["xente"], tmp_path, folder=small, quarantine=True)
    assert [row[0] for row in rows(dataset, "accounts", "account_id")] == ["L2", "L3", "L5"]
    assert [row[0] for row in rows(dataset, "repayments", "account_id")] == ["L2", "L3"]


def test_the_published_files(public_data: Callable[[str], Path], tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["xente"], tmp_path, folder=public_data("xente"))
    assert dataset.info.rows == {
        "customers": 504,
        "orders": 3709,
        "applications": 2676,
        "accounts": 1637,
        "repayments": 1159,
    }
    assert rows(dataset, "outcomes", "defaulted, count(*)", "true GROUP BY ALL") == [(False, 1088), (True, 71)]
    sizes = {cohort: rows(dataset, f"cohorts/{cohort}", "count(*)")[0][0] for cohort in dataset.cohorts}
    assert sizes == {"train": 1159, "declined": 612, "test": 478, "test_declined": 427}
