"""Where a data set lies on disk, and what it says of itself.

    data/raw/<name>/
        dataset.json            the `DatasetInfo` below
        <table>.parquet         one file per declared table, sorted by (customer_id, occurred_at)
        cohorts/<cohort>.parquet    customer_id, as_of: whom a source wants judged, and when (optional)
        outcomes.parquet        customer_id, as_of, defaulted, known_at: labels a source brings (optional)

Labels lie in a file of their own that no declared table names, so no feature can reach them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from credit_eval.core.errors import CohortError, SourceError
from credit_eval.core.files import read_json, sha256_json, write_json
from credit_eval.events.tables import table_named


@dataclass(frozen=True)
class DatasetInfo:
    """What a data set says of itself.

    `known_until`: the data are complete for everything known strictly before this moment, so it is the latest
    `as_of` that can be asked for. `columns` lists, per table, the columns the source really provides.
    `hashes` are SHA-256 of the files' bytes. `label_source` is `outcomes` where the source brings labels,
    `repayments` where the default definition is applied to the repayments.
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

    @property
    def fingerprint(self) -> str:
        """Changes when any byte of any file of the data set does, or what the bytes mean."""
        meaning = [self.known_from, self.known_until, self.currency, self.label_source, self.columns]
        return sha256_json([self.hashes, meaning])


@dataclass(frozen=True)
class Dataset:
    """A data set opened for reading."""

    root: Path
    info: DatasetInfo

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.info.name

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the declared tables this data set provides."""
        return tuple(self.info.columns)

    def path(self, table: str) -> Path:
        """The Parquet file of a declared table."""
        return self.root / f"{table_named(table).name}.parquet"

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
    def outcomes_path(self) -> Path:
        """Labels brought by the source (may not exist)."""
        return self.root / "outcomes.parquet"

    def cohort_path(self, cohort: str) -> Path:
        """The file of a cohort brought by the source.

        Raises:
            CohortError: the data set has no such cohort.
        """
        path = self.root / "cohorts" / f"{cohort}.parquet"
        if not path.exists():
            raise CohortError(
                f"data set {self.name} has no cohort {cohort!r}",
                expected="one of " + (", ".join(self.cohorts) or "(none: use --as-of)"),
                received=cohort,
            )
        return path

    @property
    def cohorts(self) -> tuple[str, ...]:
        """Names of the cohorts brought by the source."""
        return tuple(sorted(path.stem for path in (self.root / "cohorts").glob("*.parquet")))

    @property
    def fingerprint(self) -> str:
        """`DatasetInfo.fingerprint`."""
        return self.info.fingerprint


def open_dataset(root: Path) -> Dataset:
    """Open a data set's directory.

    Raises:
        SourceError: there is no complete data set here.
    """
    described = root / "dataset.json"
    if not described.exists():
        raise SourceError(
            f"no data set at {root.parent.name}/{root.name}",
            expected="a directory with dataset.json",
            todo="make one with `credit-eval simulate` or `credit-eval import`",
        )
    content = read_json(described)
    for key in ("known_from", "known_until"):
        content[key] = datetime.fromisoformat(content[key])
    return Dataset(root, DatasetInfo(**content))


def describe_dataset(root: Path, info: DatasetInfo) -> None:
    """Write `dataset.json`; the last step of making a data set."""
    write_json(root / "dataset.json", asdict(info))
