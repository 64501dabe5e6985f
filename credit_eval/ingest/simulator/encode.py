"""From NumPy arrays to Arrow columns of the declared types, without a Python loop over rows.

>>> numbered(("O", np.array([7, 42]), 3)).to_pylist()
['O007', 'O042']
>>> numbered(("C", np.array([7]), 2), ("-", np.array([3]), 1)).to_pylist()
['C07-3']
>>> coded(("a", "b"), np.array([1, -1, 0])).to_pylist()
['b', None, 'a']
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from credit_eval.ingest.simulator.rhythm import Bools, Ints
from credit_eval.schema.tables import TABLES, Table

ARROW_TYPES = {
    "text": pa.string(),
    "int": pa.int64(),
    "decimal": pa.decimal128(18, 2),
    "timestamp": pa.timestamp("us"),
    "bool": pa.bool_(),
}


def schema(table: Table, columns: tuple[str, ...]) -> Any:
    """The Arrow schema of these columns of a declared table, in declared order."""
    declared = [c for c in table.all_columns if c.name in columns]
    return pa.schema([pa.field(c.name, ARROW_TYPES[c.type], nullable=not c.required) for c in declared])


def assemble(table: str, columns: dict[str, Any]) -> Any:
    """An Arrow table in declared order and types; a column that is not declared is an error of ours."""
    shape = schema(TABLES[table], tuple(columns))
    if len(shape) != len(columns):
        raise KeyError(set(columns) - set(shape.names))
    return pa.Table.from_arrays([columns[name] for name in shape.names], schema=shape)


def numbered(*parts: tuple[str, Ints, int]) -> Any:
    """Identifiers made of (prefix, numbers, digits) in turn: every row has the same width."""
    pieces = [_digits(*part) for part in parts]
    letters = np.ascontiguousarray(np.concatenate(pieces, axis=1))
    rows, width = letters.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(letters))


def _digits(prefix: str, numbers: Ints, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    letters = np.empty((len(numbers), len(prefix) + width), dtype=np.uint8)
    letters[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    rest = numbers.astype(np.int32)
    for place in range(letters.shape[1] - 1, len(prefix) - 1, -1):
        shorter = rest // 10
        letters[:, place] = rest - shorter * 10 + ord("0")
        rest = shorter
    return letters


def coded(words: tuple[str, ...], codes: Ints) -> Any:
    """Text from codes into `words`; -1 is NULL."""
    index = pa.array(codes.astype(np.int32), mask=codes < 0 if (codes < 0).any() else None)
    return pa.array(words, pa.string()).take(index)


def money(cents: Ints, null: Bools | None = None) -> Any:
    """DECIMAL(18,2) from non-negative cents."""
    words = np.zeros((len(cents), 2), dtype=np.int64)  # a decimal128 is 16 bytes, little-endian
    words[:, 0] = cents
    return pa.Array.from_buffers(ARROW_TYPES["decimal"], len(cents), [_validity(null), pa.py_buffer(words)])


def times(microseconds: Ints, null: Bools | None = None) -> Any:
    """Timestamps from microseconds since 1970."""
    return pa.array(microseconds, ARROW_TYPES["timestamp"], mask=null)


def whole(numbers: Ints, null: Bools | None = None) -> Any:
    """Integers."""
    return pa.array(numbers.astype(np.int64), pa.int64(), mask=null)


def flags(values: Bools) -> Any:
    """Booleans."""
    return pa.array(values, pa.bool_())


def _validity(null: Bools | None) -> Any:
    return None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
