"""Rules of a policy, as a risk officer writes them: `when` is an expression over columns, in Python's notation.

    rules:
      - {name: unverified, when: "customers_kyc_level_last < 1", then: decline, because: the identity is not verified}
      - {name: many devices, when: "behaviour_device_change_count_30d >= 3 and p_default > 0.10", then: refer,
         because: several new devices in a month}

An expression has numbers, texts, comparisons, `and`, `or`, `not`, `in [..]`, arithmetic, and `unknown(column)`. It is
worked out for all customers at once. What is compared with something unknown is unknown itself (Kleene's logic of
three values), and a rule fires only where its expression is true: never because something is not known, unless it
asks for that.

>>> import numpy as np
>>> rule = Expression.parse("age < 21 or unknown(income)")
>>> sorted(rule.columns)
['age', 'income']
>>> rule.holds({"age": np.array([20.0, 30.0, np.nan]), "income": np.array([1.0, np.nan, 1.0])}).tolist()
[True, True, False]
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}
_ALLOWED = "numbers, texts, columns, comparisons, and, or, not, in [..], + - * /, unknown(column)"


class RuleError(ValueError):
    """An expression that is none."""


@dataclass(frozen=True)
class _Truth:
    """Where a condition is surely true, and where surely false; neither: unknown."""

    yes: Bools
    no: Bools


@dataclass(frozen=True)
class Expression:
    """A condition, as it was written and as it was read."""

    text: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read a condition.

        Raises:
            RuleError: it is none, or says more than an expression may.
        """
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise RuleError(f"no expression ({getattr(error, 'msg', error)}); it may have {_ALLOWED}") from None
        _check(tree, condition=True)
        return cls(text, tree)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        called = {node.func for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        return frozenset(n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n not in called)

    def holds(self, columns: Mapping[str, Array]) -> Bools:
        """Where it is surely true, (n,); NaN and None are unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return _truth(self.tree, columns).yes


def _check(node: ast.expr, *, condition: bool) -> None:
    """Refuse what an expression may not say, and a condition where a value belongs."""
    match node:
        case ast.BoolOp(values=values) if condition:
            parts = [(value, True) for value in values]
        case ast.UnaryOp(op=ast.Not(), operand=operand) if condition:
            parts = [(operand, True)]
        case ast.Compare(left=left, ops=ops, comparators=others) if condition:
            parts = [(left, False), *_compared(ops, others)]
        case ast.Call(func=ast.Name(id="unknown"), args=[ast.Name()], keywords=[]) if condition:
            parts = []
        case ast.BinOp(left=left, op=op, right=right) if not condition and type(op) in _ARITHMETIC:
            parts = [(left, False), (right, False)]
        case ast.UnaryOp(op=ast.USub(), operand=operand) if not condition:
            parts = [(operand, False)]
        case ast.Name() if not condition:
            parts = []
        case ast.Constant(value=bool() | int() | float() | str()) if not condition:
            parts = []
        case _:
            what = "a condition" if condition else "a value"
            raise RuleError(f"{ast.unparse(node)!r} is not {what}; an expression may have {_ALLOWED}")
    for part, is_condition in parts:
        _check(part, condition=is_condition)


def _compared(ops: list[ast.cmpop], others: list[ast.expr]) -> list[tuple[ast.expr, bool]]:
    found: list[tuple[ast.expr, bool]] = []
    for op, other in zip(ops, others, strict=True):
        listed = isinstance(other, ast.List) and all(isinstance(one, ast.Constant) for one in other.elts)
        if isinstance(op, ast.In | ast.NotIn):
            if not listed:
                raise RuleError(f"{ast.unparse(other)!r} is no list of values, such as ['a', 'b']")
        elif type(op) in _COMPARE:
            found.append((other, False))
        else:
            raise RuleError(f"a comparison that an expression may not have; it may have {_ALLOWED}")
    return found


def _truth(node: ast.expr, columns: Mapping[str, Array]) -> _Truth:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            parts = [_truth(value, columns) for value in values]
            return _Truth(np.logical_and.reduce([p.yes for p in parts]), np.logical_or.reduce([p.no for p in parts]))
        case ast.BoolOp(values=values):
            parts = [_truth(value, columns) for value in values]
            return _Truth(np.logical_or.reduce([p.yes for p in parts]), np.logical_and.reduce([p.no for p in parts]))
        case ast.UnaryOp(operand=operand):
            part = _truth(operand, columns)
            return _Truth(part.no, part.yes)
        case ast.Call(args=[ast.Name(id=name)]):
            missing = _missing(columns[name])
            return _Truth(missing, ~missing)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _comparison(left, ops, others, columns)
    raise RuleError(ast.unparse(node))


def _comparison(left: ast.expr, ops: list[ast.cmpop], others: list[ast.expr], columns: Mapping[str, Array]) -> _Truth:
    parts, value = [], _value(left, columns)
    for op, other in zip(ops, others, strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            listed = [one.value for one in other.elts if isinstance(one, ast.Constant)]  # type: ignore[attr-defined]
            found, known = np.isin(value, np.array(listed)), ~_missing(value)
            found = ~found if isinstance(op, ast.NotIn) else found
        else:
            second = _value(other, columns)
            known = ~_missing(value) & ~_missing(second)
            found = _compare(op, value, second, known)
            value = second
        parts.append(_Truth(np.asarray(found & known), np.asarray(~found & known)))
    return _Truth(np.logical_and.reduce([p.yes for p in parts]), np.logical_or.reduce([p.no for p in parts]))


def _compare(op: ast.cmpop, value: Array, second: Array, known: Bools) -> Bools:
    """The comparison where both are known, false elsewhere."""
    found = np.zeros(np.broadcast(value, second, known).shape, dtype=bool)
    value, second, known = np.broadcast_arrays(value, second, known)
    found[known] = np.asarray(_COMPARE[type(op)](value[known], second[known]), dtype=bool)
    return found


def _value(node: ast.expr, columns: Mapping[str, Array]) -> Array:
    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=value):
            return np.asarray(float(value) if isinstance(value, int | float) else value)
        case ast.UnaryOp(operand=operand):
            return np.asarray(-_value(operand, columns))
        case ast.BinOp(left=left, op=op, right=right):
            return np.asarray(_ARITHMETIC[type(op)](_value(left, columns), _value(right, columns)))
    raise RuleError(ast.unparse(node))


def _missing(values: Array) -> Bools:
    if values.dtype.kind in "fc":
        return np.asarray(np.isnan(values))
    if values.dtype.kind == "O":
        return np.asarray([value is None or value != value for value in values.ravel()]).reshape(values.shape)
    return np.zeros(values.shape, dtype=bool)
