"""What every aggregate means, in plain Python, slow and obvious. The other engines are held to this one.

Rows are dictionaries as a Parquet file gives them: text, int, Decimal, bool, naive datetime, None.

>>> from datetime import datetime
>>> from credit_eval.language.expressions import column
>>> rows = [{"customer_id": "a", "occurred_at": datetime(2026, 1, day), "outcome": how}
...         for day, how in ((1, "failed"), (30, "failed"), (31, "succeeded"))]
>>> failed = Aggregate("payments", "count", where=column("outcome").equals("failed"), days=7, when_empty=0)
>>> evaluate(failed, rows, datetime(2026, 2, 1))
1
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.clock import DAY, EPOCH
from credit_eval.engine.base import Engine, Events
from credit_eval.engine.cohort import Cohort
from credit_eval.language.aggregates import WEIGHT_BITS, Aggregate, weight_of
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
)
from credit_eval.language.measures import Difference, Measure, Rank, Ratio, Series, aggregates_of
from credit_eval.schema.tables import DEFAULTS, Table, table_named

Row = Mapping[str, Any]

#: Significant digits of a Decimal in between; Python's own 28 would round a product of two large amounts.
DIGITS = 100


class Reference(Engine):
    """Every measure of every cohort row by itself; for events that fit in memory as Python's own objects."""

    def profiles(self, measures: Mapping[str, Measure], events: Events, cohort: Cohort) -> pa.Table:
        """As the interface says."""
        tables = {a.table for measure in measures.values() for a in aggregates_of(measure)}
        rows = {table: _by_customer(_loaded(events[table])) for table in tables}
        keys = cohort.keys.to_pylist()
        columns = {
            name: [value(measure, _of_one(rows, key["customer_id"]), key["as_of"]) for key in keys]
            for name, measure in measures.items()
        }
        texts = {name for name, of in measures.items() if isinstance(of, Aggregate) and of.is_text}
        made = {name: pa.array(of, pa.string() if name in texts else pa.float64()) for name, of in columns.items()}
        return pa.table({name: cohort.keys[name] for name in cohort.keys.column_names} | made)


def _loaded(events: pa.Table | Sequence[Path]) -> list[Row]:
    found: list[Row] = (events if isinstance(events, pa.Table) else pq.read_table(list(events))).to_pylist()
    return found


def _by_customer(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["customer_id"], []).append(row)
    return found


def _of_one(rows: Mapping[str, Mapping[str, list[Row]]], customer: str) -> dict[str, list[Row]]:
    return {table: of.get(customer, []) for table, of in rows.items()}


def value(measure: Measure, events: Mapping[str, list[Row]], as_of: datetime) -> Any:
    """A measure of one customer's events by table, whole history given, as known at `as_of`; None is unknown.

    A rank is the measure that is to be ranked.

    Args:
        measure: of a feature: `feature.measure`.
        events: by table, a dict of columns per event; `Study.history` gives them.
        as_of: UTC.

    Returns:
        a number or text.
    """
    return measure_of(measure, lambda of: evaluate(of, events.get(of.table, []), as_of))


def evaluate(aggregate: Aggregate, rows: Iterable[Row], as_of: datetime) -> Any:
    """The aggregate over one customer's rows of its table, whole history given, as known at `as_of`."""
    with localcontext(prec=DIGITS):
        return _evaluate(aggregate, rows, as_of)


def _evaluate(aggregate: Aggregate, rows: Iterable[Row], as_of: datetime) -> Any:
    table = table_named(aggregate.table)
    kept = []
    for row in rows:
        seen = see(row, table, as_of)
        if seen is None or not _in_window(seen[aggregate.clock], aggregate, as_of):
            continue
        if aggregate.where is not None and value_of(aggregate.where, seen, as_of) is not True:
            continue
        value = None if aggregate.value is None else value_of(aggregate.value, seen, as_of)
        if aggregate.value is None or value is not None:
            kept.append((seen[aggregate.clock], value))
    return _fold(aggregate, kept, as_of) if kept else aggregate.when_empty


def see(row: Row, table: Table, as_of: datetime) -> Row | None:
    """The row as it was known at `as_of`; None if it was not."""
    full: dict[str, Any] = {column.name: row.get(column.name) for column in table.all_columns}
    for name, fallback in DEFAULTS.items():
        if name in full and full[name] is None:
            full[name] = full[fallback]
    if full["known_at"] >= as_of:
        return None
    for reveal in table.reveals:
        revealed_at = full[reveal.by]
        if revealed_at is None or revealed_at >= as_of:
            full.update(dict.fromkeys(reveal.columns))
    return full


def _in_window(moment: datetime | None, aggregate: Aggregate, as_of: datetime) -> bool:
    if moment is None or moment >= as_of:
        return False
    return aggregate.days is None or moment >= as_of - timedelta(days=aggregate.days)


def _fold(aggregate: Aggregate, kept: list[tuple[datetime, Any]], as_of: datetime) -> Any:
    moments, values = [moment for moment, _ in kept], [value for _, value in kept]
    match aggregate.kind:
        case "count":
            return len(kept)
        case "sum":
            return sum(values)
        case "mean":
            return float(Fraction(sum(values)) / len(values))
        case "std":
            return _sample_deviation(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "median":
            low, high = sorted(values)[(len(values) - 1) // 2], sorted(values)[len(values) // 2]
            return (Fraction(low) + Fraction(high)) / 2
        case "nunique":
            return len(set(values))
        case "entropy":
            return _entropy(values)
        case "last":
            return sorted(kept)[-aggregate.nth][1] if len(kept) >= aggregate.nth else None
        case "decayed_sum":
            assert aggregate.half_life is not None
            ages = [_day(as_of, aggregate.zone) - _day(moment, aggregate.zone) for moment in moments]
            weights = [weight_of(age, aggregate.half_life) for age in ages]
            return Fraction(sum(Fraction(v) * w for v, w in zip(values, weights, strict=True)), 2**WEIGHT_BITS)
        case "gap_mean":
            gaps = _gaps(moments, aggregate.zone)
            return sum(gaps) / len(gaps) if gaps else None
        case "gap_std":
            return _sample_deviation(_gaps(moments, aggregate.zone))
        case "days_since_last":
            return (as_of - max(moments)) / DAY
        case "days_since_first":
            return (as_of - min(moments)) / DAY


def _local(moment: datetime, zone: str) -> datetime:
    """What the clocks of a zone show, by Python's own time zones."""
    clocks = UTC if zone == "UTC" else ZoneInfo(zone) if "/" in zone else datetime.strptime(zone, "%z").tzinfo
    return moment.replace(tzinfo=UTC).astimezone(clocks).replace(tzinfo=None)


def _day(moment: datetime, zone: str) -> int:
    return (_local(moment, zone) - EPOCH) // DAY


def _gaps(moments: list[datetime], zone: str) -> list[int]:
    return [late - early for early, late in pairwise(sorted({_day(moment, zone) for moment in moments}))]


def _entropy(values: list[Any]) -> float:
    counts = Counter(values).values()
    return -sum(n / len(values) * math.log2(n / len(values)) for n in counts)


def _sample_deviation(values: Sequence[Any]) -> float | None:
    n = len(values)
    if n < 2:
        return None
    exact = [Fraction(value) for value in values]
    return math.sqrt((n * sum(v * v for v in exact) - sum(exact) ** 2) / (n * (n - 1)))


def value_of(node: Expression, row: Row, as_of: datetime) -> Any:
    """The expression's value for one seen row; None is unknown."""
    match node:
        case ColumnOf(name):
            return row[name]
        case Constant(value):
            return value
        case AsOf():
            return as_of
        case IsNull(of):
            return value_of(of, row, as_of) is None
        case Logic(op, left, right):
            return _logic(op, value_of(left, row, as_of), value_of(right, row, as_of))
        case Case(condition, then, otherwise):
            chosen = then if value_of(condition, row, as_of) is True else otherwise
            return value_of(chosen, row, as_of)
        case Compare(_, left, right) | Arithmetic(_, left, right) | DaysBetween(left, right):
            operands = value_of(left, row, as_of), value_of(right, row, as_of)
            return None if None in operands else _binary(node, *operands)
        case IsIn(of, _) | Not(of) | Part(_, of) | Floor(_, of):
            operand = value_of(of, row, as_of)
            return None if operand is None else _unary(node, operand)
        case _:
            raise TypeError(f"not an expression: {node!r}")


def _logic(op: str, left: bool | None, right: bool | None) -> bool | None:
    decisive = op == "or"
    if decisive in (left, right):
        return decisive
    return None if None in (left, right) else not decisive


def _binary(node: Expression, left: Any, right: Any) -> Any:
    match node:
        case Compare(op):
            return {
                "=": left == right,
                "<": left < right,
                "<=": left <= right,
                ">": left > right,
                ">=": left >= right,
            }[op]
        case Arithmetic(op):
            return {"+": left + right, "-": left - right, "*": left * right}[op]
        case _:
            return (right - left) // DAY


def _unary(node: Expression, operand: Any) -> Any:
    match node:
        case IsIn(_, values):
            return operand in values
        case Not():
            return not operand
        case Part(part, _, zone):
            local = _local(operand, zone)
            return local.isoweekday() if part == "weekday" else getattr(local, part)
        case Floor("month", _, zone):
            local = _local(operand, zone)
            return 12 * local.year + local.month
        case Floor("day", _, zone):
            return _day(operand, zone)
        case _:
            raise TypeError(f"not an expression: {node!r}")


def measure_of(measure: Measure, answer: Callable[[Aggregate], Any]) -> Any:
    """A measure as profiles hold it (a double, a text or None), from its aggregates' answers; ranks come later."""
    answers = [answer(aggregate) for aggregate in aggregates_of(measure)]
    match measure:
        case Ratio():
            over, under = answers
            return None if over is None or not under else measure.factor * float(over) / float(under)
        case Difference():
            left, right = answers
            return None if left is None or right is None else float(left) - float(right)
        case Series():
            steps = [Fraction(wide) - Fraction(narrow) for narrow, wide in pairwise([0, *answers])]
            return _series(measure, steps[::-1])
        case Rank(of):
            return measure_of(of, answer)
        case _:
            return as_profile_value(answers[0])


def _series(measure: Series, steps: list[Fraction]) -> Any:
    if not any(steps):
        return as_profile_value(measure.when_empty)
    match measure.fold:
        case "active":
            return float(sum(step != 0 for step in steps))
        case "longest_run":
            return float(max(len(list(run)) for busy, run in groupby(steps, key=bool) if busy))
        case "variation":
            mean = sum(steps) / len(steps)
            spread = _sample_deviation(steps)
            return None if mean <= 0 or spread is None else spread / float(mean)
        case "slope":
            middle = Fraction(len(steps) - 1, 2)
            over = sum((place - middle) * step for place, step in enumerate(steps))
            return float(over / sum((place - middle) ** 2 for place in range(len(steps))))


def ranks(values: Sequence[float | None]) -> list[float | None]:
    """Where each value stands among the known ones of one `as_of`: those below, and half of those equal."""
    known = [value for value in values if value is not None]
    return [
        None
        if value is None
        else (sum(other < value for other in known) + sum(other == value for other in known) / 2) / len(known)
        for value in values
    ]


def as_profile_value(value: Any) -> Any:
    """An answer as profiles hold it: numbers as doubles, truth values as text, the rest as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return float(value) if isinstance(value, int | Decimal | Fraction) else value
