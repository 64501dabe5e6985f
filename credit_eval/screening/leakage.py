"""Does a feature know the future? Take the future away, and see whether the past's features move.

    known before as_of        ──────────────────►│ as_of
    known later                                  │ ──────────────►
    whole data                ●───●──●────●───●──│─●──●───●─
    truncated at as_of        ●───●──●────●───●──│

Profiles at `as_of` are built from both and compared bit for bit. By the first law not one value may differ. The engines
keep it for every declared feature by how they read events; a column that is derived from other rows as they are stored,
or a feature that somebody wrote by hand, need not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from credit_eval.core.errors import IntegrityError
from credit_eval.core.seals import sha256_file
from credit_eval.schema.derived import with_derived
from credit_eval.schema.duckdb import DuckDB, Relation, parquet, quote, select
from credit_eval.schema.store import Dataset, describe_dataset, open_dataset
from credit_eval.schema.tables import table_named
from credit_eval.screening.coded import Truths

#: Builds the profiles of one cohort from a data set: customer_id, as_of and a column per feature.
Builder = Callable[[Dataset], pd.DataFrame]

_KEYS = ["customer_id", "as_of"]


def moves_after_as_of(engine: DuckDB, dataset: Dataset, as_of: datetime, build: Builder) -> pd.Series[int]:
    """Rows per feature whose value at `as_of` changes when what was known only from `as_of` on is taken away.

    `build` must give the same members, all observed at `as_of`, whichever data set it gets, and must read nothing but
    that data set. 0 everywhere is what law 1 asks for.

    Args:
        engine: that writes the truncated data.
        dataset: whole.
        as_of: from which on nothing is known.
        build: gives customer_id, as_of and features of a data set.

    Returns:
        by feature, how many rows.

    Raises:
        CohortError: `as_of` lies outside the data.
        IntegrityError: `build` gave other members or other columns for the truncated data.
    """
    dataset.check_as_of(as_of)
    with TemporaryDirectory(prefix="credit_eval_") as scratch:
        past = truncated(engine, dataset, as_of, Path(scratch) / "past")
        return differing_rows(build(past), build(dataset))


def truncated(engine: DuckDB, dataset: Dataset, as_of: datetime, root: Path) -> Dataset:
    """Write to `root` the data set as it would have been, had it been made at `as_of`.

    Rows are those known strictly before; columns not yet revealed then are empty, and those derived from other rows
    are derived anew, from what is left. There are no outcomes and no cohorts.
    """
    files = {path.relative_to(dataset.root): table for table in dataset.tables for path in dataset.paths(table)}
    rows = {file: _write_known(engine, dataset, table, file, as_of, root) for file, table in files.items()}
    info = replace(
        dataset.info,
        known_until=as_of,
        label_source="repayments",
        rows={table: sum(n for file, n in rows.items() if files[file] == table) for table in dataset.tables},
        hashes={str(file): sha256_file(root / file) for file in files},
        parts={
            table: [replace(part, rows=rows[Path(part.file)]) for part in parts]
            for table, parts in dataset.info.parts.items()
        },
    )
    describe_dataset(root, info)
    return open_dataset(root)


def _write_known(engine: DuckDB, dataset: Dataset, table: str, file: Path, as_of: datetime, root: Path) -> int:
    """Write what was known of a file of a table at `as_of`; how many rows that is."""
    whole, target, moment = parquet(dataset.root / file), root / file, f"TIMESTAMP {quote(str(as_of))}"
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = int(engine.scalar(f"SELECT count(*) FROM {whole} WHERE known_at < {moment}"))
    known = select(f"SELECT {_columns_at(dataset, table, moment)} FROM {whole} WHERE known_at < {moment}")
    if rows and table in dataset.info.derived:
        columns = list(engine.columns(dataset.root / file))
        order = dict.fromkeys(("customer_id", "occurred_at", *table_named(table).key, *columns))
        order = {column: None for column in order if column in columns}
        anew = _derived_anew(engine, dataset, table, known, root)
        engine.write_parquet(select(f"SELECT {', '.join(columns)} FROM {anew}"), target, order_by=", ".join(order))
    else:
        engine.write_parquet(known, target)
    return rows


def _derived_anew(engine: DuckDB, dataset: Dataset, table: str, known: Relation, root: Path) -> Relation:
    """These rows with their derived columns made from them, and from the files written before, alone."""
    derived = dataset.info.derived[table]
    written = [path for one in dataset.paths(table) if (path := root / one.relative_to(dataset.root)).exists()]
    given = select(f"SELECT * EXCLUDE ({', '.join(derived)}) FROM {known}")
    return with_derived(engine, table, derived, given, stored=parquet(written) if written else None)


def _columns_at(dataset: Dataset, table: str, moment: str) -> str:
    """All columns, those that are revealed later only where they had been by then."""
    hidden = [
        f"CASE WHEN {reveal.by} < {moment} THEN {name} END AS {name}"
        for reveal in table_named(table).reveals
        for name in reveal.columns
        if dataset.has(table, reveal.by, name)
    ]
    return f"* REPLACE ({', '.join(hidden)})" if hidden else "*"


def differing_rows(one: pd.DataFrame, other: pd.DataFrame) -> pd.Series[int]:
    """Rows per feature in which two frames of profiles differ by as much as a bit; unknown equals unknown.

    Rows are matched by (customer_id, as_of), in whatever order.

    Raises:
        IntegrityError: the frames have different members or columns.
    """
    left, right = (frame.set_index(_KEYS).sort_index() for frame in (one, other))
    if not left.index.equals(right.index) or set(left.columns) != set(right.columns):
        raise IntegrityError(
            "two builds of the same cohort cannot be compared",
            expected="the same members and the same columns",
            received=f"{len(left):,} and {len(right):,} rows, {left.shape[1]} and {right.shape[1]} columns",
            todo="let the builder give every member of the cohort a row, also those without events",
        )
    found = {name: int((~_same(left[name], right[name])).sum()) for name in right.columns}
    return pd.Series(found, dtype="int64", name="moved_rows").rename_axis("feature")


def _same(left: pd.Series[Any], right: pd.Series[Any]) -> Truths:
    if pd.api.types.is_numeric_dtype(left) and pd.api.types.is_numeric_dtype(right):
        bits = [column.to_numpy(dtype=np.float64, na_value=np.nan).view(np.int64) for column in (left, right)]
        same: Truths = bits[0] == bits[1]
    else:
        texts = [column.astype(object).where(column.notna(), None).to_numpy() for column in (left, right)]
        same = texts[0] == texts[1]
    return same | (left.isna() & right.isna()).to_numpy()
