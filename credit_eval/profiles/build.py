"""Building profiles: events and a cohort in, one row per (customer_id, as_of) out.

The cohort streams by ranges of customers. Event files are sorted by customer, so a range touches only its own
row groups, and memory depends on the range and not on the data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.errors import CohortError, DeclarationError
from credit_eval.core.files import atomic_directory
from credit_eval.core.progress import Tick, silent
from credit_eval.events.engines.duckdb import DuckDB, parquet, quote
from credit_eval.events.engines.files import SortedFiles
from credit_eval.events.engines.finish import ranked
from credit_eval.events.engines.snapshot import Cohort, Snapshots
from credit_eval.events.engines.spark import Spark
from credit_eval.events.measures import Rank
from credit_eval.events.store import Dataset, check_sorted
from credit_eval.features.language import Catalogue
from credit_eval.profiles.on_spark import write_parts_on_spark
from credit_eval.profiles.store import Profiles, ProfilesInfo, describe_profiles, open_profiles
from credit_eval.profiles.tiles import tile_feeds

#: A range of customers holds about so many cells of profiles and so many events of the largest table.
CELLS_PER_RANGE, EVENTS_PER_RANGE = 4_000_000, 500_000
MOST_WORKERS = 4


def build_profiles(
    engine: DuckDB,
    dataset: Dataset,
    cohort: Path,
    catalogue: Catalogue,
    target: Path,
    *,
    replace: bool = False,
    workers: int | None = None,
    tiles: Path | None = None,
    spark: Spark | None = None,
    tick: Tick = silent,
) -> Profiles:
    """Write the profiles of a cohort (Parquet: customer_id, as_of) to `target`, atomically.

    `workers` ranges are built at once (None: one per core); their number changes no bit. Neither do `tiles` (where
    `write_tiles` put them): at midnights, features are taken from them as far as they are there. Neither does `spark`:
    it reads the events itself, and its workers fold.
    Features over tables or columns that the source lacks are left out and named in `ProfilesInfo.absent`.

    Raises:
        CohortError: an empty cohort, an `as_of` outside the data, or a customer the data do not know.
        DeclarationError: the source provides nothing that any feature needs.
    """
    pa.set_memory_pool(pa.system_memory_pool())  # gives back what a range no longer needs; Arrow's own keeps it
    provided, absent = catalogue.available(dataset.info.columns)
    if not provided.features:
        raise DeclarationError("the source provides no table that a feature needs", received=", ".join(dataset.tables))
    engine.run(f"CREATE OR REPLACE TEMP TABLE whole_cohort AS SELECT customer_id, as_of FROM {parquet(cohort)}")
    _check_cohort(engine, dataset)
    ranges = [_Range(*found) for found in _ranges(engine, dataset, len(provided.features))]
    cohorts = [Cohort.of(_members(engine, of)) for of in ranges]
    at_midnight = all(cohort.at_midnight for cohort in cohorts)
    snapshots = Snapshots(provided.measures, tile_feeds(dataset, provided, tiles) if tiles and at_midnight else ())
    with atomic_directory(target, replace=replace) as building:
        tick("profiles", 0, len(ranges))
        if spark:
            write_parts_on_spark(spark, dataset, provided.measures, cohorts, building)
            tick("profiles", len(ranges), len(ranges))
        else:
            for done, _ in enumerate(_each(snapshots, dataset, ranges, cohorts, building, workers or _cores())):
                tick("profiles", done + 1, len(ranges))
        _rank(building, [f.name for f in provided.features if isinstance(f.measure, Rank)])
        info = ProfilesInfo(
            dataset=dataset.name,
            data_fingerprint=dataset.fingerprint,
            catalogue_fingerprint=provided.fingerprint,
            cohort=cohort.stem,
            rows=engine.scalar("SELECT count(*) FROM whole_cohort"),
            features=provided.names,
            absent=absent,
        )
        describe_profiles(building, info)
    return open_profiles(target)


@dataclass(frozen=True)
class _Range:
    """Customers from `low` to `high`, both included."""

    low: str
    high: str

    @property
    def bounds(self) -> str:
        return f"customer_id BETWEEN {quote(self.low)} AND {quote(self.high)}"


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def _each(
    snapshots: Snapshots,
    dataset: Dataset,
    ranges: Sequence[_Range],
    cohorts: Sequence[Cohort],
    into: Path,
    workers: int,
) -> Iterator[int]:
    """Work off the ranges, giving the number of each that is done; a worker takes neighbours one after the other."""
    files, done = SortedFiles(), SimpleQueue[int | None]()
    paths = [path for table in dataset.tables for path in dataset.paths(table)]
    for path in paths:
        check_sorted(path)
    files.open(paths)

    def build(number: int) -> None:
        of = ranges[number]

        def read(table: str | Sequence[Path], columns: Sequence[str]) -> pa.Table:
            paths = dataset.paths(table) if isinstance(table, str) else table
            return files.read(paths, of.low, of.high, columns)

        write_part(snapshots.table(read, cohorts[number]), into / f"part-{number:05}.parquet")

    def work(numbers: Sequence[int]) -> None:
        try:
            for number in numbers:
                build(number)
                done.put(number)
        finally:
            done.put(None)

    with ThreadPoolExecutor(workers) as pool:
        parts = np.array_split(np.arange(len(ranges)), workers)
        futures = [pool.submit(work, part.tolist()) for part in parts]
        for _ in parts:
            yield from iter(done.get, None)
        for future in futures:
            future.result()


def _members(engine: DuckDB, of: _Range) -> pa.Table:
    return engine.arrow(f"SELECT customer_id, as_of FROM whole_cohort WHERE {of.bounds} ORDER BY ALL")


def write_part(profiles: pa.Table, path: Path) -> None:
    """One range's profiles as a file."""
    pq.write_table(profiles, path, compression="lz4", use_dictionary=False, write_statistics=False)


def _rank(building: Path, names: list[str]) -> None:
    """Second pass: what is known only when everybody's value is."""
    if not names:
        return
    parts = sorted(building.glob("part-*.parquet"))
    keys = pa.concat_tables(pq.read_table(part, columns=["as_of", *names]) for part in parts)
    as_of = keys["as_of"].cast(pa.int64()).to_numpy()
    ranks = {name: ranked(keys[name].to_numpy(), as_of) for name in names}
    first = 0
    for part in parts:
        table = pq.read_table(part)
        for name in names:
            of_part = ranks[name][first : first + len(table)]
            column = pa.array(of_part, mask=np.isnan(of_part))
            table = table.set_column(table.column_names.index(name), name, column)
        write_part(table, part)
        first += len(table)


def _ranges(engine: DuckDB, dataset: Dataset, features: int) -> Iterator[tuple[str, str]]:
    """Customer ranges, small enough for memory; all members of one customer are in one range."""
    members, customers = engine.rows("SELECT count(*), count(DISTINCT customer_id) FROM whole_cohort")[0]
    events = max(dataset.info.rows.values(), default=1)
    known = max(customers, dataset.info.rows.get("customers", 0))
    of_events = EVENTS_PER_RANGE * known // max(events, 1) * members // customers
    most = max(1, min(CELLS_PER_RANGE // features, of_events))
    yield from engine.rows(
        f"""SELECT min(customer_id), max(customer_id) FROM (
                SELECT customer_id, (sum(members) OVER (ORDER BY customer_id) - members) // {most} AS part
                FROM (SELECT customer_id, count(*) AS members FROM whole_cohort GROUP BY customer_id))
            GROUP BY part ORDER BY part"""
    )


def _check_cohort(engine: DuckDB, dataset: Dataset) -> None:
    if engine.scalar("SELECT count(*) FROM whole_cohort") == 0:
        raise CohortError("the cohort is empty", todo="choose an as_of with customers, see `credit-eval datasets`")
    for extreme in engine.rows("SELECT min(as_of), max(as_of) FROM whole_cohort")[0]:
        dataset.check_as_of(extreme)
    twice = engine.scalar("SELECT count(*) FROM (FROM whole_cohort GROUP BY ALL HAVING count(*) > 1)")
    if twice:
        raise CohortError("a customer is twice in the cohort with one as_of", n_rows=twice)
    if dataset.has("customers"):
        _check_known(engine, dataset)


def _check_known(engine: DuckDB, dataset: Dataset) -> None:
    customers = parquet(dataset.paths("customers"))
    unknown = f"FROM whole_cohort ANTI JOIN {customers} USING (customer_id)"
    count = engine.scalar(f"SELECT count(*) {unknown}")
    if count:
        rows = engine.rows(f"SELECT DISTINCT customer_id {unknown} ORDER BY 1 LIMIT 3")
        raise CohortError(
            "the cohort names customers that the data do not know",
            rows=[row[0] for row in rows],
            n_rows=count,
            todo="check the identifiers, or import the customers' events",
        )
