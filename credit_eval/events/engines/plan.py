"""Which rows have to be read for which aggregates: one stream of rows per table, clock and kind of rows.

Most aggregates look at rows that are what they are whoever asks: one stream, sorted by (customer, clock), serves
every member and every `as_of` of a customer. Some look at what depends on `as_of` itself, such as the days an
unpaid line is late or a payment that is revealed later: their rows are made anew for each member (*paired*).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from credit_eval.events.measures import Measure, aggregates_of
from credit_eval.events.query import Aggregate, ColumnOf, Expression, asks_for_as_of
from credit_eval.events.tables import table_named


@dataclass(frozen=True, order=True)
class Stream:
    """Rows of one table in the order of one clock; `paired` rows belong to a member, others to a customer."""

    table: str
    clock: str
    paired: bool


@dataclass(frozen=True)
class Wanted:
    """What is asked of one stream, and the row expressions that answer it."""

    stream: Stream
    aggregates: tuple[Aggregate, ...]

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """Distinct conditions, in a fixed order."""
        return _distinct(a.where for a in self.aggregates)

    @property
    def values(self) -> tuple[Expression, ...]:
        """Distinct values, in a fixed order."""
        return _distinct(a.value for a in self.aggregates)

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the table that are read, beyond the common three; those that reveal others included."""
        named = {column for aggregate in self.aggregates for column in aggregate.columns}
        return frozenset(named | {r.by for r in table_named(self.stream.table).reveals if named & set(r.columns)})

    @property
    def widest(self) -> int | None:
        """Days of the longest window; None if one of them is ever."""
        days = [a.days for a in self.aggregates]
        return None if None in days else max(day for day in days if day)


def plan(measures: Iterable[Measure]) -> list[Wanted]:
    """The streams that answer some measures, in a fixed order."""
    by_stream: dict[Stream, set[Aggregate]] = {}
    for measure in measures:
        for aggregate in aggregates_of(measure):
            by_stream.setdefault(stream_of(aggregate), set()).add(aggregate)
    return [Wanted(stream, tuple(sorted(by_stream[stream], key=repr))) for stream in sorted(by_stream)]


def stream_of(aggregate: Aggregate) -> Stream:
    """The stream whose rows the aggregate folds."""
    table = table_named(aggregate.table)
    read = (aggregate.where, aggregate.value, ColumnOf(aggregate.clock))
    return Stream(table.name, aggregate.clock, any(node and asks_for_as_of(node, table) for node in read))


def _distinct(nodes: Iterable[Expression | None]) -> tuple[Expression, ...]:
    return tuple(sorted({node for node in nodes if node is not None}, key=repr))
