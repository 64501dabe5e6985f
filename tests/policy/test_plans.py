"""Schedules add up to the cent, and their rate is the one that another way of computing it finds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from credit_eval.core.errors import PolicyError
from credit_eval.policy.plans import effective_rate, offers, schedule
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy

START = date(2026, 1, 31)
AMOUNTS = st.integers(5_000, 5_000_000).map(lambda cents: Decimal(cents) / 100)


def rate_by_roots(flows: list[float]) -> float:
    """The yearly effective rate from the roots of a polynomial in the monthly discount factor."""
    roots = np.roots(flows[::-1])
    real = [root.real for root in roots if abs(root.imag) < 1e-9 and 0 < root.real < 2]
    monthly = min(real, key=lambda v: abs(v - 1))
    return float(monthly**-12 - 1)


@settings(max_examples=1_000, deadline=None)
@given(AMOUNTS, st.floats(0.0, 0.6).map(lambda r: round(r, 4)), st.integers(1, 36), st.integers(0, 5))
def test_every_schedule_adds_up_and_its_rate_is_that_of_the_roots(
    amount: Decimal, rate: float, months: int, fee_share: int
) -> None:
    fee = (amount * fee_share / 100).quantize(Decimal("0.01"))
    plan = schedule(amount, rate=rate, months=months, start=START, fee=fee)
    assert len(plan.lines) == months
    assert sum(line.principal for line in plan.lines) == amount
    assert plan.lines[-1].owed == 0
    assert plan.total == sum(line.payment for line in plan.lines) + fee
    assert all(line.payment == line.interest + line.principal > 0 for line in plan.lines)
    assert all(line.payment == line.payment.quantize(Decimal("0.01")) for line in plan.lines)
    assert abs(plan.lines[-1].payment - plan.lines[0].payment) <= Decimal("0.01") * months * 2
    flows = [float(amount - fee)] + [-float(line.payment) for line in plan.lines]
    assert plan.apr_eu == pytest.approx(rate_by_roots(flows), abs=1e-4)  # 0.01 points
    if not fee:
        assert plan.apr_us == pytest.approx(rate, abs=0.01)
        assert plan.apr_eu == pytest.approx((1 + rate / 12) ** 12 - 1, abs=0.015)


@pytest.mark.parametrize(
    ("flows", "published"),
    [
        ([(0, 1000), (1.5, -1200)], 0.1292),
        ([(0, 950), (1.5, -1200)], 0.1685),
        ([(0, 1000), (1, -600), (2, -600)], 0.1307),
        ([(0, 1000), (0.25, -272), (0.5, -272), (1, -544)], 0.1319),
    ],
)
def test_the_examples_that_the_law_gives(flows: list[tuple[float, float]], published: float) -> None:
    """Directive 98/7/EC, Annex III."""
    assert effective_rate(flows) == pytest.approx(published, abs=1e-4)


def test_a_fee_makes_it_dearer_and_no_interest_costs_nothing() -> None:
    free = schedule(Decimal(100), rate=0.0, months=3, start=START)
    assert [line.payment for line in free.lines] == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]
    assert (free.cost, round(free.apr_eu, 9)) == (0, 0)
    dearer = schedule(Decimal(100), rate=0.0, months=3, start=START, fee=Decimal(2))
    assert dearer.cost == 2
    assert dearer.apr_eu > 0.1


def test_payments_fall_on_the_last_day_of_a_month_that_is_short() -> None:
    plan = schedule(Decimal(400), rate=0.1, months=4, start=date(2027, 10, 31))
    assert [line.due for line in plan.lines] == [
        date(2027, 11, 30),
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
    ]


@pytest.mark.parametrize(
    ("amount", "options"),
    [
        ("0", {}),
        ("-5", {}),
        ("10", {"months": 0}),
        ("10", {"rate": -0.1}),
        ("10", {"fee": Decimal(10)}),
        ("0.02", {"months": 12}),
    ],
)
def test_what_cannot_be_paid_back_is_refused(amount: str, options: dict[str, object]) -> None:
    asked = {"rate": 0.2, "months": 3, "start": START} | options
    with pytest.raises(PolicyError, match=r"cannot be paid back|too small to be paid back"):
        schedule(Decimal(amount), **asked)  # type: ignore[arg-type]


@given(AMOUNTS, st.integers(0, 12), st.decimals(1, 5_000, places=2))
@settings(max_examples=50, deadline=None)
def test_offers_are_within_the_grade_and_what_a_month_can_bear(amount: Decimal, most: int, bears: Decimal) -> None:
    assume(amount > 10)
    found = offers(amount, rate=0.24, most=most, months=(12, 3, 6, 3), affordable=bears, start=START)
    assert all(len(plan.lines) <= most and plan.payment <= bears for plan in found)
    assert [len(plan.lines) for plan in found] == sorted({len(plan.lines) for plan in found})
    unbound = offers(amount, rate=0.24, most=12, months=(3, 6, 12), affordable=None, start=START)
    assert [len(plan.lines) for plan in unbound] == [3, 6, 12]
    costs = [plan.cost for plan in unbound]
    assert costs == sorted(costs)  # longer is dearer


def test_a_grade_above_the_legal_cap_is_refused_with_its_line(tmp_path) -> None:
    text = DEFAULT_POLICY.read_text()
    path = tmp_path / "capped.yaml"
    path.write_text(text + "\nlegal_cap: 0.20\n")
    with pytest.raises(PolicyError, match="line") as refused:
        load_policy(path)
    assert "at most the legal cap of 0.2" in str(refused.value)
    path.write_text(text + "\nlegal_cap: 0.36\n")
    assert load_policy(path).legal_cap == 0.36
