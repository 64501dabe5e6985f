"""What a rule can be true of: its expression as alternatives, each a range or a set of values per column.

So it can be seen without data that a rule never fires (no alternative is possible), that an earlier one always fires
before it (each of its alternatives lies within one of the other's), and that two overlap. What compares two columns,
or computes, is taken as a column of its own name: less is seen then, and nothing is claimed that does not hold.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product

from credit_eval.policy.rules import Expression

#: An expression of more alternatives than this is not looked into.
MOST = 256


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, each in or out; `among`, `without`: values; `unknown`: whether that is asked for."""

    low: float = float("-inf")
    high: float = float("inf")
    low_in: bool = True
    high_in: bool = True
    among: frozenset[object] | None = None
    without: frozenset[object] = frozenset()
    unknown: bool | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        if self.unknown is True and self != Range(unknown=True):
            return True
        if self.low > self.high or (self.low == self.high and not (self.low_in and self.high_in)):
            return True
        return self.among is not None and not {one for one in self.among - self.without if self._within(one)}

    def _within(self, value: object) -> bool:
        if not isinstance(value, int | float):
            return True
        above = value > self.low or (self.low_in and value == self.low)
        return above and (value < self.high or (self.high_in and value == self.high))

    def __and__(self, other: Range) -> Range:
        low, low_in = max((self.low, not self.low_in), (other.low, not other.low_in))
        high, high_out = min((self.high, self.high_in), (other.high, other.high_in))
        listed = [one for one in (self.among, other.among) if one is not None]
        among = frozenset.intersection(*listed) if listed else None
        asked = {one for one in (self.unknown, other.unknown) if one is not None}
        impossible = len(asked) == 2
        return Range(
            low=1.0 if impossible else low,
            high=0.0 if impossible else high,
            low_in=not low_in,
            high_in=high_out,
            among=among,
            without=self.without | other.without,
            unknown=asked.pop() if len(asked) == 1 else None,
        )

    def __le__(self, other: Range) -> bool:
        """Whether all of it is in the other."""
        return self & other == self


@dataclass(frozen=True)
class Box:
    """One alternative: by column, what it must be. A column that is not named may be anything, unknown included."""

    ranges: dict[str, Range] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether no customer can be in it."""
        return any(one.empty for one in self.ranges.values())

    def __and__(self, other: Box) -> Box:
        names = self.ranges.keys() | other.ranges.keys()
        return Box({name: self.ranges.get(name, Range()) & other.ranges.get(name, Range()) for name in sorted(names)})

    def __le__(self, other: Box) -> bool:
        """Whether all of it is in the other."""
        return all(name in self.ranges and self.ranges[name] <= wanted for name, wanted in other.ranges.items())


def boxes(expression: Expression) -> list[Box] | None:
    """The alternatives that are possible; None where there are too many to look into.

    >>> [box.ranges["age"].high for box in boxes(Expression.parse("age < 21 and not (age < 18)"))]
    [21.0]
    >>> boxes(Expression.parse("p_default > 0.6 and p_default < 0.5"))
    []
    """
    found = _of(expression.tree, yes=True)
    return None if found is None else [box for box in found if not box.empty]


def never(later: list[Box], earlier: Iterable[list[Box]]) -> bool:
    """Whether everything in one is in earlier ones already."""
    before = [box for one in earlier for box in one]
    return all(any(box <= other for other in before) for box in later)


def overlap(one: list[Box], other: list[Box]) -> bool:
    """Whether somebody can be in both."""
    return any(not (a & b).empty for a, b in product(one, other))


def _of(node: ast.expr, *, yes: bool) -> list[Box] | None:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _of(operand, yes=not yes)
        case ast.BoolOp(op=op, values=values):
            parts = [_of(value, yes=yes) for value in values]
            return _all(parts) if isinstance(op, ast.And) == yes else _any(parts)
        case ast.Call(args=[ast.Name(id=name)]):
            return [Box({name: Range(unknown=yes)})]
        case ast.Compare(left=left, ops=ops, comparators=others):
            lefts = [left, *others[:-1]]
            atoms: list[list[Box] | None] = [
                _atom(a, op, b, yes=yes) for a, op, b in zip(lefts, ops, others, strict=True)
            ]
            return _all(atoms) if yes else _any(atoms)
    return None


def _all(parts: list[list[Box] | None]) -> list[Box] | None:
    found = [Box()]
    for part in parts:
        if part is None or len(found) * len(part) > MOST:
            return None
        found = [a & b for a, b in product(found, part)]
    return found


def _any(parts: list[list[Box] | None]) -> list[Box] | None:
    found: list[Box] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found if len(found) <= MOST else None


_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_DENIED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


def _atom(left: ast.expr, op: ast.cmpop, right: ast.expr, *, yes: bool) -> list[Box]:
    kind = type(op)
    if isinstance(left, ast.Constant) and not isinstance(right, ast.Constant | ast.List):
        left, right, kind = right, left, _MIRRORED.get(kind, kind)
    kind = kind if yes else _DENIED[kind]
    name = ast.unparse(left)
    if isinstance(right, ast.List):
        values = frozenset(one.value for one in right.elts if isinstance(one, ast.Constant))
        return [Box({name: Range(among=values) if kind is ast.In else Range(without=values)})]
    negative = isinstance(right, ast.UnaryOp) and isinstance(right.operand, ast.Constant)
    if not (isinstance(right, ast.Constant) or negative):  # two columns: a column of its own name
        truth = f"{name} {ast.unparse(ast.Compare(ast.Name('_'), [kind()], [right]))[2:]}"
        return [Box({truth: Range(among=frozenset({True}))})]
    value = ast.literal_eval(right)
    return [Box({name: _range(kind, value)})]


def _range(kind: type[ast.cmpop], value: object) -> Range:
    if kind is ast.Eq:
        return Range(among=frozenset({value}))
    if kind is ast.NotEq:
        return Range(without=frozenset({value}))
    assert isinstance(value, int | float)
    number = float(value)
    if kind in (ast.Lt, ast.LtE):
        return Range(high=number, high_in=kind is ast.LtE)
    return Range(low=number, low_in=kind is ast.GtE)
