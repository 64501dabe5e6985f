"""JSON that is the same bytes wherever and whenever it is written: RFC 8785 (JCS).

Keys are sorted, nothing is spaced, text is UTF-8 with no more escapes than needed, and a number is the shortest that
reads back as the same double, as ECMAScript writes it. Of a table every row becomes one object.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: Arrow writes doubles as ECMAScript does below this; beyond it begins to write exponents earlier.
_PLAIN_BELOW = 1e9
#: ECMAScript writes exponents beyond so many digits before the point, and where so many zeros follow it.
_MOST_DIGITS, _LEAST_POINT = 21, -6
_ESCAPED = r'["\\\x00-\x1f]'
_CONTROL = r"[\x00-\x1f]"


def canonical(content: Any) -> str:
    """JSON of an object, as RFC 8785 has it; keys are ASCII, moments are texts in UTC.

    >>> canonical({"b": 1.0, "a": [None, True, "é\\n"], "c": 1e-7, "d": 1e21, "e": 0.00001})
    '{"a":[null,true,"é\\\\n"],"b":1,"c":1e-7,"d":1e+21,"e":0.00001}'
    """
    if isinstance(content, Mapping):
        return "{" + ",".join(f"{_text(key)}:{canonical(content[key])}" for key in sorted(content)) + "}"
    if isinstance(content, list | tuple):
        return "[" + ",".join(map(canonical, content)) + "]"
    if isinstance(content, float):
        return number(content)
    if isinstance(content, datetime):
        return _text(f"{content:%Y-%m-%dT%H:%M:%S.%f}Z")
    return json.dumps(content, ensure_ascii=False)


def number(value: float) -> str:
    """A double as ECMAScript writes it; what is no number is null.

    >>> [number(x) for x in (1.0, -0.0, 123456789012345680000.0, 1e21, 1.5e-7, 5e-324, math.nan)]
    ['1', '0', '123456789012345680000', '1e+21', '1.5e-7', '5e-324', 'null']
    """
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    shortest = Decimal(repr(abs(value))).normalize().as_tuple()
    digits, point = "".join(map(str, shortest.digits)), len(shortest.digits) + int(shortest.exponent)
    return ("-" if value < 0 else "") + _written(digits, point)


def _written(digits: str, point: int) -> str:
    """0.digits times ten to the power of `point`, as ECMAScript's Number::toString has it."""
    if 0 < point <= _MOST_DIGITS:
        whole = digits[:point].ljust(point, "0")
        return f"{whole}.{digits[point:]}" if digits[point:] else whole
    if _LEAST_POINT < point <= 0:
        return f"0.{'0' * -point}{digits}"
    return f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{point - 1:+d}"


def records(table: pa.Table) -> list[bytes]:
    """Every row of a table as canonical JSON: an object of all its columns, null where there is no value."""
    pieces: list[Any] = []
    for place, name in enumerate(sorted(table.column_names)):
        pieces += [_scalar(f"{'{' if place == 0 else ','}{_text(name)}:"), _values(table[name])]
    joined = pc.binary_join_element_wise(
        *pieces, _scalar("}"), _scalar(""), null_handling="replace", null_replacement="null"
    )
    found: list[bytes] = joined.cast(pa.large_binary()).to_pylist()
    return found


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _values(column: pa.ChunkedArray) -> Any:
    """A column as JSON: texts, null where there is no value."""
    kind = column.type
    if pa.types.is_floating(kind):
        return _numbers(column.cast(pa.float64()))
    if pa.types.is_integer(kind):
        return column.cast(pa.large_string())
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "true", "false").cast(pa.large_string())
    if pa.types.is_timestamp(kind):
        few = column.combine_chunks().cast(pa.timestamp("us")).dictionary_encode()
        written = pc.strftime(few.dictionary, format='"%Y-%m-%dT%H:%M:%SZ"').cast(pa.large_string())
        return written.take(few.indices)
    return _quoted(column.cast(pa.large_string()))


def _numbers(column: pa.ChunkedArray) -> Any:
    finite = pc.if_else(pc.is_finite(column), column, pa.scalar(None, pa.float64()))
    written = pc.cast(finite, pa.large_string())
    plain = pc.and_(pc.less(pc.abs(finite), _PLAIN_BELOW), pc.not_equal(finite, 0.0))
    if pc.all(plain, min_count=0).as_py():
        return written
    others = [None if value is None else number(value) for value in finite.filter(pc.invert(plain)).to_pylist()]
    return pc.replace_with_mask(
        written.combine_chunks(),
        pc.invert(plain).combine_chunks().fill_null(False),
        pa.array(others, pa.large_string()),
    )


def _quoted(column: pa.ChunkedArray) -> Any:
    if pc.any(pc.match_substring_regex(column, _CONTROL)).as_py():
        return pa.array([None if value is None else _text(value) for value in column.to_pylist()], pa.large_string())
    if pc.any(pc.match_substring_regex(column, _ESCAPED)).as_py():
        column = pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), '"', '\\"')
    return pc.binary_join_element_wise(_scalar('"'), column, _scalar('"'), _scalar(""))


def _scalar(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
