"""Whatever DuckDB cannot do leaves it as an error of this project, with its exit code and no raw traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from credit_eval.core.errors import CreditEvalError, EngineError, StorageError
from credit_eval.schema.duckdb import DuckDB

TOO_LARGE = "SELECT 9223372036854775807::BIGINT + i FROM range(2) t(i)"


@pytest.mark.parametrize("method", ["run", "rows", "scalar", "frame", "arrow"])
@pytest.mark.parametrize("sql", [TOO_LARGE, "SELECT nonsense", "FROM read_parquet('nowhere.parquet')"])
def test_every_way_to_ask_translates_failures(method: str, sql: str) -> None:
    with DuckDB(threads=1) as engine, pytest.raises(EngineError) as failed:
        getattr(engine, method)(sql)
    assert failed.value.exit_code == 20
    assert "received: " in str(failed.value)


def test_the_exit_code_is_its_own() -> None:
    codes = [kind.exit_code for kind in CreditEvalError.__subclasses__()]
    assert len(set(codes)) == len(codes)


def test_a_full_memory_says_what_to_do(tmp_path: Path) -> None:
    hungry = "SELECT list(hash(i)) FROM range(5_000_000) t(i)"
    with (
        DuckDB(threads=1, memory="16MB", spill=tmp_path) as engine,
        pytest.raises(StorageError, match="memory") as full,
    ):
        engine.rows(hungry)
    assert "to do: free memory" in str(full.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_says_so() -> None:
    with DuckDB(threads=1) as engine, pytest.raises(StorageError, match="the disk is full"):
        engine.run("COPY (SELECT * FROM range(1000000)) TO '/dev/full' (FORMAT csv, USE_TMP_FILE false)")


@pytest.mark.parametrize("options", [{"memory": "plenty"}, {"threads": 0}])
def test_settings_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(EngineError):
        DuckDB(**options)
