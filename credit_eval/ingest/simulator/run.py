"""The simulator's run: blocks of customers in, a data set and its hidden truth out.

Customers are simulated in blocks of 1,000, each with random numbers of its own made from (seed, block), and
written as they come: memory does not grow with the number of customers, and the same seed gives the same bytes. Then
the orders are compared with those of everybody else (`category_median`), which no block alone can do.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.errors import SourceError
from credit_eval.core.files import atomic_directory
from credit_eval.core.names import checked_name
from credit_eval.core.progress import Tick, silent
from credit_eval.core.seals import sha256_file
from credit_eval.ingest.simulator import behaviour, browsing, lines, purchases
from credit_eval.ingest.simulator.credit import Credit, run_credit
from credit_eval.ingest.simulator.encode import numbered, times
from credit_eval.ingest.simulator.orders import draw_orders
from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.population import Population, draw_population
from credit_eval.ingest.simulator.rhythm import Calendar, make_calendar, month_after_start
from credit_eval.ingest.simulator.states import States, draw_states
from credit_eval.ingest.simulator.truth import FIRST_MONTH, true_default
from credit_eval.schema.derived import derived_columns, with_derived
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset, DatasetInfo, describe_dataset, open_dataset

BLOCK = 1_000
ROWS_PER_GROUP = 50_000
DERIVE_MEMORY = "256MB"
CURRENCY = "CNY"
TRUTH = "true_pd"
LEAST_MONTHS, MOST_MONTHS = 6, 60
MOST_CUSTOMERS = 9_999_999


def simulate(
    root: Path,
    truth_root: Path,
    *,
    customers: int = 20_000,
    months: int = 18,
    seed: int = 7,
    name: str = "simulated",
    replace: bool = False,
    tick: Tick = silent,
) -> Dataset:
    """Write the data set `root/name` and the truth `truth_root/name/true_pd.parquet`.

    The truth has one row per month's start from the fifth on, the data end included, and customer who has an
    account then and is not in default: customer_id, as_of, true_p_default (60 days past due within 120 days).

    Raises:
        SourceError: a name that is a path, numbers out of range, or the truth would lie within the data.
        OutputExistsError: either directory exists and `replace` is false.
        StorageError: the disk refused; nothing was changed.
    """
    checked_name(name, "data set")
    _check(root / name, truth_root / name, customers, months)
    world = Parameters()
    calendar = make_calendar(months, world.growth, world.season)
    with ExitStack() as outputs:
        # Left in reverse: the truth is moved in first, so a data set that exists has its truth.
        visible = outputs.enter_context(atomic_directory(root / name, replace=replace))
        # A truth without its data set is what a kill between the two moves leaves, or somebody who removed the data.
        orphan = not (root / name).exists()
        hidden = outputs.enter_context(atomic_directory(truth_root / name, replace=replace or orphan))
        rows = _write_blocks(visible, hidden, _blocks(customers, seed, calendar, world, tick))
        _derive(visible / "orders.parquet")
        describe_dataset(visible, _info(visible, name, calendar, rows, customers, seed))
    return open_dataset(root / name)


def _check(visible: Path, hidden: Path, customers: int, months: int) -> None:
    if not 1 <= customers <= MOST_CUSTOMERS:
        raise SourceError(
            "cannot simulate that many customers", expected=f"1 to {MOST_CUSTOMERS:,}", received=f"{customers:,}"
        )
    if not LEAST_MONTHS <= months <= MOST_MONTHS:
        raise SourceError(
            "cannot simulate that many months", expected=f"{LEAST_MONTHS} to {MOST_MONTHS}", received=str(months)
        )
    if hidden.resolve().is_relative_to(visible.resolve()):
        raise SourceError(
            "the truth would lie within the data",
            expected="truth_root outside the data set",
            todo="name another directory for the truth: no feature may find it",
        )


def _blocks(customers: int, seed: int, calendar: Calendar, world: Parameters, tick: Tick) -> Iterator[dict[str, Any]]:
    total = -(-customers // BLOCK)
    for block in range(total):
        first = block * BLOCK
        streams = np.random.SeedSequence((seed, block)).spawn(8)
        yield simulate_block(streams, first, min(BLOCK, customers - first), calendar, world)
        tick("simulating", block + 1, total)


def simulate_block(
    streams: list[np.random.SeedSequence], first: int, size: int, calendar: Calendar, world: Parameters
) -> dict[str, Any]:
    """The tables of `size` customers from number `first` on, and their truth under the name `true_pd`.

    `streams`: eight sources of random numbers, one per stage, so that a change of one stage leaves the others be.
    """
    rngs = [np.random.Generator(np.random.PCG64(stream)) for stream in streams]
    people = draw_population(rngs[0], first, size, calendar, world)
    states = draw_states(rngs[1], people, calendar, world)
    orders = draw_orders(rngs[2], people, states, calendar, world)
    credit = run_credit(rngs[3], people, states, orders, calendar, world)
    bought = purchases.draw_purchases(rngs[4], people, orders, credit.on_line, states.ability, calendar, world)
    return {
        "customers": lines.customers_table(people),
        "orders": purchases.orders_table(rngs[4], people, bought, calendar),
        "payments": purchases.payments_table(rngs[4], people, bought, calendar),
        "browsing": browsing.browsing_table(rngs[5], people, states, orders, calendar, world),
        "behaviour": behaviour.behaviour_table(rngs[6], people, states, credit.age, calendar, world),
        "accounts": lines.accounts_table(people, credit, calendar),
        "repayments": lines.repayments_table(rngs[7], people, credit, calendar),
        TRUTH: truth_table(people, states, credit, calendar, world),
    }


def truth_table(people: Population, states: States, credit: Credit, calendar: Calendar, world: Parameters) -> Any:
    """customer_id, as_of, true_p_default of a block, sorted."""
    customer, as_of, chance = [], [], []
    for month in range(FIRST_MONTH, calendar.months + 1):
        snapshot, start = credit.snapshots[month], calendar.starts[month]
        cohort = (people.opened < start) & ~snapshot.in_default
        customer.append(people.number[cohort])
        as_of.append(np.full(int(cohort.sum()), start))
        chance.append(true_default(people, states, snapshot, month, cohort, world))
    who, when = np.concatenate(customer), np.concatenate(as_of)
    order = np.lexsort((when, who))
    return pa.table(
        {
            "customer_id": numbered(("C", who[order], 7)),
            "as_of": times(when[order]),
            "true_p_default": pa.array(np.round(np.concatenate(chance)[order], 6)),
        }
    )


def _write_blocks(visible: Path, hidden: Path, blocks: Iterator[dict[str, Any]]) -> dict[str, int]:
    """Stream the blocks' tables into one file each; returns the number of rows per declared table."""
    writers: dict[str, _Writer] = {}
    with ExitStack() as stack:
        for tables in blocks:
            for table, part in tables.items():
                if table not in writers:
                    folder = hidden if table == TRUTH else visible
                    writers[table] = stack.enter_context(_Writer(folder / f"{table}.parquet", part.schema))
                writers[table].add(part)
    return {table: writer.rows for table, writer in writers.items() if table != TRUTH}


def _derive(orders: Path) -> None:
    """Rewrite the orders with their derived columns, in bounded memory."""
    given = pq.read_schema(orders).names
    spill, written = orders.with_name(".spill"), orders.with_name(".orders.parquet")
    with DuckDB(threads=1, memory=DERIVE_MEMORY, spill=spill) as engine:
        rows = with_derived(engine, "orders", derived_columns("orders", given), parquet(orders))
        engine.write_parquet(rows, written, order_by="customer_id, occurred_at, order_id, status")
    written.replace(orders)
    shutil.rmtree(spill, ignore_errors=True)


class _Writer:
    """A Parquet file with row groups of exactly `ROWS_PER_GROUP` rows, whatever the size of the parts."""

    def __init__(self, path: Path, shape: Any) -> None:
        self.rows = 0
        self._waiting = shape.empty_table()
        self._file = pq.ParquetWriter(path, shape, compression="zstd", compression_level=1)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        if len(self._waiting):
            self._file.write_table(self._waiting.combine_chunks())
        self._file.close()

    def add(self, part: Any) -> None:
        """Write the full row groups; the rest waits."""
        self.rows += len(part)
        waiting = pa.concat_tables([self._waiting, part])
        while len(waiting) >= ROWS_PER_GROUP:
            self._file.write_table(waiting.slice(0, ROWS_PER_GROUP).combine_chunks())
            waiting = waiting.slice(ROWS_PER_GROUP)
        self._waiting = waiting


def _info(folder: Path, name: str, calendar: Calendar, rows: dict[str, int], customers: int, seed: int) -> DatasetInfo:
    files = {table: folder / f"{table}.parquet" for table in rows}
    return DatasetInfo(
        name=name,
        source="simulator",
        currency=CURRENCY,
        known_from=month_after_start(0),
        known_until=month_after_start(calendar.months),
        label_source="repayments",
        columns={table: pq.read_schema(path).names for table, path in files.items()},
        rows=rows,
        hashes={path.name: sha256_file(path) for table, path in files.items()},
        notes=[f"simulated: {customers:,} customers, {calendar.months} months, seed {seed}"],
        derived={"orders": ["category_median"]},
    )
