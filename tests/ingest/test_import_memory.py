"""Memory does not grow with the file: ten times the rows, measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from credit_eval.schema.duckdb import DuckDB, quote

SCRIPT = """
import re, sys
from pathlib import Path
from credit_eval.ingest import staging
from credit_eval.ingest.mapping import append_mapping, import_mapping
staging.MEMORY = "96MB"
def peak():  # of this process alone; getrusage would start from its parent's
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
folder = Path(sys.argv[1])
if sys.argv[3] == "import":
    dataset = import_mapping(folder / "shop.yaml", folder / "raw")
else:
    dataset = append_mapping(folder / "shop.yaml", folder / "later", folder / "raw", "shop")
assert {table: dataset.info.rows[table] for table in ("orders", "browsing")} == eval(sys.argv[2])
print((peak() - before) // 1024)
"""
MAPPING = """
dataset: shop
currency: EUR
tables:
  orders:
    file: orders.csv
    columns: {customer_id: who, occurred_at: at, order_id: no, amount: total, status: state, category: sort}
  browsing:
    file: browsing.csv
    columns: {customer_id: who, occurred_at: at, event: what}
"""


def write(folder: Path, first: int, n_rows: int, year: int) -> None:
    """`n_rows` orders and as many pages of one year, in no order."""
    folder.mkdir(exist_ok=True)
    at = f"TIMESTAMP '{year}-01-01' + to_seconds((hash(i + 1) % 30000000)::BIGINT)"
    with DuckDB(threads=1) as engine:
        for table, columns in {
            "orders": "i AS no, i % 900 + 1 AS total, 'placed' AS state, 'sort ' || i % 5000 AS sort",
            "browsing": "'view' AS what",
        }.items():
            numbers = f"range({first}, {first + n_rows}) t(i)"
            rows = f"SELECT hash(i) % {n_rows // 20} AS who, {at} AS at, {columns} FROM {numbers}"
            engine.run(f"COPY ({rows}) TO {quote(folder / f'{table}.csv')} (HEADER)")


def peak_mb(folder: Path, n_rows: int, what: str) -> int:
    """Megabytes an import takes, or an append of as many rows, beyond what the process took before."""
    arguments = [sys.executable, "-c", SCRIPT, str(folder), str({"orders": n_rows, "browsing": n_rows}), what]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
def test_ten_times_the_rows_take_little_more_memory(tmp_path: Path) -> None:
    found: dict[str, list[int]] = {"import": [], "append": []}
    for n_rows in (50_000, 500_000):
        folder = tmp_path / str(n_rows)
        write(folder, 0, n_rows, 2025)
        (folder / "shop.yaml").write_text(MAPPING)
        found["import"].append(peak_mb(folder, n_rows, "import"))
        write(folder / "later", n_rows, n_rows, 2026)
        found["append"].append(peak_mb(folder, 2 * n_rows, "append"))
    print("MB for 50,000 rows a table and for 500,000:", found)
    for small, large in found.values():
        assert large < 3 * small
