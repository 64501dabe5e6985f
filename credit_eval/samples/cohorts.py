"""Whom to look at, and when: every customer with an account, on each month start that can be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from credit_eval.core.clock import days_of_months
from credit_eval.core.errors import CohortError, SampleError
from credit_eval.core.files import atomic_file
from credit_eval.samples.definition import DefaultDefinition, account_known_at
from credit_eval.schema.duckdb import DuckDB, parquet, quote, select
from credit_eval.schema.store import Dataset


def monthly_cohort(engine: DuckDB, dataset: Dataset, as_ofs: Sequence[datetime], path: Path) -> int:
    """Write (customer_id, as_of) for every customer with an account known before as_of; returns the rows.

    Raises:
        CohortError: an as_of outside the data, no accounts in the data set, or nobody to look at.
        StorageError: the disk refused.
    """
    _check_dates(dataset, as_ofs)
    if not dataset.has("accounts"):
        raise CohortError(
            f"data set {dataset.name} has no accounts, so nobody has credit to judge",
            expected="the table accounts",
            received="tables " + ", ".join(dataset.tables),
            todo="import accounts, or give a cohort file of customer_id and as_of",
        )
    dates = ", ".join(f"(TIMESTAMP {quote(str(as_of))})" for as_of in sorted(set(as_ofs)))
    members = select(f"""
        SELECT customer_id, as_of
        FROM (SELECT customer_id, min({account_known_at(dataset)}) AS first_known
              FROM {parquet(dataset.paths("accounts"))} GROUP BY ALL)
        JOIN (SELECT * FROM (VALUES {dates}) dates(as_of)) ON first_known < as_of""")
    with atomic_file(path) as building:
        engine.write_parquet(members, building, order_by="customer_id, as_of")
        rows = int(engine.scalar(f"SELECT count(*) FROM {parquet(building)}"))
        if rows == 0:
            raise CohortError(
                "the cohort is empty",
                expected="a customer with an account known before as_of",
                received=f"none before {max(as_ofs):%Y-%m-%d}",
                todo="choose a later as_of",
            )
    return rows


@dataclass(frozen=True)
class Drawn:
    """How many customers and rows of a cohort there are, and how many were drawn from it; equal where all were."""

    customers: int
    rows: int
    of_customers: int
    of_rows: int

    @property
    def all_there_are(self) -> bool:
        """Whether nobody was left out."""
        return self.rows == self.of_rows


def draw_customers(engine: DuckDB, cohort: Path, path: Path, *, max_rows: int, seed: int) -> tuple[Path, Drawn]:
    """Draw customers at random, with all their rows, so that about `max_rows` come together; written to `path`.

    A cohort of no more rows is taken as it is. The same seed draws the same customers on every machine, and more rows
    asked for are the same customers and others.

    Raises:
        StorageError: the disk refused.
    """
    source = parquet(cohort)
    ((of_rows, of_customers),) = engine.rows(f"SELECT count(*), count(DISTINCT customer_id) FROM {source}")
    if of_rows <= max_rows:
        return cohort, Drawn(of_customers, of_rows, of_customers, of_rows)
    edge = f"{int(max_rows / of_rows * 16**8):08x}"
    mine = f"substr(md5({quote(f'{seed}:')} || customer_id), 1, 8) < {quote(edge)}"
    with atomic_file(path) as building:
        drawn = select(f"SELECT customer_id, as_of FROM {source} WHERE {mine}")
        engine.write_parquet(drawn, building, order_by="customer_id, as_of")
        ((rows, customers),) = engine.rows(f"SELECT count(*), count(DISTINCT customer_id) FROM {parquet(building)}")
    return path, Drawn(customers, rows, of_customers, of_rows)


def one_member(engine: DuckDB, dataset: Dataset, customer_id: str, as_of: datetime, path: Path) -> None:
    """Write this customer at `as_of` alone; of a flat table, at the latest of its dates that is not later.

    Raises:
        CohortError: an as_of outside the data.
    """
    _check_dates(dataset, [as_of])
    moment = f"TIMESTAMP {quote(str(as_of))}"
    if dataset.info.flat and not dataset.tables:
        rows = f"{parquet(dataset.flat_path)} WHERE customer_id = {quote(customer_id)} AND as_of <= {moment}"
        moment = f"coalesce((SELECT max(as_of) FROM {rows}), {moment})"
    with atomic_file(path) as building:
        engine.write_parquet(select(f"SELECT {quote(customer_id)} AS customer_id, {moment} AS as_of"), building)


def population_with(engine: DuckDB, dataset: Dataset, customer_id: str, as_of: datetime, path: Path) -> None:
    """Write everybody with an account known before `as_of`, and this customer with or without one.

    Of a data set without accounts, everybody who was registered before `as_of`.

    Raises:
        CohortError: an as_of after the data end, or nobody else to compare with.
    """
    if dataset.has("accounts"):
        monthly_cohort(engine, dataset, [as_of], path)
        members = f"SELECT customer_id, as_of FROM {parquet(path)}"
    else:
        _check_dates(dataset, [as_of])
        moment = f"TIMESTAMP {quote(str(as_of))}"
        registered = f"{parquet(dataset.paths('customers'))} WHERE known_at < {moment}"
        members = f"SELECT DISTINCT customer_id, {moment} AS as_of FROM {registered}"
    self_ = f"SELECT {quote(customer_id)}, TIMESTAMP {quote(str(as_of))}"
    with atomic_file(path) as building:
        engine.write_parquet(select(f"{members} UNION {self_}"), building, order_by="ALL")


def snapshot_dates(
    dataset: Dataset, definition: DefaultDefinition, *, min_history_days: int = 150, days: Sequence[int] = (1,)
) -> list[datetime]:
    """These days of each month with at least `min_history_days` of data before and a matured window after them.

    Raises:
        SampleError: the data are too short for a single one.
    """
    first = dataset.info.known_from + timedelta(days=min_history_days)
    last = dataset.info.known_until - definition.window
    dates = days_of_months(first, last, days)
    if not dates:
        raise SampleError(
            f"data set {dataset.name} is too short to judge anybody",
            expected=f"a snapshot {min_history_days} days in, and {definition.window_days} before the end",
            received=f"data from {dataset.info.known_from:%Y-%m-%d} to {dataset.info.known_until:%Y-%m-%d}",
            todo="bring a longer history, or a shorter performance window",
        )
    return dates


def _check_dates(dataset: Dataset, as_ofs: Sequence[datetime]) -> None:
    if not as_ofs:
        raise CohortError("no as_of to look at", expected="at least one date", todo="say --as-of")
    for as_of in as_ofs:
        dataset.check_as_of(as_of)
