"""A snapshot: every measure for every member of a cohort. Feeds give rows of a range of customers; the kernel folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
import pyarrow as pa

from credit_eval.core.clock import EPOCH
from credit_eval.events.engines.columns import Array, Numbers, moments, numbers
from credit_eval.events.engines.evaluate import Columns
from credit_eval.events.engines.files import numbered
from credit_eval.events.engines.finish import finished
from credit_eval.events.engines.fold import Answer, Members, fold, pairs
from credit_eval.events.engines.plan import Wanted, plan
from credit_eval.events.engines.rows import Rows
from credit_eval.events.measures import Measure, aggregates_of, of_known
from credit_eval.events.query import Aggregate
from credit_eval.events.tables import table_named

#: Some columns of a table, with the rows of a range of customers (others may be among them).
Read = Callable[[str, Sequence[str]], pa.Table]


@dataclass(frozen=True)
class Cohort:
    """Members sorted by (customer_id, as_of), and the number of each one's customer."""

    keys: pa.Table
    customer: Array
    as_of: Array

    @classmethod
    def of(cls, keys: pa.Table) -> Cohort:
        """From a table of customer_id and as_of, sorted."""
        keys = keys.select(["customer_id", "as_of"]).combine_chunks()
        codes = one_chunk(keys["customer_id"]).dictionary_encode()
        return cls(keys, np.asarray(codes.indices).astype(np.int64), moments(one_chunk(keys["as_of"]))[0])

    def __len__(self) -> int:
        return len(self.as_of)

    @property
    def customers(self) -> pa.Array:
        """Each customer once, in the order of their numbers."""
        first = np.flatnonzero(np.diff(self.customer, prepend=-1))
        return one_chunk(self.keys["customer_id"]).take(pa.array(first))

    def asked(self, *, paired: bool) -> pa.Table:
        """The relation `asked` of the row statements."""
        if paired:
            return self.keys.append_column("number", pa.array(np.arange(len(self))))
        customers = self.customers
        return pa.table({"customer_id": customers, "number": np.arange(len(customers))})

    def members(self, *, paired: bool) -> Members:
        """Whose rows each member asks for."""
        return Members(np.arange(len(self)) if paired else self.customer, self.as_of)

    @property
    def last(self) -> datetime:
        """The latest `as_of`: what happens from then on concerns nobody."""
        return EPOCH + timedelta(microseconds=int(self.as_of.max()))


class Feed(Protocol):
    """Rows for some aggregates of one stream."""

    @property
    def paired(self) -> bool:
        """Whether rows belong to members, not to customers."""

    @property
    def aggregates(self) -> Sequence[Aggregate]:
        """What the rows answer."""

    def rows(self, read: Read, cohort: Cohort) -> Rows:
        """The rows of a range's members, sorted by (group, clock)."""


class EventFeed:
    """Rows that are events, judged column by column."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted, self.aggregates, self.paired = wanted, wanted.aggregates, wanted.stream.paired
        self._columns = sorted({"customer_id", "occurred_at", "known_at", *wanted.columns})

    def rows(self, read: Read, cohort: Cohort) -> Rows:
        """The events of a range's members, sorted by (group, clock)."""
        table = read(self.wanted.stream.table, self._columns)
        group, table = of_customers(table, cohort.customers)
        columns = {name: numbers(table[name]) for name in self._columns if name != "customer_id"}
        return self._seen_by_members(group, columns, cohort) if self.paired else self._rows(group, columns, None)

    def _seen_by_members(self, group: Array, columns: Mapping[str, Numbers], cohort: Cohort) -> Rows:
        """A row for each member who knew it."""
        order = np.argsort(group, kind="stable")
        starts, ends = (np.searchsorted(group[order], cohort.customer, side) for side in ("left", "right"))
        place, owner = pairs(starts, ends)
        row = order[place]
        seen = np.flatnonzero(columns["known_at"].whole[row] < cohort.as_of[owner])
        row, owner = row[seen], owner[seen]
        return self._rows(owner, {name: of.take(row) for name, of in columns.items()}, cohort.as_of[owner])

    def _rows(self, group: Array, columns: Mapping[str, Numbers], as_of: Array | None) -> Rows:
        table = Columns(table_named(self.wanted.stream.table), columns, len(group), as_of)
        clock = table.clock(self.wanted.stream.clock)
        rows = Rows(
            group,
            clock.whole,
            later(columns["known_at"].whole, clock.whole) if as_of is None else None,
            {node: table.truths(node) for node in self.wanted.conditions},
            {node: table.evaluate(node) for node in self.wanted.values},
        )
        return in_order(rows if clock.known is None else rows.sorted(np.flatnonzero(clock.known)))


class Snapshots:
    """Feeds made once, asked for one range of customers after the other."""

    def __init__(self, measures: Mapping[str, Measure], feeds: Sequence[Feed] = ()) -> None:
        """What `feeds` answer is taken from them, the rest from events."""
        answered = {aggregate for feed in feeds for aggregate in feed.aggregates}
        wanted = {a for measure in measures.values() for a in aggregates_of(measure)}
        self._feeds: list[Feed] = [*feeds, *(EventFeed(one) for one in plan(sorted(wanted - answered, key=repr)))]
        known = {aggregate: aggregate for feed in self._feeds for aggregate in feed.aggregates}
        self._measures = {name: of_known(measure, known) for name, measure in measures.items()}

    def table(self, read: Read, cohort: Cohort) -> pa.Table:
        """Keys, then a column per measure (float64 or string, null where unknown), sorted as the cohort."""
        answers: dict[Aggregate, Answer] = {}
        for feed in self._feeds:
            answers |= fold(feed.rows(read, cohort), cohort.members(paired=feed.paired), feed.aggregates)
        columns = {name: finished(measure, answers) for name, measure in self._measures.items()}
        return pa.table({"customer_id": cohort.keys["customer_id"], "as_of": cohort.keys["as_of"], **columns})


def of_customers(table: pa.Table, customers: pa.Array) -> tuple[Array, pa.Table]:
    """The rows of some customers, and the number of each row's customer."""
    number = numbered(table["customer_id"], customers)
    asked = np.flatnonzero(number >= 0)
    first, n = int(asked[0]) if len(asked) else 0, len(asked)
    if n == 0 or asked[-1] - first + 1 == n:  # others only before and after: nothing has to be copied
        return number[first : first + n], table.slice(first, n)
    return number[asked], table.unify_dictionaries().take(pa.array(asked))


def later(known: Array, clock: Array) -> Array | None:
    """Since when rows are known, where any is known later than its clock says."""
    return np.maximum(known, clock) if (known > clock).any() else None


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else combined.chunk(0)


def in_order(rows: Rows) -> Rows:
    """The rows by (group, clock), which is the order of the files unless the clock is another."""
    after = np.diff(rows.group)
    if np.all((after > 0) | ((after == 0) & (np.diff(rows.clock) >= 0))):
        return rows
    return rows.sorted(np.lexsort((rows.clock, rows.group)))
