"""Wall time and peak memory of every stage of the chain, and of imports of growing files. `make bench-chain`.

Each stage is a process of its own, measured by the operating system. The floor beside the profiles is reading the
bytes of the event tables once. Nothing is asserted: a benchmark measures, a test judges.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CREDIT_EVAL = [sys.executable, "-m", "credit_eval.cli"]
MAPPING = """
dataset: growing
currency: EUR
tables:
  customers: {file: customers.csv, columns: {customer_id: id, occurred_at: since}}
  orders:
    file: orders.csv
    columns: {customer_id: id, occurred_at: at, order_id: order, amount: amount}
    constants: {status: placed}
"""


def measured(command: list[str], cwd: Path) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of a command that must succeed."""
    started = time.monotonic()
    child = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command[2:])} failed with exit code {child.returncode}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def row(what: str, seconds: float, megabytes: float, more: str = "") -> None:
    print(f"{what:<34} {seconds:>8.1f} s {megabytes:>8.0f} MB  {more}", flush=True)


def chain(root: Path, customers: int) -> None:
    total, peak = 0.0, 0.0
    (root / "settings.yaml").write_text("datasets: {simulated: {policy: default}}\n")
    stages = (
        ["simulate", "--customers", str(customers)],
        ["train", "simulated"],
        ["score", "simulated"],
        ["report", "simulated"],
    )
    for stage in stages:
        seconds, megabytes = measured([*CREDIT_EVAL, *stage], root)
        total, peak = total + seconds, max(peak, megabytes)
        row(" ".join(stage), seconds, megabytes)
    row("the chain", total, peak, "(sum of seconds, highest peak)")
    started = time.monotonic()
    size = sum(len(path.read_bytes()) for path in (root / "data/raw/simulated").glob("*.parquet"))
    print(f"{'floor: the event tables, read once':<34} {time.monotonic() - started:>8.3f} s {size / 2**20:>8.0f} MB")


def imports(root: Path, orders: int) -> None:
    draw = random.Random(0)
    customers = [f"c{number:06}" for number in range(max(orders // 50, 1))]
    (root / "mapping.yaml").write_text(MAPPING)
    (root / "customers.csv").write_text("id,since\n" + "".join(f"{c},2025-01-01\n" for c in customers))
    with (root / "orders.csv").open("w") as stream:
        stream.write("id,at,order,amount\n")
        for number in range(orders):
            at = f"2025-{draw.randint(1, 12):02}-{draw.randint(1, 28):02} {draw.randint(0, 23):02}:00:00"
            stream.write(f"{draw.choice(customers)},{at},o{number},{draw.randint(1, 99_999) / 100:.2f}\n")
    size = (root / "orders.csv").stat().st_size / 2**20
    seconds, megabytes = measured([*CREDIT_EVAL, "import", "mapping.yaml", "--replace"], root)
    row(f"import {orders:,} orders", seconds, megabytes, f"({size:.0f} MB of CSV)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--orders", type=int, nargs="*", default=[100_000, 1_000_000, 4_000_000])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        chain(Path(scratch), asked.customers)
        for orders in asked.orders:
            imports(Path(scratch), orders)


if __name__ == "__main__":
    main()
