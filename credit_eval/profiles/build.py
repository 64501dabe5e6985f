"""Building profiles: events and a cohort in, one row per (customer_id, as_of) out.

The cohort streams by ranges of customers. Event files are sorted by customer, so a range touches only its own
row groups, and memory depends on the range and not on the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from credit_eval.core.errors import CohortError, DeclarationError
from credit_eval.core.files import atomic_directory
from credit_eval.core.progress import Tick, silent
from credit_eval.events.engines.duckdb import DuckDB, parquet, quote
from credit_eval.events.engines.sql import render
from credit_eval.events.store import Dataset
from credit_eval.events.tables import table_named
from credit_eval.features.language import Catalogue
from credit_eval.profiles.store import Profiles, ProfilesInfo, describe_profiles, open_profiles

MEMBERS_PER_RANGE = 25_000
_COMMON = frozenset({"customer_id", "occurred_at", "known_at"})


def build_profiles(
    engine: DuckDB,
    dataset: Dataset,
    cohort: Path,
    catalogue: Catalogue,
    target: Path,
    *,
    replace: bool = False,
    tick: Tick = silent,
) -> Profiles:
    """Write the profiles of a cohort (Parquet: customer_id, as_of) to `target`, atomically.

    Features over tables or columns that the source lacks are left out and named in `ProfilesInfo.absent`.

    Raises:
        CohortError: an empty cohort, an `as_of` outside the data, or a customer the data do not know.
        DeclarationError: the source provides nothing that any feature needs.
    """
    provided, absent = catalogue.available(dataset.info.columns)
    if not provided.features:
        raise DeclarationError("the source provides no table that a feature needs", received=", ".join(dataset.tables))
    engine.run(f"CREATE OR REPLACE TEMP TABLE whole_cohort AS SELECT customer_id, as_of FROM {parquet(cohort)}")
    _check_cohort(engine, dataset)
    statement = render(provided.measures)
    with atomic_directory(target, replace=replace) as building:
        ranges = list(_ranges(engine))
        for number, (low, high) in enumerate(ranges):
            _see_range(engine, dataset, provided, low, high)
            engine.write_parquet(statement, building / f"part-{number:05}.parquet")
            tick("profiles", number + 1, len(ranges))
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


def _see_range(engine: DuckDB, dataset: Dataset, catalogue: Catalogue, low: str, high: str) -> None:
    """Point the relations that the statement reads at one range of customers."""
    bounds = f"WHERE customer_id BETWEEN {quote(low)} AND {quote(high)}"
    engine.run(f"CREATE OR REPLACE TEMP VIEW cohort AS SELECT * FROM whole_cohort {bounds}")
    needed: dict[str, set[str]] = {}
    for feature in catalogue.features:
        for table, columns in feature.needs.items():
            needed.setdefault(table, set(_COMMON)).update(columns | _revealing(dataset, table))
    for table, read in needed.items():
        source = parquet(dataset.path(table))
        chosen = ", ".join(sorted(read))
        engine.run(f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT {chosen} FROM {source} {bounds}")


def _revealing(dataset: Dataset, table: str) -> set[str]:
    return {reveal.by for reveal in table_named(table).reveals if dataset.has(table, reveal.by)}


def _ranges(engine: DuckDB) -> Iterator[tuple[str, str]]:
    """Customer ranges of about `MEMBERS_PER_RANGE` members; all members of one customer are in one range."""
    yield from engine.rows(
        f"""SELECT min(customer_id), max(customer_id) FROM (
                SELECT customer_id, (sum(members) OVER (ORDER BY customer_id) - members) // {MEMBERS_PER_RANGE} AS part
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
    customers = parquet(dataset.path("customers"))
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
