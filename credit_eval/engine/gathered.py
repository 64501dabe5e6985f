"""Events gathered by customer: how an engine that spreads customers over machines hands them to the kernel.

The engine (SQL that any would understand, here Spark's) makes one row per customer: the dates it is observed at and,
per table, the list of its events.

    part  customer_id  as_of                     orders                                     repayments
    0     a            [2026-02-01, 2026-03-01]  [{occurred_at, known_at, amount}, {…}]     [{…}]
    0     b            [2026-03-01]              []                                         []

A worker gets batches of such rows and lays the lists end to end: the events of a range of customers, as if read from
files. Whatever one customer's profile needs stands in one row, so batches may be of any size, and no bit depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_eval.engine.cohort import Cohort
from credit_eval.engine.columns import one_chunk
from credit_eval.engine.plan import Plan
from credit_eval.engine.profile import profiles
from credit_eval.language.aggregates import Aggregate
from credit_eval.language.measures import Measure


class Gathering:
    """The statements that gather the events of some measures, and the worker that makes profiles of them.

    The statements read the declared tables by their names, and `cohort`: customer_id, as_of (list, ascending), part.
    """

    def __init__(self, measures: Mapping[str, Measure], last: datetime) -> None:
        """`last`: the latest `as_of`; what is known from then on concerns nobody."""
        self._measures, self._last, self._tables = dict(measures), last, Plan.of(measures).tables

    @property
    def rows(self) -> str:
        """The SELECT of everything there is: part, customer_id, as_of, then one table's event, NULL in all others."""
        queries = {"as_of": "SELECT part, customer_id, as_of FROM cohort"}
        queries |= {table: self._events(table, columns) for table, columns in self._tables.items()}
        columns = {name: ", ".join(of if of == name else f"NULL AS {of}" for of in queries) for name in queries}
        return " UNION ALL ".join(
            f"SELECT part, customer_id, {columns[name]} FROM ({query})" for name, query in queries.items()
        )

    @property
    def gathered(self) -> str:
        """The SELECT that makes lists of `{rows}`, by customer."""
        lists = ", ".join(f"collect_list({table}) AS {table}" for table in self._tables)
        return f"SELECT part, customer_id, max(as_of) AS as_of, {lists} FROM {{rows}} GROUP BY part, customer_id"

    @property
    def schema(self) -> str:
        """Names and SQL types of the columns of profiles."""
        texts = [name for name, measure in self._measures.items() if isinstance(measure, Aggregate) and measure.is_text]
        types = {name: "STRING" if name in texts else "DOUBLE" for name in self._measures}
        keys = {"customer_id": "STRING", "as_of": "TIMESTAMP_NTZ"}
        return ", ".join(f"`{name}` {kind}" for name, kind in (keys | types).items())

    def profiles(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The worker: batches of gathered rows in, keys and a column per measure out."""
        plan = Plan.of(self._measures)
        for batch in batches:
            yield from _profiles(plan, batch).to_batches()

    def _events(self, table: str, columns: Sequence[str]) -> str:
        values = ", ".join(f"e.{name}" for name in columns if name != "customer_id")
        return (
            f"SELECT c.part, c.customer_id, struct({values}) AS {table} FROM {table} AS e "
            f"JOIN cohort AS c ON e.customer_id = c.customer_id WHERE e.known_at < TIMESTAMP '{self._last}'"
        )


def relation(cohort: Cohort, part: int = 0) -> pa.Table:
    """`cohort` as the statements read it: a row per customer, all of them in one part."""
    ends = np.cumsum(np.bincount(cohort.customer))
    dates = pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), one_chunk(cohort.keys["as_of"]))
    return pa.table({"customer_id": cohort.customers, "as_of": dates, "part": np.full(len(ends), part, np.int32)})


def _profiles(plan: Plan, batch: pa.RecordBatch) -> pa.Table:
    customers, observed = batch.column("customer_id"), batch.column("as_of")
    keys = {"customer_id": customers.take(pc.list_parent_indices(observed)), "as_of": observed.flatten()}

    def read(table: str, columns: Sequence[str]) -> pa.Table:
        lists = batch.column(table)
        events = lists.flatten()
        found = dict(zip((field.name for field in events.type), events.flatten(), strict=True))
        owner = pa.DictionaryArray.from_arrays(pc.list_parent_indices(lists), customers)
        return pa.table({name: owner if name == "customer_id" else found[name] for name in columns})

    return profiles(plan, read, Cohort.of(pa.table(keys)))
