"""A source's relations on their way into a data set: staged as text, judged, then cast, sorted and written.

A mapping says *what* its tables are, as relations over the files it reads. One pass writes that as text into the
directory being built, the checks read it from there, and what is good is written sorted. All in bounded memory: what
does not fit spills into the same directory, of which nothing is left.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from credit_eval.core.errors import EngineError, QuarantineError, SourceError
from credit_eval.core.files import as_cell
from credit_eval.core.progress import Tick
from credit_eval.ingest.flat_table import Flat
from credit_eval.ingest.reading import BrokenLine
from credit_eval.schema.additions import Stored
from credit_eval.schema.derived import with_derived
from credit_eval.schema.duckdb import DuckDB, Relation, parquet, quote, select
from credit_eval.schema.rules import (
    OUTCOMES,
    PLAIN,
    SHAPES,
    SOURCE_FILE,
    SOURCE_ROW,
    Reading,
    Shape,
    cast_row,
    cohort_shape,
    finished_row,
    raw,
    unsure,
)
from credit_eval.schema.tables import table_named
from credit_eval.schema.validation import Checked, Incoming, validate

if TYPE_CHECKING:
    import pandas as pd

#: What the engine may hold before it spills to disk. One thread: the order of rows in a file is then the same
#: on every machine, and so are the bytes.
MEMORY, THREADS = "256MB", 1

QUARANTINE = "quarantine"

#: So few rows may always be set aside; and so many reasons are told where there are too many.
FEW_SET_ASIDE, MOST_REASONS = 10, 8

_STAGE, _SPILL, _BROKEN_LINES = ".stage", ".spill", "broken_lines.csv"
_HIDDEN = (SOURCE_FILE, SOURCE_ROW)


@dataclass(frozen=True)
class Relations:
    """What a mapping hands over.

    `views` are named relations the others may build on, made in this order. `tables` maps declared tables,
    `cohorts` names of cohorts, to rows of their columns; values may be of any type. Rows may also have
    `source_file` and `source_row`, which tell a reader where a bad row comes from; else its rows are numbered.
    `flat`: a flat file, of which some of these are made.
    `broken` are lines skipped because nothing could be read from them. `reading`: by which clocks times are
    told, and whether amounts are rounded. Nothing but what lies in `folder`, and `files`, can be read (None: anything).
    """

    tables: Mapping[str, Relation]
    views: Mapping[str, Relation] = field(default_factory=dict)
    cohorts: Mapping[str, Relation] = field(default_factory=dict)
    outcomes: Relation | None = None
    flat: Flat | None = None
    broken: tuple[BrokenLine, ...] = ()
    reading: Reading = PLAIN
    folder: Path | None = None
    files: tuple[Path, ...] = ()
    set_aside_at_most: float = 0.05
    without_duplicates: frozenset[str] = frozenset()

    @property
    def shaped(self) -> list[tuple[Shape, Relation]]:
        """Every relation, and the shape its rows are to have."""
        shaped = [(SHAPES[table_named(table).name], rows) for table, rows in self.tables.items()]
        shaped += [(self.flat.shape, self.flat.rows)] if self.flat else []
        shaped += [(cohort_shape(cohort), rows) for cohort, rows in self.cohorts.items()]
        return shaped + ([(OUTCOMES, self.outcomes)] if self.outcomes else [])


@dataclass(frozen=True)
class Measured:
    """Rows, the first moment known, and the last: of the rows by the table's name, of each kind of value revealed
    later by `table.column`."""

    rows: int
    first: datetime | None
    ends: dict[str, datetime]


class Staging:
    """Relations staged as text within `building`; one step of `tick` for each of them, and one for the judging."""

    def __init__(
        self, engine: DuckDB, building: Path, relations: Relations, tick: Tick, beside: Sequence[Path] = ()
    ) -> None:
        self.engine, self.building, self._tick = engine, building, tick
        self._relations = relations
        self._dropped: list[str] = []
        self._done, self._steps = 0, 2 * len(relations.shaped) + 1
        # Parquet files tell their least and largest value leaving out NaN, and the engine takes them at their word: of
        # a column of 3.0 and NaN it would say, without looking, that all are 3.0.
        engine.run("SET disabled_optimizers = 'statistics_propagation'")
        if relations.reading.clocks.set_forward_and_back:
            engine.set_clocks(str(relations.reading.clocks.zone))
        if relations.folder is not None:
            engine.confine([relations.folder, building, *beside], relations.files)
        for view, rows in relations.views.items():
            with _told_of(f"view {view}"):
                engine.run(f"CREATE TEMP VIEW {view} AS FROM {rows}")
        self.incoming = [self._stage(shape, rows) for shape, rows in relations.shaped]
        self._checked: Checked

    def judge(self, *, quarantine: bool, stored: Stored | None = None) -> None:
        """Hold the rows to all rules; with `quarantine`, set bad ones aside and go on.

        Raises:
            QuarantineError: more would be set aside than the mapping allows.
            TableError: rows are bad and `quarantine` is false, or a column is missing.
        """
        self._checked = validate(self.engine, self.incoming, set_aside=quarantine, stored=stored)
        if quarantine:
            self._check_shares()
        self.step()

    def _check_shares(self) -> None:
        most = self._relations.set_aside_at_most
        over = [
            f"{n:,} of {of:,} rows of {name}"
            for name, n, of in self._checked.shares()
            if n > FEW_SET_ASIDE and n > most * of
        ]
        if over:
            why = "mend the source; or say more in the mapping, as `set_aside_at_most`. Why, commonest first:"
            why += "".join(f"\n    - {n:,}: {reason}" for n, reason in self._checked.reasons()[:MOST_REASONS])
            raise QuarantineError(
                "so many rows would be set aside that what is left is another data set",
                expected=f"at most {most:.0%} of a table, or {FEW_SET_ASIDE} rows",
                received="; ".join(over),
                todo=why,
            )

    def good(self, one: Incoming) -> Relation:
        """The good rows of a shape as they are stored, but for derived columns and order."""
        return select(f"SELECT {finished_row(one.shape, one.given)} FROM {self._checked.good(one.shape.name)}")

    def write(
        self,
        one: Incoming,
        path: Path,
        *,
        derived: Sequence[str] = (),
        stored: Relation | None = None,
        kept: Relation | None = None,
    ) -> None:
        """Write the good rows of a shape, sorted, with `derived` columns made beside those `stored`.

        `kept` are stored rows that go into the file as well.
        """
        shape = one.shape
        columns = [column.name for column in shape.written((*one.given, *derived))]
        first = [column for column in ("customer_id", "occurred_at", "as_of", *shape.key) if column in columns]
        rows = with_derived(self.engine, shape.name, derived, self.good(one), stored=stored)
        if kept is not None:
            rows = select(f"FROM {kept} UNION ALL BY NAME FROM {rows}")
        order = ", ".join(dict.fromkeys(first + columns))
        path.parent.mkdir(exist_ok=True)
        self.engine.write_parquet(select(f"SELECT {', '.join(columns)} FROM {rows}"), path, order_by=order)
        self.step()

    def first(self, shape: Shape, rows: Relation, n: int) -> pd.DataFrame:
        """The first rows of a relation as text: each value as it is cast, else as it was written."""
        given = self._columns_of(shape, rows)
        declared = [column for column in given if shape.column(column) is not None]
        text = ", ".join(f"CAST({column} AS VARCHAR) AS {column}" for column in given)
        head = select(
            f"SELECT {SOURCE_FILE}, {SOURCE_ROW}, {text} FROM (FROM {self._with_places(shape, rows)} LIMIT {n})"
        )
        cast = cast_row(shape, declared, head, self._relations.reading)
        shown = ", ".join(f"coalesce({c}::VARCHAR, {raw(c)} || ' (cannot be read)') AS {c}" for c in declared)
        return self.engine.frame(f"SELECT {shown}, {SOURCE_FILE}, {SOURCE_ROW} FROM {cast}")

    def set_aside(self, folder: str) -> list[str]:
        """Write what was set aside, and what could not be read at all, to a folder; a note for each file."""
        notes = []
        for one in self.incoming:
            if n := self._checked.n_aside(one.shape.name):
                file = f"{folder}/{one.shape.name.replace('/', '-')}.parquet"
                (self.building / folder).mkdir(parents=True, exist_ok=True)
                self.engine.write_parquet(self._checked.bad(one.shape.name), self.building / file, order_by="ALL")
                notes.append(f"{n:,} rows of {one.shape.name} were set aside: see {file}")
            counted, values = self._checked.blanked(one.shape.name)
            if counted:
                file = f"{folder}/{one.shape.name.replace('/', '-')}.values.parquet"
                (self.building / folder).mkdir(parents=True, exist_ok=True)
                self.engine.write_parquet(values, self.building / file, order_by="ALL")
                notes += [
                    f"{n:,} values of {one.shape.name}.{column} were set aside, their rows stay: see {file}"
                    for column, n in counted.items()
                ]
        return notes + self._broken(self._relations.broken, f"{folder}/{_BROKEN_LINES}")

    def readings(self) -> list[str]:
        """A note for each column with values that were cut, rounded, or times read by a rule."""
        clocks, notes = self._relations.reading.clocks, [*self._dropped, *self._checked.mended]
        if not clocks.set_forward_and_back or clocks.unsure == "refuse":
            return notes
        for one in self.incoming:
            columns = [c.name for c in one.shape.columns if c.type == "timestamp" and c.name in one.given]
            counted = ", ".join(f"count(*) FILTER ({unsure(column)})" for column in columns)
            (found,) = self.engine.rows(f"SELECT {counted} FROM {one.relation}")
            notes += [
                f"{n:,} times in {one.shape.name}.{column} were skipped or shown twice by the clocks of {clocks.zone}: "
                f"read by the clocks as they were {'before' if clocks.unsure == 'first' else 'after'} they were set"
                for column, n in zip(columns, found, strict=True)
                if n
            ]
        return notes

    def measured(self, one: Incoming, rows: Relation) -> Measured:
        """How many `rows` of a declared table there are, and when they were known."""
        table = one.shape.name
        columns = {column.name for column in one.shape.written(one.given)}
        revealed = [reveal.by for reveal in table_named(table).reveals if reveal.by in columns]
        lasts = ", ".join(f"max({column})" for column in ("known_at", *revealed))
        ((n, first, *last),) = self.engine.rows(f"SELECT count(*), min(known_at), {lasts} FROM {rows}")
        names = [table, *(f"{table}.{column}" for column in revealed)]
        ends = {name: moment for name, moment in zip(names, last, strict=True) if moment is not None}
        return Measured(n, first, ends)

    def _stage(self, shape: Shape, rows: Relation) -> Incoming:
        """Write a relation as text, its rows numbered, in one streaming pass."""
        given = self._columns_of(shape, rows)
        columns = [*_HIDDEN, *(f"CAST({column} AS VARCHAR) AS {column}" for column in given)]
        only_first = ""
        if shape.name in self._relations.without_duplicates:
            same = ", ".join(given)
            only_first = f" QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY {', '.join(_HIDDEN)}) = 1"
        staged = self.building / _STAGE / f"{shape.name.replace('/', '-')}.parquet"
        placed = self._with_places(shape, rows)
        try:
            self.engine.write_parquet(select(f"SELECT {', '.join(columns)} FROM {placed}{only_first}"), staged)
        except EngineError as error:
            raise _unreadable(shape, error) from error
        if only_first:
            counted = " - ".join(f"(SELECT count(*) FROM {each})" for each in (placed, parquet(staged)))
            if dropped := int(self.engine.scalar(f"SELECT {counted}")):
                self._dropped.append(f"{dropped:,} rows of {shape.name} came twice and were dropped")
        self.step()
        return Incoming(shape, parquet(staged), given, self._relations.reading)

    def _columns_of(self, shape: Shape, rows: Relation) -> tuple[str, ...]:
        """The columns of a relation, but for where its rows come from."""
        with _told_of(shape.name):
            named = [str(row[0]) for row in self.engine.rows(f"DESCRIBE FROM {rows}")]
        return tuple(column for column in named if column not in _HIDDEN)

    def _with_places(self, shape: Shape, rows: Relation) -> Relation:
        """The rows and where each comes from; a relation that does not say is numbered."""
        named = {str(row[0]) for row in self.engine.rows(f"DESCRIBE FROM {rows}")}
        if set(_HIDDEN) <= named:
            return rows
        return select(
            f"SELECT {quote(shape.name)} AS {SOURCE_FILE}, row_number() OVER () AS {SOURCE_ROW}, * FROM {rows}"
        )

    def _broken(self, lines: Sequence[BrokenLine], file: str) -> list[str]:
        if not lines:
            return []
        target = self.building / file
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(field.name for field in fields(BrokenLine))
            writer.writerows([as_cell(str(value)) for value in astuple(line)] for line in lines)
        return [f"{len(lines):,} lines that could not be read were set aside: see {file}"]

    def step(self) -> None:
        """One step more is done."""
        self._done += 1
        self._tick("import", self._done, self._steps)


@contextmanager
def staged(building: Path, relations: Relations, tick: Tick, *, beside: Sequence[Path] = ()) -> Iterator[Staging]:
    """Stage relations within a directory that is being built, and clear away behind; what lies `beside` is read, too.

    Raises:
        SourceError: a file cannot be read.
    """
    for scratch in (_STAGE, _SPILL):
        (building / scratch).mkdir()
    with DuckDB(threads=THREADS, memory=MEMORY, spill=building / _SPILL) as engine:
        yield Staging(engine, building, relations, tick, beside)
    for scratch in (_STAGE, _SPILL):
        shutil.rmtree(building / scratch)


def unseen_orders(engine: DuckDB, orders: Relation) -> list[str]:
    """A note where orders have no row `placed`: they would be a silent zero in profiles."""
    by_order = f"SELECT bool_or(status = 'placed') AS placed FROM {orders} GROUP BY order_id"
    ((unseen, n),) = engine.rows(f"SELECT count(*) FILTER (WHERE NOT placed), count(*) FROM ({by_order})")
    if not unseen:
        return []
    return [
        f"{unseen:,} of {n:,} orders have no row with the status 'placed' and are NOT SEEN by features: give every "
        "order a row 'placed'; what becomes of it (paid, cancelled, returned, declined) is a row of its own"
    ]


@contextmanager
def _told_of(what: str) -> Iterator[None]:
    """An error of a question that cannot be answered, whatever the data, names where it stands."""
    try:
        yield
    except EngineError as error:
        outside = "disabled by configuration" in (error.received or "")
        raise SourceError(
            f"the SELECT of {what} cannot be answered",
            expected="files of the mapping's own folder" if outside else "columns and views that there are",
            received=error.received,
            todo="name the file under `files`, within the mapping's folder" if outside else "correct the SELECT",
        ) from error


def _unreadable(shape: Shape, error: EngineError) -> SourceError:
    if (error.received or "").startswith(("Conversion Error", "Out of Range Error")):
        return SourceError(
            f"the SELECT of {shape.name} meets a value that it cannot convert",
            expected="TRY_CAST where a value may be none: the declared checks then name its row",
            received=error.received,
            todo="write TRY_CAST(… AS …), or leave the value as text",
        )
    return SourceError(
        "a source file cannot be read",
        expected="lines with as many fields as the header, quoted where they hold the delimiter; whole Parquet files",
        received=error.received,
        todo="correct the file, or that line of it, or say --quarantine to set such lines aside",
    )
