"""Bring your own data: a YAML file says which columns of your files are which columns of the declared tables.

The format is explained, with a worked example, in `docs/bring-your-own-data.md`. What a person types is judged
strictly: an unknown key, table or column is refused with its line in the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from credit_eval.core.clock import EPOCH
from credit_eval.core.errors import EngineError, SourceError
from credit_eval.core.located_yaml import Located, read_yaml
from credit_eval.core.names import NAME
from credit_eval.core.progress import Tick, silent
from credit_eval.core.zones import zone_named
from credit_eval.ingest.appending import append_dataset
from credit_eval.ingest.importing import Counted, write_dataset
from credit_eval.ingest.reading import Opened, SourceFile, identifier
from credit_eval.ingest.staging import Relations, staged
from credit_eval.schema.duckdb import Relation, one_select, quote, select
from credit_eval.schema.rules import (
    OUTCOMES,
    SHAPES,
    SOURCE_FILE,
    SOURCE_ROW,
    Clocks,
    Reading,
    Shape,
    cohort_shape,
    shared_abbreviation,
)
from credit_eval.schema.store import TRAINING_COHORT, Dataset

if TYPE_CHECKING:
    import pandas as pd

#: Names that become directories and files.
Name = Annotated[str, Field(pattern=rf"^{NAME}$", max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NamedFile(_Strict):
    """A file, or a pattern of files, that SELECTs read under a name: every column as text, beside `source_file` and
    `source_row`. `columns`: those that must be there, and the only ones that are seen; None: all there are.
    """

    file: str
    columns: list[str] | None = None
    missing: list[str] = []
    delimiter: str = Field(default=",", min_length=1, max_length=1)


class FileMapping(_Strict):
    """Which file, and how its columns become declared ones.

    `columns` maps declared names to the file's; `values` replaces texts (those not listed stay as they are);
    `constants` fills a declared column with one text; `formats` are strptime formats of times; texts in
    `missing` are read as no value. `decimal` and `thousands`: how numbers are written. `duplicates`:
    rows that are the same in every column are refused, or all but the first dropped and counted.
    """

    file: str
    columns: dict[str, str]
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}
    formats: dict[str, str] = {}
    missing: list[str] = []
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default="", max_length=1)
    duplicates: Literal["refuse", "drop"] = "refuse"


class SelectMapping(_Strict):
    """One SELECT over the named files and views; it gives declared columns, of any type."""

    select: str
    duplicates: Literal["refuse", "drop"] = "refuse"


class CountedNote(_Strict):
    """A note kept where the number that a SELECT gives is not 0; `text` holds `{n}`."""

    text: str
    count: str


def _how(said: Any) -> str:
    return "select" if isinstance(said, dict) and "select" in said else "file"


TableMapping = Annotated[
    Annotated[FileMapping, Tag("file")] | Annotated[SelectMapping, Tag("select")], Discriminator(_how)
]
#: A name that SELECTs use.
Word = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$", max_length=60)]


class Mapping(_Strict):
    """A whole mapping file. `timezone` (an area like `Europe/Berlin`, `UTC`, or an offset like `+01:00`) is that of
    times that say none, and that of the customers' clocks, by which night and weekend are told.

    Without it such times are UTC, but then they may not stand in one column with times that say their own.
    `daylight_saving`: how a time is read that the clocks skipped or showed twice. `rounding`: amounts of more than two
    decimals are rounded. `set_aside_at_most`: share of a table's rows that quarantine may set aside. `files` and
    `views` are what SELECTs read, a view also those above it.
    """

    dataset: Name
    currency: str = Field(min_length=1)
    timezone: str | None = None
    daylight_saving: Literal["refuse", "first", "second"] = "refuse"
    rounding: Literal["half_up"] | None = None
    set_aside_at_most: float = Field(default=0.05, ge=0, le=1)
    known_until: datetime | None = None
    source: str | None = None
    notes: list[str | CountedNote] = []
    files: dict[Word, str | NamedFile] = {}
    views: dict[Word, str] = {}
    tables: dict[str, TableMapping] = Field(min_length=1)
    cohorts: dict[Name, TableMapping] = {}
    outcomes: TableMapping | None = None

    def moment(self, said: datetime | None) -> datetime | None:
        """A time of the mapping itself in UTC: by the zone it says, else by that of the mapping."""
        if said is None:
            return None
        if said.tzinfo is not None:
            return said.astimezone(UTC).replace(tzinfo=None)
        local = np.array([said], dtype="datetime64[us]").astype(np.int64)
        (moment,), _ = zone_named(self.timezone or "UTC").to_utc(local, second=self.daylight_saving == "second")
        return EPOCH + timedelta(microseconds=int(moment))


def import_mapping(
    mapping: Path,
    root: Path,
    *,
    folder: Path | None = None,
    quarantine: bool = False,
    replace: bool = False,
    tick: Tick = silent,
) -> Dataset:
    """Import what the YAML file `mapping` describes as the data set `root/<its name>`.

    Args:
        mapping: the file.
        root: directory of data sets.
        folder: of the files; None: that of the mapping.
        quarantine: set bad rows aside and go on.
        replace: take the place of a data set of that name.
        tick: told how far it is.

    Returns:
        the data set, opened.

    Raises:
        SourceError: the mapping says something it may not, or a file is missing, not UTF-8, or lacks a column.
        TableError: rows break the declared tables and `quarantine` is false.
    """
    said = read_mapping(mapping)
    return write_dataset(
        root,
        said.dataset,
        relations_of(said, folder or mapping.parent, quarantine=quarantine),
        source=said.source or f"mapping {mapping.name}",
        currency=said.currency,
        timezone=said.timezone or "UTC",
        quarantine=quarantine,
        replace=replace,
        notes=[note if isinstance(note, str) else Counted(note.text, note.count) for note in said.notes],
        known_until=said.moment(said.known_until),
        tick=tick,
    )


def first_rows(mapping: Path, table: str, *, folder: Path | None = None, rows: int = 10) -> pd.DataFrame:
    """The first rows that a mapping gives a table, a cohort or `outcomes`, cast but not judged; nothing is written.

    Args:
        mapping: the file.
        table: a declared table, the name of a cohort, or `outcomes`.
        folder: of the files; None: that of the mapping.
        rows: how many.

    Returns:
        at most so many rows, as text: each value as it is cast, one that cannot be as it was written, and where the
        row comes from.

    Raises:
        SourceError: as `import_mapping`; or the mapping does not speak of that table.
    """
    relations = relations_of(read_mapping(mapping), folder or mapping.parent)
    shaped = {shape.name.removeprefix("cohorts/"): (shape, one) for shape, one in relations.shaped}
    if table not in shaped:
        raise SourceError(
            f"the mapping {mapping.name} does not speak of {table}",
            expected="one of " + ", ".join(shaped),
            received=table,
        )
    only = replace(relations, tables={}, cohorts={}, outcomes=None)
    with TemporaryDirectory(prefix="credit_eval_") as scratch, staged(Path(scratch), only, silent) as staging:
        return staging.first(*shaped[table], rows)


def append_mapping(
    mapping: Path,
    folder: Path,
    root: Path,
    name: str,
    *,
    known_until: datetime | None = None,
    quarantine: bool = False,
    tick: Tick = silent,
) -> Dataset:
    """Add the files in `folder`, described by the mapping of an import, to the data set `root/name`.

    The mapping's own `known_until` is that of the import and not read here.

    Raises:
        SourceError: as `import_mapping`; or the mapping is of another data set.
        TableError: rows break the declared tables or change the past, and `quarantine` is false.
    """
    said = read_mapping(mapping)
    if said.dataset != name:
        raise SourceError(
            f"the mapping {mapping.name} is of another data set",
            expected=name,
            received=said.dataset,
            todo="give the mapping that the data set was imported with",
        )
    relations = relations_of(said, folder, quarantine=quarantine)
    return append_dataset(
        root / name,
        relations,
        currency=said.currency,
        timezone=said.timezone or "UTC",
        known_until=known_until,
        quarantine=quarantine,
        tick=tick,
    )


def relations_of(said: Mapping, folder: Path, *, quarantine: bool = False) -> Relations:
    """What a mapping says of the files in a folder.

    Raises:
        SourceError: a file is missing, not UTF-8, or lacks a column.
    """
    selects = _Selects(folder, Opened(skip_broken=quarantine))
    views = {name: selects.named(one) for name, one in said.files.items()}
    views |= {name: one_select(sql) for name, sql in said.views.items()}
    return Relations(
        tables={name: selects.of(SHAPES[name], one) for name, one in said.tables.items()},
        views=views,
        cohorts={name: selects.of(cohort_shape(name), one) for name, one in said.cohorts.items()},
        outcomes=selects.of(OUTCOMES, said.outcomes) if said.outcomes else None,
        broken=selects.opened.broken,
        reading=Reading(Clocks(said.timezone, said.daylight_saving), said.rounding is not None),
        set_aside_at_most=said.set_aside_at_most,
        without_duplicates=frozenset(name for name, one in said.tables.items() if one.duplicates == "drop"),
        folder=folder.resolve(),
        files=tuple(selects.opened.paths),
    )


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file. Every scalar is the text that is written: a column may be called `no` or `1`.

    Raises:
        SourceError: missing, not UTF-8, not YAML, or with unknown or missing keys (their lines are named).
    """
    located = read_yaml(path, SourceError, texts=None)
    try:
        mapping = Mapping.model_validate(located.content)
    except ValidationError as error:
        raise _refused(path, located, _pydantic_findings(error)) from error
    if findings := list(_undeclared(mapping)):
        raise _refused(path, located, findings)
    return mapping


#: Where in the file (keys from the top), and what is wrong there.
Finding = tuple[tuple[str | int, ...], str]

_KINDS = {"file", "select", "str", "NamedFile", "CountedNote"}


def _pydantic_findings(error: ValidationError) -> list[Finding]:
    """Pydantic's complaints, an unknown key said in our words."""
    said = {"extra_forbidden": "unknown key", "missing": "missing key"}
    return [(_place(found["loc"]), said.get(found["type"], found["msg"])) for found in error.errors()]


def _place(where: tuple[int | str, ...]) -> tuple[str | int, ...]:
    """Where in the file: without what pydantic says of keys and of the kinds that a value may have."""
    kind = {"tables": 2, "cohorts": 2, "files": 2, "notes": 2, "outcomes": 1}.get(str(where[0])) if where else None
    return tuple(part for i, part in enumerate(where) if part != "[key]" and not (i == kind and part in _KINDS))


def _undeclared(mapping: Mapping) -> Iterator[Finding]:
    """Tables and columns no declaration knows, and columns said twice."""
    for name in mapping.files.keys() & mapping.views.keys():
        yield ("views", name), "is a file as well"
    for name, sql in mapping.views.items():
        yield from _no_select(("views", name), sql)
    for i, note in enumerate(mapping.notes):
        if isinstance(note, CountedNote):
            yield from _no_select(("notes", i, "count"), note.count)
    if mapping.timezone is not None:
        try:
            zone_named(mapping.timezone)
        except SourceError as error:
            yield ("timezone",), f"{error.received} is no zone (expected: {error.expected})"
    for name, one in mapping.tables.items():
        if name in SHAPES:
            yield from _undeclared_columns(("tables", name), SHAPES[name], one)
        else:
            yield ("tables", name), f"no such table (there are: {', '.join(SHAPES)})"
    for name, one in mapping.cohorts.items():
        yield from _undeclared_columns(("cohorts", name), cohort_shape(name), one)
    if mapping.outcomes and TRAINING_COHORT not in mapping.cohorts:
        yield (
            ("outcomes",),
            "these labels belong to no row (expected: a cohort `train` under `cohorts`, of the customers and times "
            "that they are of: the same file will do)",
        )
    if mapping.outcomes:
        yield from _undeclared_columns(("outcomes",), OUTCOMES, mapping.outcomes)


def _undeclared_columns(where: tuple[str, ...], shape: Shape, one: FileMapping | SelectMapping) -> Iterator[Finding]:
    if isinstance(one, SelectMapping):
        yield from _no_select((*where, "select"), one.select)
        return
    declared = [column.name for column in shape.columns]
    for section in ("columns", "constants"):
        for name in getattr(one, section):
            if name not in declared:
                yield (*where, section, name), f"no such column (there are: {', '.join(declared)})"
    for name in one.columns.keys() & one.constants.keys():
        yield (*where, "constants", name), "is in columns as well"
    for section in ("values", "formats"):
        for name in getattr(one, section):
            if name not in one.columns:
                yield (*where, section, name), "is not in columns"


def _no_select(where: tuple[str | int, ...], sql: str) -> Iterator[Finding]:
    try:
        one_select(sql)
    except EngineError as error:
        yield where, f"is not one SELECT: {error.received}"


def _refused(path: Path, located: Located, findings: list[Finding]) -> SourceError:
    lines = sorted((located.line(where), ".".join(map(str, where)) or "the file", what) for where, what in findings)
    return SourceError(
        f"the mapping {path.name} cannot be used",
        received="; ".join(f"line {line}: {where}: {what}" for line, where, what in lines),
        todo="see docs/bring-your-own-data.md for the keys there are",
    )


@dataclass(frozen=True)
class _Selects:
    """Makes the SELECTs that turn mapped files, found in a folder, into rows of a shape."""

    folder: Path
    opened: Opened

    def named(self, one: str | NamedFile) -> Relation:
        """The rows of a named file: its columns as text, and where each row comes from."""
        one = NamedFile(file=one) if isinstance(one, str) else one
        parts = [self._open(path, one, one.columns or []) for path in self._paths(one)]
        rows = " UNION ALL BY NAME ".join(f"FROM {part.numbered(one.columns or list(part.columns))}" for part in parts)
        return select(rows)

    def of(self, shape: Shape, one: FileMapping | SelectMapping) -> Relation:
        """The rows of one table, cohort, or the outcomes."""
        if isinstance(one, SelectMapping):
            return one_select(one.select)
        columns = [f"{_column(shape, name, one)} AS {name}" for name in one.columns]
        columns += [f"{quote(value)} AS {name}" for name, value in one.constants.items()]
        columns += [SOURCE_FILE, SOURCE_ROW]
        needs = list(dict.fromkeys(one.columns.values()))
        rows = " UNION ALL ".join(f"FROM {self._open(path, one, needs).numbered(needs)}" for path in self._paths(one))
        return select(f"SELECT {', '.join(columns)} FROM ({rows})")

    def _paths(self, one: FileMapping | NamedFile) -> list[Path]:
        pattern = re.search(r"[*?\[]", one.file)
        paths = sorted(self.folder.glob(one.file)) if pattern else [self.folder / one.file]
        if not paths:
            raise SourceError(
                f"no file matches {one.file}", expected=f"a file in {self.folder.name}/", todo="check the pattern"
            )
        return paths

    def _open(self, path: Path, one: FileMapping | NamedFile, needs: list[str]) -> SourceFile:
        name = os.path.relpath(path, self.folder)
        if path.suffix == ".parquet":
            return self.opened.parquet(path, name=name, needs=needs)
        missing = one.missing if isinstance(one, NamedFile) else ()
        return self.opened.csv(path, name=name, delimiter=one.delimiter, missing=missing, needs=needs)


def _number(text: str, one: FileMapping) -> str:
    """A number with its own signs for decimals and thousands, as everybody writes it; thousands are groups of three.

    Where nobody said which signs, `1.250` in a CSV file may be either, and is no number.
    """
    if not one.model_fields_set & {"decimal", "thousands"}:
        either = quote(" (a point for thousands, or three decimals? say `decimal` and `thousands`)")
        unsure = rf"regexp_matches({text}, '^[-+]?\d{{1,3}}\.\d{{3}}$')"
        return text if one.file.endswith(".parquet") else f"CASE WHEN {unsure} THEN {text} || {either} ELSE {text} END"
    decimal, thousands = (re.escape(sign) for sign in (one.decimal, one.thousands or "\0"))
    pattern = quote(rf"^[-+]?(\d+|\d{{1,3}}({thousands}\d{{3}})+)({decimal}\d*)?$")
    plain = f"replace({text}, {quote(one.thousands)}, '')" if one.thousands else text
    plain = f"replace({plain}, {quote(one.decimal)}, '.')"
    like = quote(f" (not like 1{one.thousands}234{one.decimal}50)")
    written = f"WHEN regexp_matches({text}, {pattern}) THEN {plain}"
    return f"CASE WHEN {text} IS NULL OR {text} = '' THEN {text} {written} ELSE {text} || {like} END"


def _column(shape: Shape, name: str, one: FileMapping) -> str:
    """A declared column from the file's, still as text: values replaced, times of a format written as ISO 8601.

    What does not fit a format is left as text that no cast accepts, so validation reports it as it was written.
    """
    text = f"CAST({identifier(one.columns[name])} AS VARCHAR)"
    if one.missing:
        text = f"CASE WHEN {text} NOT IN ({', '.join(quote(said) for said in one.missing)}) THEN {text} END"
    if name in one.values:
        cases = " ".join(f"WHEN {quote(theirs)} THEN {quote(ours)}" for theirs, ours in one.values[name].items())
        text = f"CASE {text} {cases} ELSE {text} END"
    declared = shape.column(name)
    if declared is not None and declared.type in ("decimal", "int"):
        return _number(text, one)
    if declared is None or declared.type != "timestamp" or name not in one.formats:
        return text
    pattern = quote(one.formats[name])
    read = f"CASE WHEN NOT {shared_abbreviation(text)} THEN CAST(try_strptime({text}, {pattern}) AS VARCHAR) END"
    return f"coalesce({read}, {text} || ' (not like ' || {pattern} || ')')"
