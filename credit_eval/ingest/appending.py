"""One more day for a data set: rows staged and judged as an import does, then added to what is there.

A table grows by a part, a sorted file of its own beside the first, so a night costs what the night brought and not
what the years did. Three kinds of files are written anew instead, with the new rows among the old: tables whose rows
may be said again (`repayments`: a line is paid), cohorts and outcomes.

The new data set is made beside the old one, of the new files and of links to those that stay, and changes places with
it in one step. A kill leaves the one or the other, and who reads the old one meanwhile finds its files as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from credit_eval.core.errors import SourceError, TableError
from credit_eval.core.files import atomic_directory, link_files
from credit_eval.core.progress import Tick, silent
from credit_eval.core.seals import hashes_of
from credit_eval.core.zones import zone_named
from credit_eval.ingest.importing import midnight_after
from credit_eval.ingest.staging import QUARANTINE, Measured, Relations, Staging, staged, unseen_orders
from credit_eval.schema.additions import Stored, later_reveal
from credit_eval.schema.duckdb import Relation, parquet, select
from credit_eval.schema.rules import SHAPES
from credit_eval.schema.store import Dataset, DatasetInfo, Part, check_hashes, describe_dataset, open_dataset
from credit_eval.schema.validation import Incoming

#: A `known_until` further than this from the last row is taken for a mistyped date: an append cannot be undone.
LONGEST_SILENCE = timedelta(days=31)


def append_dataset(
    root: Path,
    relations: Relations,
    *,
    currency: str,
    timezone: str = "UTC",
    known_until: datetime | None = None,
    quarantine: bool = False,
    called: str = "",
    tick: Tick = silent,
) -> Dataset:
    """Add rows to the data set in `root`, and move its `known_until` forward; `quarantine` sets bad rows aside.

    Every table of the data set must be there, with its columns and no others: a table without rows says that nothing
    happened. `known_until` is the midnight after the last moment in the rows unless it is given; without rows it must
    be. Rows of the same data twice are refused, as they are known before `known_until` then. `called` is kept, by which
    the caller knows later what was appended.

    Raises:
        TableError: rows break the declared tables, change the past, or are there already, and `quarantine` is false.
        SourceError: no such data set, other tables, columns, currency or zone than its own, no rows, or `known_until`
            is not after all of them.
        IntegrityError: files that are there were changed since they were imported.
        OutputExistsError: somebody else appends to it right now.
        StorageError: the disk refused; nothing was changed.
    """
    with atomic_directory(root, replace=True) as building:
        dataset = open_dataset(root)
        check_hashes(dataset)
        _check_currency(dataset, currency)
        _check_timezone(dataset, timezone)
        with staged(building, relations, tick, beside=[root]) as staging:
            _check_columns(dataset.info, staging)
            stored = Stored(dataset.info.known_until, _stored(dataset))
            staging.judge(quarantine=quarantine, stored=stored)
            found = {one.shape.name: staging.measured(one, staging.good(one)) for one in _tables(staging)}
            complete = _complete(dataset.info, found, known_until)
            added = _Writer(staging, dataset, stored.relations, _stem(dataset)).write(found)
        info = dataset.info
        parts = {table: info.parts.get(table, []) + added.parts.get(table, []) for table in info.columns}
        grown = replace(
            info,
            known_until=complete,
            rows={table: rows + added.rows.get(table, 0) for table, rows in info.rows.items()},
            parts={table: files for table, files in parts.items() if files},
            hashes=info.hashes | hashes_of(building),
            notes=info.notes + added.notes,
            appended=[*info.appended, called] if called else info.appended,
        )
        describe_dataset(building, grown)
        link_files(root, building)
    return open_dataset(root)


@dataclass
class _Added:
    """What came: rows and parts per table, and what is to be said of them."""

    rows: dict[str, int]
    parts: dict[str, list[Part]]
    notes: list[str]


class _Writer:
    """Writes judged rows as parts or among the old ones; `stem` names what is new."""

    def __init__(self, staging: Staging, dataset: Dataset, stored: Mapping[str, Relation], stem: str) -> None:
        self._staging, self._dataset, self._stored, self._stem = staging, dataset, stored, stem

    def write(self, found: Mapping[str, Measured]) -> _Added:
        """All shapes; those without a row are left as they are."""
        added = _Added({}, {}, [])
        for one in self._staging.incoming:
            name, rows = one.shape.name, self._rows(one)
            if not rows:
                self._staging.step()
            elif name in found and later_reveal(one.shape, self._dataset.info.columns[name]) is None:
                added.parts[name] = [self._part(one, rows)]
                added.rows[name] = rows
            else:
                added.rows[name] = self._among_the_old(one)
        unseen = unseen_orders(self._staging.engine, self._orders_touched()) if added.rows.get("orders") else []
        notes = unseen + self._staging.readings() + self._staging.set_aside(f"{QUARANTINE}/{self._stem}")
        added.notes += [f"appended {self._stem}: {note}" for note in notes]
        return added

    def _rows(self, one: Incoming) -> int:
        return int(self._staging.engine.scalar(f"SELECT count(*) FROM {self._staging.good(one)}"))

    def _part(self, one: Incoming, rows: int) -> Part:
        name = one.shape.name
        part = Part(f"{name}.parts/{self._stem}.parquet", rows)
        derived = self._dataset.info.derived.get(name, [])
        self._staging.write(one, self._staging.building / part.file, derived=derived, stored=self._stored[name])
        return part

    def _among_the_old(self, one: Incoming) -> int:
        """The old rows but those said again, and the new ones; returns by how many they are more."""
        name, key = one.shape.name, ", ".join(one.shape.key)
        path = self._staging.building / f"{name}.parquet"
        old = self._stored.get(name)
        kept = select(f"SELECT * FROM {old} ANTI JOIN {self._staging.good(one)} USING ({key})") if old else None
        self._staging.write(one, path, kept=kept)
        counted = " - ".join(f"(SELECT count(*) FROM {rows})" for rows in (parquet(path), old) if rows)
        return int(self._staging.engine.scalar(f"SELECT {counted}"))

    def _orders_touched(self) -> Relation:
        """All rows, old and new, of the orders that the new rows are about."""
        (new,) = [one for one in self._staging.incoming if one.shape.name == "orders"]
        rows = self._staging.good(new)
        columns = "SELECT order_id, status FROM"
        known = f"{columns} {self._stored['orders']} SEMI JOIN (SELECT order_id FROM {rows}) USING (order_id)"
        return select(f"{columns} {rows} UNION ALL {known}")


def _tables(staging: Staging) -> list[Incoming]:
    return [one for one in staging.incoming if one.shape.name in SHAPES]


def _stored(dataset: Dataset) -> dict[str, Relation]:
    """What the data set holds, per shape."""
    stored = {table: parquet(dataset.paths(table)) for table in dataset.tables}
    stored |= {f"cohorts/{cohort}": parquet(dataset.cohort_path(cohort)) for cohort in dataset.cohorts}
    return stored | ({"outcomes": parquet(dataset.outcomes_path)} if dataset.outcomes_path.exists() else {})


def _stem(dataset: Dataset) -> str:
    """The day on which the new rows begin, with a number if something was appended on that day before."""
    day = f"{dataset.info.known_until:%Y-%m-%d}"
    files = {Path(part.file).stem for parts in dataset.info.parts.values() for part in parts}
    taken = files | {path.name for path in (dataset.root / QUARANTINE).glob("*")}
    return next(stem for n in count(1) if (stem := day if n == 1 else f"{day}-{n}") not in taken)


def _check_currency(dataset: Dataset, currency: str) -> None:
    if currency != dataset.info.currency:
        raise SourceError(
            f"the amounts are in another currency than those of data set {dataset.name}",
            expected=dataset.info.currency,
            received=currency,
            todo="convert them before they are appended",
        )


def _check_timezone(dataset: Dataset, timezone: str) -> None:
    if zone_named(timezone).name != zone_named(dataset.info.timezone).name:
        raise SourceError(
            f"the times are of another zone than those of data set {dataset.name}",
            expected=dataset.info.timezone,
            received=timezone,
            todo="say the zone that the data set was imported with, or import it again with this one",
        )


def _check_columns(info: DatasetInfo, staging: Staging) -> None:
    """What a data set has must come, or it would look as if it had not happened; what it lacks has no past."""
    came = {one.shape.name: one for one in _tables(staging)}
    if came.keys() != info.columns.keys():
        raise _unlike(f"the tables are not those of data set {info.name}", list(info.columns), list(came))
    for name, one in came.items():
        written = [column.name for column in one.shape.written(one.given)]
        expected = [column for column in info.columns[name] if column not in info.derived.get(name, [])]
        if set(written) != set(expected):
            raise _unlike(f"the columns of {name} are not those of data set {info.name}", expected, written)
    if info.label_source != "outcomes" and any(one.shape.name == "outcomes" for one in staging.incoming):
        raise _unlike(f"data set {info.name} has no outcomes", ["labels made of its repayments"], ["outcomes"])


def _unlike(problem: str, expected: list[str], received: list[str]) -> TableError:
    lacking = [name for name in expected if name not in received]
    others = [name for name in received if name not in expected]
    return TableError(
        problem,
        expected=", ".join(expected),
        received=", ".join([*(f"no {name}" for name in lacking), *(f"{name} as well" for name in others)]),
        todo="give what is missing (a file with its header alone says that nothing happened), leave out what is new, "
        "or import everything anew with `credit-eval import --replace`",
    )


def _complete(info: DatasetInfo, found: Mapping[str, Measured], known_until: datetime | None) -> datetime:
    """Up to when the data are complete now.

    Raises:
        SourceError: the moment given is not after all rows, or there is neither a moment nor a row.
    """
    moments = [moment for measured in found.values() for moment in measured.ends.values()]
    if known_until is None and not moments:
        raise SourceError(
            f"there are no rows to append to data set {info.name}",
            expected="rows, or the moment up to which nothing happened",
            todo="check that the files are the right ones; if nothing happened, say --known-until",
        )
    last = max([info.known_until, *moments])
    complete = known_until or midnight_after(last)
    if not last < complete <= last + LONGEST_SILENCE:
        raise SourceError(
            "known_until is not a moment soon after the rows",
            expected=f"after {last}, up to {LONGEST_SILENCE.days} days later",
            received=f"{complete}",
            todo="leave rows known later to the next append, or say --known-until so that it comes after all rows",
        )
    return complete
