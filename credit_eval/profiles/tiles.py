"""Day tiles on disk: written once per file of events, read by every snapshot at a midnight.

    data/tiles/<dataset>/<hash of an event file>/<table>-<clock>/
        days-<hash of its columns>.parquet     a column per partial, sorted by (customer_id, day, known)
        values-<hash of the declaration>.parquet

A file says by its columns' names which declarations it answers: a changed feature finds no column and is tiled anew,
an unchanged one is not. An appended day of events is a file of its own, and so are its tiles; a late event in it
brings tiles of older days that only later snapshots see, and no file is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import pyarrow.parquet as pq

from credit_eval.core.files import atomic_file, sha256_json
from credit_eval.core.progress import Tick, silent
from credit_eval.events.engines.columns import Array, Numbers, numbers
from credit_eval.events.engines.duckdb import DuckDB, parquet, quote
from credit_eval.events.engines.plan import Stream
from credit_eval.events.engines.rows import Rows
from credit_eval.events.engines.snapshot import Cohort, Feed, Read, in_order, later, of_customers, one_chunk
from credit_eval.events.engines.tiles import (
    DayTiles,
    Tiling,
    ValueTiles,
    day_statement,
    is_valued,
    partials_of,
    tilings,
    value_statement,
    value_tile,
)
from credit_eval.events.query import Aggregate
from credit_eval.events.store import Dataset
from credit_eval.features.language import Catalogue

#: Events that are tiled at once.
EVENTS_AT_ONCE = 1_000_000
#: Tiles in a row group of their files: what a range of customers has to read at least.
ROWS_PER_GROUP = 20_000


def write_tiles(engine: DuckDB, dataset: Dataset, catalogue: Catalogue, root: Path, *, tick: Tick = silent) -> int:
    """Tile what is not tiled yet; returns how many files were written.

    Raises:
        StorageError: the disk refused; tiles that were finished stay and are not made again.
    """
    provided, _ = catalogue.available(dataset.info.columns)
    jobs = [
        job
        for tiling in tilings(provided.measures.values())
        for source in dataset.paths(tiling.wanted.stream.table)
        for job in _missing(dataset, source, tiling, root)
    ]
    for done, job in enumerate(jobs):
        tick("tiles", done, len(jobs))
        job.write(engine)
    tick("tiles", len(jobs), max(len(jobs), 1))
    return len(jobs)


def tile_feeds(dataset: Dataset, catalogue: Catalogue, root: Path) -> list[Feed]:
    """Feeds from the tiles that are there for every file of the data; what they lack is left to the events."""
    provided, _ = catalogue.available(dataset.info.columns)
    feeds: list[Feed] = []
    for tiling in tilings(provided.measures.values()):
        places = [
            _place(dataset, path, tiling.wanted.stream, root) for path in dataset.paths(tiling.wanted.stream.table)
        ]
        found = [(files, a) for a in tiling.wanted.aggregates if (files := tuple(_answering(p, a) for p in places))]
        complete = [(files, a) for files, a in found if None not in files]
        for files, group in groupby(sorted(complete, key=repr), key=lambda one: one[0]):
            aggregates = tuple(aggregate for _, aggregate in group)
            paths = [file for file in files if file]
            feeds.append(ValueFeed(paths, aggregates) if is_valued(aggregates[0]) else DayFeed(paths, aggregates))
    return feeds


def _place(dataset: Dataset, source: Path, stream: Stream, root: Path) -> Path:
    name = source.relative_to(dataset.root).as_posix()
    return root / dataset.info.hashes[name][:16] / f"{stream.table}-{stream.clock}"


def _answering(place: Path, of: Aggregate) -> Path | None:
    """The file of tiles that answers an aggregate."""
    if is_valued(of):
        path = place / f"{value_tile(of)}.parquet"
        return path if path.exists() else None
    needed = {partial.column for partial in partials_of(of)}
    return next((p for p in sorted(place.glob("days-*.parquet")) if needed <= set(pq.read_schema(p).names)), None)


@dataclass(frozen=True)
class _Job:
    """A file of tiles to be written: `statement` over the rows of `source`, streamed by customers."""

    source: Path
    table: str
    columns: tuple[str, ...]
    statement: str
    target: Path

    def write(self, engine: DuckDB) -> None:
        with atomic_file(self.target) as building:
            writer = None
            for low, high in customer_ranges(self.source, EVENTS_AT_ONCE):
                bounds = f"customer_id > {quote(low)} AND customer_id <= {quote(high)}"
                rows = f"SELECT {', '.join(self.columns)} FROM {parquet(self.source)} WHERE {bounds}"
                tiles = engine.arrow(f"WITH {self.table} AS ({rows}) {self.statement}")
                writer = writer or pq.ParquetWriter(
                    building, tiles.schema, compression="zstd", write_statistics=["customer_id"]
                )
                writer.write_table(tiles, row_group_size=ROWS_PER_GROUP)
            if writer:
                writer.close()


def _missing(dataset: Dataset, source: Path, tiling: Tiling, root: Path) -> Iterator[_Job]:
    wanted, place = tiling.wanted, _place(dataset, source, tiling.wanted.stream, root)
    columns = tuple(sorted({"customer_id", "occurred_at", "known_at", *wanted.columns}))
    missing = [a for a in wanted.aggregates if _answering(place, a) is None]
    partials = sorted({p for a in missing if not is_valued(a) for p in partials_of(a)}, key=lambda p: p.column)
    if partials:
        target = place / f"days-{sha256_json([p.column for p in partials])[:12]}.parquet"
        yield _Job(source, wanted.stream.table, columns, day_statement(wanted, partials), target)
    for name, of in {value_tile(a): a for a in missing if is_valued(a)}.items():
        yield _Job(source, wanted.stream.table, columns, value_statement(wanted, of), place / f"{name}.parquet")


def customer_ranges(path: Path, rows: int) -> list[tuple[str, str]]:
    """Ranges (after, up to] of about `rows` rows each of a file sorted by customer, by its row groups' statistics."""
    metadata = pq.ParquetFile(path).metadata
    place = metadata.schema.to_arrow_schema().get_field_index("customer_id")
    cuts, held = [""], 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        held += group.num_rows
        last = group.column(place).statistics.max
        if held >= rows or number == metadata.num_row_groups - 1:
            if last > cuts[-1]:
                cuts.append(last)
            held = 0
    return list(pairwise(cuts))


class DayFeed:
    """Day tiles of some files (one per file of events), for aggregates they all answer."""

    paired = False

    def __init__(self, files: Sequence[Path], aggregates: Sequence[Aggregate]) -> None:
        self.aggregates, self._files = aggregates, files
        self._partials = sorted({p for a in aggregates for p in partials_of(a)}, key=lambda p: p.column)

    def rows(self, read: Read, cohort: Cohort) -> Rows:
        """The tiles of a range's customers."""
        group, day, known, columns = _fetch(read, cohort, self._files, [p.column for p in self._partials])
        return in_order(DayTiles(group, day, known, {}, {}, partials={p: columns[p.column] for p in self._partials}))


class ValueFeed:
    """Value tiles of some files, for the aggregates of one condition and value."""

    paired = False

    def __init__(self, files: Sequence[Path], aggregates: Sequence[Aggregate]) -> None:
        self.aggregates, self._files = aggregates, files

    def rows(self, read: Read, cohort: Cohort) -> Rows:
        """The tiles of a range's customers."""
        group, day, known, columns = _fetch(read, cohort, self._files, ["value", "n"])
        value = self.aggregates[0].value
        assert value is not None  # only valued aggregates have value tiles
        return in_order(ValueTiles(group, day, known, {}, {value: columns["value"]}, n=columns["n"].whole))


def _fetch(
    read: Read, cohort: Cohort, files: Sequence[Path], columns: Sequence[str]
) -> tuple[Array, Array, Array | None, dict[str, Numbers]]:
    """Group, day, known and the columns of a range's tiles."""
    group, table = of_customers(read(files, ["customer_id", "day", "known", *columns]), cohort.customers)
    day, known = (numbers(one_chunk(table[name])).whole for name in ("day", "known"))
    return group, day, later(known, day), {name: numbers(one_chunk(table[name])) for name in columns}
