"""A path is a path: brackets and stars in the names of folders and files lead to no other file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from credit_eval.ingest.reading import open_csv, open_parquet
from credit_eval.report.summary import summarise
from credit_eval.schema.duckdb import DuckDB, parquet
from tests.scored_run import scored_frame, write_run


@pytest.mark.parametrize(("named", "other"), [("gl[1]", "gl1"), ("a*", "ab"), ("what?", "whatx"), ("a[!b]", "ac")])
def test_the_file_that_is_named_is_read_and_no_other(tmp_path: Path, named: str, other: str) -> None:
    for folder, value in ((named, 1), (other, 2)):
        rows = pd.DataFrame({"x": [str(value)]})
        for name in (f"{folder}.csv", f"part-{folder}.parquet"):
            target = tmp_path / folder / name
            target.parent.mkdir(exist_ok=True)
            rows.to_csv(target, index=False) if name.endswith("csv") else rows.to_parquet(target, index=False)
    shutil.copy(tmp_path / other / f"{other}.csv", tmp_path / named)  # what a pattern would find beside it
    with DuckDB() as engine:
        assert engine.rows(f"FROM {parquet(tmp_path / named / f'part-{named}.parquet')}") == [("1",)]
        for opened in (
            open_csv(tmp_path / named / f"{named}.csv"),
            open_parquet(tmp_path / named / f"part-{named}.parquet"),
        ):
            assert engine.rows(f"FROM {opened.reader}")[0][0] == "1"


def test_a_project_in_a_folder_with_brackets_reads_its_own_run(tmp_path: Path) -> None:
    for folder, n in (("shop[1]", 40), ("shop1", 70)):
        write_run(tmp_path / folder, scored_frame(n))
    assert summarise(tmp_path / "shop[1]" / "toy" / "as_of=2026-03-01").customers == 40
