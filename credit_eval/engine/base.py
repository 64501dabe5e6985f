"""The interface of every engine, and the files that it writes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.engine.cohort import Cohort, Ranges
from credit_eval.language.measures import Measure

#: Rows of a part that are read together: one customer is looked up among so many.
ROWS_PER_GROUP = 16_384
#: Events by the name of their table: an Arrow table, or Parquet files sorted by customer.
Events = Mapping[str, pa.Table | Sequence[Path]]


class Engine(ABC):
    """Whatever works out measures: all engines give the same values, to the bit."""

    @abstractmethod
    def profiles(self, measures: Mapping[str, Measure], events: Events, cohort: Cohort) -> pa.Table:
        """Keys, then a column per measure (float64 or string, null where unknown), in the order of the cohort.

        A rank is the measure that is to be ranked: only the whole cohort can rank it.

        Args:
            measures: by the names of their columns.
            events: every table that a measure reads.
            cohort: small enough for its profiles, and the events of its customers, to fit in memory.
        """

    def write(self, measures: Mapping[str, Measure], events: Events, ranges: Ranges, into: Path) -> Iterator[int]:
        """Write the profiles of each range of customers as a file of `into`; gives how many ranges are written.

        Raises:
            EngineError, StorageError: what the engine could not do.
        """
        for number, cohort in enumerate(ranges):
            write_part(self.profiles(measures, events, cohort), into, number)
            yield number + 1


def part(into: Path, number: int) -> Path:
    """The file of the range with that number."""
    return into / f"part-{number:05}.parquet"


def write_part(profiles: pa.Table, into: Path, number: int) -> None:
    """One range's profiles as a file."""
    pq.write_table(
        profiles,
        part(into, number),
        compression="lz4",
        use_dictionary=False,
        write_statistics=False,
        row_group_size=ROWS_PER_GROUP,
    )
