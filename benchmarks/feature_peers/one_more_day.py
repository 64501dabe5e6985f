"""A data set as it was yesterday, and as it is after one more day: what the nightly run finds.

    python -m benchmarks.feature_peers.one_more_day ROOT HISTORY TODAY 2026-06-14

HISTORY holds what was known before the day. TODAY holds HISTORY's files and, in a part of its own per table, what
became known on that day; the repayments are written anew, because old lines were paid.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.feature_peers.generate import TableFile
from credit_eval.core.files import sha256_file
from credit_eval.events.store import Dataset, Part, describe_dataset, open_dataset

REVEALED = ("paid_at", "paid_amount", "paid_known_at")


def known_between(dataset: Dataset, table: str, path: Path, first: datetime | None, last: datetime) -> int:
    """Write the rows known in [first, last) as they were known at `last`; returns how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    target, source = TableFile(path), pq.ParquetFile(dataset.path(table))
    for number in range(source.num_row_groups):
        rows = source.read_row_group(number)
        known = pc.less(rows["known_at"], pa.scalar(last, pa.timestamp("us")))
        if first:
            known = pc.and_(known, pc.greater_equal(rows["known_at"], pa.scalar(first, pa.timestamp("us"))))
        target.add(_as_known(rows.filter(known), last))
    target.close()
    return target.rows


def _as_known(rows: pa.Table, last: datetime) -> pa.Table:
    if "paid_known_at" not in rows.column_names:
        return rows
    revealed = pc.less(rows["paid_known_at"], pa.scalar(last, pa.timestamp("us")))
    for name in REVEALED:
        shown = pc.if_else(revealed, rows[name], pa.scalar(None, rows[name].type))
        rows = rows.set_column(rows.column_names.index(name), name, shown)
    return rows


def split(root: Path, history: Path, today: Path, day: datetime) -> None:
    """Write both data sets."""
    dataset, night = open_dataset(root), day + timedelta(days=1)
    for building in (history, today):
        shutil.rmtree(building, ignore_errors=True)
    rows = {t: known_between(dataset, t, history / f"{t}.parquet", None, day) for t in dataset.tables}
    hashes = {f"{table}.parquet": sha256_file(history / f"{table}.parquet") for table in dataset.tables}
    old = replace(dataset.info, known_until=day, rows=dict(rows), hashes=dict(hashes))
    describe_dataset(history, old)
    parts: dict[str, list[Part]] = {}
    today.mkdir()
    for table in dataset.tables:
        if table == "repayments":
            rows[table] = known_between(dataset, table, today / f"{table}.parquet", None, night)
            hashes[f"{table}.parquet"] = sha256_file(today / f"{table}.parquet")
            continue
        (today / f"{table}.parquet").symlink_to(history / f"{table}.parquet")
        file = f"{table}.parts/{day:%Y-%m-%d}.parquet"
        if part := known_between(dataset, table, today / file, day, night):
            parts[table] = [Part(file, part)]
            rows[table] += part
            hashes[file] = sha256_file(today / file)
    describe_dataset(today, replace(old, known_until=night, rows=rows, hashes=hashes, parts=parts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for place in ("root", "history", "today"):
        parser.add_argument(place, type=Path)
    parser.add_argument("day", type=datetime.fromisoformat)
    asked = parser.parse_args()
    split(asked.root, asked.history, asked.today, asked.day)


if __name__ == "__main__":
    main()
