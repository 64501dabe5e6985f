"""Profiles of one range of customers: every measure for every row of a cohort that fits in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from credit_eval.engine.cohort import Cohort
from credit_eval.engine.finish import finished
from credit_eval.engine.fold import fold
from credit_eval.engine.plan import Plan
from credit_eval.engine.streams import TableEvents
from credit_eval.engine.subject import Answer

#: Some columns of a table: the events of a range of customers (others' may be among them).
Read = Callable[[str, Sequence[str]], pa.Table]


def profiles(plan: Plan, read: Read, cohort: Cohort) -> pa.Table:
    """Keys, then a column per measure (float64 or string, null where unknown), in the order of the cohort.

    A rank is the measure that is to be ranked: only the whole cohort can rank it.
    """
    answers: list[Answer] = []
    for table, columns in plan.tables.items():
        events = TableEvents.of(read(table, columns), cohort)
        for one in plan.streams:
            if one.stream.table == table:
                answers += fold(*events.stream(one, cohort), one.aggregates)
    made = {
        name: finished(measure, [answers[place] for place in plan.parts[name]])
        for name, measure in plan.measures.items()
    }
    return pa.table({"customer_id": cohort.keys["customer_id"], "as_of": cohort.keys["as_of"], **made})
