"""What can be asked of events: frozen nodes, one meaning, many engines.

An `Aggregate` asks one number of one customer's events in one table as they were known at `as_of`:

1. *Seen.* Rows with `known_at < as_of`. Columns under a `Reveal` read as NULL unless revealed before `as_of`.
2. *In the window.* `as_of - days <= clock < as_of`, where `clock` is a timestamp column (`occurred_at` unless
   said otherwise); `days=None` means ever.
3. *Kept.* Rows for which `where` is true (NULL is not true) and `value` is not NULL.
4. *Folded* by `kind`. No row kept: the answer is `when_empty`, 0 or None (unknown). There is no default.

Values are exact (integers, decimals), so a sum is the same in any order and on any number of threads; doubles
appear only when an exact fold is finished. `engine/reference.py` is the meaning in plain Python.

>>> failed = Aggregate("payments", "count", days=30, where=column("outcome").equals("failed"), when_empty=0)
>>> failed.days, failed.clock
(30, 'occurred_at')
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Literal as OneOf
from typing import TypeVar, dataclass_transform

from credit_eval.core.errors import DeclarationError
from credit_eval.events.tables import TABLES, Table, table_named

_T = TypeVar("_T")
Value = str | int | Decimal | bool
ValueType = OneOf["text", "int", "decimal", "timestamp", "bool"]
Kind = OneOf[
    "count",
    "sum",
    "mean",
    "std",
    "min",
    "max",
    "median",
    "nunique",
    "entropy",
    "last",
    "decayed_sum",
    "gap_mean",
    "gap_std",
    "days_since_last",
    "days_since_first",
]
_WITHOUT_VALUE = frozenset({"count", "gap_mean", "gap_std", "days_since_last", "days_since_first"})
_OF_ANY_TYPE = frozenset({"nunique", "entropy", "last"})
EXACT: frozenset[ValueType] = frozenset({"int", "decimal"})


@dataclass_transform(frozen_default=True)
def _node(of: type[_T]) -> type[_T]:
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


@_node
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


@_node
class ColumnOf(Expression):
    """A column of the aggregate's own table."""

    name: str


@_node
class Constant(Expression):
    """A value written in the declaration."""

    value: Value


@_node
class AsOf(Expression):
    """The observation date of the row's cohort member."""


@_node
class Compare(Expression):
    """A comparison; unknown if either side is."""

    op: OneOf["=", "<", "<=", ">", ">="]
    left: Expression
    right: Expression


@_node
class IsIn(Expression):
    """Membership in a fixed set; unknown if the value is."""

    of: Expression
    values: tuple[Value, ...]


@_node
class IsNull(Expression):
    """Whether the value is unknown."""

    of: Expression


@_node
class Logic(Expression):
    """Three-valued and / or, as in SQL."""

    op: OneOf["and", "or"]
    left: Expression
    right: Expression


@_node
class Not(Expression):
    """Three-valued not."""

    of: Expression


@_node
class Arithmetic(Expression):
    """Exact addition, subtraction or multiplication; unknown if either side is."""

    op: OneOf["+", "-", "*"]
    left: Expression
    right: Expression


@_node
class DaysBetween(Expression):
    """Whole days from `start` to `end`, rounded down (so one hour before is -1)."""

    start: Expression
    end: Expression


@_node
class Case(Expression):
    """`then` where `condition` is true, `otherwise` where it is false or unknown."""

    condition: Expression
    then: Expression
    otherwise: Expression


@_node
class Part(Expression):
    """A part of a timestamp: year, month (1 to 12), hour (0 to 23), or weekday (Monday 1 to Sunday 7).

    It is read off a clock that is `ahead` of UTC by so many minutes. Declarations leave that at 0 and mean the
    customers' own clock; `on_clock` sets it when the data set is known.
    """

    part: OneOf["year", "month", "hour", "weekday"]
    of: Expression
    ahead: int = 0


@_node
class Floor(Expression):
    """A timestamp's month as `12 * year + month`, or its day as days since 1970-01-01: what to count once."""

    unit: OneOf["month", "day"]
    of: Expression


def column(name: str) -> ColumnOf:
    """A column, by name."""
    return ColumnOf(name)


def as_node(value: Value | Expression) -> Expression:
    """A plain value as a node; nodes stay what they are."""
    return value if isinstance(value, Expression) else Constant(value)


@_node
class Aggregate:
    """One number (or text) per customer and `as_of`; the module's docstring gives the meaning.

    Kinds:

    - count; sum, mean, std (sample), min, max, median (of an even number, the mean of the two in the middle) of an
      exact value; nunique of any value;
    - entropy: of the values' shares, in bits; one value only is 0;
    - last: the value, no time, of the row that is `nth` from the latest clock (ties: the largest value first);
    - decayed_sum: the sum of `value * weight(age)`, where age is the number of calendar days (UTC) from the row's
      to `as_of`'s and the weight halves every `half_life` days, in whole steps of 2**-`WEIGHT_BITS`;
    - gap_mean, gap_std (sample): of the days between successive calendar days with a kept row; with fewer than one
      gap, or two, unknown;
    - days_since_last / days_since_first: days, with their fraction, from the latest / earliest kept row's clock.
    """

    table: str
    kind: Kind
    value: Expression | None = None
    where: Expression | None = None
    days: int | None = None
    clock: str = "occurred_at"
    when_empty: OneOf[0] | None = None
    nth: int = 1
    half_life: int | None = None

    def __post_init__(self) -> None:
        table = table_named(self.table)
        _require(self.days is None or self.days > 0, self, "a window of at least one day, or None for ever")
        _require(table.column(self.clock).type == "timestamp", self, "a timestamp column as clock")
        needs_value = self.kind not in _WITHOUT_VALUE
        _require(needs_value == (self.value is not None), self, f"{'a' if needs_value else 'no'} value")
        _require(self.where is None or type_of(self.where, table) == "bool", self, "a condition as where")
        _require(self.nth == 1 or (self.kind == "last" and self.nth > 1), self, "nth for `last` only, from 1")
        decays = self.kind == "decayed_sum"
        _require(decays == (self.half_life is not None), self, f"{'a' if decays else 'no'} half-life")
        _require(self.half_life is None or self.half_life > 0, self, "a half-life of at least one day")
        if self.value is not None:
            found = type_of(self.value, table)
            _require(found in EXACT or self.kind in _OF_ANY_TYPE, self, "an integer or decimal value")
            no_moment = found != "timestamp" or self.kind in ("nunique", "entropy")
            _require(no_moment, self, "a value that a profile can hold; for times there is days_since_last")
        _require(self.when_empty is None or not self.is_text, self, "unknown for a text without rows")

    @property
    def columns(self) -> frozenset[str]:
        """Columns of the table that this aggregate reads, beyond the common three."""
        named = columns_in(self.value) | columns_in(self.where) | {self.clock}
        return frozenset(named - {"customer_id", "occurred_at", "known_at"})

    @property
    def is_text(self) -> bool:
        """Whether the answer is a text rather than a number."""
        return self.kind == "last" and type_of_value(self) in ("text", "bool")


def type_of_value(aggregate: Aggregate) -> ValueType | None:
    """Type of the aggregate's value expression, None if it has none."""
    return None if aggregate.value is None else type_of(aggregate.value, table_named(aggregate.table))


def type_of(node: Expression, table: Table) -> ValueType:
    """Type of an expression over a table.

    Raises:
        DeclarationError: the operands do not fit.
        TableError: a column the table does not declare.
    """
    match node:
        case ColumnOf(name):
            return table.column(name).type
        case Constant(value):
            return _type_of_constant(value)
        case AsOf():
            return "timestamp"
        case Compare(_, left, right):
            kinds = {type_of(left, table), type_of(right, table)}
            _require(len(kinds) == 1 or kinds == EXACT, node, "two values of one type")
            _require_declared(left, (right.value,) if isinstance(right, Constant) else (), table)
            return "bool"
        case IsIn(of, values):
            _require(bool(values), node, "at least one value")
            kinds = {type_of(of, table)} | {_type_of_constant(v) for v in values}
            _require(len(kinds) == 1 or kinds == EXACT, node, "values of the column's type")
            _require_declared(of, values, table)
            return "bool"
        case IsNull(of):
            type_of(of, table)
            return "bool"
        case Logic(_, left, right):
            _require({type_of(left, table), type_of(right, table)} == {"bool"}, node, "conditions on both sides")
            return "bool"
        case Not(of):
            _require(type_of(of, table) == "bool", node, "a condition")
            return "bool"
        case _:
            return _type_of_derived(node, table)


def _type_of_derived(node: Expression, table: Table) -> ValueType:
    match node:
        case Arithmetic(_, left, right):
            kinds = {type_of(left, table), type_of(right, table)}
            _require(kinds <= EXACT, node, "integers or decimals")
            return "decimal" if "decimal" in kinds else "int"
        case DaysBetween(start, end):
            _require({type_of(start, table), type_of(end, table)} == {"timestamp"}, node, "two timestamps")
            return "int"
        case Case(condition, then, otherwise):
            _require(type_of(condition, table) == "bool", node, "a condition first")
            kinds = {type_of(then, table), type_of(otherwise, table)}
            _require(len(kinds) == 1 or kinds == EXACT, node, "two branches of one type")
            return "decimal" if "decimal" in kinds else kinds.pop()
        case Part(_, of) | Floor(_, of):
            _require(type_of(of, table) == "timestamp", node, "a timestamp")
            return "int"
        case _:
            raise DeclarationError(f"not an expression: {node!r}")


def _require_declared(node: Expression, values: tuple[Value, ...], table: Table) -> None:
    """A column that declares its values is compared with these only: a category misspelt would never be met."""
    declared = table.column(node.name).values if isinstance(node, ColumnOf) else None
    unknown = [value for value in values if declared and value not in declared]
    if unknown and declared:
        raise DeclarationError(
            f"a condition on {table.name}.{getattr(node, 'name', '')} asks for a value it never has",
            expected="one of " + ", ".join(declared),
            received=", ".join(map(str, unknown)),
            todo="correct the value, or declare it in events/tables.py",
        )


def _type_of_constant(value: Value) -> ValueType:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    return "decimal" if isinstance(value, Decimal) else "text"


_Declared = TypeVar("_Declared")


def on_clock(declared: _Declared, ahead: int) -> _Declared:
    """A declaration (an expression, or anything made of them) with its parts of times read off a clock ahead of UTC.

    >>> on_clock(Part("hour", column("occurred_at")).below(6), 480).left.ahead
    480
    """
    if not is_dataclass(declared) or isinstance(declared, type):
        return declared
    told = {each.name: on_clock(getattr(declared, each.name), ahead) for each in fields(declared) if each.init}
    if isinstance(declared, Part):
        told["ahead"] = ahead
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


def _require(fine: bool, node: object, expected: str) -> None:
    if not fine:
        raise DeclarationError("a declaration that cannot mean anything", expected=expected, received=repr(node))


#: Weights of a decayed sum are whole multiples of 2**-WEIGHT_BITS, so that the sum is exact in any order.
WEIGHT_BITS = 20


def weight_of(age: int, half_life: int) -> int:
    """Weight of a row `age` days old, in units of 2**-WEIGHT_BITS.

    >>> weight_of(0, 30) / 2**WEIGHT_BITS, weight_of(60, 30) / 2**WEIGHT_BITS
    (1.0, 0.25)
    """
    return int(2.0 ** (WEIGHT_BITS - age / half_life))


def scale_of(node: Expression) -> int:
    """Decimal places an exact expression can carry (0 for integers; amounts have 2)."""
    match node:
        case ColumnOf() as named:
            return 2 if named.name in _MONEY else 0
        case Constant(Decimal() as value):
            return max(0, -int(value.as_tuple().exponent))
        case Arithmetic("*", left, right):
            return scale_of(left) + scale_of(right)
        case Arithmetic(_, left, right) | Case(_, left, right):
            return max(scale_of(left), scale_of(right))
        case _:
            return 0


_MONEY = frozenset(c.name for t in TABLES.values() for c in t.columns if c.type == "decimal")
