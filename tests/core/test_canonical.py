"""Canonical JSON: what RFC 8785 asks for, and of a table what it is of every single row."""

from __future__ import annotations

import json
import math
import struct
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_eval.core.canonical import canonical, number, records

#: RFC 8785, appendix B: bits of doubles and how they are written.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "written"), NUMBERS.items())
def test_numbers_of_the_rfc(bits: str, written: str) -> None:
    value = struct.unpack(">d", bytes.fromhex(bits))[0]
    assert number(value) == written
    assert records(pa.table({"x": [value]})) == [f'{{"x":{written}}}'.encode()]


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
    "text": st.none() | st.text(max_size=12) | st.sampled_from(['"', "\\", "a\nb", "\x00\x1f\x7f", "逾期", "=1+1"]),
    "truth": st.none() | st.booleans(),
    "moment": st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),
}
TYPES = {
    "number": pa.float64(),
    "whole": pa.int64(),
    "text": pa.string(),
    "truth": pa.bool_(),
    "moment": pa.timestamp("us"),
}


@given(st.lists(st.fixed_dictionaries(VALUES), min_size=1, max_size=8))
def test_of_a_table_it_is_what_it_is_of_every_row_and_reads_back(rows: list[dict[str, Any]]) -> None:
    found = records(pa.Table.from_pylist(rows, schema=pa.schema(TYPES)))
    assert found == [canonical(row).encode() for row in rows]
    for text, row in zip(found, rows, strict=True):
        read = json.loads(text)
        assert list(read) == sorted(row)
        assert read["text"] == row["text"]
        assert read["number"] == row["number"] or math.isclose(read["number"], row["number"], rel_tol=0)
        assert canonical(read) == canonical(row | {"moment": read["moment"]})


def test_what_is_nowhere_and_what_is_no_number_are_null() -> None:
    table = pa.table({"none": pa.nulls(2), "x": [math.nan, math.inf]})
    assert records(table) == [b'{"none":null,"x":null}'] * 2
