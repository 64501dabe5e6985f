"""Which columns of which tables are read for some measures, and how their rows are put in order.

Most aggregates look at events that are the same whoever asks and when: one *stream* of rows, sorted by (customer,
clock), serves every `as_of` of a customer. Some look at what changes with `as_of`, such as the days an unpaid
instalment is late, or a payment that is revealed later. For these, events are joined to cohort rows where
`known_at < as_of`, and their stream is sorted by (cohort row, clock).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from credit_eval.language.aggregates import Aggregate
from credit_eval.language.expressions import ColumnOf, Expression, asks_for_as_of
from credit_eval.language.measures import Measure, aggregates_of
from credit_eval.schema.tables import table_named


@dataclass(frozen=True, order=True)
class Stream:
    """Events of one table in the order of one clock; `joined`: to cohort rows, else a row per event."""

    table: str
    clock: str
    joined: bool


@dataclass(frozen=True)
class StreamPlan:
    """One stream, what is asked of it, and the row expressions that this takes."""

    stream: Stream
    aggregates: tuple[Aggregate, ...]

    @cached_property
    def conditions(self) -> tuple[Expression, ...]:
        """Distinct conditions, in a fixed order."""
        return _distinct(a.where for a in self.aggregates)

    @cached_property
    def values(self) -> tuple[Expression, ...]:
        """Distinct values, in a fixed order."""
        return _distinct(a.value for a in self.aggregates)

    @property
    def columns(self) -> frozenset[str]:
        """Columns that are read; those that reveal others included."""
        named = {column for aggregate in self.aggregates for column in aggregate.columns}
        by = {reveal.by for reveal in table_named(self.stream.table).reveals if named & set(reveal.columns)}
        return frozenset({"customer_id", "occurred_at", "known_at"} | named | by)


@dataclass(frozen=True)
class Plan:
    """Some measures, the streams that answer them, and of which answers each measure is made.

    Attributes:
        measures: by the names their columns will have.
        streams: in a fixed order; those of one table stand together.
        parts: by name, the places of a measure's aggregates among all `aggregates`.
    """

    measures: Mapping[str, Measure]
    streams: tuple[StreamPlan, ...]
    parts: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, measures: Mapping[str, Measure]) -> Plan:
        """The plan of some measures; made once for the same ones."""
        return _plan(tuple(measures.items()))

    @property
    def tables(self) -> dict[str, list[str]]:
        """The tables that are read, and which of their columns."""
        read: dict[str, set[str]] = {}
        for one in self.streams:
            read.setdefault(one.stream.table, set()).update(one.columns)
        return {table: sorted(columns) for table, columns in read.items()}


@lru_cache(maxsize=8)
def _plan(measures: tuple[tuple[str, Measure], ...]) -> Plan:
    by_stream: dict[Stream, set[Aggregate]] = {}
    for aggregate in {a for _, measure in measures for a in aggregates_of(measure)}:
        by_stream.setdefault(stream_of(aggregate), set()).add(aggregate)
    streams = tuple(StreamPlan(of, tuple(sorted(by_stream[of], key=repr))) for of in sorted(by_stream))
    place = {aggregate: n for n, aggregate in enumerate(a for one in streams for a in one.aggregates)}
    parts = {name: tuple(place[a] for a in aggregates_of(measure)) for name, measure in measures}
    return Plan(dict(measures), streams, parts)


def stream_of(aggregate: Aggregate) -> Stream:
    """The stream whose rows the aggregate folds."""
    table = table_named(aggregate.table)
    read = (aggregate.where, aggregate.value, ColumnOf(aggregate.clock))
    return Stream(table.name, aggregate.clock, any(node and asks_for_as_of(node, table) for node in read))


def _distinct(nodes: Iterable[Expression | None]) -> tuple[Expression, ...]:
    return tuple(sorted({node for node in nodes if node is not None}, key=repr))
