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
from datetime import datetime, timedelta
from pathlib import Path

from credit_eval.core.clock import DAY
from credit_eval.core.errors import EngineError, SourceError
from credit_eval.core.files import atomic_directory, sha256_file
from credit_eval.core.progress import Tick, silent
from credit_eval.events.engines.duckdb import DuckDB, parquet, quote
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

#: Event tables whose ends lie further apart than this are not of one export, and a note says so.
_ENDS_TOGETHER = timedelta(days=7)


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

    `known_until` is the midnight after the last known moment unless an earlier one is given, because some table
    ends earlier. Rows known later are stored, but no `as_of` can reach them and no label counts them. Importing the
    same source twice writes the same bytes.

    Raises:
        TableError: rows break the declared tables and `quarantine` is false; nothing is written.
        SourceError: a file cannot be read, the source holds no rows at all, or `known_until` is not within the data.
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
        complete = _midnight_after(last)
        if known_until is not None and not first < known_until <= complete:
            raise _beyond(known_until, first, complete)
        info = DatasetInfo(
            name=name,
            source=source,
            currency=currency,
            known_from=first,
            known_until=known_until or complete,
            label_source="outcomes" if relations.outcomes else "repayments",
            columns=written.columns,
            rows=written.rows,
            hashes=_remove_scratch_and_hash(building),
            notes=kept + written.notes + _ends_apart(written.ends, known_until or complete),
        )
        describe_dataset(building, info)
    return open_dataset(root / name)


@dataclass(frozen=True)
class _Written:
    """`ends`: the last known moment of each event table, and of what is revealed later, named `table.column`."""

    columns: dict[str, list[str]]
    rows: dict[str, int]
    moments: tuple[datetime, datetime]
    ends: dict[str, datetime]
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
        columns = {one.shape.name: [c.name for c in one.shape.written(one.given)] for one in tables}
        rows: dict[str, int] = {}
        firsts: list[datetime] = []
        ends: dict[str, datetime] = {}
        for table, names in columns.items():
            rows[table], first, found = self._measure(table, names)
            ends |= found
            firsts += [] if first is None else [first]
        if not firsts:
            raise SourceError("the source holds no rows", todo="check that the files are the right ones")
        notes = notes + self._unseen_orders() if "orders" in columns else notes
        return _Written(columns, rows, (min(firsts), max(ends.values())), ends, notes)

    def _unseen_orders(self) -> list[str]:
        """Orders count from their row `placed`; without one they would be a silent zero in every profile."""
        orders = parquet(self._building / "orders.parquet")
        by_order = f"SELECT bool_or(status = 'placed') AS placed FROM {orders} GROUP BY order_id"
        ((unseen, n),) = self._engine.rows(f"SELECT count(*) FILTER (WHERE NOT placed), count(*) FROM ({by_order})")
        if not unseen:
            return []
        return [
            f"{unseen:,} of {n:,} orders have no row with the status 'placed' and are NOT SEEN by features: give every "
            "order a row 'placed'; what becomes of it (paid, cancelled, returned, declined) is a row of its own"
        ]

    def _measure(self, table: str, columns: Sequence[str]) -> tuple[int, datetime | None, dict[str, datetime]]:
        """Rows, first moment known, and the last: of the rows, and of each kind of value revealed later."""
        revealed = [reveal.by for reveal in table_named(table).reveals if reveal.by in columns]
        lasts = ", ".join(f"max({column})" for column in ("known_at", *revealed))
        stored = parquet(self._building / f"{table}.parquet")
        ((n, first, *last),) = self._engine.rows(f"SELECT count(*), min(known_at), {lasts} FROM {stored}")
        names = [table, *(f"{table}.{column}" for column in revealed)]
        return n, first, {name: moment for name, moment in zip(names, last, strict=True) if moment is not None}

    def _step(self) -> None:
        self._done += 1
        self._tick("import", self._done, self._steps)


def _selects(relations: Relations) -> list[tuple[Shape, str]]:
    selects = [(SHAPES[table], sql) for table, sql in relations.tables.items()]
    selects += [(cohort_shape(cohort), sql) for cohort, sql in relations.cohorts.items()]
    return selects + ([(OUTCOMES, relations.outcomes)] if relations.outcomes else [])


def _unreadable(error: EngineError) -> SourceError:
    return SourceError(
        "a source file cannot be read",
        expected="rows with as many fields as the header has, quoted where they hold the delimiter",
        received=error.received,
        todo="correct that line of the file, or import with --quarantine to set such lines aside",
    )


def _ends_apart(ends: Mapping[str, datetime], known_until: datetime) -> list[str]:
    """A note where tables end at different times. Customers are no events: nobody new need have come for a while."""
    reached = {name: min(end, known_until) for name, end in ends.items() if name != "customers"}
    if not reached or max(reached.values()) - min(reached.values()) <= _ENDS_TOGETHER:
        return []
    said = ", ".join(f"{name} {end:%Y-%m-%d}" for name, end in sorted(ends.items(), key=lambda item: item[1]))
    return [
        f"the tables do not end together; last known moments: {said}; what a table does not hold up to known_until "
        f"({known_until:%Y-%m-%d}) looks as if it had not happened, so a line paid after its end counts as unpaid"
    ]


def _beyond(known_until: datetime, first: datetime, complete: datetime) -> SourceError:
    return SourceError(
        "known_until is not within the data",
        expected=f"after {first:%Y-%m-%d %H:%M}, at most the midnight after the last row, {complete:%Y-%m-%d %H:%M}",
        received=f"{known_until:%Y-%m-%d %H:%M}",
        todo="say the moment up to which every table is complete, or leave known_until out",
    )


def _midnight_after(moment: datetime) -> datetime:
    return datetime(moment.year, moment.month, moment.day) + DAY


def _remove_scratch_and_hash(building: Path) -> dict[str, str]:
    for scratch in (_STAGE, _SPILL):
        shutil.rmtree(building / scratch)
    files = sorted(path for path in building.rglob("*") if path.is_file())
    return {path.relative_to(building).as_posix(): sha256_file(path) for path in files}
