"""The one class that talks to DuckDB.

Nobody else imports `duckdb`. Timestamps are naive and mean UTC, so no time-zone extension
is needed and none is ever fetched.

>>> with DuckDB() as engine:
...     engine.scalar("SELECT count(*) FROM range(3)")
3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute

from credit_eval.core.errors import CreditEvalError, EngineError, StorageError
from credit_eval.core.zones import zone_named

if TYPE_CHECKING:  # a third of a second that only frames are worth
    import pandas as pd

ROWS_PER_GROUP = 50_000

#: Lines of DuckDB's own words that say what is wrong; what follows quotes the statement or advises on its options.
_TELLING_LINES = 3


@dataclass(frozen=True)
class Relation:
    """Rows as SQL: what can stand after FROM. Rooms hand each other these, never the text of a SELECT.

    >>> f"FROM {select('SELECT 1 AS n')}"
    'FROM (SELECT 1 AS n)'
    """

    sql: str

    def __str__(self) -> str:
        return self.sql


def select(sql: str) -> Relation:
    """The rows of a SELECT."""
    return Relation(f"({sql})")


def one_select(sql: str) -> Relation:
    """The rows of what somebody wrote, if it is one SELECT and nothing else.

    Raises:
        EngineError: several statements, one that does something else, or none that can be parsed.
    """
    with _failures():
        connection = duckdb.connect(":memory:")
        try:
            statements = connection.extract_statements(sql)
        finally:
            connection.close()
    kinds = [str(statement.type).removeprefix("StatementType.") for statement in statements]
    if kinds != ["SELECT"]:
        raise EngineError(
            "this is not one SELECT", expected="one SELECT and nothing else", received=", ".join(kinds) or "nothing"
        )
    return Relation(f"({sql.rstrip().rstrip(';')}\n)")  # on a line of its own: a comment may end the last one


def selects(sql: Mapping[str, str]) -> dict[str, Relation]:
    """The rows of several SELECTs, by name."""
    return {name: select(text) for name, text in sql.items()}


class DuckDB:
    """An embedded database in memory, closed when the `with` block ends.

    `threads` and `memory` (such as "2GB") bound what it may use; what does not fit spills to `spill`.
    Every failure of DuckDB leaves as a StorageError (no room on disk or in memory) or an EngineError (all else).
    """

    def __init__(self, *, threads: int | None = None, memory: str | None = None, spill: Path | None = None) -> None:
        config: dict[str, Any] = {"autoinstall_known_extensions": "false"}
        if threads is not None:
            config["threads"] = threads
        if memory is not None:
            config["memory_limit"] = memory
        if spill is not None:
            config["temp_directory"] = str(spill)
        with _failures():
            self._connection = duckdb.connect(":memory:", config=config)
        self.run("SET TimeZone = 'UTC'")  # what a time without an offset means when it is cast
        # In a notebook without ipywidgets it is off already, and DuckDB refuses to have it switched at all.
        if self.scalar("SELECT current_setting('enable_progress_bar')"):
            self.run("SET enable_progress_bar = false")

    def __enter__(self) -> DuckDB:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def run(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> None:
        """Run a statement whose result nobody reads."""
        with _failures():
            self._execute(sql, parameters)

    def rows(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a small result."""
        with _failures():
            return list(self._execute(sql, parameters).fetchall())

    def scalar(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> Any:
        """The only value of a result of one row and one column."""
        ((value,),) = self.rows(sql, parameters)
        return value

    def frame(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pd.DataFrame:
        """The result as a pandas frame."""
        with _failures():
            frame: pd.DataFrame = self._execute(sql, parameters).df()
        return frame

    def arrow(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
        """The result as an Arrow table."""
        with _failures():
            return self._connection.sql(sql, params=parameters or None).to_arrow_table()

    def register(self, name: str, table: pa.Table | pd.DataFrame) -> None:
        """Make an Arrow table or pandas frame readable under `name`."""
        with _failures():
            self._connection.register(name, table)

    def write_parquet(self, rows: Relation, path: Path, *, order_by: str = "") -> None:
        """Stream rows into a Parquet file, sorted; without `order_by` in the order in which they come."""
        ordered = f"FROM {rows}" + (f" ORDER BY {order_by}" if order_by else "")
        self.run(
            f"COPY ({ordered}) TO {quote(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_PER_GROUP},"
            " USE_TMP_FILE false)"
        )

    def set_clocks(self, zone: str) -> None:
        """Functions of times on a zone's clocks: `clocks_first`, `clocks_second` (moments), `clocks_unsure` (truth)."""
        found = zone_named(zone)

        def moments(local: pa.Array, *, second: bool) -> pa.Array:
            micros = pa.compute.fill_null(local.cast(pa.int64()), 0).to_numpy()
            made = pa.array(found.to_utc(micros, second=second)[0], pa.timestamp("us"))
            return pa.compute.if_else(local.is_valid(), made, None)

        def unsure(local: pa.Array) -> pa.Array:
            micros = pa.compute.fill_null(local.cast(pa.int64()), 0).to_numpy()
            return pa.compute.and_(pa.array(found.to_utc(micros)[1]), local.is_valid())

        functions = {
            "clocks_refuse": lambda local: moments(local, second=False),
            "clocks_first": lambda local: moments(local, second=False),
            "clocks_second": lambda local: moments(local, second=True),
        }
        with _failures():
            for name, function in functions.items():
                self._define(name, function, "TIMESTAMP")
            self._define("clocks_unsure", unsure, "BOOLEAN")

    def _define(self, name: str, function: Callable[..., Any], gives: str) -> None:
        self._connection.create_function(name, function, ["TIMESTAMP"], gives, type="arrow", null_handling="special")

    def confine(self, folders: Sequence[Path], files: Sequence[Path] = ()) -> None:
        """From now on nothing outside these folders and files can be read or written, and no setting changed."""
        inside = ", ".join(quote(f"{one}/") for folder in folders for one in dict.fromkeys((folder, folder.resolve())))
        self.run(f"SET allowed_directories = [{inside}]")
        self.run(f"SET allowed_paths = [{', '.join(quote(file) for file in files)}]")
        self.run("SET autoload_known_extensions = false")
        self.run("SET enable_external_access = false")
        self.run("SET lock_configuration = true")

    def columns(self, path: Path) -> dict[str, str]:
        """Names and DuckDB types of the columns of a Parquet file."""
        described = self.rows(f"DESCRIBE SELECT * FROM {parquet(path)}")
        return {row[0]: row[1] for row in described}

    def _execute(self, sql: str, parameters: Sequence[object] | Mapping[str, object]) -> Any:
        return self._connection.execute(sql, parameters or None)


@contextmanager
def _failures() -> Iterator[None]:
    """DuckDB's failures, which may come while a result is fetched, as errors of this project."""
    try:
        yield
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        raise _translated(error) from error
    except RuntimeError as error:
        if "interrupt" not in str(error).lower():
            raise
        raise KeyboardInterrupt from None


def _translated(error: duckdb.Error) -> CreditEvalError:
    said = str(error)
    if isinstance(error, duckdb.IOException) and ("No space left" in said or "could not write" in said.lower()):
        return StorageError("the disk is full", todo="make room, then run again; nothing was changed")
    if isinstance(error, duckdb.IOException) and ("Permission denied" in said or "Read-only file system" in said):
        return StorageError("the disk refused to be written or read", todo="check the rights on data/ and models/")
    telling = " ".join([line for line in said.splitlines() if line.strip()][:_TELLING_LINES])
    if isinstance(error, duckdb.OutOfMemoryException):
        return StorageError(
            "the query engine ran out of memory, or of room to spill to",
            received=telling,
            todo="free memory and disk, allow the engine more of them, or ask for fewer customers; nothing was changed",
        )
    return EngineError(
        "the query engine could not do what it was asked",
        received=telling,
        todo="look for what is named above in the files and declarations the run reads",
    )


def quote(path: Path | str) -> str:
    """A path or text as an SQL literal.

    >>> quote("it's")
    "'it''s'"
    """
    return "'" + str(path).replace("'", "''") + "'"


def literal(path: Path | str) -> str:
    """A path as a literal that DuckDB reads as that very file: to its readers a path is a pattern.

    >>> literal("data [old]/what?.csv")
    "'data [[]old]/what[?].csv'"
    """
    return quote("".join(f"[{letter}]" if letter in "[*?" else letter for letter in str(path)))


def parquet(path: Path | str | Sequence[Path]) -> Relation:
    """Parquet files (a path or a list of paths, no patterns) as a relation: what they hold, nothing out of their names.

    Directories here are named `as_of=…` and `cohort=…`; DuckDB would make columns of these, over the real ones.

    >>> parquet("orders.parquet").sql
    "read_parquet('orders.parquet', hive_partitioning = false)"
    >>> parquet([Path("orders.parquet"), Path("orders.parts/2026-03-01.parquet")]).sql
    "read_parquet(['orders.parquet', 'orders.parts/2026-03-01.parquet'], hive_partitioning = false)"
    """
    files = literal(path) if isinstance(path, Path | str) else "[" + ", ".join(map(literal, path)) + "]"
    return Relation(f"read_parquet({files}, hive_partitioning = false)")
