"""The worked example of docs/bring-your-own-data.md is true: its code blocks are imported and compared."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import credit_eval as ce
from credit_eval.core.errors import PolicyError, SampleError, SourceError, TableError
from credit_eval.ingest.mapping import append_mapping, import_mapping
from credit_eval.policy.settings import DEFAULT_POLICY
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.stages import run_all

DOCUMENT = Path(__file__).parents[2] / "docs" / "bring-your-own-data.md"
BLOCK = re.compile(r"^```\w+ title=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def blocks(tmp_path: Path) -> dict[str, str]:
    """The document's titled blocks, those that are files written beside each other."""
    found = dict(BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")))
    for title, text in found.items():
        if title.endswith((".csv", ".yaml", ".asc")):
            (tmp_path / title).parent.mkdir(exist_ok=True)
            (tmp_path / title).write_text(text, encoding="utf-8")
    return found


def test_the_worked_example_gives_the_orders_it_shows(blocks: dict[str, str], tmp_path: Path) -> None:
    dataset = import_mapping(tmp_path / "myshop.yaml", tmp_path / "raw")
    assert held(dataset.path("orders")) == blocks["orders.expected"].splitlines()
    assert dataset.info.notes == ["sales of the web shop only"]


def held(path: Path) -> list[str]:
    """A stored file as lines of comma-separated values, the columns first."""
    with DuckDB() as engine:
        rows = engine.rows(f"SELECT * FROM {parquet(path)}")
        return [",".join(str(value) for value in row) for row in [tuple(engine.columns(path)), *rows]]


def test_the_bank_gives_the_schedule_it_shows(blocks: dict[str, str], tmp_path: Path) -> None:
    dataset = import_mapping(tmp_path / "bank" / "bank.yaml", tmp_path / "raw")
    assert held(dataset.path("repayments")) == blocks["bank.expected"].splitlines()
    assert dataset.info.rows == {"customers": 2, "orders": 2, "behaviour": 1, "accounts": 1, "repayments": 3}


def test_a_loan_is_decided_by_the_amount_that_the_cohort_says(blocks: dict[str, str], tmp_path: Path) -> None:
    dataset = import_mapping(tmp_path / "loans.yaml", tmp_path / "data" / "raw")
    assert dataset.info.notes == []
    (row,) = held(dataset.cohort_path("tonight"))[1:]
    assert row == "17,2025-03-16 10:00:00.000001,95.00"
    study = loans_study(tmp_path)
    (run,) = study.runs()
    study.check_decidable(run)
    members = pd.read_parquet(dataset.cohort_path("tonight"))
    profiles = study.observe(members).merge(members, on=["customer_id", "as_of"])
    assert profiles["applications_term_last"].tolist() == [60.0]  # the request itself is known a microsecond later
    less = study.decide([0.01], profiles.assign(amount=90.0))
    assert less[["decision", "limit_new", "limit_bound_by"]].values.tolist() == [["approve", 90.0, "amount_asked"]]
    by_request = study.decide([0.01], profiles.drop(columns="amount"))
    assert by_request["limit_new"].tolist() == [95.0]


def test_what_a_model_of_own_labels_needs_is_asked_for_before_it_is_trained(
    blocks: dict[str, str], tmp_path: Path
) -> None:
    mapping = tmp_path / "loans.yaml"
    import_mapping(mapping, tmp_path / "data" / "raw")
    with pytest.raises(SampleError, match="too few bads or goods") as refused:
        run_all(loans_study(tmp_path))
    assert "1 bads and 1 goods" in str(refused.value)
    (settings := tmp_path / "settings.yaml").write_text("datasets: {loans: {policy: default, revolving: false}}")
    with pytest.raises(PolicyError, match="what customers owe is unknown"):
        run_all(ce.open("loans", root=tmp_path))
    settings.write_text("datasets: {loans: {policy: default, assume_no_debt: true}}")
    with pytest.raises(PolicyError, match="amounts are asked for on lines"):
        run_all(ce.open("loans", root=tmp_path))
    (tmp_path / "other.yaml").write_text(DEFAULT_POLICY.read_text() + "\ncurrency: USD\n")
    settings.write_text("datasets: {loans: {policy: other.yaml, revolving: false, assume_no_debt: true}}")
    with pytest.raises(PolicyError, match="another currency") as refused:
        run_all(ce.open("loans", root=tmp_path))
    assert (refused.value.expected, refused.value.received) == ("EUR", "USD")
    assert not (tmp_path / "data" / "profiles").exists()
    without = mapping.read_text().split("cohorts:")[0].replace("applications", "x").split("  x:")[0]
    mapping.write_text(without + "cohorts: {tonight: {file: asked.csv, columns: {customer_id: buyer, as_of: asked}}}\n")
    import_mapping(mapping, tmp_path / "data" / "raw", replace=True)
    with pytest.raises(PolicyError, match="nobody knows how much is asked for"):
        run_all(loans_study(tmp_path))
    outcomes = {"file": "asked.csv", "columns": {"customer_id": "buyer", "as_of": "asked", "defaulted": "bad"}}
    mapping.write_text(without + f"outcomes: {json.dumps(outcomes)}\n")
    with pytest.raises(SourceError, match="labels belong to no row"):
        import_mapping(mapping, tmp_path / "data" / "raw", replace=True)


def loans_study(root: Path) -> ce.Study:
    text = "datasets: {loans: {policy: default, revolving: false, assume_no_debt: true}}"
    (root / "settings.yaml").write_text(text)
    return ce.open("loans", root=root)


def test_the_broken_row_is_refused_in_the_words_shown(blocks: dict[str, str], tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    lines = sales.read_text().splitlines()
    sales.write_text("\n".join([*lines[:-1], "1003,99,16.03.2025 09:15,-45.5,BACK", ""]))
    with pytest.raises(TableError) as refused:
        import_mapping(tmp_path / "myshop.yaml", tmp_path / "raw")
    assert str(refused.value) == blocks["refused"].rstrip("\n")
    assert not (tmp_path / "raw" / "myshop").exists()


def test_the_day_appended_is_the_part_shown(blocks: dict[str, str], tmp_path: Path) -> None:
    import_mapping(tmp_path / "myshop.yaml", tmp_path / "raw")
    dataset = append_mapping(tmp_path / "myshop.yaml", tmp_path / "night", tmp_path / "raw", "myshop")
    _, part = dataset.paths("orders")
    assert part == dataset.root / "orders.parts" / "2025-03-17.parquet"
    assert held(part) == blocks["appended.expected"].splitlines()
    assert str(dataset.info.known_until) == "2025-03-19 00:00:00"


def test_a_late_sale_is_refused_in_the_words_shown(blocks: dict[str, str], tmp_path: Path) -> None:
    import_mapping(tmp_path / "myshop.yaml", tmp_path / "raw")
    with (tmp_path / "night" / "sales.csv").open("a") as sales:
        sales.write("1005,18,16.03.2025 12:00,8.00,NEW\n")
    with pytest.raises(TableError) as refused:
        append_mapping(tmp_path / "myshop.yaml", tmp_path / "night", tmp_path / "raw", "myshop")
    assert str(refused.value) == blocks["late"].rstrip("\n")
