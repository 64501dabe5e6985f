"""Spark starts where it can, says what it lacks where it cannot, and leaves whatever it cannot do as our errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from event_tables import NEEDS_SPARK, SPARK_ZONE, started_spark

from credit_eval.core.errors import EngineError, StorageError
from credit_eval.engine import spark as spark_module
from credit_eval.engine.spark import Spark

ONE_ROW = pa.table({"n": [1]})


def java_saying(text: str, directory: Path) -> Path:
    """A JAVA_HOME whose java says this when asked for its version."""
    java = directory / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
    java.chmod(0o755)
    return directory


class TestWithout:
    """What a machine lacks is said before anything is started."""

    def refused(self) -> str:
        with pytest.raises(EngineError, match="Java 17 or later") as refused:
            Spark()
        assert refused.value.exit_code == 20
        assert "pip install" in str(refused.value)
        assert "openjdk-17" in str(refused.value)
        return str(refused.value.received)

    def test_pyspark(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spark_module, "find_spec", lambda name: None)
        assert self.refused() == "pyspark is not installed"

    def test_java(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(spark_module, "find_spec", lambda name: "found")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("JAVA_HOME", raising=False)
        assert self.refused() == "no Java on the PATH, and no JAVA_HOME"
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        assert self.refused() == "no Java in JAVA_HOME"

    @pytest.mark.parametrize(
        ("said", "received"),
        [
            ('openjdk version "11.0.2" 2019-01-15', "Java 11"),
            ('java version "1.8.0_292"', "Java 8"),
            ("who knows", "Java of an unknown version"),
        ],
    )
    def test_a_java_that_is_young_enough(
        self, said: str, received: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(spark_module, "find_spec", lambda name: "found")
        monkeypatch.setenv("JAVA_HOME", str(java_saying(said, tmp_path)))
        assert self.refused() == received


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("[X] java.io.IOException: No space left on device", StorageError, "the disk is full"),
        ("java.lang.OutOfMemoryError: Java heap space\n\tat a.B.c(D.java:1)", StorageError, "memory"),
        ("[PATH_NOT_FOUND] Path does not exist: file:/home/me/raw/x.parquet.", EngineError, "not exist: x.parquet."),
        (
            'A worker failed:\nTraceback (most recent call last):\n  File "/a/b.py", line 1\nValueError: no',
            EngineError,
            "received: ValueError: no\n",
        ),
    ],
)
def test_what_spark_says_is_told_without_places_in_code_or_on_disk(said: str, kind: Any, told: str) -> None:
    error = spark_module._translated(said)
    assert type(error) is kind
    assert told in str(error)
    assert not any(place in str(error) for place in ("/home", "/a/", "D.java"))


class TestRunning:
    pytestmark = NEEDS_SPARK

    def test_these_tests_run_in_another_zone_than_utc(self) -> None:
        zone = started_spark().arrow("SELECT java_method('java.util.TimeZone', 'getDefault') AS zone")
        assert f'id="{SPARK_ZONE}"' in zone["zone"][0].as_py()

    def test_a_day_that_new_york_skips_an_hour_of_has_24_hours(self) -> None:
        hours = "unix_micros(TIMESTAMP '2026-03-09') - unix_micros(TIMESTAMP '2026-03-08')"
        skipped = "CAST(extract(HOUR FROM TIMESTAMP '2026-03-08 02:30:00') AS BIGINT)"
        found = started_spark().arrow(f"SELECT {hours} AS day, {skipped} AS hour")
        assert found.to_pylist() == [{"day": 86_400_000_000, "hour": 2}]

    @pytest.mark.parametrize("sql", ["SELECT nonsense", "SELEC 1", "SELECT CAST('x' AS BIGINT)", "SELECT 1/0"])
    def test_what_it_cannot_do_is_an_error_of_ours(self, sql: str) -> None:
        with pytest.raises(EngineError, match="received: ") as failed:
            started_spark().arrow(sql)
        assert failed.value.exit_code == 20

    def test_a_sum_beyond_38_digits_is_refused_and_not_rounded(self) -> None:
        with pytest.raises(EngineError):
            started_spark().arrow(f"SELECT CAST({'9' * 38} AS DECIMAL(38, 0)) + CAST(1 AS DECIMAL(38, 0))")

    def test_a_file_that_is_not_there_is_named_without_its_directory(self, tmp_path: Path) -> None:
        with pytest.raises(EngineError, match=r"nowhere\.parquet") as failed:
            started_spark().register("t", [tmp_path / "nowhere.parquet"])
        assert str(tmp_path) not in str(failed.value)

    def test_a_running_session_is_used_and_left_as_it_was(self) -> None:
        first = started_spark()
        first.register("t", ONE_ROW)
        first._session.conf.set("spark.sql.session.timeZone", SPARK_ZONE)
        with Spark() as second:
            assert second.arrow("SELECT current_timezone() AS zone").to_pylist() == [{"zone": "UTC"}]
            with pytest.raises(EngineError):
                second.arrow("SELECT n FROM t")
        assert first.arrow("SELECT n, current_timezone() AS zone FROM t").to_pylist() == [{"n": 1, "zone": SPARK_ZONE}]
        first._session.conf.set("spark.sql.session.timeZone", "UTC")
