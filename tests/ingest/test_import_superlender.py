"""SuperLender: the published files give the loans, schedules and moments their documentation promises."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from credit_eval.core.errors import SourceError, TableError
from credit_eval.ingest.mapping import import_mapping
from credit_eval.ingest.shipped import SHIPPED
from credit_eval.schema.duckdb import DuckDB, quote
from credit_eval.schema.store import Dataset

PERF = "customerid,systemloanid,approveddate,creationdate,loanamount,totaldue,termdays,referredby"
PREVIOUS = PERF + ",closeddate,firstduedate,firstrepaiddate"
PERSON = "customerid,birthdate,bank_account_type,bank_name_clients,employment_status_clients,level_of_education_clients"


def previous(loan: str, approved: str, terms: str, *moments: str) -> str:
    """A previous loan, created an hour before its approval; `moments` are closed, first due, first repaid."""
    created = str(datetime.fromisoformat(approved) - timedelta(hours=1))
    return ",".join([loan, approved, created, terms, "", *moments])


FILES = {
    "trainperf.csv": [
        PERF + ",good_bad_flag",
        "ann,300,2017-07-10 10:00:05,2017-07-10 09:00:00,10000.0000,11500.0000,30,,Bad",
        "bob,500,2017-07-12 12:00:05,2017-07-12 11:00:00,20000,23000,15,eve,Good",
    ],
    "testperf.csv": [PERF, "cyd,400,10:07.0,10:01.0,10000,11500,30,"],
    "trainprevloans.csv": [
        PREVIOUS,
        previous(
            "ann,100", "2017-03-01 10:00:00", "10000,13000,30", "2017-03-30 12:00", "2017-03-31", "2017-03-30 11:00"
        ),
        previous("ann,200", "2017-04-01 10:00:00", "10000,10000.01,90", "2017-06-30 12:00", "2017-05-01", "2017-05-02"),
    ],
    "testprevloans.csv": [
        PREVIOUS,
        previous(
            "cyd,150", "2017-03-11 10:00:00", "10000,13000,15", "2017-03-25 12:00", "2017-03-26", "2017-03-25 11:00"
        ),
        previous(
            "dan,390", "2017-07-10 21:06:00", "10000,13000,15", "2017-07-25 12:00", "2017-07-26", "2017-07-25 11:00"
        ),
        previous(
            "dan,410", "2017-07-10 21:56:00", "10000,13000,15", "2017-07-25 12:00", "2017-07-26", "2017-07-25 11:00"
        ),
    ],
    "traindemographics.csv": [PERSON, *["ann,1980-05-01,Savings,UBA,Permanent,"] * 2],
    "testdemographics.csv": [PERSON],
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Four customers in the published format: a long loan, a test loan without its hour, a repeated demographic row."""
    folder = tmp_path / "small"
    folder.mkdir()
    for name, lines in FILES.items():
        (folder / name).write_text("\n".join([*lines, ""]))
    return folder


def rows(dataset: Dataset, table: str, what: str, where: str = "true") -> list[tuple[Any, ...]]:
    with DuckDB() as engine:
        path = quote(dataset.root / f"{table}.parquet")
        return engine.rows(f"SELECT {what} FROM read_parquet({path}) WHERE {where} ORDER BY ALL")


def test_a_short_loan_is_one_line_and_a_long_one_two(small: Path, tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["superlender"], tmp_path, folder=small)
    what = "account_id, installment_id, due_at::VARCHAR, due_amount::VARCHAR, paid_at::VARCHAR"
    assert rows(dataset, "repayments", what, "customer_id = 'ann'") == [
        ("100", "first", "2017-03-31 00:00:00", "13000.00", "2017-03-30 12:00:00"),
        ("200", "first", "2017-05-01 00:00:00", "3333.34", "2017-05-02 00:00:00"),
        ("200", "rest", "2017-06-30 00:00:00", "6666.67", "2017-06-30 12:00:00"),
    ]


def test_the_judged_loan_is_an_application_but_no_account_at_its_as_of(small: Path, tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["superlender"], tmp_path, folder=small)
    ((as_of,),) = rows(dataset, "cohorts/train", "as_of", "customer_id = 'ann'")
    assert as_of == datetime(2017, 7, 10, 10, 0, 5)
    seen = f"customer_id = 'ann' AND known_at < TIMESTAMP '{as_of}'"
    assert rows(dataset, "applications", "application_id", seen) == [("100",), ("200",), ("300",)]
    assert rows(dataset, "accounts", "account_id", seen) == [("100",), ("200",)]


def test_customers_labels_and_the_hour_of_a_test_loan(small: Path, tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["superlender"], tmp_path, folder=small)
    assert rows(dataset, "customers", "customer_id, birth_year, referred") == [
        ("ann", 1980, False),
        ("bob", None, True),
        ("cyd", None, False),
        ("dan", None, False),
    ]
    labels = rows(dataset, "outcomes", "customer_id, defaulted, known_at::VARCHAR")
    assert labels == [("ann", True, "2017-09-08 10:00:05"), ("bob", False, "2017-08-26 12:00:05")]
    assert rows(dataset, "cohorts/test", "customer_id, as_of::VARCHAR") == [("cyd", "2017-07-10 21:10:07")]
    assert any(note.startswith("1 test loans are published with minutes") for note in dataset.info.notes)
    assert any(note.startswith("1 demographic rows repeat") for note in dataset.info.notes)


def test_a_time_that_cannot_be_recovered_is_refused_or_set_aside(small: Path, tmp_path: Path) -> None:
    beyond = (small / "testperf.csv").read_text().replace("cyd,400", "cyd,900")
    (small / "testperf.csv").write_text(beyond)
    with pytest.raises(TableError, match=r"occurred_at cannot be read") as refused:
        import_mapping(SHIPPED["superlender"], tmp_path, folder=small)
    assert "testperf.csv row 2" in str(refused.value)
    dataset = import_mapping(SHIPPED["superlender"], tmp_path, folder=small, quarantine=True)
    assert rows(dataset, "cohorts/test", "*") == []
    assert (dataset.root / "quarantine" / "cohorts-test.parquet").exists()


def test_the_wrong_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no file trainperf\.csv"):
        import_mapping(SHIPPED["superlender"], tmp_path, folder=tmp_path)


def test_the_published_files(public_data: Callable[[str], Path], tmp_path: Path) -> None:
    dataset = import_mapping(SHIPPED["superlender"], tmp_path, folder=public_data("superlender"))
    assert dataset.info.rows == {"customers": 5818, "applications": 29908, "accounts": 29908, "repayments": 25414}
    assert rows(dataset, "outcomes", "defaulted, count(*)", "true GROUP BY ALL") == [(False, 3416), (True, 952)]
    with DuckDB() as engine:
        known = engine.scalar(
            f"SELECT count(*) FROM read_parquet({quote(dataset.path('accounts'))}) a "
            f"JOIN read_parquet([{quote(dataset.cohort_path('train'))}, {quote(dataset.cohort_path('test'))}]) c "
            "ON a.customer_id = c.customer_id AND a.known_at < c.as_of"
        )
    assert known == 18183 + 5907  # every previous loan, and no judged one


def test_recovered_hours_are_right_where_the_truth_is_known(public_data: Callable[[str], Path], tmp_path: Path) -> None:
    """A third of the train loans lose their hours the way the test loans did; the truth is in the file."""
    source = tmp_path / "shortened"
    shutil.copytree(public_data("superlender"), source)
    with (source / "trainperf.csv").open(newline="") as stream:
        loans = list(csv.DictReader(stream))
    lost = [loan for i, loan in enumerate(loans) if i % 3 == 0]
    _write(source / "trainperf.csv", [loan for i, loan in enumerate(loans) if i % 3])
    _write(
        source / "testperf.csv",
        [loan | {moment: f"{loan[moment][14:19]}.0" for moment in ("creationdate", "approveddate")} for loan in lost],
    )
    dataset = import_mapping(SHIPPED["superlender"], tmp_path, folder=source, quarantine=True)
    recovered = dict(rows(dataset, "cohorts/test", "customer_id, as_of"))
    truth = {loan["customerid"]: datetime.fromisoformat(loan["approveddate"]) for loan in lost}
    exact = sum(recovered.get(customer) == moment for customer, moment in truth.items())
    late = sum(recovered[customer] > moment for customer, moment in truth.items() if customer in recovered)
    print(f"recovered {len(recovered)} of {len(truth)}, {exact} exactly, {late} too late")
    assert exact >= 0.95 * len(truth)
    assert late <= 0.005 * len(truth)


def _write(path: Path, loans: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(loans[0]))
        writer.writeheader()
        writer.writerows(loans)
