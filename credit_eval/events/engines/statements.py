"""Rows that a database judges: a row statement runs there, the kernel folds what it gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from credit_eval.events.engines.columns import moments, numbers, truths
from credit_eval.events.engines.plan import Wanted
from credit_eval.events.engines.rows import Rows
from credit_eval.events.engines.snapshot import Cohort, Read, in_order, later, one_chunk
from credit_eval.events.engines.sql import render_rows


class StatementFeed:
    """Rows that a database judges: `ask` runs a row statement over the relations it names and `asked`."""

    def __init__(self, wanted: Wanted, ask: Callable[[str, pa.Table], pa.Table]) -> None:
        self.wanted, self.aggregates, self.paired = wanted, wanted.aggregates, wanted.stream.paired
        self._ask, self._statement = ask, render_rows(wanted)

    def rows(self, read: Read, cohort: Cohort) -> Rows:
        """The events of the cohort's members, sorted by (group, clock); `read` is not asked."""
        return rows_of(self._ask(self._statement, cohort.asked(paired=self.paired)), self.wanted)


def rows_of(fetched: pa.Table, wanted: Wanted) -> Rows:
    """What a row statement gave, in the kernel's order."""
    column = {name: one_chunk(fetched[name]) for name in fetched.column_names}
    clock, _ = moments(column["clock"])
    late, is_late = moments(column["known"])
    rows = Rows(
        np.asarray(column["number"]).astype(np.int64),
        clock,
        later(late if is_late is None else np.where(is_late, late, clock), clock),
        {node: truths(column[f"c{place}"]) for place, node in enumerate(wanted.conditions)},
        {node: numbers(fetched[f"v{place}"]) for place, node in enumerate(wanted.values)},
    )
    return in_order(rows)
