"""The embedded engine: files read by ranges of customers, folded in this process or, where that pays, in several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.machine import cores, memory_bytes
from credit_eval.engine.base import Engine, Events, write_part
from credit_eval.engine.cohort import Cohort, Ranges
from credit_eval.engine.files import SortedFile
from credit_eval.engine.plan import Plan
from credit_eval.engine.workers import spread
from credit_eval.language.measures import Measure

#: Another process takes a second to start: it earns that back from about so many events on, measured on two cores
#: (4 million in one snapshot, 1 million in a panel of 12), where so many cells of profiles cost as much as one event.
EVENTS_WORTH_A_PROCESS, CELLS_LIKE_AN_EVENT = 4_000_000, 8
#: Memory that a worker may take; it takes less than half of that.
BYTES_PER_WORKER = 2**30
#: Each worker gets its ranges in so many runs of neighbours, so that none waits long for the others at the end.
RUNS_PER_WORKER = 4


class Embedded(Engine):
    """`workers` processes (None: as many as there are cores and events enough for); their number changes no bit."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers

    def profiles(self, measures: Mapping[str, Measure], events: Events, cohort: Cohort) -> pa.Table:
        """As the interface says."""
        return _Ranges(measures, events).profiles(cohort)

    def write(self, measures: Mapping[str, Measure], events: Events, ranges: Ranges, into: Path) -> Iterator[int]:
        """As the interface says, in several processes where the events are many."""
        cells = len(measures) * len(ranges.keys)
        work = sum(map(_rows, events.values())) + cells // CELLS_LIKE_AN_EVENT
        useful = min(cores(), memory_bytes() // BYTES_PER_WORKER, 1 + work // EVENTS_WORTH_A_PROCESS)
        workers = min(self._workers or max(1, useful), len(ranges))
        write = partial(_Ranges(measures, events).write, into)
        runs = np.array_split(np.arange(len(ranges)), min(len(ranges), workers * RUNS_PER_WORKER))
        tasks = ([(number, ranges[number]) for number in run.tolist()] for run in runs)
        written = 0
        for ready in spread(write, tasks, workers):
            written += ready
            yield written


class _Ranges:
    """Profiles of ranges of customers, one after the other: a file is opened once, and neighbours share a row group."""

    def __init__(self, measures: Mapping[str, Measure], events: Events) -> None:
        self._plan = Plan.of(measures)
        self._events = {table: events[table] for table in self._plan.tables}
        self._files: dict[Path, SortedFile] = {}

    def profiles(self, cohort: Cohort) -> pa.Table:
        """The profiles of one range."""
        from credit_eval.engine.profile import profiles  # numba: half a second that the parent of workers does without

        low, high = (cohort.keys["customer_id"][place].as_py() for place in (0, len(cohort) - 1))

        def read(table: str, columns: Sequence[str]) -> pa.Table:
            of = self._events[table]
            if isinstance(of, pa.Table):
                return of.select(columns)
            return pa.concat_tables(self._file(path).read(low, high, columns) for path in of)

        return profiles(self._plan, read, cohort)

    def write(self, into: Path, ranges: Sequence[tuple[int, Cohort]]) -> int:
        """Write the files of some numbered ranges; how many."""
        for number, cohort in ranges:
            write_part(self.profiles(cohort), into, number)
        return len(ranges)

    def _file(self, path: Path) -> SortedFile:
        if path not in self._files:
            self._files[path] = SortedFile(path)
        return self._files[path]


def _rows(of: pa.Table | Sequence[Path]) -> int:
    return int(of.num_rows) if isinstance(of, pa.Table) else sum(pq.read_metadata(path).num_rows for path in of)
