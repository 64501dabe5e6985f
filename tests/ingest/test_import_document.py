"""The worked example of docs/bring-your-own-data.md is true: its code blocks are imported and compared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credit_eval.core.errors import TableError
from credit_eval.ingest.mapping import append_mapping, import_mapping
from credit_eval.schema.duckdb import DuckDB, parquet

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
