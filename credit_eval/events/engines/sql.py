"""Row expressions as SQL: one emitter, built as a syntax tree (sqlglot) and rendered in the engine's dialect.

The engine reads and judges rows; folding them is the kernel's work (`fold.py`). A statement gives, for one stream,
a row per seen event: whose it is, its clock, since when it is known (where later than its clock), then a column per
condition and per value that the stream's aggregates ask for.

    SELECT c.number AS number, e.occurred_at AS clock, CASE WHEN e.known_at > e.occurred_at THEN e.known_at END AS
    known, (e.status = 'placed') AS c0, e.amount AS v0 FROM orders AS e JOIN asked AS c ON e.customer_id = …

`asked` holds `customer_id` and `number`; for a paired stream a row per member, with its `as_of`, else per customer.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal as OneOf

from sqlglot import exp

from credit_eval.core.clock import DAY_US
from credit_eval.events.engines.plan import Wanted
from credit_eval.events.query import (
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
    scale_of,
)
from credit_eval.events.tables import Table, table_named

Dialect = OneOf["duckdb", "spark"]
_COMPARE = {"=": exp.EQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}
_ARITHMETIC = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul}


def render_rows(wanted: Wanted, *, dialect: Dialect = "duckdb") -> str:
    """The SELECT of one stream's rows: `number`, `clock`, `known`, a `c0…` per condition and a `v0…` per value."""
    stream = wanted.stream
    emitter = RowEmitter(table_named(stream.table), dialect)
    clock = emitter.emit(ColumnOf(stream.clock))
    known = exp.column("known_at", "e")
    late = exp.Case(ifs=[exp.If(this=exp.GT(this=known, expression=clock.copy()), true=known.copy())])
    columns = {"number": exp.column("number", "c"), "clock": clock, "known": late}
    columns |= {f"c{place}": emitter.emit(node) for place, node in enumerate(wanted.conditions)}
    columns |= {f"v{place}": emitter.emit(node) for place, node in enumerate(wanted.values)}
    query = exp.select(*(exp.alias_(of, name, copy=False) for name, of in columns.items()), copy=False)
    query = query.from_(f"{stream.table} AS e").join("asked AS c", on="e.customer_id = c.customer_id")
    kept = exp.Not(this=exp.Is(this=clock.copy(), expression=exp.null()))
    if stream.paired:
        kept = exp.and_("e.known_at < c.as_of", exp.LT(this=clock.copy(), expression=_as_of()), kept)
    text: str = query.where(kept).sql(dialect=dialect)
    return text


class RowEmitter:
    """Expressions over one seen row: `e` is the event, `c` the cohort member."""

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._dialect = dialect
        self._revealed_by = {name: reveal.by for reveal in table.reveals for name in reveal.columns}

    def emit(self, node: Expression) -> exp.Expression:
        """The expression's SQL, in parentheses where precedence could matter."""
        match node:
            case ColumnOf(name):
                return self._column(name)
            case Constant(value):
                return _literal(value)
            case AsOf():
                return _as_of()
            case Compare(op, left, right):
                return exp.Paren(this=_COMPARE[op](this=self.emit(left), expression=self.emit(right)))
            case IsIn(of, values):
                return exp.Paren(this=exp.In(this=self.emit(of), expressions=[_literal(value) for value in values]))
            case IsNull(of):
                return exp.Paren(this=exp.Is(this=self.emit(of), expression=exp.null()))
            case Logic(op, left, right):
                joined = exp.and_ if op == "and" else exp.or_
                return exp.Paren(this=joined(self.emit(left), self.emit(right)))
            case Not(of):
                return exp.Paren(this=exp.Not(this=exp.Paren(this=self.emit(of))))
            case Arithmetic(op, left, right):
                wide = [_decimal(self.emit(operand), scale_of(operand)) for operand in (left, right)]
                return exp.Paren(this=_ARITHMETIC[op](this=wide[0], expression=wide[1]))
            case _:
                return self._emit_derived(node)

    def _emit_derived(self, node: Expression) -> exp.Expression:
        match node:
            case DaysBetween(start, end):
                return _whole_days(exp.Sub(this=_micros(self.emit(end)), expression=_micros(self.emit(start))))
            case Case(condition, then, otherwise):
                one, other = self._of_one_unit(then, otherwise)
                return exp.Case(ifs=[exp.If(this=self.emit(condition), true=one)], default=other)
            case Part("weekday", of, ahead):
                return self._weekday(_later(self.emit(of), ahead))
            case Part(part, of, ahead):
                return _long(exp.Extract(this=exp.var(part.upper()), expression=_later(self.emit(of), ahead)))
            case Floor("month", of):
                moment = self.emit(of)
                year, month = (exp.Extract(this=exp.var(p), expression=moment) for p in ("YEAR", "MONTH"))
                twelve = exp.Mul(this=_number("12"), expression=_long(year))
                return exp.Paren(this=exp.Add(this=twelve, expression=_long(month)))
            case Floor(_, of):
                return _whole_days(_micros(self.emit(of)))
            case _:
                raise TypeError(f"not an expression: {node!r}")

    def _of_one_unit(self, then: Expression, otherwise: Expression) -> tuple[exp.Expression, exp.Expression]:
        """Both branches. Of two wide decimals a database would keep whole digits, and drop the finer one's last."""
        one, other = self.emit(then), self.emit(otherwise)
        scales = scale_of(then), scale_of(otherwise)
        if scales[0] == scales[1]:
            return one, other
        return _decimal(one, max(scales)), _decimal(other, max(scales))

    def _weekday(self, moment: exp.Expression) -> exp.Expression:
        """Monday 1 to Sunday 7. Spark's own function for it counts from Monday 0, and sqlglot does not know it."""
        if self._dialect == "spark":
            from_zero = exp.Anonymous(this="WEEKDAY", expressions=[moment])
            return _long(exp.Paren(this=exp.Add(this=from_zero, expression=_number("1"))))
        return exp.DayOfWeekIso(this=moment)

    def _column(self, name: str) -> exp.Expression:
        plain = exp.column(name, "e")
        if name not in self._revealed_by:
            return plain
        revealed = exp.LT(this=exp.column(self._revealed_by[name], "e"), expression=_as_of())
        return exp.Case(ifs=[exp.If(this=revealed, true=plain)])


def _literal(value: Value) -> exp.Expression:
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    return _number(f"{value:f}" if isinstance(value, Decimal) else str(value))


def _number(text: str) -> exp.Expression:
    return exp.Literal.number(text)


def _as_of() -> exp.Expression:
    return exp.column("as_of", "c")


def _later(moment: exp.Expression, minutes: int) -> exp.Expression:
    if not minutes:
        return moment
    interval = exp.Interval(this=exp.Literal.string(str(minutes)), unit=exp.var("MINUTE"))
    return exp.Paren(this=exp.Add(this=moment, expression=interval))


def _micros(moment: exp.Expression) -> exp.Expression:
    return exp.UnixMicros(this=moment)


def _whole_days(micros: exp.Expression) -> exp.Expression:
    """Rounded down. Doubles tell a microsecond's share of a day apart for some 89 years, so the quotient is safe."""
    quotient = exp.Div(this=_double(exp.Paren(this=micros)), expression=_number(f"{DAY_US}.0"))
    return _long(exp.Floor(this=quotient))


def _cast(node: exp.Expression, type_name: str) -> exp.Expression:
    return exp.Cast(this=node, to=exp.DataType.build(type_name))


def _double(node: exp.Expression) -> exp.Expression:
    return _cast(node, "DOUBLE")


def _long(node: exp.Expression) -> exp.Expression:
    return _cast(node, "BIGINT")


def _decimal(node: exp.Expression, scale: int) -> exp.Expression:
    """An exact value with room for what is done to it: 38 digits, before the engine picks fewer and overflows."""
    return _cast(node, f"DECIMAL(38, {scale})")
