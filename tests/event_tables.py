"""Small event tables for tests: drawn as text, run on every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from credit_eval.events.engines import reference
from credit_eval.events.engines.duckdb import DuckDB
from credit_eval.events.engines.sql import render
from credit_eval.events.query import Aggregate, Measure
from credit_eval.events.tables import DEFAULTS, TABLES, table_named

Rows = list[dict[str, Any]]
Cohort = Sequence[tuple[str, datetime]]
Answers = dict[tuple[str, datetime], dict[str, Any]]

_ARROW = {
    "text": pa.string(),
    "int": pa.int64(),
    "decimal": pa.decimal128(18, 2),
    "timestamp": pa.timestamp("us"),
    "bool": pa.bool_(),
}


def draw(table: str, text: str) -> Rows:
    """Rows of a declared table from a drawing: a header line, then a line per row; `-` is NULL.

    Dates may be written 2026-03-01 or 2026-03-01T12:30.
    """
    lines = [line.split() for line in text.strip().splitlines()]
    header, declared = lines[0], table_named(table)
    types = {name: declared.column(name).type for name in header}
    return [{n: _cell(types[n], c) for n, c in zip(header, cells, strict=True)} for cells in lines[1:]]


def _cell(type_name: str, text: str) -> Any:
    if text == "-":
        return None
    parse = {
        "text": str,
        "int": int,
        "decimal": Decimal,
        "timestamp": datetime.fromisoformat,
        "bool": lambda t: t == "true",
    }
    return parse[type_name](text)


def arrow_of(table: str, rows: Rows) -> pa.Table:
    """Rows as the importer would store them: all columns, defaults filled."""
    full = [{column.name: row.get(column.name) for column in TABLES[table].all_columns} for row in rows]
    for row in full:
        for name, fallback in DEFAULTS.items():
            if name in row and row[name] is None:
                row[name] = row[fallback]
    schema = pa.schema([(c.name, _ARROW[c.type]) for c in TABLES[table].all_columns])
    return pa.Table.from_pylist(full, schema=schema)


def by_duckdb(
    measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort, *, threads: int = 1
) -> Answers:
    with DuckDB(threads=threads) as engine:
        for name in TABLES:
            engine.register(name, arrow_of(name, list(tables.get(name, []))))
        members = [{"customer_id": c, "as_of": a} for c, a in cohort]
        schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.timestamp("us"))])
        engine.register("cohort", pa.Table.from_pylist(members, schema=schema))
        answers = engine.arrow(_statement(tuple(measures.items()))).to_pylist()
    return {
        (row["customer_id"], row["as_of"]): {n: v for n, v in row.items() if n not in ("customer_id", "as_of")}
        for row in answers
    }


@cache
def _statement(measures: tuple[tuple[str, Measure], ...]) -> str:
    return render(dict(measures))


def by_reference(measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    return {
        (customer, as_of): {
            name: _reference_value(measure, tables, customer, as_of) for name, measure in measures.items()
        }
        for customer, as_of in cohort
    }


def _reference_value(measure: Measure, tables: Mapping[str, Rows], customer: str, as_of: datetime) -> Any:
    def answer(aggregate: Aggregate) -> Any:
        rows = [row for row in tables.get(aggregate.table, []) if row["customer_id"] == customer]
        return reference.evaluate(aggregate, rows, as_of)

    return reference.measure_of(measure, answer)


ENGINES = {"reference": by_reference, "duckdb": by_duckdb}
