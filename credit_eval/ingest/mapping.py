"""Bring your own data: a YAML file says which columns of your files are which columns of the declared tables.

The format is explained, with a worked example, in `docs/bring-your-own-data.md`. What a person types is judged
strictly: an unknown key, table or column is refused with its line in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from credit_eval.core.clock import EPOCH
from credit_eval.core.errors import EngineError, SourceError
from credit_eval.core.located_yaml import Located, read_yaml
from credit_eval.core.names import NAME
from credit_eval.core.progress import Tick, silent
from credit_eval.core.seals import hashes_of, sha256_json
from credit_eval.core.zones import zone_named
from credit_eval.ingest.appending import append_dataset
from credit_eval.ingest.flat_table import FlatMapping, flat_of
from credit_eval.ingest.importing import Counted, write_dataset
from credit_eval.ingest.reading import Opened
from credit_eval.ingest.selects import (
    STRICT,
    FileMapping,
    NamedFile,
    SelectMapping,
    Selects,
    TableMapping,
    Word,
)
from credit_eval.ingest.staging import Relations, staged
from credit_eval.schema.duckdb import one_select
from credit_eval.schema.rules import (
    OUTCOMES,
    SHAPES,
    Clocks,
    Reading,
    Shape,
    cohort_shape,
)
from credit_eval.schema.store import TRAINING_COHORT, Dataset, open_dataset

if TYPE_CHECKING:
    import pandas as pd

#: Names that become directories and files.
Name = Annotated[str, Field(pattern=rf"^{NAME}$", max_length=100)]


class CountedNote(BaseModel):
    """A note kept where the number that a SELECT gives is not 0; `text` holds `{n}`."""

    model_config = STRICT

    text: str
    count: str


class Mapping(BaseModel):
    """A whole mapping file: declared tables, a flat file (`profiles`), or both. `timezone` (an area like
    `Europe/Berlin`, `UTC`, or an offset like `+01:00`) is that of times that say none, and that of the customers'
    clocks, by which night and weekend are told.

    Without it such times are UTC, but then they may not stand in one column with times that say their own.
    `daylight_saving`: how a time is read that the clocks skipped or showed twice. `rounding`: amounts of more than two
    decimals are rounded. `set_aside_at_most`: share of a table's rows that quarantine may set aside. `files` and
    `views` are what SELECTs read, a view also those above it.
    """

    model_config = STRICT

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
    tables: dict[str, TableMapping] = {}
    profiles: FlatMapping | None = None
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
        mapping=mapping.read_text(encoding="utf-8"),
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

    The mapping's own `known_until` is that of the import and not read here. A folder whose files were appended already,
    byte for byte, is left alone, so that a night that was stopped can be started again.

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
    if said.profiles:
        raise SourceError(
            f"the data set {name} has a flat table, to which nothing can be appended",
            expected="declared tables alone",
            todo="import the longer file anew, with --replace",
        )
    called = sha256_json([hashes_of(folder), known_until]) if folder.is_dir() else ""
    there = open_dataset(root / name)
    if called in there.info.appended:
        return there
    relations = relations_of(said, folder, quarantine=quarantine)
    return append_dataset(
        root / name,
        relations,
        called=called,
        currency=said.currency,
        timezone=said.timezone or "UTC",
        known_until=known_until,
        quarantine=quarantine,
        tick=tick,
    )


def relations_of(said: Mapping, folder: Path, *, quarantine: bool = False, labelled: bool = True) -> Relations:
    """What a mapping says of the files in a folder; a flat file that is to be scored need not be `labelled`.

    Raises:
        SourceError: a file is missing, not UTF-8, or lacks a column.
    """
    selects = Selects(folder, Opened(skip_broken=quarantine))
    views = {name: selects.named(one) for name, one in said.files.items()}
    views |= {name: one_select(sql) for name, sql in said.views.items()}
    own = {name: selects.of(cohort_shape(name), one) for name, one in said.cohorts.items()}
    until = said.moment(said.known_until)
    flat = (
        flat_of(said.profiles, selects, labelled=labelled, cohorts=not own, known_until=until)
        if said.profiles
        else None
    )
    return Relations(
        tables={name: selects.of(SHAPES[name], one) for name, one in said.tables.items()},
        views=views | (flat.views if flat else {}),
        cohorts=own | (flat.cohorts if flat else {}),
        outcomes=selects.of(OUTCOMES, said.outcomes) if said.outcomes else flat.outcomes if flat else None,
        flat=flat,
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
    yield from _flat_findings(mapping)
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


def _flat_findings(mapping: Mapping) -> Iterator[Finding]:
    if mapping.profiles is None:
        if not mapping.tables:
            yield ("tables",), "missing key (expected: `tables`, or `profiles` for a flat file)"
        return
    yield from ((("profiles", *where), what) for where, what in mapping.profiles.findings())
    if mapping.profiles.label and (mapping.outcomes or TRAINING_COHORT in mapping.cohorts):
        where = ("outcomes",) if mapping.outcomes else ("cohorts", TRAINING_COHORT)
        yield where, "the label of `profiles` says it already"


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
