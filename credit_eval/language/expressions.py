"""Expressions over the columns of one event's row: what a condition or a value is made of.

Nodes are frozen and hash once; every engine gives them the same meaning (`engine/reference.py` in plain Python).

>>> column("outcome").equals("failed")
Compare(op='=', left=ColumnOf(name='outcome'), right=Constant(value='failed'))
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import Decimal
from functools import cache
from typing import ClassVar, TypeVar, dataclass_transform
from typing import Literal as OneOf

from credit_eval.core.errors import DeclarationError
from credit_eval.schema.tables import Table

_T = TypeVar("_T")
Value = str | int | Decimal | bool


@dataclass_transform(frozen_default=True)
def node(of: type[_T]) -> type[_T]:
    """A frozen dataclass that works its hash out once: declarations are deep, and looked up all the time."""
    made = dataclass(frozen=True)(of)
    plain = made.__hash__

    def remembered(self: object) -> int:
        found: int | None = self.__dict__.get("_hash")
        if found is None:
            found = self.__dict__["_hash"] = plain(self)
        return found

    def stored(self: object) -> dict[str, object]:
        """Without the hash: texts have another one in every process."""
        return {name: value for name, value in self.__dict__.items() if name != "_hash"}

    made.__hash__ = remembered  # type: ignore[method-assign]
    made.__getstate__ = stored  # type: ignore[method-assign]
    return made


@node
class Expression:
    """Base of everything that has a value for one row of a table at one `as_of`."""

    def equals(self, other: Value | Expression) -> Compare:
        """`self = other`."""
        return Compare("=", self, as_node(other))

    def above(self, other: Value | Expression) -> Compare:
        """`self > other`."""
        return Compare(">", self, as_node(other))

    def below(self, other: Value | Expression) -> Compare:
        """`self < other`."""
        return Compare("<", self, as_node(other))

    def at_least(self, other: Value | Expression) -> Compare:
        """`self >= other`."""
        return Compare(">=", self, as_node(other))

    def is_in(self, *values: Value) -> IsIn:
        """`self` is one of `values`."""
        return IsIn(self, tuple(values))

    def is_null(self) -> IsNull:
        """`self` is unknown; the only test that is never unknown itself."""
        return IsNull(self)

    def __and__(self, other: Expression) -> Logic:
        return Logic("and", self, other)

    def __or__(self, other: Expression) -> Logic:
        return Logic("or", self, other)

    def __invert__(self) -> Not:
        return Not(self)

    def __add__(self, other: Value | Expression) -> Arithmetic:
        return Arithmetic("+", self, as_node(other))

    def __sub__(self, other: Value | Expression) -> Arithmetic:
        return Arithmetic("-", self, as_node(other))

    def __mul__(self, other: Value | Expression) -> Arithmetic:
        return Arithmetic("*", self, as_node(other))


@node
class ColumnOf(Expression):
    """A column of the aggregate's own table."""

    name: str


@node
class Constant(Expression):
    """A value written in the declaration."""

    value: Value


@node
class AsOf(Expression):
    """The observation date of the row's cohort member."""


@node
class Compare(Expression):
    """A comparison; unknown if either side is."""

    op: OneOf["=", "<", "<=", ">", ">="]
    left: Expression
    right: Expression


@node
class IsIn(Expression):
    """Membership in a fixed set; unknown if the value is."""

    of: Expression
    values: tuple[Value, ...]


@node
class IsNull(Expression):
    """Whether the value is unknown."""

    of: Expression


@node
class Logic(Expression):
    """Three-valued and / or, as in SQL."""

    op: OneOf["and", "or"]
    left: Expression
    right: Expression


@node
class Not(Expression):
    """Three-valued not."""

    of: Expression


@node
class Arithmetic(Expression):
    """Exact addition, subtraction or multiplication; unknown if either side is."""

    op: OneOf["+", "-", "*"]
    left: Expression
    right: Expression


@node
class DaysBetween(Expression):
    """Whole days from `start` to `end`, rounded down (so one hour before is -1)."""

    start: Expression
    end: Expression


@node
class Case(Expression):
    """`then` where `condition` is true, `otherwise` where it is false or unknown."""

    condition: Expression
    then: Expression
    otherwise: Expression


@node
class Part(Expression):
    """A part of a timestamp: year, month (1 to 12), day (1 to 31), hour (0 to 23), or weekday (Monday 1 to Sunday 7).

    Args:
        part: which.
        of: a timestamp.
        zone: whose clocks it is read off; declarations leave it and mean the customers' own, which `on_clock` sets when
            the data set is known.
    """

    part: OneOf["year", "month", "day", "hour", "weekday"]
    of: Expression
    zone: str = "UTC"
    on_a_calendar: ClassVar[bool] = True


@node
class Floor(Expression):
    """A timestamp's month as `12 * year + month`, or its day as days since 1970-01-01, by a zone's clocks."""

    unit: OneOf["month", "day"]
    of: Expression
    zone: str = "UTC"
    on_a_calendar: ClassVar[bool] = True


def column(name: str) -> ColumnOf:
    """A column, by name.

    Args:
        name: of a declared table.

    Returns:
        an expression with `equals`, `above`, `below`, `at_least`, `is_null`, and & | ~ + - *.
    """
    return ColumnOf(name)


def as_node(value: Value | Expression) -> Expression:
    """A plain value as a node; nodes stay what they are."""
    return value if isinstance(value, Expression) else Constant(value)


_Declared = TypeVar("_Declared")


def on_clock(declared: _Declared, zone: str) -> _Declared:
    """A declaration (an expression, or anything made of them) whose hours, days and months are by a zone's clocks.

    >>> on_clock(Part("hour", column("occurred_at")).below(6), "Asia/Shanghai").left.zone
    'Asia/Shanghai'
    """
    if not is_dataclass(declared) or isinstance(declared, type):
        return declared
    told = {each.name: on_clock(getattr(declared, each.name), zone) for each in fields(declared) if each.init}
    if getattr(declared, "on_a_calendar", False):
        told["zone"] = zone
    same = all(told[name] is getattr(declared, name) for name in told)
    return declared if same else replace(declared, **told)


@cache
def columns_in(node: Expression | None) -> frozenset[str]:
    """Columns that an expression names."""
    if node is None:
        return frozenset()
    if isinstance(node, ColumnOf):
        return frozenset({node.name})
    children = (getattr(node, f.name) for f in fields(node))
    return frozenset().union(*(columns_in(child) for child in children if isinstance(child, Expression)))


def asks_for_as_of(node: Expression, table: Table) -> bool:
    """Whether a row's value depends on the observation date: by its age, or by what is revealed later."""
    if isinstance(node, ColumnOf):
        return any(node.name in reveal.columns for reveal in table.reveals)
    children = (getattr(node, f.name) for f in fields(node))
    return isinstance(node, AsOf) or any(isinstance(c, Expression) and asks_for_as_of(c, table) for c in children)


def require(fine: bool, node: object, expected: str) -> None:
    """Refuse a declaration that cannot mean anything."""
    if not fine:
        raise DeclarationError("a declaration that cannot mean anything", expected=expected, received=repr(node))
