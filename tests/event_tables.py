"""Small event tables for tests: drawn as text, run on every engine."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest

from credit_eval.engine import reference
from credit_eval.engine.base import Engine
from credit_eval.engine.cohort import Cohort as Asked
from credit_eval.engine.embedded import Embedded
from credit_eval.engine.plan import Plan
from credit_eval.engine.ranks import ranked
from credit_eval.engine.reference import Reference
from credit_eval.engine.spark import Spark, missing
from credit_eval.language.measures import Measure, Rank
from credit_eval.schema.tables import DEFAULTS, TABLES, table_named

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


def by_embedded(measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    """The engine that profiles are built by."""
    return _answers(Embedded(), measures, tables, cohort)


def by_spark(measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    """Events gathered by Spark, in one job whatever the number of measures."""
    return _answers(started_spark(), measures, tables, cohort)


def by_reference(measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    """What a measure means; ranks are ranked by the reference too."""
    answers = _unranked(Reference(), measures, tables, cohort)
    for name in [name for name, measure in measures.items() if isinstance(measure, Rank)]:
        for moment in {as_of for _, as_of in cohort}:
            members = [member for member in answers if member[1] == moment]
            ranks = reference.ranks([answers[member][name] for member in members])
            for member, rank in zip(members, ranks, strict=True):
                answers[member][name] = rank
    return answers


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


def _profiles(engine: Engine, measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> pa.Table:
    events = {name: arrow_of(name, list(tables.get(name, []))) for name in Plan.of(measures).tables}
    return engine.profiles(measures, events, asked_of(cohort))


def _by_member(found: pa.Table) -> Answers:
    return {
        (row["customer_id"], row["as_of"]): {n: v for n, v in row.items() if n not in ("customer_id", "as_of")}
        for row in found.to_pylist()
    }


def _unranked(engine: Engine, measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    return _by_member(_profiles(engine, measures, tables, cohort))


def _answers(engine: Engine, measures: Mapping[str, Measure], tables: Mapping[str, Rows], cohort: Cohort) -> Answers:
    found = _profiles(engine, measures, tables, cohort)
    as_of = found["as_of"].cast(pa.int64()).to_numpy()
    for name in [name for name, measure in measures.items() if isinstance(measure, Rank)]:
        ranks = ranked(found[name].to_numpy(), as_of)
        found = found.set_column(found.column_names.index(name), name, pa.array(ranks, mask=np.isnan(ranks)))
    return _by_member(found)


ENGINES = {"reference": by_reference, "embedded": by_embedded, "spark": by_spark}

_LACK = missing()
#: Marks of a test that runs Spark: skipped without it, and in one process with the others.
NEEDS_SPARK = [pytest.mark.xdist_group("spark"), pytest.mark.skipif(_LACK is not None, reason=f"no Spark: {_LACK}")]
EVERY_ENGINE = [pytest.param(name, marks=NEEDS_SPARK if name == "spark" else []) for name in ENGINES]
