"""Where a data set lies on disk, and what it says of itself.

    data/raw/<name>/
        dataset.json            the `DatasetInfo` below
        <table>.parquet         one file per declared table, sorted by (customer_id, occurred_at)
        <table>.parts/<day>.parquet     rows that came later, sorted alike: what `credit-eval append` brought (optional)
        cohorts/<cohort>.parquet    customer_id, as_of: whom to judge, when; amount: of the loan asked for (optional)
        flat.parquet            customer_id, as_of, and columns that its mapping declares: a flat table (optional)
        outcomes.parquet        customer_id, as_of, defaulted, known_at: labels a source brings (optional)

Labels lie in a file of their own that no declared table names, so no feature can reach them. A part is named after
the day it begins with, and its order among the others is that of `dataset.json`. Only what `dataset.json` names is
read: a reader asks for `Dataset.paths` and never for a pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from credit_eval.core.errors import CohortError, IntegrityError, SourceError
from credit_eval.core.locks import reading
from credit_eval.core.seals import check_files, read_sealed, sha256_json, write_sealed
from credit_eval.schema.flat import FLAT, FlatColumn
from credit_eval.schema.tables import table_named

#: The cohort that models learn from, where the source brings labels of its own: `outcomes` are of its rows.
TRAINING_COHORT = "train"


@dataclass(frozen=True)
class Part:
    """A file of rows appended to a table: its path within the data set, and its rows."""

    file: str
    rows: int


@dataclass(frozen=True)
class DatasetInfo:
    """What a data set says of itself.

    `known_until`: the data are complete for everything known strictly before this moment, so it is the latest
    `as_of` that can be asked for. `columns` lists, per table, the columns there really are; `derived` those of them
    that were derived from others here. `rows` counts a table's rows in all of its files, `parts` are the appended
    ones. `timezone` is that of the customers' clocks (`core.zones` says which there are): times are stored in UTC,
    hours and weekdays are counted in it. `hashes` are SHA-256 of the files' bytes. `label_source` is `outcomes` where
    the source brings labels, `repayments` where the default definition is applied to the repayments.
    `flat` are the columns of a flat table, where there is one; `window_days` is how long its labels were waited for,
    where its mapping says so; `anonymous` rows are of nobody who could be met again. `mapping` is the text that the
    data were imported with. `appended` names what was appended by its bytes, so that nothing is twice.
    """

    name: str
    source: str
    currency: str
    known_from: datetime
    known_until: datetime
    label_source: str
    columns: dict[str, list[str]]
    rows: dict[str, int]
    hashes: dict[str, str]
    notes: list[str] = field(default_factory=list)
    derived: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, list[Part]] = field(default_factory=dict)
    timezone: str = "UTC"
    flat: list[FlatColumn] = field(default_factory=list)
    window_days: int | None = None
    anonymous: bool = False
    mapping: str = ""
    appended: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Changes when any byte of any file of the data set does, or what the bytes mean."""
        meaning = [
            self.known_from,
            self.known_until,
            self.currency,
            self.label_source,
            self.columns,
            self.timezone,
            *([[asdict(column) for column in self.flat], self.window_days] if self.flat else []),
        ]
        return sha256_json([self.hashes, meaning])


@dataclass(frozen=True)
class Dataset:
    """A data set opened for reading. `opened`: which one it was, of those that may replace each other there."""

    root: Path
    info: DatasetInfo
    opened: tuple[int, ...] | None = field(default=None, compare=False, repr=False)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the files where they are for the block: whoever would replace them waits.

        Raises:
            SourceError: they were replaced since the data set was opened.
        """
        try:
            with reading(self.root):
                if self.opened not in (None, _identity(self.root)):
                    raise _replaced(self.name)
                yield
        except FileNotFoundError:
            if not self.root.exists():
                raise _replaced(self.name) from None
            raise

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.info.name

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the declared tables this data set provides."""
        return tuple(self.info.columns)

    def path(self, table: str) -> Path:
        """The first file of a declared table, which an import writes. Readers want all of them: `paths`."""
        return self.root / f"{table_named(table).name}.parquet"

    def paths(self, table: str) -> list[Path]:
        """All Parquet files of a declared table, in order of coming; each is sorted by (customer_id, occurred_at)."""
        return [self.path(table), *(self.root / part.file for part in self.info.parts.get(table, ()))]

    def has(self, table: str, *columns: str) -> bool:
        """Whether the source provides this table and all of these columns."""
        return table in self.info.columns and set(columns) <= set(self.info.columns[table])

    def check_as_of(self, as_of: datetime) -> None:
        """Refuse an observation date for which the data are not complete.

        Raises:
            CohortError: before the data begin, or after they end.
        """
        first, last = self.info.known_from, self.info.known_until
        if not first <= as_of <= last:
            where = "after the end" if as_of > last else "before the beginning"
            raise CohortError(
                f"as_of is {where} of the data set {self.name}",
                expected=f"{first:%Y-%m-%d %H:%M} <= as_of <= {last:%Y-%m-%d %H:%M}",
                received=f"{as_of:%Y-%m-%d %H:%M}",
                todo="choose another as_of, or import the data for this one",
            )

    @property
    def flat_path(self) -> Path:
        """The flat table's file (may not exist)."""
        return self.root / f"{FLAT}.parquet"

    @property
    def outcomes_path(self) -> Path:
        """Labels brought by the source (may not exist)."""
        return self.root / "outcomes.parquet"

    def cohort_path(self, cohort: str) -> Path:
        """The file of a cohort brought by the source.

        Raises:
            CohortError: the data set has no such cohort.
        """
        path = self.root / _COHORTS / f"{cohort}.parquet"
        if cohort not in self.cohorts:
            raise CohortError(
                f"data set {self.name} has no cohort {cohort!r}",
                expected="one of " + (", ".join(self.cohorts) or "(none: use --as-of)"),
                received=cohort,
            )
        return path

    @property
    def cohorts(self) -> tuple[str, ...]:
        """Names of the cohorts brought by the source."""
        named = (Path(name) for name in self.info.hashes)
        return tuple(sorted(path.stem for path in named if path.parent.name == _COHORTS))

    @property
    def fingerprint(self) -> str:
        """`DatasetInfo.fingerprint`."""
        return self.info.fingerprint


_COHORTS, _DESCRIBED = "cohorts", "dataset.json"
_RESTORE = "put the file back as it was, or make the data set anew with `credit-eval import` or `simulate`"


def open_dataset(root: Path) -> Dataset:
    """Open a data set's directory.

    Raises:
        SourceError: there is no complete data set here.
        IntegrityError: what describes it is damaged, or was edited.
    """
    described = root / _DESCRIBED
    if not described.exists():
        raise SourceError(
            f"no data set at {root.parent.name}/{root.name}",
            expected="a directory with dataset.json",
            todo="make one with `credit-eval simulate` or `credit-eval import`",
        )
    opened, content = _identity(root), read_sealed(described)
    try:
        dataset = Dataset(root, _info(content), opened)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(
            f"{root.name}/dataset.json does not describe a data set",
            expected="what an import or the simulator wrote",
            received=f"{type(error).__name__}: {error}",
            todo=_RESTORE,
        ) from None
    _check_complete(dataset)
    return dataset


def _identity(root: Path) -> tuple[int, ...]:
    told = (root / _DESCRIBED).stat()
    return root.stat().st_ino, told.st_ino, told.st_mtime_ns


def _replaced(name: str) -> SourceError:
    return SourceError(
        f"data set {name} was replaced, or grew, since it was opened", todo="open it again, or run again"
    )


def _info(content: dict[str, Any]) -> DatasetInfo:
    parts, flat = content["parts"], content["flat"]
    told = {
        "known_from": datetime.fromisoformat(content["known_from"]),
        "known_until": datetime.fromisoformat(content["known_until"]),
        "parts": {table: [Part(**one) for one in listed] for table, listed in parts.items()},
        "flat": [FlatColumn(**column) for column in flat],
    }
    return DatasetInfo(**content | told)


def _check_complete(dataset: Dataset) -> None:
    paths = [path for table in dataset.tables for path in dataset.paths(table)]
    paths += [dataset.flat_path] if dataset.info.flat else []
    missing = [path.relative_to(dataset.root).as_posix() for path in paths if not path.exists()]
    if missing:
        raise SourceError(
            f"data set {dataset.name} lacks files that its dataset.json names",
            expected=f"{len(paths)} files of tables",
            rows=missing[:3],
            n_rows=len(missing),
            todo=_RESTORE,
        )


def check_hashes(dataset: Dataset) -> None:
    """Hold every file of a data set against the hash that `dataset.json` says it had when it was written.

    Before the first number is read, since a run writes these hashes into its manifest.

    Raises:
        IntegrityError: files were changed since, or are gone.
        StorageError: one may not be read.
    """
    check_files(dataset.root, dataset.info.hashes, f"data set {dataset.name} is not what was imported", _RESTORE)


def describe_dataset(root: Path, info: DatasetInfo) -> None:
    """Write `dataset.json`; the last step of making a data set."""
    write_sealed(root / _DESCRIBED, asdict(info))


def check_sorted(path: Path) -> None:
    """Refuse a file that ranges of customers cannot be read from: by its last bytes alone, so at no cost.

    Row groups must not overlap beyond one customer: then a range touches its own row groups only, and memory depends
    on the range. What lies within a row group is read whole, so its order costs nothing and is not looked at.

    Raises:
        SourceError: the file is not whole, has no customers or says nothing of them, or a row group begins with a
            customer before the last one of the row group before it.
    """
    name, last = f"{path.parent.name}/{path.name}", None
    for number, (low, high) in enumerate(_customers(path, name)):
        if last is not None and low < last:
            raise SourceError(
                f"{name} is not sorted by customer_id",
                expected="row groups of ascending customers, as every import writes them",
                received=f"row group {number} begins before row group {number - 1} ends",
                todo=_RESTORE,
            )
        last = high


def _customers(path: Path, name: str) -> list[tuple[str, str]]:
    """The first and the last customer of each row group, as the file's footer says."""
    with path.open("rb") as stream:
        try:
            footer = pq.read_metadata(stream)
        except (ValueError, OSError) as error:  # what Arrow says of a footer that makes no sense, not of the disk
            raise SourceError(
                f"{name} is not a whole Parquet file", expected="a file written to its end", todo=_RESTORE
            ) from error
    columns = footer.schema.names
    groups = [group for number in range(footer.num_row_groups) if (group := footer.row_group(number)).num_rows]
    told = [group.column(columns.index("customer_id")).statistics for group in groups if "customer_id" in columns]
    if len(told) < len(groups) or not all(found and found.has_min_max for found in told):
        raise SourceError(
            f"{name} does not say which customers its row groups hold",
            expected="a column customer_id with its least and largest value per row group",
            todo=_RESTORE,
        )
    return [(found.min, found.max) for found in told]
