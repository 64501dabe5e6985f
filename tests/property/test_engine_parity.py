"""DuckDB gives what the reference gives, on generated tables, cohorts and declarations."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from event_tables import Answers, by_duckdb, by_reference
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_eval.events.query import (
    Aggregate,
    AsOf,
    Case,
    Compare,
    Constant,
    DaysBetween,
    Expression,
    Floor,
    Part,
    Ratio,
    column,
)
from credit_eval.features.catalogue import CATALOGUE

START = datetime(2026, 1, 1)
HALF_DAYS = st.integers(0, 120).map(lambda n: START + timedelta(hours=12 * n))
MOMENTS = HALF_DAYS | st.integers(0, 60 * 86_400_000_000).map(lambda us: START + timedelta(microseconds=us))
AMOUNTS = st.integers(0, 10**9).map(lambda cents: Decimal(cents) / 100)
CUSTOMERS = st.sampled_from("abc")


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def payment_rows(draw: st.DrawFn) -> dict[str, Any]:
    occurred = draw(MOMENTS)
    return {
        "customer_id": draw(CUSTOMERS),
        "occurred_at": occurred,
        "known_at": occurred + timedelta(hours=draw(st.sampled_from((0, 0, 0, 30)))),
        "payment_id": draw(st.text("xyz", min_size=1, max_size=3)),
        "amount": draw(AMOUNTS),
        "outcome": draw(st.sampled_from(("succeeded", "failed"))),
        "failure_cause": draw(_maybe(st.sampled_from(("insufficient_funds", "technical")))),
        "method": draw(_maybe(st.sampled_from(("wallet", "bnpl")))),
    }


@st.composite
def repayment_rows(draw: st.DrawFn) -> dict[str, Any]:
    drawn_up = draw(MOMENTS)
    paid = draw(_maybe(MOMENTS))
    return {
        "customer_id": draw(CUSTOMERS),
        "occurred_at": drawn_up,
        "account_id": "k",
        "installment_id": draw(st.text("xyz", min_size=1, max_size=3)),
        "due_at": drawn_up + timedelta(days=draw(st.integers(0, 40))),
        "due_amount": draw(AMOUNTS),
        "paid_at": paid,
        "paid_known_at": paid and paid + timedelta(hours=draw(st.sampled_from((0, 0, 20)))),
    }


TABLES = st.fixed_dictionaries(
    {"payments": st.lists(payment_rows(), max_size=25), "repayments": st.lists(repayment_rows(), max_size=25)}
)
COHORTS = st.lists(st.tuples(CUSTOMERS, MOMENTS), min_size=1, max_size=6, unique=True)

_DAYS_LATE = Case(
    column("paid_at").is_null(),
    DaysBetween(column("due_at"), AsOf()),
    DaysBetween(column("due_at"), column("paid_at")),
)
CONDITIONS = {
    "payments": [
        column("outcome").equals("failed"),
        ~column("failure_cause").equals("technical"),
        column("method").is_in("wallet") | column("amount").above(Decimal("1000.50")),
        Part("hour", column("occurred_at")).below(6) & column("method").is_null(),
        Part("weekday", column("occurred_at")).at_least(6),
    ],
    "repayments": [
        column("paid_at").is_null(),
        _DAYS_LATE.above(0),
        ~column("paid_at").below(column("due_at")),
    ],
}
EXACT = {
    "payments": [column("amount"), column("amount") * 3 - Decimal("0.5"), Part("month", column("occurred_at"))],
    "repayments": [column("due_amount"), _DAYS_LATE, Case(_DAYS_LATE.above(0), _DAYS_LATE, Constant(0))],
}


def _composed(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """Conditions of conditions, in every place where a truth value may stand."""
    operators = st.sampled_from(("=", "<", "<=", ">", ">="))
    return (
        inner.map(lambda one: ~one)
        | inner.map(lambda one: one.is_null())
        | inner.map(lambda one: one.is_in(True))
        | st.builds(lambda left, right: left & right, inner, inner)
        | st.builds(lambda left, right: left | right, inner, inner)
        | st.builds(Compare, operators, inner, inner)
        | st.builds(Case, inner, inner, inner)
    )


def _nested(table: str) -> st.SearchStrategy[Expression]:
    plain = st.sampled_from(CONDITIONS[table])
    once = plain | _composed(plain)
    return once | _composed(once) | _composed(_composed(once))


def _exact(table: str) -> st.SearchStrategy[Expression]:
    plain = st.sampled_from(EXACT[table])
    return plain | st.builds(Case, _nested(table), plain, plain)


TEXTS = {"payments": [column("method"), column("failure_cause")], "repayments": [column("installment_id")]}
NESTED = {table: _nested(table) for table in CONDITIONS}
NUMBERS = {table: _exact(table) for table in EXACT}


@st.composite
def aggregates(draw: st.DrawFn) -> Aggregate:
    table = draw(st.sampled_from(("payments", "repayments")))
    clock = draw(st.sampled_from(("occurred_at", "due_at", "paid_at"))) if table == "repayments" else "occurred_at"
    common: dict[str, Any] = {
        "where": draw(_maybe(NESTED[table])),
        "days": draw(st.sampled_from((None, 1, 7, 30))),
        "clock": clock,
    }
    kind = draw(
        st.sampled_from(
            ("count", "days_since_last", "days_since_first", "sum", "mean", "std", "min", "max", "nunique", "last")
        )
    )
    if kind in ("count", "days_since_last", "days_since_first"):
        value = None
    elif kind in ("nunique", "last"):
        text = st.sampled_from([*TEXTS[table], Floor("month", column("occurred_at"))])
        value = draw(text | NUMBERS[table] | NESTED[table])
    else:
        value = draw(NUMBERS[table])
    empty = draw(st.sampled_from((0, None))) if kind in ("count", "sum", "nunique") else None
    return Aggregate(table, kind, value=value, when_empty=empty, **common)


@st.composite
def measures(draw: st.DrawFn) -> Any:
    first = draw(aggregates())
    second = draw(aggregates())
    if first.is_text or second.is_text or draw(st.booleans()):
        return first
    return Ratio(first, second, draw(st.sampled_from((1, 3))))


def assert_same(found: Answers, expected: Answers) -> None:
    assert found.keys() == expected.keys()
    for member, answers in expected.items():
        for name, value in answers.items():
            same = (
                math.isclose(found[member][name], value, rel_tol=1e-9, abs_tol=1e-12)
                if isinstance(value, float) and found[member][name] is not None
                else found[member][name] == value
            )
            assert same, (member, name, found[member][name], value)


@settings(max_examples=80, deadline=None)
@given(tables=TABLES, cohort=COHORTS, asked=st.lists(measures(), min_size=1, max_size=5))
def test_duckdb_equals_the_reference_on_generated_declarations(
    tables: dict[str, Any], cohort: Any, asked: list[Any]
) -> None:
    named = {f"m{i}": measure for i, measure in enumerate(asked)}
    assert_same(by_duckdb(named, tables, cohort), by_reference(named, tables, cohort))


@settings(max_examples=8, deadline=None)
@given(tables=TABLES, cohort=COHORTS)
def test_duckdb_equals_the_reference_on_the_whole_catalogue(tables: dict[str, Any], cohort: Any) -> None:
    assert_same(by_duckdb(CATALOGUE.measures, tables, cohort), by_reference(CATALOGUE.measures, tables, cohort))


@settings(max_examples=8, deadline=None)
@given(tables=TABLES, cohort=COHORTS)
def test_the_number_of_threads_changes_no_bit(tables: dict[str, Any], cohort: Any) -> None:
    one, two = (by_duckdb(CATALOGUE.measures, tables, cohort, threads=threads) for threads in (1, 2))
    assert one == two


@settings(max_examples=20, deadline=None)
@given(tables=TABLES, as_of=MOMENTS, later=st.lists(payment_rows(), min_size=1, max_size=8), data=st.data())
def test_events_known_at_or_after_as_of_change_no_profile(
    tables: dict[str, Any], as_of: datetime, later: list[dict[str, Any]], data: st.DataObject
) -> None:
    """The first law. Late payments of old lines and late-arriving old events are among what is added."""
    cohort = [(customer, as_of) for customer in "abc"]
    before = by_duckdb(CATALOGUE.measures, tables, cohort)
    delay = st.integers(0, 86_400_000_000).map(lambda us: timedelta(microseconds=us))
    future = [row | {"known_at": as_of + data.draw(delay)} for row in later]
    paid_later = [
        row | {"paid_at": as_of, "paid_known_at": as_of + data.draw(delay)}
        if (row["paid_known_at"] or as_of) >= as_of
        else row
        for row in tables["repayments"]
    ]
    changed = {"payments": tables["payments"] + future, "repayments": paid_later}
    assert by_duckdb(CATALOGUE.measures, changed, cohort) == before
