"""A data set of the declared tables in any size: seeded, streamed, the same bytes for the same arguments.

    python -m benchmarks.feature_peers.generate DIRECTORY --customers 200000 --events 20000000

Customers come in blocks with a seed of their own, so memory depends on the block and not on the data. A few customers
do most of it (log-normal activity), some do next to nothing, sessions hold about five pages, payments follow orders,
most things happen in the evening, optional columns have holes, and about one event in a hundred is known hours or
days after it occurred.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_eval.core.clock import DAY_US
from credit_eval.core.files import sha256_file
from credit_eval.events.store import DatasetInfo, describe_dataset
from credit_eval.sources.simulator.encode import assemble, coded, money, numbered, times, whole

Array = np.ndarray[Any, Any]
Columns = dict[str, Any]

SEED = 20260615
START, END = datetime(2025, 1, 1), datetime(2026, 7, 1)
#: Everybody has registered by then, so that whoever observes later observes all.
ALL_KNOWN = datetime(2026, 6, 1)
CUSTOMERS_PER_BLOCK, ROWS_PER_GROUP = 5_000, 50_000

#: Events per customer: of 100, some 65 pages, 12 orders, 12 payments, 8 of behaviour, 2 of repayment, 1 registration.
EVENTS_PER_CUSTOMER, PAGES_PER_SESSION, ORDERS_PLACED = 100, 5.0, 10.6
SESSIONS, BEHAVIOUR, HAVE_ACCOUNT = 13.0, 8.0, 0.2
SPREAD, MOST_ACTIVE, SILENT, SILENT_ACTIVITY = 1.2, 150.0, 0.08, 0.02
LATE, MEDIAN_LATENESS = 0.01, DAY_US / 4

CATEGORIES = tuple(
    "groceries fashion shoes beauty health baby toys sports outdoor garden furniture kitchen appliances phones "
    "computers games books music travel tickets pets jewellery tools gift_cards".split()
)
REGIONS = tuple(f"region_{number:02}" for number in range(34))
CHANNELS = ("app", "qr", "mini_program", "web")
METHODS = ("wallet", "card", "bank", "bnpl", "cod")
CAUSES = ("insufficient_funds", "declined_by_bank", "timed_out", "authentication_failed")
PAGES = ("view", "search", "favourite", "cart", "checkout", "credit_page", "help")
KINDS = ("login", "login_failed", "device_change", "address_change", "password_change", "service_contact", "review")
BY_HOUR = np.array([3, 2, 1, 1, 1, 1, 2, 4, 5, 5, 5, 6, 7, 6, 5, 5, 5, 6, 7, 9, 10, 10, 8, 5], float)


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return int(np.datetime64(moment, "us").astype(np.int64))


@dataclass(frozen=True)
class Block:
    """Some customers: their numbers, how active they are (1 is average), since when, and how that changes."""

    draw: np.random.Generator
    customer: Array
    registered: Array
    activity: Array
    lean: Array

    @classmethod
    def of(cls, number: int, customers: range) -> Block:
        draw, n = np.random.default_rng((SEED, number)), len(customers)
        activity = np.minimum(draw.lognormal(-(SPREAD**2) / 2, SPREAD, n), MOST_ACTIVE)
        activity[draw.random(n) < SILENT] *= SILENT_ACTIVITY
        first, last, known = micros(START) - 730 * DAY_US, micros(START), micros(ALL_KNOWN)
        registered = np.where(draw.random(n) < 0.75, draw.integers(first, last, n), draw.integers(last, known, n))
        average = 1 - SILENT * (1 - SILENT_ACTIVITY)
        return cls(draw, np.asarray(customers), registered, activity / average, draw.uniform(0.5, 1.5, n))

    def owners(self, per_customer: float) -> Array:
        """Places of customers, each as often as it does something, in order."""
        return np.repeat(np.arange(len(self.customer)), self.draw.poisson(self.activity * per_customer))

    def moments(self, owner: Array) -> Array:
        """When each happens: after the registration, more in the evening, growing or fading by customer."""
        begin = np.maximum(self.registered[owner], micros(START))
        span = (micros(END) - begin) * self.draw.random(len(owner)) ** self.lean[owner]
        hour = self.draw.choice(24, len(owner), p=BY_HOUR / BY_HOUR.sum())
        day = (begin + span.astype(np.int64)) // DAY_US
        at = day * DAY_US + hour * (DAY_US // 24) + self.draw.integers(0, DAY_US // 24, len(owner))
        return np.clip(at, begin + self.draw.integers(1, 60_000_000, len(owner)), micros(END) - 1)

    def known(self, at: Array) -> Array:
        """Since when each is known: mostly at once."""
        late = self.draw.random(len(at)) < LATE
        delay = self.draw.lognormal(np.log(MEDIAN_LATENESS), 1.2, late.sum())
        known = at.copy()
        known[late] += np.clip(delay, DAY_US / 24, 5 * DAY_US).astype(np.int64)
        return known

    def holes(self, n: int, share: float) -> Array:
        """Which optional values are missing."""
        return self.draw.random(n) < share

    def pick(self, n: int, *weights: float) -> Array:
        """Codes, by their weights."""
        return np.searchsorted(np.cumsum(weights) / sum(weights), self.draw.random(n), side="right")

    def frame(self, table: str, owner: Array, at: Array, columns: Columns, known: Array | None = None) -> pa.Table:
        """The declared table, sorted by (customer_id, occurred_at)."""
        common = {
            "customer_id": numbered(("c", self.customer[owner], 9)),
            "occurred_at": times(at),
            "known_at": times(self.known(at) if known is None else known),
        }
        order = np.lexsort((at, owner))
        return assemble(table, {**common, **columns}).take(pa.array(order))


def _with_holes(codes: Array, holes: Array) -> Array:
    return np.where(holes, -1, codes)


def customers(block: Block) -> pa.Table:
    n, draw = len(block.customer), block.draw
    columns = {
        "birth_year": whole(draw.integers(1950, 2006, n), block.holes(n, 0.1)),
        "region": coded(REGIONS, _with_holes(draw.integers(0, len(REGIONS), n), block.holes(n, 0.05))),
        "kyc_level": whole(block.pick(n, 3, 5, 2), block.holes(n, 0.02)),
    }
    return block.frame("customers", np.arange(n), block.registered, columns, block.registered)


def orders_and_payments(block: Block) -> dict[str, pa.Table]:
    draw, owner = block.draw, block.owners(ORDERS_PLACED)
    n, at = len(owner), block.moments(owner)
    cents = np.clip(draw.lognormal(8.3, 1.0, n), 100, 10**8).astype(np.int64)
    order = block.customer[owner] * 20_000 + np.arange(n) - np.searchsorted(owner, owner)
    fate = block.pick(n, 0.87, 0.055, 0.075)  # kept, cancelled, returned
    back = np.flatnonzero(fate)
    delay = np.where(fate[back] == 1, draw.exponential(DAY_US / 8, len(back)), draw.gamma(4, 2 * DAY_US, len(back)))
    row = np.concatenate([np.arange(n), back])
    when = np.concatenate([at, at[back] + 1 + delay.astype(np.int64)])
    category = draw.zipf(1.3, n) % len(CATEGORIES)
    instalments = np.where(draw.random(n) < 0.8, 1, 3 * (1 + block.pick(n, 5, 3, 1, 1)))
    columns = {
        "order_id": numbered(("o", order[row] // 10**9, 4), ("", order[row] % 10**9, 9)),
        "amount": money(cents[row]),
        "status": coded(("placed", "cancelled", "returned"), np.concatenate([np.zeros(n, np.int64), fate[back]])),
        "category": coded(CATEGORIES, _with_holes(category, block.holes(n, 0.03))[row]),
        "merchant_id": numbered(("m", (draw.zipf(1.2, n) % 3_000)[row], 4)),
        "channel": coded(CHANNELS, block.pick(n, 6, 1, 2, 1)[row]),
        "installments": whole(instalments[row], block.holes(n, 0.05)[row]),
    }
    inside = when < micros(END)
    placed = block.frame("orders", owner[row], when, columns).filter(pa.array(inside[np.lexsort((when, owner[row]))]))
    return {"orders": placed, "payments": payments(block, owner, at, cents, columns["order_id"][:n])}


def payments(block: Block, owner: Array, at: Array, cents: Array, order_id: pa.Array) -> pa.Table:
    """An attempt some minutes after each order; where it fails, mostly another."""
    draw, n = block.draw, len(owner)
    again = np.flatnonzero(draw.random(n) < 0.14)
    row = np.concatenate([np.arange(n), again])
    when = at[row] + draw.integers(20_000_000, 600_000_000, len(row))
    failed = np.zeros(len(row), np.bool_)
    failed[again] = True
    failed[n:] = draw.random(len(again)) < 0.2
    when[n:] = when[again] + draw.integers(30_000_000, 900_000_000, len(again))
    m = len(row)
    columns = {
        "payment_id": _attempts(order_id.take(pa.array(row)), np.arange(m) >= n),
        "amount": money(cents[row]),
        "outcome": coded(("succeeded", "failed"), failed.astype(np.int64)),
        "failure_cause": coded(CAUSES, np.where(failed, block.pick(m, 5, 3, 1, 2), -1)),
        "order_id": order_id.take(pa.array(row)),
        "method": coded(METHODS, _with_holes(block.pick(m, 45, 30, 10, 12, 3), block.holes(m, 0.02))),
        "channel": coded(CHANNELS, _with_holes(block.pick(m, 6, 1, 2, 1), block.holes(m, 0.02))),
        "authentication": coded(("pin", "biometric", "sms"), _with_holes(block.pick(m, 5, 4, 1), block.holes(m, 0.1))),
    }
    return block.frame("payments", owner[row], np.minimum(when, micros(END) - 1), columns)


def _attempts(identifier: pa.Array, second: Array) -> pa.Array:
    """Identifiers of payments: the order's, and which attempt."""
    return pc.binary_join_element_wise(identifier, coded(("1", "2"), second.astype(np.int64)), "-")


def browsing(block: Block) -> pa.Table:
    draw, visitor = block.draw, block.owners(SESSIONS)
    begun, pages = block.moments(visitor), draw.geometric(1 / PAGES_PER_SESSION, len(visitor))
    session = np.repeat(np.arange(len(visitor)), pages)
    owner, n = visitor[session], len(session)
    steps = draw.exponential(45e6, n).astype(np.int64) + 1
    walked, first = np.cumsum(steps), np.cumsum(pages) - pages
    at = np.minimum(begun[session] + walked - walked[first][session], micros(END) - 1)
    event = block.pick(n, 62, 14, 5, 9, 4, 2, 4)
    priced = (event == 0) | (event == 3)
    number = block.customer[owner] * 20_000 + session - np.searchsorted(visitor, owner)
    cents = np.clip(draw.lognormal(8.3, 1.1, n), 100, 10**8).astype(np.int64)
    columns = {
        "event": coded(PAGES, event),
        "session_id": numbered(("s", number // 10**9, 4), ("", number % 10**9, 9)),
        "category": coded(CATEGORIES, _with_holes(draw.zipf(1.3, n) % len(CATEGORIES), ~priced | block.holes(n, 0.05))),
        "price": money(cents, ~priced | block.holes(n, 0.03)),
        "dwell_seconds": whole(np.minimum(draw.exponential(35, n), 1800), block.holes(n, 0.06)),
    }
    return block.frame("browsing", owner, at, columns)


def behaviour(block: Block) -> pa.Table:
    draw, owner = block.draw, block.owners(BEHAVIOUR)
    n, at = len(owner), block.moments(owner)
    kind = block.pick(n, 80, 9, 1.5, 1.5, 1.5, 4.5, 2)
    device = np.minimum(draw.geometric(0.7, n), 6)
    columns = {
        "kind": coded(KINDS, kind),
        "device_id": _emptied(numbered(("d", block.customer[owner], 9), ("-", device, 1)), (kind > 4)),
    }
    return block.frame("behaviour", owner, at, columns)


def _emptied(values: pa.Array, holes: Array) -> pa.Array:
    return pc.if_else(pa.array(holes), pa.scalar(None, values.type), values)


def accounts_and_repayments(block: Block) -> dict[str, pa.Table]:
    """Every fifth customer has an account, its limit changed now and then, and a plan of monthly instalments."""
    draw = block.draw
    holder = np.flatnonzero(draw.random(len(block.customer)) < HAVE_ACCOUNT)
    opened, limit = block.moments(holder), np.exp(draw.normal(12, 0.8, len(holder))).astype(np.int64) // 100 * 100
    row = np.repeat(np.arange(len(holder)), 1 + draw.poisson(0.4, len(holder)))
    first = np.diff(row, prepend=-1) > 0
    changed = opened[row] + np.where(first, 0, draw.integers(30 * DAY_US, 300 * DAY_US, len(row)))
    row, first, changed = (of[changed < micros(END)] for of in (row, first, changed))
    account = {
        "account_id": numbered(("a", block.customer[holder][row], 9)),
        "opened_at": times(opened[row]),
        "credit_limit": money(np.where(first, limit[row], limit[row] * draw.integers(5, 30, len(row)) // 10)),
    }
    accounts = block.frame("accounts", holder[row], changed, account)
    return {"accounts": accounts, "repayments": repayments(block, holder, opened, limit)}


def repayments(block: Block, holder: Array, opened: Array, limit: Array) -> pa.Table:
    """Mostly paid a little early, now and then late, some never; what is paid after the end is not paid yet."""
    draw = block.draw
    plan = 3 * draw.integers(2, 5, len(holder))
    row = np.repeat(np.arange(len(holder)), plan)
    n, number = len(row), np.arange(plan.sum()) - np.repeat(np.cumsum(plan) - plan, plan)
    due = opened[row] // DAY_US * DAY_US + (number + 1) * 30 * DAY_US
    late = np.where(draw.random(n) < 0.15, draw.exponential(12 * DAY_US, n), -draw.exponential(2 * DAY_US, n))
    paid = np.maximum(due + late.astype(np.int64), opened[row] + 1)
    unpaid = (paid >= micros(END)) | (draw.random(n) < 0.03)
    cents = np.maximum(limit // plan, 100)[row]
    columns = {
        "account_id": numbered(("a", block.customer[holder][row], 9)),
        "installment_id": numbered(("i", number, 2)),
        "due_at": times(due),
        "due_amount": money(cents),
        "paid_at": times(paid, unpaid),
        "paid_amount": money(cents, unpaid),
        "paid_known_at": times(block.known(paid), unpaid),
    }
    return block.frame("repayments", holder[row], opened[row], columns)


def tables(block: Block) -> dict[str, pa.Table]:
    """One block of customers, all tables."""
    return {
        "customers": customers(block),
        **orders_and_payments(block),
        "browsing": browsing(block),
        "behaviour": behaviour(block),
        **accounts_and_repayments(block),
    }


class TableFile:
    """A Parquet file in row groups of equal size, whatever the size of the blocks."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, 0
        self.columns: list[str] = []
        self._waiting: pa.Table | None = None
        self._file: pq.ParquetWriter | None = None

    def add(self, rows: pa.Table) -> None:
        waiting = rows if self._waiting is None else pa.concat_tables([self._waiting, rows])
        full = len(waiting) // ROWS_PER_GROUP * ROWS_PER_GROUP
        self._write(waiting.slice(0, full))
        self._waiting = waiting.slice(full).combine_chunks()

    def close(self) -> None:
        assert self._waiting is not None
        self._write(self._waiting)
        assert self._file is not None
        self._file.close()

    def _write(self, rows: pa.Table) -> None:
        if self._file is None:
            text = [field.name for field in rows.schema if pa.types.is_string(field.type)]
            self.columns = rows.schema.names
            self._file = pq.ParquetWriter(
                self.path, rows.schema, compression="zstd", use_dictionary=text, store_decimal_as_integer=True
            )
        if len(rows):
            self._file.write_table(rows, row_group_size=ROWS_PER_GROUP)
        self.rows += len(rows)


def generate(root: Path, customers: int, events: int) -> None:
    """Write the data set to `root`, whole or not at all."""
    building = root.with_name(root.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    files: dict[str, TableFile] = {}
    for block in _blocks(customers, events / customers / EVENTS_PER_CUSTOMER):
        for name, rows in tables(block).items():
            files.setdefault(name, TableFile(building / f"{name}.parquet")).add(rows)
    for file in files.values():
        file.close()
    info = DatasetInfo(
        name=root.name,
        source="benchmarks/feature_peers/generate.py",
        currency="CNY",
        known_from=START,
        known_until=END,
        label_source="repayments",
        columns={name: file.columns for name, file in files.items()},
        rows={name: file.rows for name, file in files.items()},
        hashes={file.path.name: sha256_file(file.path) for file in files.values()},
    )
    describe_dataset(building, info)
    shutil.rmtree(root, ignore_errors=True)
    building.rename(root)


def _blocks(customers: int, factor: float) -> Iterator[Block]:
    for number, first in enumerate(range(0, customers, CUSTOMERS_PER_BLOCK)):
        block = Block.of(number, range(first, min(first + CUSTOMERS_PER_BLOCK, customers)))
        block.activity[:] *= factor
        yield block


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--events", type=int, default=20_000_000)
    asked = parser.parse_args()
    generate(asked.root, asked.customers, asked.events)


if __name__ == "__main__":
    main()
