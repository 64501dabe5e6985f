"""The parts of a directory of profiles, made by Spark: the same files with the same values, from many machines.

A part is a range of customers here too. Spark reads files whole and sends each row to the range of its customer, so
a range costs no more than a hash would, and what a range's task writes is a finished part: nothing is sorted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.events.engines.gathered import Gathering, relation
from credit_eval.events.engines.snapshot import Cohort
from credit_eval.events.engines.spark import Spark
from credit_eval.events.measures import Measure
from credit_eval.events.store import Dataset


def write_parts_on_spark(
    spark: Spark, dataset: Dataset, measures: Mapping[str, Measure], cohorts: Sequence[Cohort], into: Path
) -> None:
    """Write `part-*.parquet`, one per cohort: customer_id, as_of, a column per measure; ranks are not ranked yet.

    The data set and `into` have to lie where every worker can read and write them.

    Raises:
        EngineError, StorageError: what Spark could not do.
    """
    for table in dataset.tables:
        spark.register(table, dataset.paths(table))
    asked = into / "asked.parquet"
    pq.write_table(pa.concat_tables(relation(cohort, part) for part, cohort in enumerate(cohorts)), asked)
    spark.register("cohort", [asked])
    gathering = Gathering(measures, max(cohort.last for cohort in cohorts), "spark")
    spark.write_snapshot(gathering, len(cohorts), into)
    asked.unlink()
