"""From a table's events to the rows of its streams: columns decoded once, expressions evaluated, rows in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_eval.engine.cohort import Cohort
from credit_eval.engine.columns import Array, Numbers, numbers
from credit_eval.engine.evaluate import Columns
from credit_eval.engine.plan import StreamPlan
from credit_eval.engine.rows import Observations, Rows
from credit_eval.engine.windows import pairs
from credit_eval.schema.tables import table_named

#: Where fewer of the events read are of customers that are asked for, the others are left out.
LEAST_ASKED = 0.5


@dataclass(frozen=True)
class TableEvents:
    """Events of one table, read for a cohort.

    Attributes:
        customer: (n,) twice the number of each event's customer in the cohort; odd for the events of others, which
            nobody looks at. A few of them stay where they are, as leaving them out would copy all the rest.
        columns: (n,) each.
    """

    customer: Array
    columns: Mapping[str, Numbers]

    @classmethod
    def of(cls, events: pa.Table, cohort: Cohort) -> TableEvents:
        """Decode events; those of other customers are left out where they are many."""
        customer, events = _of_customers(events, cohort.customers)
        names = [name for name in events.column_names if name != "customer_id"]
        return cls(customer, {name: numbers(events[name]) for name in names})

    def stream(self, plan: StreamPlan, cohort: Cohort) -> tuple[Rows, Observations]:
        """The rows of a stream, and which of them each cohort row may look at."""
        columns = {name: self.columns[name] for name in plan.columns if name != "customer_id"}
        if not plan.stream.joined:
            return _rows(plan, self.customer, columns, None), Observations(2 * cohort.customer, cohort.as_of)
        row, observation = self._joined(cohort)
        columns = {name: column.take(row) for name, column in columns.items()}
        rows = _rows(plan, observation, columns, cohort.as_of[observation])
        return rows, Observations(np.arange(len(cohort)), cohort.as_of)

    def _joined(self, cohort: Cohort) -> tuple[Array, Array]:
        """Events joined to cohort rows of their customer where known_at < as_of: places of both."""
        order = np.argsort(self.customer, kind="stable")
        asked = 2 * cohort.customer
        starts, ends = (np.searchsorted(self.customer[order], asked, side) for side in ("left", "right"))
        place, observation = pairs(starts, ends)
        row = order[place]
        known = np.flatnonzero(self.columns["known_at"].whole[row] < cohort.as_of[observation])
        return row[known], observation[known]


def _rows(plan: StreamPlan, group: Array, columns: Mapping[str, Numbers], as_of: Array | None) -> Rows:
    table = Columns(table_named(plan.stream.table), columns, len(group), as_of)
    clock = table.column(plan.stream.clock)
    rows = Rows(
        group,
        clock.whole,
        _known_late(columns["known_at"].whole, clock.whole) if as_of is None else None,
        {node: table.truths(node) for node in plan.conditions},
        {node: table.evaluate(node) for node in plan.values},
    )
    return _in_order(rows if clock.known is None else rows.sorted(np.flatnonzero(clock.known)))


def _of_customers(events: pa.Table, customers: pa.Array) -> tuple[Array, pa.Table]:
    """Events from the first to the last of some customers, and whose each is, as `TableEvents` says."""
    number = _numbered(events["customer_id"], customers)
    asked = np.flatnonzero(number >= 0)
    first, n = (int(asked[0]), int(asked[-1] - asked[0]) + 1) if len(asked) else (0, 0)
    if len(asked) < n * LEAST_ASKED:
        return 2 * number[asked], events.unify_dictionaries().take(pa.array(asked))
    number = number[first : first + n]
    latest = np.maximum.accumulate(2 * number)
    return np.where(number >= 0, 2 * number, latest + 1), events.slice(first, n)


def _numbered(customers: pa.ChunkedArray, asked: pa.Array) -> Array:
    """Per row the place of its customer among those `asked`, -1 for everybody else, (n,)."""
    found = [np.zeros(0, np.int64)]
    for piece in customers.chunks:
        coded = piece if pa.types.is_dictionary(piece.type) else piece.dictionary_encode()
        places = pc.index_in(coded.dictionary, value_set=asked).fill_null(-1)
        found.append(np.asarray(places)[np.asarray(coded.indices)])
    return np.concatenate(found, dtype=np.int64)


def _known_late(known: Array, clock: Array) -> Array | None:
    """Since when rows are known, where any is known later than its clock says."""
    return np.maximum(known, clock) if (known > clock).any() else None


def _in_order(rows: Rows) -> Rows:
    """The rows by (group, clock), which is the order of the files unless the clock is another."""
    after = np.diff(rows.group)
    if np.all((after > 0) | ((after == 0) & (np.diff(rows.clock) >= 0))):
        return rows
    return rows.sorted(np.lexsort((rows.clock, rows.group)))
