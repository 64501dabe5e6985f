"""Arrow columns as the kernel wants them: whole numbers, and which of them are known.

Decimals become whole numbers of their smallest unit, timestamps microseconds, texts codes. Whole numbers are
int64; where 64 bits could not hold them, Python's own, slower and without end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array = np.ndarray[Any, Any]
#: Beyond this, sums are made of Python's whole numbers: 64 bits might not hold them.
SAFE = 2**62


@dataclass(frozen=True)
class Numbers:
    """`whole[i] / 10**scale` where `known[i]` (None: everywhere); for texts, codes into `texts` (strings)."""

    whole: Array
    known: Array | None = None
    scale: int = 0
    texts: pa.Array | None = None

    def take(self, rows: Array) -> Numbers:
        """Some rows, in the order given."""
        return Numbers(self.whole[rows], None if self.known is None else self.known[rows], self.scale, self.texts)

    @property
    def largest(self) -> int:
        """Largest absolute value of what is known."""
        seen = self.whole if self.known is None else self.whole[self.known]
        return max(abs(int(seen.max())), abs(int(seen.min()))) if len(seen) else 0


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else combined.chunk(0)


def moments(column: pa.Array) -> tuple[Array, Array | None]:
    """Timestamps as microseconds since 1970 (UTC), (n,) int64, and which are known."""
    stamped = column if column.type == pa.timestamp("us") else pc.cast(column, pa.timestamp("us"))
    return _int64(stamped, 1), _known(column)


def numbers(column: pa.ChunkedArray) -> Numbers:
    """A value's rows, whatever their type; texts of all pieces share one dictionary."""
    if _is_text(column.type):
        column = (column if pa.types.is_dictionary(column.type) else column.dictionary_encode()).unify_dictionaries()
    pieces = [_piece(chunk) for chunk in column.chunks] or [_piece(pa.array([], column.type))]
    if len(pieces) == 1:
        return replace(pieces[0], whole=np.ascontiguousarray(pieces[0].whole, np.int64))
    whole: Array = np.concatenate([piece.whole for piece in pieces], dtype=np.int64)
    if all(piece.known is None for piece in pieces):
        return replace(pieces[0], whole=whole)
    known = [np.ones(len(piece.whole), np.bool_) if piece.known is None else piece.known for piece in pieces]
    return replace(pieces[0], whole=whole, known=np.concatenate(known))


def _is_text(of: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(of) or pa.types.is_string(of) or pa.types.is_large_string(of))


def _piece(column: pa.Array) -> Numbers:
    """One piece, as it lies in memory where that can be."""
    if pa.types.is_dictionary(column.type):
        codes = column.indices.fill_null(0) if column.null_count else column.indices
        return Numbers(np.asarray(codes), _known(column), texts=column.dictionary)
    if pa.types.is_decimal(column.type):
        return Numbers(_unscaled(column), _known(column), column.type.scale)
    if pa.types.is_timestamp(column.type):
        return Numbers(moments(column)[0], _known(column))
    filled = column.fill_null(0 if not pa.types.is_boolean(column.type) else False) if column.null_count else column
    return Numbers(np.asarray(pc.cast(filled, pa.int64())), _known(column))


def _known(column: pa.Array) -> Array | None:
    return np.asarray(pc.cast(column.is_valid(), pa.uint8())).view(np.bool_) if column.null_count else None


def _int64(column: pa.Array, words: int) -> Array:
    """The first of every `words` 64-bit words of a fixed-width column."""
    data = column.buffers()[1]
    if data is None:
        return np.zeros(len(column), np.int64)
    first, last = column.offset * words, (column.offset + len(column)) * words
    return np.frombuffer(data, np.int64)[first:last:words]


def _unscaled(column: pa.Array) -> Array:
    """Decimals in their smallest unit. Up to 18 digits they are in the low one of two words; more are refused."""
    return _int64(column if column.type.precision <= 18 else column.cast(pa.decimal128(18, column.type.scale)), 2)
