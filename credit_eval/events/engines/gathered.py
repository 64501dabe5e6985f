"""Rows gathered by customer: how an engine that spreads customers over machines hands them to the kernel.

The engine judges rows, as any database does by the row statements of `sql.py`, and gathers them: a row per customer
with the dates it is observed at and, per stream, the list of its judged rows.

    part  customer_id  as_of                     s0                                   s1
    0     a            [2026-02-01, 2026-03-01]  [{clock, known, c0, v0}, {…}, {…}]   [{as_of, clock, known, …}]
    0     b            [2026-03-01]              []                                   [{…}]

A worker sees batches of such rows, lays the lists end to end, and folds them as one range of customers. Whatever one
customer's answer needs stands in one row, so batches may be of any size, and no bit depends on it.

The statements read the declared tables by their names, and `cohort`: customer_id, as_of (list, ascending), part.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_eval.events.engines.columns import Array, moments
from credit_eval.events.engines.plan import Wanted, plan
from credit_eval.events.engines.rows import Rows
from credit_eval.events.engines.snapshot import Cohort, Read, Snapshots, one_chunk
from credit_eval.events.engines.sql import Dialect, render_rows
from credit_eval.events.engines.statements import rows_of
from credit_eval.events.measures import Measure
from credit_eval.events.query import Aggregate


class Gathering:
    """One snapshot of some measures as SQL that gathers, and the fold of what was gathered."""

    def __init__(self, measures: Mapping[str, Measure], last: datetime, dialect: Dialect) -> None:
        """`last`: the latest `as_of`; what happens from then on concerns nobody."""
        self._measures, self._last, self._dialect = dict(measures), last, dialect
        self._wanted = plan(measures.values())

    @property
    def rows(self) -> str:
        """The SELECT of everything there is: part, customer_id, as_of, then one stream's row, NULL in all others."""
        queries = {"as_of": "SELECT part, customer_id, as_of FROM cohort"}
        queries |= {name: self._judged(name, asked) for name, asked in zip(self._lists, self._wanted, strict=True)}
        columns = {name: ", ".join(of if of == name else f"NULL AS {of}" for of in queries) for name in queries}
        return " UNION ALL ".join(
            f"SELECT part, customer_id, {columns[name]} FROM ({query})" for name, query in queries.items()
        )

    @property
    def gathered(self) -> str:
        """The SELECT that makes lists of `{rows}`, by customer."""
        lists = ", ".join(f"collect_list({name}) AS {name}" for name in self._lists)
        return f"SELECT part, customer_id, max(as_of) AS as_of, {lists} FROM {{rows}} GROUP BY part, customer_id"

    @property
    def schema(self) -> str:
        """Names and SQL types of the columns of a snapshot."""
        texts = [name for name, measure in self._measures.items() if isinstance(measure, Aggregate) and measure.is_text]
        types = {name: "STRING" if name in texts else "DOUBLE" for name in self._measures}
        keys = {"customer_id": "STRING", "as_of": "TIMESTAMP_NTZ"}
        return ", ".join(f"`{name}` {kind}" for name, kind in (keys | types).items())

    def snapshots(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The worker: batches of gathered rows in, keys and a column per measure out."""
        for batch in batches:
            yield from self._snapshot(batch).to_batches()

    @property
    def _lists(self) -> list[str]:
        return [f"s{place}" for place in range(len(self._wanted))]

    def _judged(self, name: str, asked: Wanted) -> str:
        """One stream's rows as structures. The statement joins `asked`, whose `number` says here whose a row is."""
        stream = asked.stream
        read = sorted({"customer_id", "occurred_at", "known_at", *asked.columns})
        observed, as_of = (", explode(as_of) AS as_of", "number.as_of, ") if stream.paired else ("", "")
        return (
            f"WITH {stream.table} AS ("
            f"SELECT {', '.join(read)} FROM {stream.table} WHERE {stream.clock} < TIMESTAMP '{self._last}'), "
            f"asked AS (SELECT *, struct(*) AS number FROM (SELECT part, customer_id{observed} FROM cohort)) "
            f"SELECT number.part, number.customer_id, struct({as_of}* EXCEPT (number)) AS {name} "
            f"FROM ({render_rows(asked, dialect=self._dialect)})"
        )

    def _snapshot(self, batch: pa.RecordBatch) -> pa.Table:
        observed = batch.column("as_of")
        customers = batch.column("customer_id").take(pc.list_parent_indices(observed))
        cohort = Cohort.of(pa.table({"customer_id": customers, "as_of": observed.flatten()}))
        lists = (batch.column(name) for name in self._lists)
        feeds = [ListFeed(asked, rows) for asked, rows in zip(self._wanted, lists, strict=True)]
        return Snapshots(self._measures, feeds).table(_nothing, cohort)


class ListFeed:
    """Rows of one stream that lie in lists, one a customer."""

    def __init__(self, wanted: Wanted, lists: pa.ListArray) -> None:
        self.wanted, self.aggregates, self.paired = wanted, wanted.aggregates, wanted.stream.paired
        self._lists = lists

    def rows(self, read: Read, cohort: Cohort) -> Rows:
        """All rows, end to end; `read` is not asked."""
        structures = self._lists.flatten()
        rows = pa.Table.from_arrays(structures.flatten(), [field.name for field in structures.type])
        number = np.asarray(pc.list_parent_indices(self._lists)).astype(np.int64)
        if self.paired:
            number = _members_of(cohort, number, moments(one_chunk(rows["as_of"]))[0])
        return rows_of(rows.append_column("number", pa.array(number)), self.wanted)


def relation(cohort: Cohort, part: int) -> pa.Table:
    """`cohort` as the statements read it: a row per customer, all of them in one part."""
    customers = cohort.customers
    ends = np.cumsum(np.bincount(cohort.customer))
    dates = pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), one_chunk(cohort.keys["as_of"]))
    return pa.table({"customer_id": customers, "as_of": dates, "part": np.full(len(customers), part, np.int32)})


def _members_of(cohort: Cohort, customer: Array, as_of: Array) -> Array:
    """Which member has that customer and as_of: members are sorted by both."""
    dates = np.unique(cohort.as_of)
    members, asked = (
        of * len(dates) + np.searchsorted(dates, when)
        for of, when in ((cohort.customer, cohort.as_of), (customer, as_of))
    )
    found: Array = np.searchsorted(members, asked)
    return found


def _nothing(table: object, columns: object) -> pa.Table:
    raise AssertionError(f"{table} was read past the engine")
