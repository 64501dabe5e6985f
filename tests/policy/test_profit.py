"""The profit of a limit: its formula, the best limit by trying all, and that no dearer price buys anybody more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_rows import MONEY, PROBABILITIES, decided, policies, policy_rows

from credit_eval.policy.decide import decide
from credit_eval.policy.losses import Losses, losses
from credit_eval.policy.profit import Book, expected_loss, margin, most_profitable, profit_at
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, Profit, load_policy

SAID = {"use": 0.2, "demand_months": 3, "funding_rate": 0.05, "operating_cost": 3.65}
PLAIN = load_policy(DEFAULT_POLICY)
POLICY = Policy.model_validate(PLAIN.model_dump() | {"profit": SAID})
CHEAP = Losses(lgd=0.5, ccf=0.1, lgd_is="measured", ccf_is="measured", window_days=100)


def book(p: float, grade: int, balance: float, capacity: float, *, loan: bool = False) -> Book:
    rows = (np.array([x]) for x in (p, grade, balance, capacity, loan))
    return Book(*rows)  # type: ignore[arg-type]


def test_by_hand() -> None:
    """Grade C pays 18 %: 100 owed of 300, a fifth of the free 200 drawn; 100 of 365 days."""
    one = book(0.10, 2, 100.0, 500.0)
    assert expected_loss(one, np.array([300.0]), CHEAP) == pytest.approx([0.1 * 0.5 * (100 + 0.1 * 200)])
    earned = 0.9 * (0.18 - 0.05) * (100 + 0.2 * 200) * 100 / 365
    assert profit_at(one, np.array([300.0]), POLICY, CHEAP) == pytest.approx([earned - 6.0 - 1.0])
    assert most_profitable(one, POLICY, CHEAP) == pytest.approx([100 + 3 * 500 / 0.2])
    assert margin(0.10, 0.18, Profit(**SAID), CHEAP) == pytest.approx(0.9 * 0.13 * 0.2 * 100 / 365 - 0.005)


def test_a_loan_is_drawn_whole() -> None:
    one = book(0.02, 0, 50.0, 500.0, loan=True)
    assert expected_loss(one, np.array([200.0]), CHEAP) == pytest.approx([0.02 * 0.5 * 250])
    assert profit_at(one, np.array([200.0]), POLICY, CHEAP) == pytest.approx(
        [0.98 * 0.07 * 250 * 100 / 365 - 0.02 * 0.5 * 250 - 1.0]
    )
    assert most_profitable(one, POLICY, CHEAP) == [np.inf]
    assert most_profitable(book(0.2, 3, 50.0, 500.0, loan=True), POLICY, CHEAP) == [0.0]  # 24 % a year bears no 20 %


def test_where_nothing_is_said_of_profit_nothing_binds_and_nothing_is_told() -> None:
    one = book(0.9, 6, 0.0, 0.0)
    assert most_profitable(one, PLAIN, CHEAP) == [np.inf]
    assert np.isnan(profit_at(one, np.array([10.0]), PLAIN, CHEAP)).all()


@given(PROBABILITIES, MONEY, MONEY, st.floats(0.01, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_no_limit_earns_more_than_the_best(
    p: float, balance: float, capacity: float, ccf: float, lgd: float, use: float
) -> None:
    policy = Policy.model_validate(PLAIN.model_dump() | {"profit": SAID | {"use": use, "operating_cost": 0}})
    costs = Losses(max(lgd, 0.01), ccf, "assumed", "assumed", 120)
    one = book(p, 0, balance, capacity)
    (best,) = np.minimum(most_profitable(one, policy, costs), 1e6)
    tried = np.unique(np.concatenate([np.linspace(balance, balance + 5000, 60), [best]]))
    many = Book(*(np.repeat(x, len(tried)) for x in vars(one).values()))
    earned = profit_at(many, tried, policy, costs)
    assert earned[tried == best] >= earned.max() - 1e-9 * max(1.0, abs(earned.max()))


@given(policies(), st.lists(PROBABILITIES, min_size=2, max_size=30), MONEY, MONEY)
def test_a_dearer_grade_buys_nobody_more(policy: Policy, p: list[float], balance: float, capacity: float) -> None:
    for requested in (None, 400.0):
        line = None if requested else 300.0
        found = decided(policy, sorted(p), line, balance, capacity, requested)
        assert (found["limit_new"].diff().dropna() <= 0).all()
        assert (found["expected_loss"] >= 0).all()


def test_what_bound_and_the_profit_on_either_side() -> None:
    rows = policy_rows(customer_id=["c"], p_default=[0.19], limit_previous=[300.0], balance=[100.0], capacity=[5000.0])
    row = decide(rows, POLICY, calibrated=True, losses=losses(POLICY, None)).iloc[0]
    assert (row["decision"], row["limit_new"], row["limit_bound_by"]) == ("reduce", 100, "profit")
    assert row["policy_reason"] == "limit set where a higher one is not expected to earn more"
    assert row["profit_above"] < row["profit"]
    assert row["profit_below"] == row["profit"]  # a limit below what is owed earns and costs the same
    assert row["expected_loss"] == pytest.approx(0.19 * 0.6 * 100)
    without = decide(rows, PLAIN, calibrated=True).iloc[0]
    assert pd.isna(without["profit"])
    assert without["expected_loss"] == pytest.approx(0.19 * 0.6 * (100 + 0.75 * (without["limit_new"] - 100)))
