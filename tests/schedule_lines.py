"""Tiny data sets of accounts and schedule lines, for tests of the default definition."""

from datetime import datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
from event_tables import arrow_of, draw

from credit_eval.samples.definition import DefaultDefinition, label_cohort
from credit_eval.schema.duckdb import DuckDB
from credit_eval.schema.store import Dataset, DatasetInfo

START, END = datetime(2026, 1, 1), datetime(2026, 12, 31)
SIXTY_IN_120 = DefaultDefinition(days_past_due=60, window_days=120)

ACCOUNTS = """
customer_id  occurred_at  known_at    account_id  opened_at
a            2026-01-01   2026-01-01  A           2026-01-01
b            2026-01-01   2026-03-01  B           2026-01-01
"""


def dataset_at(root, *, accounts=ACCOUNTS, repayments=(), known_until=END, outcomes=None):
    rows = {"accounts": draw("accounts", accounts), "repayments": list(repayments)}
    for table, content in rows.items():
        pq.write_table(arrow_of(table, content), root / f"{table}.parquet")
    if outcomes is not None:
        outcomes.to_parquet(root / "outcomes.parquet")
    info = DatasetInfo(
        name="tiny",
        source="test",
        currency="XXX",
        known_from=START,
        known_until=known_until,
        label_source="repayments" if outcomes is None else "outcomes",
        columns={
            "accounts": accounts.split("\n")[1].split(),
            "repayments": "customer_id occurred_at due_at due_amount paid_at paid_amount paid_known_at".split(),
        },
        rows={},
        hashes={},
    )
    return Dataset(root, info)


def line(due, paid=None, customer="a", number=0, paid_known=None, amount="10.00", part=None):
    """A schedule line; `part` is what was paid of one that is not paid in full."""
    return {
        "customer_id": customer,
        "occurred_at": START,
        "account_id": customer.upper(),
        "installment_id": str(number),
        "due_at": due,
        "due_amount": Decimal(amount),
        "paid_amount": Decimal(amount) if paid else None if part is None else Decimal(part),
        "paid_at": paid,
        "paid_known_at": paid_known or paid,
    }


def labels(root, members, *, definition=SIXTY_IN_120, **dataset):
    cohort = root / "cohort.parquet"
    schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.timestamp("us"))])
    pq.write_table(pa.Table.from_pylist([{"customer_id": c, "as_of": a} for c, a in members], schema=schema), cohort)
    with DuckDB(threads=1) as engine:
        return label_cohort(engine, dataset_at(root, **dataset), cohort, definition)


AS_OF = datetime(2026, 4, 1)
HIT = timedelta(days=60)
US = timedelta(microseconds=1)
WINDOW_END = AS_OF + timedelta(days=120)
