"""Small event tables for tests: drawn as text, run on every engine."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

from credit_eval.events.engines import reference
from credit_eval.events.engines.duckdb import DuckDB
from credit_eval.events.engines.finish import ranked
from credit_eval.events.engines.gathered import Gathering, relation
from credit_eval.events.engines.plan import plan
from credit_eval.events.engines.snapshot import Cohort as Asked
from credit_eval.events.engines.snapshot import Snapshots
from credit_eval.events.engines.spark import Spark, missing
from credit_eval.events.engines.statements import StatementFeed
from credit_eval.events.measures import Measure, Rank
from credit_eval.events.query import Aggregate
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


def by_columns(measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    """The embedded engine: rows judged in memory, column by column."""

    def read(table: str | Sequence[Path], columns: Sequence[str]) -> pa.Table:
        assert isinstance(table, str)
        found = arrow_of(table, sorted(tables.get(table, []), key=lambda row: row["customer_id"])).select(columns)
        texts = [name for name in columns if pa.types.is_string(found.schema.field(name).type)]
        for name in texts:
            found = found.set_column(found.column_names.index(name), name, found[name].dictionary_encode())
        return found.combine_chunks()

    return _answers(_snapshots(tuple(measures.items())).table(read, asked_of(cohort)), measures)


def by_duckdb(
    measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort, *, threads: int = 1
) -> Answers:
    """Rows judged by DuckDB, which gets the statements that the emitter renders."""
    with DuckDB(threads=threads) as engine:
        for name in TABLES:
            engine.register(name, arrow_of(name, list(tables.get(name, []))))

        def ask(statement: str, asked: pa.Table) -> pa.Table:
            engine.register("asked", asked)
            return engine.arrow(statement)

        snapshots = Snapshots(measures, [StatementFeed(wanted, ask) for wanted in plan(measures.values())])
        return _answers(snapshots.table(_nothing, asked_of(cohort)), measures)


def by_spark(measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    """Rows judged by Spark, in one job whatever the number of measures."""
    engine, asked = started_spark(), asked_of(cohort)
    for name in {wanted.stream.table for wanted in plan(measures.values())}:
        engine.register(name, arrow_of(name, list(tables.get(name, []))))
    engine.register("cohort", relation(asked, 0))
    found = engine.snapshot(Gathering(measures, asked.last, "spark"))
    return _answers(found.sort_by([("customer_id", "ascending"), ("as_of", "ascending")]), measures)


#: Zone of the test session's JVM and of its Python workers: everything Spark answers here, it answers from there.
SPARK_ZONE = "America/New_York"
#: A JVM that gets going sooner and lets the other tests have the second core.
SMALL_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@cache
def started_spark() -> Spark:
    """One session for all tests of a process."""
    with patch.dict(os.environ, {"TZ": SPARK_ZONE, "JAVA_TOOL_OPTIONS": SMALL_JVM}):
        engine = Spark(threads=2, memory="1g")
    atexit.register(engine.__exit__, None, None, None)
    return engine


def asked_of(cohort: Cohort) -> Asked:
    members = [{"customer_id": c, "as_of": a} for c, a in sorted(set(cohort))]
    schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.timestamp("us"))])
    return Asked.of(pa.Table.from_pylist(members, schema=schema))


def _nothing(table: object, columns: object) -> pa.Table:
    raise AssertionError(f"{table} was read past the database")


def _answers(found: pa.Table, measures: Mapping[str, Measure]) -> Answers:
    as_of = found["as_of"].cast(pa.int64()).to_numpy()
    for name in [name for name, measure in measures.items() if isinstance(measure, Rank)]:
        ranks = ranked(found[name].to_numpy(), as_of)
        found = found.set_column(found.column_names.index(name), name, pa.array(ranks, mask=np.isnan(ranks)))
    return {
        (row["customer_id"], row["as_of"]): {n: v for n, v in row.items() if n not in ("customer_id", "as_of")}
        for row in found.to_pylist()
    }


@cache
def _snapshots(measures: tuple[tuple[str, Measure], ...]) -> Snapshots:
    return Snapshots(dict(measures))


def by_reference(measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    answers = {
        (customer, as_of): {
            name: _reference_value(measure, tables, customer, as_of) for name, measure in measures.items()
        }
        for customer, as_of in cohort
    }
    for name in [name for name, measure in measures.items() if isinstance(measure, Rank)]:
        for moment in {as_of for _, as_of in cohort}:
            members = [member for member in answers if member[1] == moment]
            ranks = reference.ranks([answers[member][name] for member in members])
            for member, rank in zip(members, ranks, strict=True):
                answers[member][name] = rank
    return answers


def _reference_value(measure: Measure, tables: Mapping[str, Rows], customer: str, as_of: datetime) -> Any:
    def answer(aggregate: Aggregate) -> Any:
        rows = [row for row in tables.get(aggregate.table, []) if row["customer_id"] == customer]
        return reference.evaluate(aggregate, rows, as_of)

    return reference.measure_of(measure, answer)


ENGINES = {"reference": by_reference, "columns": by_columns, "duckdb": by_duckdb, "spark": by_spark}

_LACK = missing()
#: Marks of a test that runs Spark: skipped without it, and in one process with the others.
NEEDS_SPARK = [pytest.mark.xdist_group("spark"), pytest.mark.skipif(_LACK is not None, reason=f"no Spark: {_LACK}")]
EVERY_ENGINE = [pytest.param(name, marks=NEEDS_SPARK if name == "spark" else []) for name in ENGINES]
