"""The floor: the columns that the benchmark's features need, read once, row group by row group, and thrown away.

python -m benchmarks.feature_peers.floor ROOT
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.feature_peers.catalogue import CATALOGUE


def main() -> None:
    needed: dict[str, set[str]] = {}
    for feature in CATALOGUE.features:
        for table, columns in feature.needs.items():
            needed.setdefault(table, {"customer_id", "occurred_at", "known_at"}).update(columns)
    for table, columns in needed.items():
        file = pq.ParquetFile(Path(sys.argv[1]) / f"{table}.parquet")
        for number in range(file.num_row_groups):
            file.read_row_group(number, columns=sorted(columns))


if __name__ == "__main__":
    main()
