"""Memory does not grow with the file: ten times the rows, measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from credit_eval.events.engines.duckdb import DuckDB, quote

IMPORT = """
import re, sys
from pathlib import Path
from credit_eval.sources import importing
from credit_eval.sources.mapping import import_mapping
importing.MEMORY = "96MB"
def peak():  # of this process alone; getrusage would start from its parent's
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
dataset = import_mapping(Path(sys.argv[1]) / "shop.yaml", Path(sys.argv[1]) / "raw")
assert dataset.info.rows["orders"] == int(sys.argv[2])
print((peak() - before) // 1024)
"""
MAPPING = """
dataset: shop
currency: EUR
tables:
  orders:
    file: orders.csv
    columns: {customer_id: who, occurred_at: at, order_id: no, amount: total, status: state, category: sort}
"""


def peak_mb(folder: Path, n_rows: int) -> int:
    """Megabytes an import of `n_rows` orders takes beyond what the process took before."""
    folder.mkdir()
    (folder / "shop.yaml").write_text(MAPPING)
    with DuckDB(threads=1) as engine:
        engine.run(
            f"COPY (SELECT i AS no, hash(i) % {n_rows // 20} AS who, i % 900 + 1 AS total, 'paid' AS state, "
            "TIMESTAMP '2025-01-01' + to_seconds((hash(i + 1) % 30000000)::BIGINT) AS at, 'sort ' || hash(i) AS sort "
            f"FROM range({n_rows}) t(i)) TO {quote(folder / 'orders.csv')} (HEADER)"
        )
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(folder), str(n_rows)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_ten_times_the_rows_take_little_more_memory(tmp_path: Path) -> None:
    small, large = peak_mb(tmp_path / "small", 50_000), peak_mb(tmp_path / "large", 500_000)
    print(f"50,000 rows: {small} MB, 500,000 rows: {large} MB")
    assert large < 3 * small
