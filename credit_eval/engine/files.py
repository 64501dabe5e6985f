"""Parquet files sorted by customer, read by ranges of customers: a range touches its own row groups only.

Texts stay what they are in the files, codes into a dictionary, so that most of them are never spelt out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


class SortedFile:
    """One file and where in it customers lie, from its footer. Opened when it is first read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[tuple[str, ...], dict[int, pa.Table]] = {}

    def read(self, low: str, high: str, columns: Sequence[str]) -> pa.Table:
        """The row groups that hold customers from `low` to `high`, so a few others' rows too.

        The last of them is kept: the next range mostly begins in it.
        """
        groups = [number for number, first, last in self._bounds if first <= high and last >= low]
        kept = self._kept.pop(tuple(columns), {})
        found = {n: kept[n] if n in kept else self._group(n, columns) for n in groups}
        if not found:
            return self._file.read_row_groups([], list(columns))
        self._kept[tuple(columns)] = {groups[-1]: found[groups[-1]]}
        return pa.concat_tables(found.values())

    def _group(self, number: int, columns: Sequence[str]) -> pa.Table:
        return self._file.read_row_group(number, list(columns), use_threads=False)

    @cached_property
    def _file(self) -> pq.ParquetFile:
        footer = pq.read_metadata(self._path)
        texts = [field.name for field in footer.schema.to_arrow_schema() if pa.types.is_string(field.type)]
        return pq.ParquetFile(self._path, metadata=footer, read_dictionary=texts)

    @cached_property
    def _bounds(self) -> list[tuple[int, str, str]]:
        """Row groups, with their first and last customer (`events.store.check_sorted` saw that each says so)."""
        footer, place = self._file.metadata, self._file.schema_arrow.get_field_index("customer_id")
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        told = [group.column(place).statistics if group.num_rows else None for group in groups]
        return [(number, of.min, of.max) for number, of in enumerate(told) if of]
