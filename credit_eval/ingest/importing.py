"""From relations to a data set on disk: staged, judged, sorted, described, and moved in by one rename.

The same for every source, and in bounded memory (see `staging`). A kill or an error on the way leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from credit_eval.core.clock import DAY
from credit_eval.core.errors import SourceError
from credit_eval.core.files import atomic_directory
from credit_eval.core.progress import Tick, silent
from credit_eval.core.seals import hashes_of
from credit_eval.ingest.accounting import unused
from credit_eval.ingest.flat_checks import check_flat
from credit_eval.ingest.staging import QUARANTINE, Relations, Staging, staged, unseen_orders
from credit_eval.schema.derived import derived_columns
from credit_eval.schema.duckdb import DuckDB, Relation, one_select, parquet
from credit_eval.schema.flat import FLAT, UNLABELLED
from credit_eval.schema.rules import SHAPES, cohort_shape
from credit_eval.schema.store import Dataset, DatasetInfo, describe_dataset, open_dataset
from credit_eval.schema.validation import Incoming

#: Event tables whose ends lie further apart than this are not of one export, and a note says so.
_ENDS_TOGETHER = timedelta(days=7)


#: A `known_until` further than this from the last row is taken for a mistyped date.
LONGEST_QUIET = timedelta(days=366)


@dataclass(frozen=True)
class Counted:
    """A note on the data that is kept only where its count is not zero; `text` holds `{n}`."""

    text: str
    sql: str


def write_dataset(
    root: Path,
    name: str,
    relations: Relations,
    *,
    source: str,
    currency: str,
    timezone: str = "UTC",
    quarantine: bool = False,
    replace: bool = False,
    notes: Sequence[str | Counted] = (),
    known_until: datetime | None = None,
    mapping: str = "",
    tick: Tick = silent,
) -> Dataset:
    """Write the data set `root/name`; `quarantine` sets bad rows aside under `quarantine/` and goes on.

    `timezone` is that of the customers' clocks. `known_until` is the midnight after the last known moment unless
    another is given: an earlier one, because some table ends earlier, or a later one, because nothing happened until
    then. `mapping` is kept as it is. Rows known later are stored, but no `as_of` can reach them and no label counts
    them. Importing the same source twice writes the same bytes.

    Raises:
        TableError: rows break the declared tables and `quarantine` is false; nothing is written.
        SourceError: a file cannot be read, the source holds no rows at all, `known_until` is before the data or long
            after them, or a cohort has rows after it.
        OutputExistsError: the data set exists and `replace` is false.
        StorageError: the disk refused.
    """
    with atomic_directory(root / name, replace=replace) as building:
        with staged(building, relations, tick) as staging:
            staging.judge(quarantine=quarantine)
            written = _write(staging, building)
            kept = _notes(staging.engine, notes)
            first, last = written.moments
            complete = known_until or midnight_after(last)
            if not first < complete <= midnight_after(last) + LONGEST_QUIET:
                raise _beyond(complete, first, midnight_after(last))
            _check_cohorts(staging, building, complete)
            if relations.flat:
                check_flat(staging.engine, relations.flat, building)
            shapes = [one.shape.name for one in staging.incoming if (building / f"{one.shape.name}.parquet").exists()]
            astray = unused(staging.engine, {name: _stored(building, name) for name in shapes}, complete)
        info = DatasetInfo(
            name=name,
            source=source,
            currency=currency,
            timezone=timezone,
            known_from=first,
            known_until=complete,
            label_source="outcomes" if relations.outcomes else "repayments",
            flat=list(relations.flat.columns) if relations.flat else [],
            window_days=relations.flat.window_days if relations.flat else None,
            anonymous=bool(relations.flat and relations.flat.anonymous),
            mapping=mapping,
            columns=written.columns,
            rows=written.rows,
            hashes=hashes_of(building),
            notes=[
                *kept,
                *(relations.flat.notes if relations.flat else ()),
                *written.notes,
                *astray,
                *_ends_apart(written.ends, complete),
            ],
            derived=written.derived,
        )
        describe_dataset(building, info)
    return open_dataset(root / name)


@dataclass(frozen=True)
class _Written:
    """`ends`: the last known moment of each event table, and of what is revealed later, named `table.column`."""

    columns: dict[str, list[str]]
    derived: dict[str, list[str]]
    rows: dict[str, int]
    moments: tuple[datetime, datetime]
    ends: dict[str, datetime]
    notes: list[str]


def _write(staging: Staging, building: Path) -> _Written:
    """Write every shape to its file, and sum up the declared tables among them."""
    columns: dict[str, list[str]] = {}
    derived: dict[str, list[str]] = {}
    for one in staging.incoming:
        name = one.shape.name
        made = derived_columns(name, one.given)
        target = building / f"{name}.parquet"
        staging.write(one, target, derived=made)
        if name == cohort_shape(UNLABELLED).name and not pq.read_metadata(target).num_rows:
            target.unlink()
        if name in SHAPES:
            columns[name] = [column.name for column in one.shape.written((*one.given, *made))]
            derived |= {name: list(made)} if made else {}
    notes = staging.readings() + staging.set_aside(QUARANTINE)
    tables = [one for one in staging.incoming if one.shape.name in SHAPES]
    found = {one.shape.name: staging.measured(one, _stored(building, one.shape.name)) for one in tables}
    firsts = [measured.first for measured in found.values() if measured.first is not None]
    ends = {name: moment for measured in found.values() for name, moment in measured.ends.items()}
    rows = {table: measured.rows for table, measured in found.items()}
    if flat := next((one for one in staging.incoming if one.shape.name == FLAT), None):
        n, first, last = _observed(staging, building, flat)
        rows |= {FLAT: n}
        firsts += [first] if n else []
        ends |= {FLAT: last} if n and not ends else {}  # beside events, their ends say how long the data are complete
    if not firsts:
        raise SourceError("the source holds no rows", todo="check that the files are the right ones")
    if "orders" in columns:
        notes += unseen_orders(staging.engine, _stored(building, "orders"))
    return _Written(columns, derived, rows, (min(firsts), max(ends.values())), ends, notes)


def _observed(staging: Staging, building: Path, flat: Incoming) -> tuple[int, datetime, datetime]:
    """Rows of the flat table, and when they were observed first and last."""
    ((n, first, last),) = staging.engine.rows(
        f"SELECT count(*), min(as_of), max(as_of) FROM {_stored(building, flat.shape.name)}"
    )
    return n, first, last


def _stored(building: Path, table: str) -> Relation:
    return parquet(building / f"{table}.parquet")


def _notes(engine: DuckDB, notes: Sequence[str | Counted]) -> list[str]:
    """Plain notes, and those whose count is not zero."""
    kept = []
    for note in notes:
        n = 1 if isinstance(note, str) else engine.scalar(f"FROM {one_select(note.sql)}")
        if n:
            kept.append(note if isinstance(note, str) else note.text.format(n=f"{n:,}"))
    return kept


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


def _check_cohorts(staging: Staging, building: Path, known_until: datetime) -> None:
    """Whoever is to be judged after the data end would be judged by data that are not there."""
    for one in staging.incoming:
        if (
            any(column.name == "as_of" for column in one.shape.columns)
            and (building / f"{one.shape.name}.parquet").exists()
        ):
            rows = parquet(building / f"{one.shape.name}.parquet")
            late = f"SELECT count(*), max(as_of) FROM {rows} WHERE as_of > TIMESTAMP '{known_until}'"
            ((n, latest),) = staging.engine.rows(late)
            if n:
                raise SourceError(
                    f"{one.shape.name} has rows after the data end",
                    expected=f"as_of up to known_until, {known_until:%Y-%m-%d %H:%M}",
                    received=f"{n:,} rows, the latest at {latest:%Y-%m-%d %H:%M}",
                    todo="say in the mapping, as `known_until`, up to when the tables are complete; or leave these out",
                )


def _beyond(known_until: datetime, first: datetime, complete: datetime) -> SourceError:
    return SourceError(
        "known_until is not within the data",
        expected=f"after {first:%Y-%m-%d %H:%M}, at most {LONGEST_QUIET.days} days after the last row's midnight, "
        f"{complete:%Y-%m-%d %H:%M}",
        received=f"{known_until:%Y-%m-%d %H:%M}",
        todo="say the moment up to which every table is complete, or leave known_until out",
    )


def midnight_after(moment: datetime) -> datetime:
    """The first midnight after a moment: of midnight itself, the next.

    >>> midnight_after(datetime(2026, 3, 1))
    datetime.datetime(2026, 3, 2, 0, 0)
    """
    return datetime(moment.year, moment.month, moment.day) + DAY
