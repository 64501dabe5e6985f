"""Every engine gives what the reference gives, on generated tables, cohorts and declarations."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

from event_tables import NEEDS_SPARK, Answers, by_embedded, by_reference, by_spark
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from credit_eval.catalogue import CATALOGUE
from credit_eval.language.aggregates import Aggregate, Kind
from credit_eval.language.expressions import (
    AsOf,
    Case,
    Compare,
    Constant,
    DaysBetween,
    Expression,
    Floor,
    Part,
    column,
    on_clock,
)
from credit_eval.language.measures import Difference, Rank, Ratio, Series, SeriesFold
from credit_eval.language.types import type_of
from credit_eval.schema.tables import table_named

#: Both New York's clocks (8 March) and Berlin's (29 March) are set forward within the weeks that follow.
START = datetime(2026, 2, 20)
ZONES = st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "-09:30"))
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
BUSY_TABLES = st.fixed_dictionaries(
    {"payments": st.lists(payment_rows(), min_size=20), "repayments": st.lists(repayment_rows(), min_size=20)}
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
        Part("hour", column("occurred_at"), "Europe/Berlin").below(6),
        Part("day", column("occurred_at"), "Asia/Kathmandu").above(28),
        Part("weekday", column("occurred_at"), "America/New_York").at_least(6),
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
    kind = draw(st.sampled_from(sorted(get_args(Kind))))
    if kind in ("count", "days_since_last", "days_since_first", "gap_mean", "gap_std"):
        value = None
    elif kind in ("nunique", "entropy", "last"):
        text = st.sampled_from([*TEXTS[table], Floor("month", column("occurred_at"), "Asia/Kathmandu")])
        value = draw(text | NUMBERS[table] | NESTED[table])
    else:
        value = draw(NUMBERS[table])
    if kind == "last":
        common["nth"] = draw(st.integers(1, 3))
    if kind == "decayed_sum":
        common["half_life"] = draw(st.sampled_from((1, 7, 30)))
    if kind in ("decayed_sum", "gap_mean", "gap_std"):
        common["zone"] = draw(ZONES)
    textual = kind == "last" and type_of(value, table_named(table)) in ("text", "bool")
    empty = None if textual else draw(st.sampled_from((0, None)))
    return Aggregate(table, kind, value=value, when_empty=empty, **common)


@st.composite
def series(draw: st.DrawFn) -> Series:
    table = draw(st.sampled_from(("payments", "repayments")))
    value = draw(_maybe(st.sampled_from(EXACT[table])))
    where = draw(_maybe(st.sampled_from(CONDITIONS[table])))
    kind: Any = "count" if value is None else "sum"
    of = Aggregate(table, kind, value, where, when_empty=0)
    fold = draw(st.sampled_from(sorted(get_args(SeriesFold))))
    return Series(
        of, fold, draw(st.sampled_from((1, 7, 30))), draw(st.integers(2, 6)), draw(st.sampled_from((0, None)))
    )


@st.composite
def measures(draw: st.DrawFn) -> Any:
    first = draw(aggregates())
    second = draw(aggregates())
    if first.is_text or second.is_text:
        return first
    plain = st.sampled_from(
        [first, first, Ratio(first, second, draw(st.sampled_from((1, 3)))), Difference(first, second)]
    )
    return draw(plain | series() | plain.map(Rank))


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
def test_engines_equal_the_reference_on_generated_declarations(
    tables: dict[str, Any], cohort: Any, asked: list[Any]
) -> None:
    named = {f"m{i}": measure for i, measure in enumerate(asked)}
    assert_same(by_embedded(named, tables, cohort), by_reference(named, tables, cohort))


@settings(max_examples=8, deadline=None)
@given(tables=TABLES, cohort=COHORTS, zone=ZONES)
def test_engines_equal_the_reference_on_the_whole_catalogue(tables: dict[str, Any], cohort: Any, zone: str) -> None:
    asked = {name: on_clock(measure, zone) for name, measure in CATALOGUE.measures.items()}
    assert_same(by_embedded(asked, tables, cohort), by_reference(asked, tables, cohort))


class TestSpark:
    """A job takes a second however small, so few of them, of many measures each; nothing is shrunk for that reason."""

    pytestmark = NEEDS_SPARK

    @settings(max_examples=6, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(tables=BUSY_TABLES, cohort=COHORTS, asked=st.lists(measures(), min_size=40, max_size=40))
    def test_it_equals_the_reference_on_generated_declarations(
        self, tables: dict[str, Any], cohort: Any, asked: list[Any]
    ) -> None:
        named = {f"m{i}": measure for i, measure in enumerate(asked)}
        found = by_spark(named, tables, cohort)
        assert_same(found, by_reference(named, tables, cohort))
        assert found == by_embedded(named, tables, cohort)

    @settings(max_examples=2, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(tables=BUSY_TABLES, cohort=COHORTS, zone=ZONES)
    def test_it_equals_the_reference_on_the_whole_catalogue(
        self, tables: dict[str, Any], cohort: Any, zone: str
    ) -> None:
        asked = {name: on_clock(measure, zone) for name, measure in CATALOGUE.measures.items()}
        found = by_spark(asked, tables, cohort)
        assert_same(found, by_reference(asked, tables, cohort))
        assert found == by_embedded(asked, tables, cohort)


@settings(max_examples=20, deadline=None)
@given(tables=TABLES, as_of=MOMENTS, later=st.lists(payment_rows(), min_size=1, max_size=8), data=st.data())
def test_events_known_at_or_after_as_of_change_no_profile(
    tables: dict[str, Any], as_of: datetime, later: list[dict[str, Any]], data: st.DataObject
) -> None:
    """The first law. Late payments of old lines and late-arriving old events are among what is added."""
    cohort = [(customer, as_of) for customer in "abc"]
    before = by_embedded(CATALOGUE.measures, tables, cohort)
    delay = st.integers(0, 86_400_000_000).map(lambda us: timedelta(microseconds=us))
    future = [row | {"known_at": as_of + data.draw(delay)} for row in later]
    paid_later = [
        row | {"paid_at": as_of, "paid_known_at": as_of + data.draw(delay)}
        if (row["paid_known_at"] or as_of) >= as_of
        else row
        for row in tables["repayments"]
    ]
    changed = {"payments": tables["payments"] + future, "repayments": paid_later}
    assert by_embedded(CATALOGUE.measures, changed, cohort) == before
