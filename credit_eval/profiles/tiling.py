"""Tiling: each file of events is folded to day tiles once (`tiles.py` says where they lie and reads them)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq

from credit_eval.core.files import atomic_file, sha256_json
from credit_eval.core.progress import Tick, silent
from credit_eval.events.engines.duckdb import DuckDB, parquet, quote
from credit_eval.events.engines.tile_statements import day_statement, value_statement
from credit_eval.events.engines.tiles import Tiling, is_valued, partials_of, tilings, value_tile
from credit_eval.events.store import Dataset
from credit_eval.features.language import Catalogue
from credit_eval.profiles.tiles import answering, tiles_of

#: Events that are tiled at once.
EVENTS_AT_ONCE = 1_000_000
#: Tiles in a row group of their files: what a range of customers has to read at least.
ROWS_PER_GROUP = 20_000


def write_tiles(engine: DuckDB, dataset: Dataset, catalogue: Catalogue, root: Path, *, tick: Tick = silent) -> int:
    """Tile what is not tiled yet; returns how many files were written.

    Raises:
        StorageError: the disk refused; tiles that were finished stay and are not made again.
    """
    provided, _ = catalogue.available(dataset.info)
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
    wanted, place = tiling.wanted, tiles_of(dataset, source, tiling.wanted.stream, root)
    columns = tuple(sorted({"customer_id", "occurred_at", "known_at", *wanted.columns}))
    missing = [a for a in wanted.aggregates if answering(place, a) is None]
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
