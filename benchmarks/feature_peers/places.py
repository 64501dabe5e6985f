"""Where the benchmark keeps its data and the peers' environments, and how they come to be there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.environments import python
from benchmarks.feature_peers.measure import CONSOLE
from credit_eval.ingest.simulator.run import simulate

AS_OF = datetime(2026, 6, 15)
PANEL = [datetime(2025 + month // 12, month % 12 + 1, 1) for month in range(6, 18)]
#: Of a simulated customer, in 18 months.
EVENTS_PER_CUSTOMER = 193
#: DuckDB runs in the project's own environment, in the version it pins.
ENVIRONMENTS = {"polars": ["polars==2.1.0"], "featuretools": ["featuretools==1.31.0", "pandas<3", "pyarrow"]}


def module(name: str, *arguments: object) -> list[str]:
    """A command that runs a module of this folder."""
    return [sys.executable, "-m", f"benchmarks.feature_peers.{name}", *map(str, arguments)]


@dataclass(frozen=True)
class Places:
    """Of the data of one size."""

    work: Path
    events: int

    @property
    def customers(self) -> int:
        return max(self.events // EVENTS_PER_CUSTOMER, 1)

    @property
    def data(self) -> Path:
        return self.work / "data" / f"{self.events}"

    @property
    def rows(self) -> int:
        """Events there really are."""
        return sum(pq.read_metadata(path).num_rows for path in self.data.glob("*.parquet"))

    def out(self, name: str) -> Path:
        return self.work / "out" / f"{self.events}" / name.replace(" ", "-")

    def cohort(self, name: str) -> Path:
        return self.data / "cohorts" / f"{name}.parquet"

    def python(self, program: str) -> str:
        """The interpreter of a peer, of an environment of its own where it needs one."""
        return python(program, ENVIRONMENTS, self.work, CONSOLE.print)

    def generate(self) -> None:
        """A simulated data set of about that size, and whom to observe when."""
        if not self.data.exists():
            CONSOLE.print(f"simulating {self.customers:,} customers …")
            simulate(self.work / "data", self.work / "truth", customers=self.customers, name=f"{self.events}")
        self._write_cohort("one", [AS_OF])
        self._write_cohort("panel", PANEL)

    def _write_cohort(self, name: str, dates: Sequence[datetime]) -> None:
        """Everybody known at each date."""
        self.cohort(name).parent.mkdir(exist_ok=True)
        customers = pq.read_table(self.data / "customers.parquet", columns=["customer_id", "known_at"])
        parts = []
        for as_of in dates:
            moment = pa.scalar(as_of, pa.timestamp("us"))
            members = customers.filter(pc.less(customers["known_at"], moment)).select(["customer_id"])
            parts.append(members.append_column("as_of", pa.repeat(moment, len(members))))
        pq.write_table(pa.concat_tables(parts), self.cohort(name))
