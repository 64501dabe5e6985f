"""What every peer is asked: PROGRAM ROOT OUT AS_OF… [--last CUSTOMER]. A file OUT/AS_OF.parquet for each date.

A row per customer known by then (up to `--last`, where only some are asked for), a column per feature. With `--shape
joined` all dates are answered at once, in OUT/joined.parquet, a row per customer and as_of: events are joined to ROOT's
cohort `panel` where occurred_at and known_at < as_of, and grouped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    root: Path
    out: Path
    as_of: list[datetime]
    last: str | None
    shape: str

    def each(self) -> Iterator[tuple[datetime, Path]]:
        """Observation dates, and where the answer goes."""
        self.out.mkdir(parents=True, exist_ok=True)
        for as_of in self.as_of:
            yield as_of, self.out / f"{as_of:%Y-%m-%d}.parquet"

    @property
    def cohort(self) -> Path:
        return self.root / "cohorts" / "panel.parquet"

    def table(self, name: str) -> Path:
        return self.root / f"{name}.parquet"


def asked() -> Asked:
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("as_of", type=datetime.fromisoformat, nargs="+")
    parser.add_argument("--last")
    parser.add_argument("--shape", default="")
    return Asked(**vars(parser.parse_args()))
