"""docs/tables.md says what the declared tables are, and is current."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.profiles.tables import tables_page
from credit_eval.schema.tables import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == tables_page(CATALOGUE), "run `make docs`"


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_has_its_line(table) -> None:
    section = tables_page(CATALOGUE).split(f"## {table.name}\n")[1].split("\n## ")[0]
    for column in table.all_columns:
        name = f"| **`{column.name}`** |" if column.required else f"| `{column.name}` |"
        (line,) = [line for line in section.splitlines() if line.startswith(name)]
        assert all(f"`{value}`" in line for value in column.values or ())
        assert ("for audit only" in line) == column.audit_only


def test_what_features_read_is_counted() -> None:
    wanted = sum("failure_cause" in f.needs.get("payments", ()) for f in CATALOGUE.features)
    assert wanted > 3
    assert f"| `failure_cause` | text |  |  | {wanted} |" in tables_page(CATALOGUE)
