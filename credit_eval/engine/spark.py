"""The Spark engine, an optional one (the extra `spark`, and Java 17): it gathers events, and its workers fold them.

Nobody else imports `pyspark`. Timestamps are naive and mean UTC: they are TIMESTAMP_NTZ here, whatever zone the
machine is in. Decimals keep their scale, so that a sum has the same whole number behind it as on any other engine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.errors import CreditEvalError, EngineError, StorageError
from credit_eval.engine.base import Engine, Events, part
from credit_eval.engine.cohort import Cohort, Ranges
from credit_eval.engine.gathered import Gathering, relation
from credit_eval.engine.plan import Plan
from credit_eval.language.measures import Measure

OLDEST_JAVA = 17

#: What any session of ours means by SQL, whoever started Spark.
_MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.legacy.decimal.retainFractionDigitsOnTruncate": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    "spark.sql.execution.arrow.maxBytesPerBatch": str(64 * 2**20),
    "spark.sql.parquet.compression.codec": "zstd",
}
_QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
_TELLING_LINES = 3


class Spark(Engine):
    """A Spark session, left when the `with` block ends.

    If a session is active already (a notebook's, or a cluster's under spark-submit), tables and snapshots live in a
    session of their own beside it, and it is left running. Else Spark is started on this machine, with `threads`
    (None: one per core) and `memory` (such as "2g") for the JVM; what does not fit spills to `spill`.
    Every failure of Spark leaves as a StorageError (no room on disk or in memory) or an EngineError (all else).

    Raises:
        EngineError: pyspark or Java is missing, or Spark does not start.
    """

    def __init__(self, *, threads: int | None = None, memory: str = "2g", spill: Path | None = None) -> None:
        lack = missing()
        if lack:
            raise EngineError(
                "Spark cannot be started here",
                expected=f"pyspark, and Java {OLDEST_JAVA} or later",
                received=lack,
                todo="pip install 'credit-eval[spark]' and apt-get install openjdk-17-jre-headless, or use DuckDB",
            )
        with ExitStack() as opened, _failures():
            self._session = _active() or _started(opened, threads, memory, spill)
            for key, value in _MEANING.items():
                self._session.conf.set(key, value)
            self._opened = opened.pop_all()

    def __enter__(self) -> Spark:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def register(self, name: str, data: pa.Table | Sequence[Path]) -> None:
        """Make an Arrow table, or Parquet files that every worker can read, readable under `name`."""
        with _failures():
            self._frame(data).createOrReplaceTempView(name)

    def arrow(self, sql: str) -> pa.Table:
        """The result as an Arrow table."""
        with _failures():
            return self._session.sql(sql).toArrow()

    def profiles(self, measures: Mapping[str, Measure], events: Events, cohort: Cohort) -> pa.Table:
        """As the interface says, in one job whatever the number of measures."""
        self._register(measures, events, relation(cohort))
        with _failures():
            found = self._profiles(Gathering(measures, cohort.last), 1).toArrow()
        return found.sort_by([("customer_id", "ascending"), ("as_of", "ascending")])

    def write(self, measures: Mapping[str, Measure], events: Events, ranges: Ranges, into: Path) -> Iterator[int]:
        """As the interface says, in one job; the events and `into` have to lie where every worker can get at them.

        A range costs Spark no more than a hash would, and what a range's task writes is a finished file: nothing is
        sorted twice.
        """
        asked, scratch = into / "asked.parquet", into / "spark"
        pq.write_table(pa.concat_tables(relation(cohort, number) for number, cohort in enumerate(ranges)), asked)
        self._register(measures, events, [asked])
        with _failures():
            gathering = Gathering(measures, max(cohort.last for cohort in ranges))
            self._profiles(gathering, len(ranges)).write.parquet(_uri(scratch))
        for number, path in enumerate(sorted(scratch.glob("part-*.parquet"))):
            path.rename(part(into, number))
        shutil.rmtree(scratch)
        asked.unlink()
        yield len(ranges)

    def _register(self, measures: Mapping[str, Measure], events: Events, cohort: pa.Table | Sequence[Path]) -> None:
        for table in Plan.of(measures).tables:
            self.register(table, events[table])
        self.register("cohort", cohort)

    def _profiles(self, gathering: Gathering, parts: int) -> Any:
        rows = self._session.sql(gathering.rows).repartitionById(parts, "part")
        customers = self._session.sql(gathering.gathered, rows=rows).sortWithinPartitions("customer_id").drop("part")
        return customers.mapInArrow(gathering.profiles, gathering.schema)

    def _frame(self, data: pa.Table | Sequence[Path]) -> Any:
        if isinstance(data, pa.Table):
            return self._session.createDataFrame(data)
        return self._session.read.option("recursiveFileLookup", True).parquet(*(_uri(path) for path in data))


def missing() -> str | None:
    """What Spark needs and this machine lacks, None if it can be started."""
    if find_spec("pyspark") is None:
        return "pyspark is not installed"
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        return "no Java " + ("in JAVA_HOME" if home else "on the PATH, and no JAVA_HOME")
    said = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    version = int(found[1]) if found else 0
    return None if version >= OLDEST_JAVA else f"Java {version or 'of an unknown version'}"


def _active() -> Any:
    """A session of our own beside the one that is active; None if there is none."""
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    return session and session.newSession()


def _started(opened: ExitStack, threads: int | None, memory: str, spill: Path | None) -> Any:
    """A session on this machine, ended with `opened`. Its JVM stays for the next one until this process ends."""
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    scratch = opened.enter_context(TemporaryDirectory(prefix="credit_eval_", dir=spill))
    conf = SparkConf().setMaster(f"local[{threads or '*'}]").setAppName("credit_eval").setAll(_QUIET.items())
    conf.set("spark.driver.memory", memory).set("spark.local.dir", scratch).set("spark.sql.warehouse.dir", scratch)
    conf.set("spark.driver.host", "127.0.0.1").set("spark.driver.bindAddress", "127.0.0.1")
    context = SparkContext(conf=conf, gateway=None if SparkContext._gateway else _launched(conf))
    context.pythonExec = sys.executable
    session = SparkSession(context)
    opened.callback(session.stop)
    return session


def _launched(conf: Any) -> Any:
    """A JVM whose chatter goes nowhere; if it does not start, what it said is in the error."""
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway

    with TemporaryFile() as log:
        try:
            return launch_gateway(conf, {"stdout": log, "stderr": log})
        except PySparkException as error:
            log.seek(0)
            raise EngineError("Spark did not start", received=_telling(log.read().decode(errors="replace"))) from error


@contextmanager
def _failures() -> Iterator[None]:
    """Spark's failures as errors of this project."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        try:
            yield
        except (PySparkException, Py4JError) as error:
            raise _translated(str(error)) from error


def _translated(said: str) -> CreditEvalError:
    if "No space left on device" in said:
        return StorageError("the disk is full", todo="make room, then run again; nothing was changed")
    if "OutOfMemoryError" in said or "UNABLE_TO_ACQUIRE_MEMORY" in said:
        return StorageError(
            "Spark ran out of memory",
            received=_telling(said),
            todo="free memory, allow the driver and the workers more of it, or ask for fewer customers",
        )
    return EngineError(
        "Spark could not do what it was asked",
        received=_telling(said),
        todo="look for what is named above in the files and declarations the run reads",
    )


def _telling(said: str) -> str:
    """What is wrong, without the places in code and on disk that it went through. A worker says it last."""
    lines = [line.strip() for line in said.splitlines()]
    telling = [line for line in lines if line and not line.startswith(("at ", "An error occurred while calling"))]
    of_worker = any(line.startswith("Traceback") for line in telling)
    chosen = telling[-1:] if of_worker else telling[:_TELLING_LINES]
    return re.sub(r"(?:file:)?/\S*/", "", " ".join(chosen))


def _uri(path: Path) -> str:
    return f"file://{path.resolve()}"
