"""Types of expressions: what fits together, and how many decimal places an exact one carries.

>>> from credit_eval.language.expressions import column
>>> from credit_eval.schema.tables import table_named
>>> type_of(column("amount").above(100), table_named("orders"))
'bool'
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal as OneOf

from credit_eval.core.errors import DeclarationError
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
    Value,
    require,
)
from credit_eval.schema.tables import TABLES, Table

ValueType = OneOf["text", "int", "decimal", "timestamp", "bool"]
EXACT: frozenset[ValueType] = frozenset({"int", "decimal"})


def type_of(node: Expression, table: Table) -> ValueType:
    """Type of an expression over a table.

    Raises:
        DeclarationError: the operands do not fit.
        TableError: a column the table does not declare.
    """
    match node:
        case ColumnOf(name):
            declared = table.column(name).type
            assert declared != "number"  # of flat tables alone, from which nothing is computed
            return declared
        case Constant(value):
            return _type_of_constant(value)
        case AsOf():
            return "timestamp"
        case Compare(_, left, right):
            kinds = {type_of(left, table), type_of(right, table)}
            require(len(kinds) == 1 or kinds == EXACT, node, "two values of one type")
            _require_declared(left, (right.value,) if isinstance(right, Constant) else (), table)
            return "bool"
        case IsIn(of, values):
            require(bool(values), node, "at least one value")
            kinds = {type_of(of, table)} | {_type_of_constant(v) for v in values}
            require(len(kinds) == 1 or kinds == EXACT, node, "values of the column's type")
            _require_declared(of, values, table)
            return "bool"
        case IsNull(of):
            type_of(of, table)
            return "bool"
        case Logic(_, left, right):
            require({type_of(left, table), type_of(right, table)} == {"bool"}, node, "conditions on both sides")
            return "bool"
        case Not(of):
            require(type_of(of, table) == "bool", node, "a condition")
            return "bool"
        case _:
            return _type_of_derived(node, table)


def _type_of_derived(node: Expression, table: Table) -> ValueType:
    match node:
        case Arithmetic(_, left, right):
            kinds = {type_of(left, table), type_of(right, table)}
            require(kinds <= EXACT, node, "integers or decimals")
            return "decimal" if "decimal" in kinds else "int"
        case DaysBetween(start, end):
            require({type_of(start, table), type_of(end, table)} == {"timestamp"}, node, "two timestamps")
            return "int"
        case Case(condition, then, otherwise):
            require(type_of(condition, table) == "bool", node, "a condition first")
            kinds = {type_of(then, table), type_of(otherwise, table)}
            require(len(kinds) == 1 or kinds == EXACT, node, "two branches of one type")
            return "decimal" if "decimal" in kinds else kinds.pop()
        case Part(_, of) | Floor(_, of):
            require(type_of(of, table) == "timestamp", node, "a timestamp")
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
            todo="correct the value, or declare it in schema/tables.py",
        )


def _type_of_constant(value: Value) -> ValueType:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    return "decimal" if isinstance(value, Decimal) else "text"


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
