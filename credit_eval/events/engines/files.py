"""Parquet files sorted by customer, read by ranges of customers: a range touches its own row groups only.

Texts stay what they are in the files, codes into a dictionary, so that most of them are never spelt out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import local

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_eval.events.engines.columns import Array


class SortedFile:
    """One file and where in it customers lie, from its footer. Threads share the footer, not the handle."""

    def __init__(self, path: Path) -> None:
        self._footer = pq.read_metadata(path)
        self._path, self._open = path, local()
        schema = self._footer.schema.to_arrow_schema()
        self.names = frozenset(schema.names)
        self._texts = [field.name for field in schema if pa.types.is_string(field.type)]
        place = schema.get_field_index("customer_id")
        groups = [self._footer.row_group(n) for n in range(self._footer.num_row_groups)]
        told = [group.column(place).statistics if group.num_rows else None for group in groups]
        self._bounds = [(n, of.min, of.max) for n, of in enumerate(told) if of]

    def read(self, low: str, high: str, columns: Sequence[str]) -> pa.Table:
        """The row groups that hold customers from `low` to `high`, so a few others' rows too.

        The last of them is kept: the next range of the same thread mostly begins in it.
        """
        groups = [n for n, first, last in self._bounds if first <= high and last >= low]
        handle, kept = self._handle(), self._open.kept.pop(tuple(columns), {})
        found = {
            n: kept[n] if n in kept else handle.read_row_group(n, list(columns), use_threads=False) for n in groups
        }
        if not found:
            return handle.read_row_groups([], list(columns))
        self._open.kept[tuple(columns)] = {groups[-1]: found[groups[-1]]}
        return pa.concat_tables(found.values())

    def _handle(self) -> pq.ParquetFile:
        if not hasattr(self._open, "file"):
            self._open.file = pq.ParquetFile(self._path, metadata=self._footer, read_dictionary=self._texts)
            self._open.kept = {}
        return self._open.file


class SortedFiles:
    """Files by path, opened once."""

    def __init__(self) -> None:
        self._files: dict[Path, SortedFile] = {}

    def open(self, paths: Iterable[Path]) -> None:
        """Read the footers of some files."""
        self._files |= {path: SortedFile(path) for path in paths if path not in self._files}

    def read(self, paths: Sequence[Path], low: str, high: str, columns: Sequence[str]) -> pa.Table:
        """Rows of several files, one after the other, in the pieces they are read in."""
        self.open(paths)
        return pa.concat_tables(self._files[path].read(low, high, columns) for path in paths)


def numbered(customers: pa.ChunkedArray, asked: pa.Array) -> Array:
    """Per row the place of its customer among those `asked`, -1 for everybody else, (n,)."""
    found = [np.zeros(0, np.int64)]
    for piece in customers.chunks:
        coded = piece if pa.types.is_dictionary(piece.type) else piece.dictionary_encode()
        places = pc.index_in(coded.dictionary, value_set=asked).fill_null(-1)
        found.append(np.asarray(places)[np.asarray(coded.indices)])
    return np.concatenate(found, dtype=np.int64)
