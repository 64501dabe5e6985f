"""From relations to a data set on disk: staged, judged, sorted, described, and moved in by one rename.

An importer says *what* its tables are, as SQL over the files it reads. This module does the rest, the same for
every source and in bounded memory: one pass writes the relations as text into the directory being built, the
checks read them from there, and what is good is cast, sorted and written. A kill or an error on the way leaves
nothing behind.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime
from pathlib import Path

from credit_eval.core.clock import DAY
from credit_eval.core.errors import SourceError
from credit_eval.core.files import atomic_directory, sha256_file
from credit_eval.core.progress import Tick, silent
from credit_eval.events.engines.duckdb import DuckDB, EngineError, parquet, quote
from credit_eval.events.rules import (
    OUTCOMES,
    SHAPES,
    SOURCE_FILE,
    SOURCE_ROW,
    Shape,
    cohort_shape,
    finished_row,
)
from credit_eval.events.store import Dataset, DatasetInfo, describe_dataset, open_dataset
from credit_eval.events.tables import table_named
from credit_eval.events.validation import Checked, Incoming, validate
from credit_eval.sources.reading import BrokenLine

#: What the engine may hold before it spills to disk. One thread: the order of rows in a file is then the same
#: on every machine, and so are the bytes.
MEMORY, THREADS = "256MB", 1

_STAGE, _SPILL, _QUARANTINE, _BROKEN_LINES = ".stage", ".spill", "quarantine", "broken_lines.csv"
_HIDDEN = (SOURCE_FILE, SOURCE_ROW)


@dataclass(frozen=True)
class Counted:
    """A note on the data that is kept only where its count is not zero; `text` holds `{n}`."""

    text: str
    sql: str


@dataclass(frozen=True)
class Relations:
    """What an importer hands over, all of it SQL.

    `views` are named relations the others may build on, made in this order. `tables` maps declared tables,
    `cohorts` names of cohorts, to SELECTs of their columns; values may be of any type. A SELECT may also give
    `source_file` and `source_row`, which tell a reader where a bad row comes from; else its rows are numbered.
    `broken` are lines skipped because nothing could be read from them.
    """

    tables: Mapping[str, str]
    views: Mapping[str, str] = field(default_factory=dict)
    cohorts: Mapping[str, str] = field(default_factory=dict)
    outcomes: str | None = None
    broken: tuple[BrokenLine, ...] = ()


def write_dataset(
    root: Path,
    name: str,
    relations: Relations,
    *,
    source: str,
    currency: str,
    quarantine: bool = False,
    replace: bool = False,
    notes: Sequence[str | Counted] = (),
    known_until: datetime | None = None,
    tick: Tick = silent,
) -> Dataset:
    """Write the data set `root/name`; `quarantine` sets bad rows aside under `quarantine/` and goes on.

    `known_until` is the midnight after the last known moment unless given. Importing the same source twice
    writes the same bytes.

    Raises:
        TableError: rows break the declared tables and `quarantine` is false; nothing is written.
        SourceError: a file cannot be read, or the source holds no rows at all.
        OutputExistsError: the data set exists and `replace` is false.
        StorageError: the disk refused.
    """
    for table in relations.tables:
        table_named(table)
    with atomic_directory(root / name, replace=replace) as building:
        for scratch in (_STAGE, _SPILL):
            (building / scratch).mkdir()
        with DuckDB(threads=THREADS, memory=MEMORY, spill=building / _SPILL) as engine:
            writer = _Writer(engine, building, tick, len(_selects(relations)))
            written = writer.write(relations, quarantine=quarantine)
            kept = writer.notes(notes)
        first, last = written.moments
        info = DatasetInfo(
            name=name,
            source=source,
            currency=currency,
            known_from=first,
            known_until=known_until or _midnight_after(last),
            label_source="outcomes" if relations.outcomes else "repayments",
            columns=written.columns,
            rows=written.rows,
            hashes=_remove_scratch_and_hash(building),
            notes=kept + written.notes,
        )
        describe_dataset(building, info)
    return open_dataset(root / name)


@dataclass(frozen=True)
class _Written:
    columns: dict[str, list[str]]
    rows: dict[str, int]
    moments: tuple[datetime, datetime]
    notes: list[str]


class _Writer:
    """Stages, checks and writes relations into the directory being built; one step of `tick` a relation."""

    def __init__(self, engine: DuckDB, building: Path, tick: Tick, n_relations: int) -> None:
        self._engine, self._building, self._tick = engine, building, tick
        self._done, self._steps = 0, 2 * n_relations + 1

    def write(self, relations: Relations, *, quarantine: bool) -> _Written:
        """All relations, or an error before any of them."""
        self._engine.run("SET TimeZone = 'UTC'")
        try:
            for view, sql in relations.views.items():
                self._engine.run(f"CREATE TEMP VIEW {view} AS {sql}")
            incoming = [self._stage(shape, sql) for shape, sql in _selects(relations)]
        except EngineError as error:
            raise _unreadable(error) from error
        checked = validate(self._engine, incoming, set_aside=quarantine)
        self._step()
        for one in incoming:
            self._store(one, checked)
        notes = self._aside(incoming, checked) + self._broken(relations.broken)
        return self._summary([one for one in incoming if one.shape.name in SHAPES], notes)

    def notes(self, notes: Sequence[str | Counted]) -> list[str]:
        """Plain notes, and those whose count is not zero."""
        kept = []
        for note in notes:
            n = 1 if isinstance(note, str) else self._engine.scalar(note.sql)
            if n:
                kept.append(note if isinstance(note, str) else note.text.format(n=f"{n:,}"))
        return kept

    def _stage(self, shape: Shape, sql: str) -> Incoming:
        """Write a relation as text, its rows numbered, in one streaming pass."""
        named = [row[0] for row in self._engine.rows(f"DESCRIBE {sql}")]
        given = tuple(column for column in named if column not in _HIDDEN)
        hidden = _HIDDEN if set(_HIDDEN) <= set(named) else (quote(shape.name), "row_number() OVER ()")
        columns = [f"{value} AS {column}" for value, column in zip(hidden, _HIDDEN, strict=True)]
        columns += [f"CAST({column} AS VARCHAR) AS {column}" for column in given]
        staged = self._building / _STAGE / f"{shape.name.replace('/', '-')}.parquet"
        self._engine.write_parquet(f"SELECT {', '.join(columns)} FROM ({sql})", staged)
        self._step()
        return Incoming(shape, parquet(staged), given)

    def _store(self, one: Incoming, checked: Checked) -> None:
        """Cast, fill, sort and write the good rows; set the bad ones aside."""
        name, shape = one.shape.name, one.shape
        path = self._building / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        columns = [column.name for column in shape.written(one.given)]
        first = [column for column in ("customer_id", "occurred_at", "as_of", *shape.key) if column in columns]
        order = ", ".join(dict.fromkeys(first + columns))
        row = finished_row(shape, one.given)
        self._engine.write_parquet(f"SELECT {row} FROM ({checked.good(name)}) ORDER BY {order}", path)
        if checked.n_aside(name):
            aside = self._building / _QUARANTINE / f"{name.replace('/', '-')}.parquet"
            aside.parent.mkdir(exist_ok=True)
            self._engine.write_parquet(checked.bad(name), aside)
        self._step()

    def _aside(self, incoming: Sequence[Incoming], checked: Checked) -> list[str]:
        counts = {one.shape.name: checked.n_aside(one.shape.name) for one in incoming}
        return [
            f"{n:,} rows of {name} were set aside: see quarantine/{name.replace('/', '-')}.parquet"
            for name, n in counts.items()
            if n
        ]

    def _broken(self, lines: Sequence[BrokenLine]) -> list[str]:
        if not lines:
            return []
        target = self._building / _QUARANTINE / _BROKEN_LINES
        target.parent.mkdir(exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(field.name for field in fields(BrokenLine))
            writer.writerows(astuple(line) for line in lines)
        return [f"{len(lines):,} lines that could not be read were set aside: see {_QUARANTINE}/{_BROKEN_LINES}"]

    def _summary(self, tables: Sequence[Incoming], notes: list[str]) -> _Written:
        rows: dict[str, int] = {}
        moments: set[datetime] = set()
        for one in tables:
            n, first, *last = self._measure(one)
            rows[one.shape.name] = n
            moments.update(moment for moment in (first, *last) if moment is not None)
        if not moments:
            raise SourceError("the source holds no rows", todo="check that the files are the right ones")
        columns = {one.shape.name: [c.name for c in one.shape.written(one.given)] for one in tables}
        return _Written(columns, rows, (min(moments), max(moments)), notes)

    def _measure(self, one: Incoming) -> tuple[int, datetime | None, datetime | None, datetime | None]:
        """Rows, first moment known, last moment known of a row and of a value revealed later."""
        later = "paid_known_at" if "paid_known_at" in {c.name for c in one.shape.written(one.given)} else "known_at"
        stored = parquet(self._building / f"{one.shape.name}.parquet")
        (measured,) = self._engine.rows(f"SELECT count(*), min(known_at), max(known_at), max({later}) FROM {stored}")
        return measured

    def _step(self) -> None:
        self._done += 1
        self._tick("import", self._done, self._steps)


def _selects(relations: Relations) -> list[tuple[Shape, str]]:
    selects = [(SHAPES[table], sql) for table, sql in relations.tables.items()]
    selects += [(cohort_shape(cohort), sql) for cohort, sql in relations.cohorts.items()]
    return selects + ([(OUTCOMES, relations.outcomes)] if relations.outcomes else [])


def _unreadable(error: Exception) -> SourceError:
    """What the engine says of a file it cannot read begins with the line; the rest is advice about options."""
    said = [line for line in str(error).splitlines() if line.strip()][:3]
    return SourceError(
        "a source file cannot be read",
        expected="rows with as many fields as the header has, quoted where they hold the delimiter",
        received=" ".join(said),
        todo="correct that line of the file, or import with --quarantine to set such lines aside",
    )


def _midnight_after(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, moment.day) + DAY


def _remove_scratch_and_hash(building: Path) -> dict[str, str]:
    for scratch in (_STAGE, _SPILL):
        shutil.rmtree(building / scratch)
    files = sorted(path for path in building.rglob("*") if path.is_file())
    return {path.relative_to(building).as_posix(): sha256_file(path) for path in files}
