"""Measures as SQL: one emitter, built as a syntax tree (sqlglot) and rendered in the engine's dialect.

The statement has the shape the meaning has (`events/query.py`): for each table one common table expression
that folds the rows *seen* from each cohort member's own `as_of`, then one left join per table, so that a
customer without events still gets its row and its `when_empty`.

    WITH orders_folded AS (SELECT c.customer_id, c.as_of, count(*) FILTER (WHERE …) AS a0, …
                           FROM cohort AS c JOIN orders AS e ON … WHERE e.known_at < c.as_of GROUP BY …)
    SELECT c.customer_id, c.as_of, COALESCE(CAST(a0 AS DOUBLE), 0) AS orders_count_30d, …
    FROM cohort AS c LEFT JOIN orders_folded USING …
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sqlglot import exp

from credit_eval.core.clock import DAY_US
from credit_eval.events.query import (
    Aggregate,
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
    Measure,
    Not,
    Part,
    Ratio,
    Value,
    aggregates_of,
    scale_of,
)
from credit_eval.events.tables import Table, table_named

_COMPARE = {"=": exp.EQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}
_ARITHMETIC = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul}
_KEYS = ("customer_id", "as_of")


def render(measures: Mapping[str, Measure], *, dialect: str = "duckdb") -> str:
    """One statement giving a row per member of the relation `cohort`, sorted, with a column per measure.

    Reads relations named like the declared tables, each with at least the columns the measures need.
    """
    wanted = {a for measure in measures.values() for a in aggregates_of(measure)}
    ordered = sorted(wanted, key=repr)
    alias = {aggregate: f"a{i}" for i, aggregate in enumerate(ordered)}
    tables = sorted({aggregate.table for aggregate in ordered})
    query = exp.select(*(exp.column(key, "c") for key in _KEYS)).from_("cohort AS c")
    for name, measure in measures.items():
        query.select(exp.alias_(_finished(measure, alias), name, quoted=True, copy=False), copy=False)
    for table in tables:
        of_table = [aggregate for aggregate in ordered if aggregate.table == table]
        folded = f"{table}_folded"
        query.with_(folded, as_=_folded(table_named(table), of_table, alias), copy=False)
        query.join(folded, join_type="left", using=list(_KEYS), copy=False)
    text: str = query.order_by(*(exp.column(key, "c") for key in _KEYS)).sql(dialect=dialect)
    return text


def _folded(table: Table, aggregates: list[Aggregate], alias: Mapping[Aggregate, str]) -> exp.Select:
    """Fold one table's seen rows per cohort member."""
    emitter = _RowEmitter(table)
    keys = [exp.column(key, "c") for key in _KEYS]
    columns = [exp.alias_(_fold(emitter, a), alias[a], copy=False) for a in aggregates]
    return (
        exp.select(*keys, *columns, copy=False)
        .from_("cohort AS c")
        .join(f"{table.name} AS e", on="e.customer_id = c.customer_id")
        .where("e.known_at < c.as_of")
        .group_by(*keys)
    )


def _fold(emitter: _RowEmitter, aggregate: Aggregate) -> exp.Expression:
    clock = emitter.emit(ColumnOf(aggregate.clock))
    value = None if aggregate.value is None else emitter.emit(aggregate.value)
    kept = [exp.LT(this=clock, expression=_as_of())]
    if aggregate.days is not None:
        kept.append(exp.GTE(this=clock, expression=_days_before(aggregate.days)))
    if aggregate.where is not None:
        kept.append(emitter.emit(aggregate.where))
    if value is not None:
        kept.append(exp.Not(this=exp.Is(this=value, expression=exp.null())))
    return _Fold(aggregate, clock, value, exp.and_(*kept)).expression()


class _Fold:
    """One fold of the kept rows of one aggregate, as SQL."""

    def __init__(
        self, aggregate: Aggregate, clock: exp.Expression, value: exp.Expression | None, kept: exp.Expression
    ) -> None:
        self.aggregate, self.clock, self.value, self.kept = aggregate, clock, value, kept

    def expression(self) -> exp.Expression:
        """The fold's SQL: doubles for numbers, text for text."""
        kind, value = self.aggregate.kind, self.value
        if kind == "count":
            return self._kept_or_empty(self._count())
        if kind in ("days_since_last", "days_since_first"):
            extreme = exp.Max(this=self.clock) if kind == "days_since_last" else exp.Min(this=self.clock)
            micros = exp.Sub(this=_micros(_as_of()), expression=_micros(self._over(extreme)))
            return exp.Div(this=_double(exp.Paren(this=micros)), expression=_number(f"{DAY_US}.0"))
        assert value is not None  # the declaration was checked
        simple = {"sum": exp.Sum, "min": exp.Min, "max": exp.Max}
        if kind in simple:
            return self._over(simple[kind](this=value))
        if kind == "nunique":
            return self._kept_or_empty(self._over(exp.Count(this=exp.Distinct(expressions=[value]))))
        if kind == "last":
            return self._last(value)
        return self._mean(value) if kind == "mean" else self._deviation(value)

    def _over(self, fold: exp.Expression) -> exp.Expression:
        return exp.Filter(this=fold, expression=exp.Where(this=self.kept.copy()))

    def _count(self) -> exp.Expression:
        return self._over(exp.Count(this=exp.Star()))

    def _kept_or_empty(self, number: exp.Expression) -> exp.Expression:
        """SQL counts 0 where nothing was kept; here that is the declaration's `when_empty`, filled in at the end."""
        return exp.Nullif(this=number, expression=_number("0")) if self.aggregate.when_empty is None else number

    def _mean(self, value: exp.Expression) -> exp.Expression:
        total = _double(self._over(exp.Sum(this=value)))
        return exp.Div(this=total, expression=exp.Nullif(this=_double(self._count()), expression=_number("0")))

    def _last(self, value: exp.Expression) -> exp.Expression:
        """Largest (clock, value) pair, then its value: ties have one answer on every engine."""
        pair = exp.Struct(
            expressions=[
                exp.PropertyEQ(this=exp.to_identifier("t"), expression=self.clock),
                exp.PropertyEQ(this=exp.to_identifier("v"), expression=value),
            ]
        )
        latest = exp.Paren(this=self._over(exp.Max(this=pair)))
        return exp.Dot(this=latest, expression=exp.to_identifier("v"))

    def _deviation(self, value: exp.Expression) -> exp.Expression:
        """sqrt((n*sum(x^2) - sum(x)^2) / (n*(n-1))), exact in 128-bit integers of the smallest unit until the root.

        These hold while n * max(|x|) < 1.3e19 smallest units: 130,000 rows of the largest amount there may be.
        """
        assert self.aggregate.value is not None
        scale = scale_of(self.aggregate.value)
        unit = 10**scale
        whole = _wide(exp.Mul(this=_decimal(value, scale), expression=_number(str(unit))))
        n = _wide(self._count())
        total = self._over(exp.Sum(this=whole))
        squares = self._over(exp.Sum(this=exp.Mul(this=whole, expression=whole.copy())))
        spread = exp.Sub(
            this=exp.Mul(this=n, expression=squares),
            expression=exp.Mul(this=total, expression=total.copy()),
        )
        pairs = exp.Mul(this=n.copy(), expression=exp.Paren(this=exp.Sub(this=n.copy(), expression=_number("1"))))
        root = exp.Sqrt(
            this=exp.Div(
                this=_double(exp.Paren(this=spread)),
                expression=exp.Nullif(this=_double(pairs), expression=_number("0")),
            )
        )
        return exp.Div(this=root, expression=_number(f"{unit}.0"))


class _RowEmitter:
    """Expressions over one seen row: `e` is the event, `c` the cohort member."""

    def __init__(self, table: Table) -> None:
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
                chosen = exp.If(this=self.emit(condition), true=self.emit(then))
                return exp.Case(ifs=[chosen], default=self.emit(otherwise))
            case Part("weekday", of):
                return exp.DayOfWeekIso(this=self.emit(of))
            case Part(part, of):
                return _long(exp.Extract(this=exp.var(part.upper()), expression=self.emit(of)))
            case Floor("month", of):
                moment = self.emit(of)
                year, month = (exp.Extract(this=exp.var(p), expression=moment) for p in ("YEAR", "MONTH"))
                twelve = exp.Mul(this=_number("12"), expression=_long(year))
                return exp.Paren(this=exp.Add(this=twelve, expression=_long(month)))
            case Floor(_, of):
                return _whole_days(_micros(self.emit(of)))
            case _:
                raise TypeError(f"not an expression: {node!r}")

    def _column(self, name: str) -> exp.Expression:
        plain = exp.column(name, "e")
        if name not in self._revealed_by:
            return plain
        revealed = exp.LT(this=exp.column(self._revealed_by[name], "e"), expression=_as_of())
        return exp.Case(ifs=[exp.If(this=revealed, true=plain)])


def _finished(measure: Measure, alias: Mapping[Aggregate, str]) -> exp.Expression:
    """A measure from the folded aggregates: a double, or text."""
    if isinstance(measure, Ratio):
        over, under = (_finished(part, alias) for part in (measure.over, measure.under))
        scaled = exp.Mul(this=_number(str(measure.factor)), expression=over)
        return exp.Div(this=_double(scaled), expression=exp.Nullif(this=under, expression=_number("0")))
    folded = exp.column(alias[measure], f"{measure.table}_folded")
    if measure.is_text:
        return exp.Cast(this=folded, to=exp.DataType.build("TEXT"))
    number = _double(folded)
    return number if measure.when_empty is None else exp.Coalesce(this=number, expressions=[_number("0.0")])


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


def _days_before(days: int) -> exp.Expression:
    return exp.Sub(this=_as_of(), expression=exp.Interval(this=exp.Literal.string(str(days)), unit=exp.var("DAY")))


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


def _wide(node: exp.Expression) -> exp.Expression:
    return _cast(node, "INT128")


def _decimal(node: exp.Expression, scale: int) -> exp.Expression:
    """An exact value with room for what is done to it: 38 digits, before the engine picks fewer and overflows."""
    return _cast(node, f"DECIMAL(38, {scale})")
