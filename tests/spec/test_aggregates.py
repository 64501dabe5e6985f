"""What aggregates mean, drawn as small tables. Every table runs on every engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from event_tables import ENGINES, EVERY_ENGINE, Answers, draw

from credit_eval.core.errors import DeclarationError
from credit_eval.language.aggregates import Aggregate
from credit_eval.language.expressions import AsOf, Case, Constant, DaysBetween, Floor, Part, column
from credit_eval.language.measures import Measure, Ratio
from credit_eval.schema.tables import LARGEST_AMOUNT

AS_OF = datetime(2026, 3, 1)

PAYMENTS = """
customer_id  occurred_at       known_at          payment_id  amount  outcome    failure_cause
a            2026-01-10        2026-01-10        p1          10.00   succeeded  -
a            2026-02-01        2026-02-01        p2          20.50   failed     insufficient_funds
a            2026-02-20T23:30  2026-02-20T23:30  p3          30.10   failed     -
a            2026-02-27        2026-03-02        p4          99.00   failed     technical
a            2026-03-01        2026-03-01        p5          77.00   failed     technical
b            2026-02-27        2026-02-27        p6          5.00    succeeded  -
"""
REPAYMENTS = """
customer_id  occurred_at  account_id  installment_id  due_at      due_amount  paid_at            paid_amount
a            2026-01-01   k           1               2026-01-10  100         2026-01-08         100
a            2026-01-01   k           2               2026-02-10  100         2026-02-15T12:00   100
a            2026-01-01   k           3               2026-02-20  100         2026-03-05         100
a            2026-01-01   k           4               2026-04-10  100         -                  -
"""

FAILED = column("outcome").equals("failed")
DAYS_LATE = Case(
    column("paid_at").is_null(),
    DaysBetween(column("due_at"), AsOf()),
    DaysBetween(column("due_at"), column("paid_at")),
)


@dataclass(frozen=True)
class Spec:
    """`measure`, asked of customers a, b and c (who has no events) on 2026-03-01, answers `expected`."""

    name: str
    measure: Measure
    a: Any
    b: Any
    c: Any
    drawing: dict[str, str] = field(default_factory=lambda: {"payments": PAYMENTS, "repayments": REPAYMENTS})


def payments(kind: Any, **options: Any) -> Aggregate:
    return Aggregate("payments", kind, **options)


def lines(kind: Any, **options: Any) -> Aggregate:
    return Aggregate("repayments", kind, clock="due_at", **options)


AMOUNT = column("amount")
CAUSE = column("failure_cause")
HOUR = Part("hour", column("occurred_at"))
ALL = Aggregate("payments", "count", when_empty=0)
SPECS = [
    Spec("an event known at midnight of as_of, or later, is the future", payments("count", when_empty=0), 3, 1, 0),
    Spec("no events can also mean unknown", payments("count"), 3, 1, None),
    Spec("a window starts as many days before as_of, inclusive", payments("count", days=28, when_empty=0), 2, 1, 0),
    Spec("a condition keeps rows", payments("count", where=FAILED, when_empty=0), 2, 0, 0),
    Spec("a sum is exact", payments("sum", value=AMOUNT, when_empty=0), 60.6, 5.0, 0),
    Spec("a mean of nothing is unknown", payments("mean", value=AMOUNT, where=FAILED), 25.3, None, None),
    Spec("a deviation needs two values", payments("std", value=AMOUNT, where=FAILED), 6.788225099390857, None, None),
    Spec("min", payments("min", value=AMOUNT), 10.0, 5.0, None),
    Spec("max", payments("max", value=AMOUNT), 30.1, 5.0, None),
    Spec("a median is the middle value", payments("median", value=AMOUNT), 20.5, 5.0, None),
    Spec(
        "or the mean of the two in the middle, exact",
        payments("median", value=AMOUNT * 3 - AMOUNT, where=FAILED, when_empty=0),
        50.6,
        0,
        0,
    ),
    Spec("a median over a window", payments("median", value=AMOUNT, days=28), 25.3, 5.0, None),
    Spec("distinct values, NULL is no value", payments("nunique", value=CAUSE, when_empty=0), 1, 0, 0),
    Spec(
        "the latest value that is not NULL",
        payments("last", value=CAUSE),
        "insufficient_funds",
        None,
        None,
    ),
    Spec("days since the last carry their fraction", payments("days_since_last"), 8 + 0.5 / 24, 2.0, None),
    Spec("days since the first", payments("days_since_first"), 50.0, 2.0, None),
    Spec(
        "an unknown condition keeps nothing",
        payments("count", where=CAUSE.equals("x"), when_empty=0),
        0,
        0,
        0,
    ),
    Spec("not unknown is unknown", payments("count", where=~CAUSE.equals("x"), when_empty=0), 1, 0, 0),
    Spec("the negation of the unknown is unknown", payments("count", where=(~CAUSE.equals("x")).is_null()), 2, 1, None),
    Spec(
        "a negation can be compared",
        payments("count", where=(~FAILED).equals(column("outcome").equals("succeeded")), when_empty=0),
        3,
        1,
        0,
    ),
    Spec("moments once", payments("nunique", value=column("known_at"), when_empty=0), 3, 1, 0),
    Spec(
        "unknown or true is true",
        payments("count", where=CAUSE.equals("x") | FAILED, when_empty=0),
        2,
        0,
        0,
    ),
    Spec(
        "hours of the day",
        payments("count", where=HOUR.at_least(23), when_empty=0),
        1,
        0,
        0,
    ),
    Spec(
        "hours by a clock an hour ahead of UTC: half past eleven is in the next day",
        payments("count", where=Part("hour", column("occurred_at"), "+01:00").below(1), when_empty=0),
        1,
        0,
        0,
    ),
    Spec(
        "hours by a clock behind UTC: midnight is in the day before",
        payments("count", where=Part("hour", column("occurred_at"), "-03:30").at_least(20), when_empty=0),
        3,
        1,
        0,
    ),
    Spec(
        "weekdays by a clock ahead of UTC: a Friday's last half hour is Saturday",
        payments("count", where=Part("weekday", column("occurred_at"), "+01:00").equals(6), when_empty=0),
        2,
        0,
        0,
    ),
    Spec(
        "years by a clock behind UTC",
        payments("min", value=Part("month", column("occurred_at"), "-01:00")),
        1,
        2,
        None,
    ),
    Spec("days of the month", payments("min", value=Part("day", column("occurred_at"))), 1, 27, None),
    Spec("weekdays, Monday is 1", payments("max", value=Part("weekday", column("occurred_at"))), 7, 5, None),
    Spec("months once", payments("nunique", value=Floor("month", column("occurred_at")), when_empty=0), 2, 1, 0),
    Spec("days once", payments("nunique", value=Floor("day", column("occurred_at")), when_empty=0), 3, 1, 0),
    Spec("arithmetic", payments("sum", value=AMOUNT * 2 + 1, when_empty=0), 124.2, 11.0, 0),
    Spec(
        "of two units in a case the finer one is kept",
        payments("sum", value=Case(FAILED, AMOUNT * Decimal("0.001"), AMOUNT * 2), when_empty=0),
        20.0506,
        10.0,
        0,
    ),
    Spec(
        "amounts of two units compare in the finer one",
        payments("count", where=(AMOUNT * Decimal("0.0001")).above(AMOUNT - AMOUNT), when_empty=0),
        3,
        1,
        0,
    ),
    Spec(
        "a ratio",
        Ratio(payments("count", where=FAILED, when_empty=0), ALL),
        2 / 3,
        0.0,
        None,
    ),
    Spec(
        "a ratio with a factor",
        Ratio(ALL, ALL, 4),
        4.0,
        4.0,
        None,
    ),
    Spec("a line not yet due is outside a window on the due date", lines("count", when_empty=0), 3, 0, 0),
    Spec("a payment after as_of is not seen", lines("count", where=column("paid_at").is_null(), when_empty=0), 1, 0, 0),
    Spec(
        "days late",
        lines("sum", value=DAYS_LATE, when_empty=0),
        -2 + 5 + 9,
        0,
        0,
    ),
    Spec(
        "late at all",
        lines("count", where=Case(DAYS_LATE.above(0), Constant(True), Constant(False)).equals(True), when_empty=0),
        2,
        0,
        0,
    ),
]


@cache
def _answers(engine: str, drawing: tuple[tuple[str, str], ...]) -> Answers:
    """Every spec of one drawing at once: an engine that needs a second to get going needs it once."""
    asked = {spec.name: spec.measure for spec in SPECS if tuple(spec.drawing.items()) == drawing}
    tables = {table: draw(table, text) for table, text in drawing}
    return ENGINES[engine](asked, tables, [(c, AS_OF) for c in "abc"])


@pytest.mark.parametrize("engine", EVERY_ENGINE)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_an_aggregate_means_what_is_drawn(spec: Spec, engine: str) -> None:
    answers = _answers(engine, tuple(spec.drawing.items()))
    found = {customer: answer[spec.name] for (customer, _), answer in answers.items()}
    assert found == {
        customer: expected if expected is None or isinstance(expected, str) else pytest.approx(expected, rel=1e-12)
        for customer, expected in (("a", spec.a), ("b", spec.b), ("c", spec.c))
    }


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_every_member_has_its_own_as_of(engine: str) -> None:
    tables = {"payments": draw("payments", PAYMENTS)}
    cohort = [("a", datetime(2026, 1, 10)), ("a", datetime(2026, 1, 10, 0, 0, 1)), ("a", datetime(2026, 4, 1))]
    answers = ENGINES[engine]({"it": Aggregate("payments", "count", when_empty=0)}, tables, cohort)
    assert [answer["it"] for answer in answers.values()] == [0, 1, 5]


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_ties_of_the_latest_value_go_to_the_largest(engine: str) -> None:
    drawing = """
    customer_id  occurred_at  order_id  status  amount  category
    a            2026-01-01   o1        placed  1       toys
    a            2026-01-01   o2        placed  1       books
    """
    latest = Aggregate("orders", "last", value=column("category"))
    answers = ENGINES[engine]({"it": latest}, {"orders": draw("orders", drawing)}, [("a", AS_OF)])
    assert answers["a", AS_OF]["it"] == "toys"


@pytest.mark.parametrize("engine", EVERY_ENGINE)
def test_a_customer_has_a_row_per_change_and_is_known_since_the_first(engine: str) -> None:
    drawing = """
    customer_id  occurred_at  kyc_level  region
    a            2026-01-30   1          north
    a            2026-02-10   2          -
    a            2026-03-01   3          south
    """
    asked = {
        "level": Aggregate("customers", "last", value=column("kyc_level")),
        "region": Aggregate("customers", "last", value=column("region")),
        "since": Aggregate("customers", "days_since_first"),
    }
    answers = ENGINES[engine](asked, {"customers": draw("customers", drawing)}, [("a", AS_OF)])
    assert answers["a", AS_OF] == {"level": 2, "region": "north", "since": 30}


def test_ten_thousand_rows_of_the_largest_amount_are_folded_exactly() -> None:
    rows = [
        {
            "customer_id": "a",
            "occurred_at": AS_OF - timedelta(minutes=n + 1),
            "payment_id": str(n),
            "outcome": "failed",
            "amount": LARGEST_AMOUNT - Decimal(n % 3) / 100,
        }
        for n in range(10_000)
    ]
    tripled, squared = AMOUNT * 3 - Decimal("0.5"), AMOUNT * AMOUNT
    asked = {
        f"{kind} {i}": payments(kind, value=v)
        for kind in ("sum", "mean", "max", "median", "std")
        for i, v in enumerate((AMOUNT, tripled))
    }
    asked |= {f"{kind} of squares": payments(kind, value=squared) for kind in ("sum", "min")}
    found, expected = (
        ENGINES[engine](asked, {"payments": rows}, [("a", AS_OF)]) for engine in ("embedded", "reference")
    )
    assert found["a", AS_OF] == pytest.approx(expected["a", AS_OF], rel=1e-15)


@pytest.mark.parametrize(
    ("kind", "value"), [("last", column("known_at")), ("max", column("known_at")), ("last", AsOf()), ("sum", CAUSE)]
)
def test_what_no_profile_can_hold_cannot_be_declared(kind: Any, value: Any) -> None:
    with pytest.raises(DeclarationError):
        payments(kind, value=value)


def test_membership_in_nothing_cannot_be_declared() -> None:
    with pytest.raises(DeclarationError, match="at least one value"):
        payments("count", where=CAUSE.is_in())
