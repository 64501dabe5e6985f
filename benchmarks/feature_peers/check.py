"""Whether two programs computed the same values: counts exactly, other numbers to 1e-9, texts as they are.

A sum of amounts that cancel out may be a few 1e-15 in doubles where it is 0 in decimals, so the difference is taken
relative to the larger value or to 1, whichever is more.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from benchmarks.feature_peers.catalogue import CATALOGUE
from credit_eval.language.feature import Feature

TOLERANCE = 1e-9


def differences(ours: Path, theirs: Path, as_of: datetime, last: str | None = None) -> list[str]:
    """One line per feature that differs, with its name and an example; none if the values are equal.

    Both are a file or a directory of parts.
    """
    left, right = _sorted(ours, as_of, last), _sorted(theirs, as_of, last)
    if not left["customer_id"].equals(right["customer_id"].cast(left.schema.field("customer_id").type)):
        return [f"customers: {len(left):,} of ours, {len(right):,} of theirs, or not the same ones"]
    found = ((f, _unequal(f, left[f.name], right[f.name])) for f in CATALOGUE.features)
    return [_line(feature, rows, left, right) for feature, rows in found if len(rows)]


def _sorted(place: Path, as_of: datetime, last: str | None) -> pa.Table:
    files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
    source = ds.dataset([str(file) for file in files])
    kept = None
    if "as_of" in source.schema.names:
        kept = ds.field("as_of") == pa.scalar(as_of, source.schema.field("as_of").type)
    if last:
        some = ds.field("customer_id") <= last
        kept = some if kept is None else kept & some
    return source.to_table(filter=kept).sort_by("customer_id").combine_chunks()


def _unequal(feature: Feature, left: pa.ChunkedArray, right: pa.ChunkedArray) -> np.ndarray:
    if feature.value_type == "category":
        ours, theirs = (np.array(values.to_pylist(), dtype=object) for values in (left, right))
        return np.flatnonzero(ours != theirs)
    ours, theirs = (values.cast(pa.float64()).to_numpy() for values in (left, right))
    within = 0.0 if feature.unit == "count" else TOLERANCE
    scale = np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), 1.0)
    return np.flatnonzero(~((np.isnan(ours) & np.isnan(theirs)) | (np.abs(ours - theirs) <= within * scale)))


def _line(feature: Feature, rows: np.ndarray, left: pa.Table, right: pa.Table) -> str:
    first = int(rows[0])
    ours, theirs = (table[feature.name][first].as_py() for table in (left, right))
    customer = left["customer_id"][first].as_py()
    return f"{feature.name}: {len(rows):,} customers differ, such as {customer}: {ours!r} is ours, {theirs!r} theirs"
