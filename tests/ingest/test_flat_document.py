"""The worked example of docs/flat-tables.md is true: its blocks are drafted, imported and compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import credit_eval as ce
from credit_eval.core.errors import SampleError
from credit_eval.ingest.draft import draft
from credit_eval.ingest.flat_table import FlatColumnMapping, FlatMapping, LabelMapping
from credit_eval.ingest.mapping import import_mapping
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.flat import FlatRole, Side
from credit_eval.stages import run_all

DOCUMENT = Path(__file__).parents[2] / "docs" / "flat-tables.md"
BLOCKS = dict(re.findall(r"^```\w+ title=(\S+)\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for title in ("loans.csv", "loans.yaml"):
        (tmp_path / title).write_text(BLOCKS[title], encoding="utf-8")
    return tmp_path


def test_the_draft_is_the_one_shown(folder: Path) -> None:
    drafted = draft(folder / "loans.csv", label="state", into=folder / "drafted.yaml")
    assert drafted.text == BLOCKS["drafted"]
    assert import_mapping(drafted.path, folder / "raw").info.rows == {"flat": 8}  # as it stands


def test_the_rows_are_those_shown(folder: Path) -> None:
    dataset = import_mapping(folder / "loans.yaml", folder / "raw")
    with DuckDB() as engine:
        rows = engine.rows(f"SELECT * FROM {parquet(dataset.flat_path)}")
        lines = [",".join(map(str, row)) for row in [tuple(engine.columns(dataset.flat_path)), *rows]]
    assert lines == BLOCKS["flat.expected"].splitlines()
    assert dataset.cohorts == ("rows", "train", "unlabelled")


def test_too_few_rows_are_refused_in_the_words_shown(folder: Path) -> None:
    import_mapping(folder / "loans.yaml", folder / "data" / "raw")
    with pytest.raises(SampleError) as error:
        run_all(ce.open("loans", root=folder, policy="default"))
    assert str(error.value) == BLOCKS["too_few"].rstrip("\n")


def test_every_key_is_in_the_tables() -> None:
    page = DOCUMENT.read_text("utf-8")
    for model, prefix in ((FlatMapping, ""), (LabelMapping, "label."), (FlatColumnMapping, "")):
        for name, field in model.model_fields.items():
            assert name == "label" or f"`{prefix}{field.alias or name}`" in page, name
    for word in (*get_args(FlatRole), *get_args(Side)):
        assert f"`{word}`" in page
