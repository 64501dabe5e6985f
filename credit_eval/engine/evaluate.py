"""Row expressions over columns in memory, a whole column at a time.

Texts come as codes into the few values there are. An expression of one text column is asked of these values, and of
NULL, once; rows look their answer up. Values are whole numbers with a scale, and which of them are known: logic has
three values, as in SQL. `reference.py` is the meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from credit_eval.core.clock import DAY_US
from credit_eval.core.zones import zone_named
from credit_eval.engine.columns import SAFE, Array, Numbers
from credit_eval.language.expressions import (
    Arithmetic,
    AsOf,
    Case,
    ColumnOf,
    Compare,
    Constant,
    DaysBetween,
    Expression,
    Floor,
    IsIn,
    IsNull,
    Logic,
    Not,
    Part,
    asks_for_as_of,
    columns_in,
)
from credit_eval.schema.tables import Table

_PARTS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "year": pc.year,
    "month": pc.month,
    "day": pc.day,
    "hour": pc.hour,
}
_COMPARE: dict[str, Callable[[Any, Any], Array]] = {
    "=": np.equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Array]] = {"+": np.add, "-": np.subtract, "*": np.multiply}


@dataclass(frozen=True)
class Columns:
    """Rows of one table: columns by name, how many rows, and `as_of` (n,) where events are joined to cohort rows."""

    table: Table
    columns: Mapping[str, Numbers]
    n: int
    as_of: Array | None = None

    def truths(self, node: Expression) -> Array:
        """Rows for which a condition is true, (n,) bool."""
        found = self.evaluate(node)
        whole = found.whole.astype(np.bool_)
        return whole if found.known is None else whole & found.known

    def evaluate(self, node: Expression) -> Numbers:
        """The expression's value for every row."""
        text = self._only_text(node)
        return self._evaluate(node) if text is None else self._looked_up(node, text)

    def _only_text(self, node: Expression) -> str | None:
        """The one text column that decides the value, if there is one and no `as_of` has a say."""
        if isinstance(node, ColumnOf | Constant | AsOf):
            return None
        named = columns_in(node)
        if len(named) != 1 or asks_for_as_of(node, self.table):
            return None
        (name,) = named
        texts = self.columns[name].texts
        return name if texts is not None and len(texts) < self.n else None

    def _looked_up(self, node: Expression, name: str) -> Numbers:
        column = self.columns[name]
        assert column.texts is not None
        k, places = len(column.texts), np.arange(len(column.texts) + 1)
        asked = Numbers(places, places < k, texts=pa.concat_arrays([column.texts, pa.array([""], column.texts.type)]))
        found = Columns(self.table, {name: asked}, k + 1)._evaluate(node)
        return found.take(column.whole if column.known is None else np.where(column.known, column.whole, k))

    def _evaluate(self, node: Expression) -> Numbers:
        match node:
            case ColumnOf(name):
                return self.column(name)
            case Constant(value):
                return _constant(value, self.n)
            case AsOf():
                assert self.as_of is not None  # planned as a joined stream
                return Numbers(self.as_of)
            case Compare(op, left, right):
                return _compared(op, self.evaluate(left), self.evaluate(right))
            case IsIn(of, values):
                return self._is_in(of, values)
            case IsNull(of):
                known = self.evaluate(of).known
                return Numbers(np.zeros(self.n, np.bool_) if known is None else ~known)
            case Logic(op, left, right):
                return _logic(op, self.evaluate(left), self.evaluate(right))
            case Not(of):
                found = self.evaluate(of)
                return Numbers(~found.whole.astype(np.bool_), found.known)
            case _:
                return self._evaluate_derived(node)

    def _evaluate_derived(self, node: Expression) -> Numbers:
        match node:
            case Arithmetic(op, left, right):
                return _arithmetic(op, self.evaluate(left), self.evaluate(right))
            case DaysBetween(start, end):
                begin, done = self.evaluate(start), self.evaluate(end)
                return Numbers((done.whole - begin.whole) // DAY_US, _both(begin, done))
            case Case(condition, then, otherwise):
                return _chosen(self.truths(condition), self.evaluate(then), self.evaluate(otherwise))
            case Part(part, of, zone):
                moment = self.evaluate(of)
                return Numbers(_calendar(part, zone_named(zone).to_local(moment.whole)), moment.known)
            case Floor(unit, of, zone):
                moment = self.evaluate(of)
                local = zone_named(zone).to_local(moment.whole)
                if unit == "day":
                    return Numbers(local // DAY_US, moment.known)
                year, month = (_calendar(part, local) for part in ("year", "month"))
                return Numbers(12 * year + month, moment.known)
            case _:
                raise TypeError(f"not an expression: {node!r}")

    def column(self, name: str) -> Numbers:
        """A column as its rows are seen: what a reveal hides is unknown until it is revealed before `as_of`."""
        found = self.columns[name]
        for reveal in self.table.reveals:
            if name in reveal.columns:
                assert self.as_of is not None  # planned as a joined stream
                by = self.columns[reveal.by]
                seen = by.whole < self.as_of
                seen = seen if by.known is None else seen & by.known
                found = Numbers(
                    found.whole, seen if found.known is None else seen & found.known, found.scale, found.texts
                )
        return found

    def _is_in(self, of: Expression, values: tuple[Any, ...]) -> Numbers:
        found = self.evaluate(of)
        hits = [_compared("=", found, _constant(value, self.n)).whole for value in values]
        return Numbers(np.logical_or.reduce(hits), found.known)


def _constant(value: Any, n: int) -> Numbers:
    if isinstance(value, str):
        return Numbers(np.zeros(n, np.int64), texts=pa.array([value]))
    if isinstance(value, Decimal):
        scale = max(0, -int(value.as_tuple().exponent))
        return Numbers(_full(n, int(value.scaleb(scale))), scale=scale)
    return Numbers(_full(n, int(value)))


def _full(n: int, value: int) -> Array:
    return np.full(n, value, np.int64 if abs(value) < SAFE else object)


def _both(left: Numbers, right: Numbers) -> Array | None:
    if left.known is None or right.known is None:
        return right.known if left.known is None else left.known
    return left.known & right.known


def _compared(op: str, left: Numbers, right: Numbers) -> Numbers:
    a, b = _aligned(left, right)
    return Numbers(np.asarray(_COMPARE[op](a, b), np.bool_), _both(left, right))


def _aligned(left: Numbers, right: Numbers) -> tuple[Array, Array]:
    """Both sides as what can be compared or added: texts themselves, numbers of one unit."""
    if left.texts is not None and right.texts is not None:
        return _spelt(left), _spelt(right)
    scale = max(left.scale, right.scale)
    return _rescaled(left, scale), _rescaled(right, scale)


def _spelt(of: Numbers) -> Array:
    assert of.texts is not None
    texts: Array = (of.texts if len(of.texts) else pa.array([""])).to_numpy(zero_copy_only=False)
    return texts[of.whole]


def _rescaled(of: Numbers, scale: int) -> Array:
    factor = 10 ** (scale - of.scale)
    if factor == 1:
        return of.whole
    roomy = of.whole if of.largest * factor < SAFE else of.whole.astype(object)
    scaled: Array = roomy * factor
    return scaled


def _logic(op: str, left: Numbers, right: Numbers) -> Numbers:
    """Three-valued: one side that decides is enough."""
    a, b = left.whole.astype(np.bool_), right.whole.astype(np.bool_)
    if left.known is None and right.known is None:
        return Numbers(a & b if op == "and" else a | b)
    know_a, know_b = (np.ones(len(a), np.bool_) if side.known is None else side.known for side in (left, right))
    true, false = (a & know_a, b & know_b), (~a & know_a, ~b & know_b)
    if op == "and":
        yes, no = true[0] & true[1], false[0] | false[1]
    else:
        yes, no = true[0] | true[1], false[0] & false[1]
    return Numbers(yes, yes | no)


def _arithmetic(op: str, left: Numbers, right: Numbers) -> Numbers:
    known = _both(left, right)
    if op == "*":
        a, b, scale = left.whole, right.whole, left.scale + right.scale
        largest = left.largest * right.largest
    else:
        (a, b), scale = _aligned(left, right), max(left.scale, right.scale)
        largest = sum(of.largest * 10 ** (scale - of.scale) for of in (left, right))
    if largest >= SAFE:
        a, b = a.astype(object), b.astype(object)
    return Numbers(_ARITHMETIC[op](a, b), known, scale)


def _chosen(condition: Array, then: Numbers, otherwise: Numbers) -> Numbers:
    known = np.where(condition, _known(then), _known(otherwise))
    if then.texts is not None and otherwise.texts is not None:
        both = pa.concat_arrays([text.cast(pa.string()) for text in (then.texts, otherwise.texts)]).dictionary_encode()
        places = np.append(np.asarray(both.indices), 0)  # the last for what is unknown
        codes = np.where(condition, then.whole, otherwise.whole + len(then.texts))
        return Numbers(places[np.where(known, codes, -1)], known, texts=both.dictionary)
    a, b = _aligned(then, otherwise)
    return Numbers(np.where(condition, a, b), known, max(then.scale, otherwise.scale))


def _known(of: Numbers) -> Array:
    return np.ones(len(of.whole), np.bool_) if of.known is None else of.known


def _calendar(part: str, micros: Array) -> Array:
    """Year, month, day, hour, or weekday (Monday 1 to Sunday 7)."""
    moments = pa.array(micros, pa.timestamp("us"))
    found = pc.day_of_week(moments, week_start=1, count_from_zero=False) if part == "weekday" else _PARTS[part](moments)
    return np.asarray(found)
