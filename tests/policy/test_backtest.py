"""Two policies on past outcomes: shares by hand, intervals that cover the truth, what theory says of a cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from policy_rows import policy_rows

from credit_eval.core.errors import PolicyError, SampleError
from credit_eval.core.statistics import auc, delta_interval, ratio_interval
from credit_eval.policy.backtest import Backtest, backtest, expected_cut
from credit_eval.policy.decide import decide
from credit_eval.policy.losses import losses
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, load_policy

POLICY = load_policy(DEFAULT_POLICY)
STRICT = POLICY.with_(threshold=0.3)


def observed(n: int = 6_000, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Customers seen twice, who default with the probability that is said, and together."""
    rng = np.random.default_rng(seed)
    p = np.repeat(rng.beta(0.7, 5, n // 2), 2)
    y = np.repeat(rng.random(n // 2), 2) < p
    line = np.arange(n) % 5 > 0
    frame = policy_rows(
        customer_id=np.repeat([f"c{i}" for i in range(n // 2)], 2),
        p_default=p,
        limit_previous=np.where(line, 300.0, np.nan),
        balance=np.where(line, 120.0, 0.0),
        capacity=np.full(n, 400.0),
    )
    return frame, y.astype(float)


def held_against(*policies: Policy, n: int = 6_000) -> Backtest:
    frame, y = observed(n)
    return backtest(policies, [frame, frame], y, [losses(policy, None) for policy in policies])


def test_shares_and_money_are_those_of_the_decisions() -> None:
    frame, y = observed()
    found, lost = held_against(POLICY, STRICT), losses(STRICT, None)
    decided = decide(frame, STRICT, calibrated=True, losses=lost)
    out = decided["decision"].isin(["restrict", "decline"]).to_numpy()
    told = found.outcomes[1]
    assert told.stopped.value == pytest.approx(out.mean())
    assert told.rate.value == pytest.approx(y[~out].mean())
    assert told.cut.value == pytest.approx(1 - y[~out].mean() / y.mean())
    assert told.bads_stopped.value == pytest.approx(y[out].sum() / y.sum())
    assert told.goods_per_bad == pytest.approx((1 - y[out]).sum() / y[out].sum())
    limit, balance = decided["limit_new"].to_numpy(), frame["balance"].to_numpy()
    owed = balance + lost.ccf * np.maximum(limit - balance, 0)
    assert told.loss.value == pytest.approx((y * lost.lgd * owed).sum())
    assert told.expected_loss == pytest.approx(decided["expected_loss"].sum())
    assert told.limits == limit.sum()


def test_differences_are_paired_and_the_swap_set_holds_every_row_once() -> None:
    found = held_against(POLICY, STRICT)
    one, other = found.outcomes
    assert found.rate_difference.value == pytest.approx(other.rate.value - one.rate.value)
    apart = found.rate_difference.high - found.rate_difference.low
    assert apart < one.rate.high - one.rate.low
    assert sum(swap.n for swap in found.swaps) == 6_000
    assert sum(swap.bads for swap in found.swaps) == one.bads
    alone = {swap.who: swap for swap in found.swaps}
    assert alone["the first alone"].n == 0  # a lower threshold stops whom the higher one does
    assert alone["the second alone"].n > 0


def test_realised_profit_is_at_the_rate_that_was_asked_for() -> None:
    profit = {"use": 0.5, "demand_months": 2, "funding_rate": 0.04, "operating_cost": 1.0}
    content = POLICY.model_dump() | {"profit": profit, "price": {"by": "customer"}, "legal_cap": 0.9}
    policy, (frame, y) = Policy.model_validate(content), observed(2_000)
    lost = losses(policy, None)
    found = backtest([policy, policy], [frame, frame], y, [lost, lost]).outcomes[0]
    decided = decide(frame, policy, calibrated=True)
    assert decided["apr"].nunique() > 20
    free = (decided["limit_new"] - frame["balance"]).clip(lower=0)
    thin = np.array([grade.thin_file_cap for grade in policy.grades])[
        np.searchsorted([grade.up_to for grade in policy.grades], frame["p_default"])
    ]
    drawn = np.minimum(0.5 * free, np.maximum(2 * frame["capacity"], 0.5 * thin))
    years = lost.window_days / 365
    earned = (1 - y) * (decided["apr"] - 0.04) * (frame["balance"] + drawn) * years
    cost = np.where(decided["limit_new"] > 0, 1.0, 0.0) * years
    assert found.profit.value == pytest.approx((earned - cost).sum() - found.loss.value)


def test_segments_hold_every_row_once_and_are_what_they_say() -> None:
    frame, y = observed()
    late = np.where(np.arange(len(y)) % 4 == 0, "late", "current")
    few = np.where(np.arange(len(y)) < 12, "few", "many")
    both = [losses(POLICY, None)] * 2
    found = backtest([POLICY, STRICT], [frame, frame], y, both, {"arrears": late, "size": few})
    first = [one for one in found.segments if one.policy == found.outcomes[0].policy]
    for by in ("arrears", "size"):
        assert sum(one.n for one in first if one.by == by) == len(y)
        assert sum(one.bads for one in first if one.by == by) == found.outcomes[0].bads
    current = next(one for one in first if one.name == "current")
    mine = late == "current"
    decided = decide(frame, POLICY, calibrated=True)["decision"].isin(["restrict", "decline"]).to_numpy()
    assert current.stopped.value == pytest.approx(decided[mine].mean())
    assert current.rate.value == pytest.approx(y[mine & ~decided].mean())
    alone = backtest([POLICY, STRICT], [frame[mine]] * 2, y[mine], both)
    assert (current.rate.low, current.rate.high) == pytest.approx(
        (alone.outcomes[0].rate.low, alone.outcomes[0].rate.high)
    )
    small = next(one for one in first if one.name == "few")
    assert small.stopped is small.rate is small.loss is None


def test_a_policy_beside_itself_differs_in_nothing() -> None:
    found = held_against(POLICY, POLICY)
    assert (found.rate_difference.value, found.loss_difference.value) == (0.0, 0.0)
    assert found.rate_difference.high == pytest.approx(0, abs=1e-9)


def test_in_harder_times_more_are_stopped_and_as_many_are_expected_as_said() -> None:
    found = held_against(POLICY, STRICT)
    frame, _ = observed()
    for told in found.harder:
        assert told.rate_of_all == pytest.approx(told.factor * frame["p_default"].mean())
        assert told.rate < told.rate_of_all
    first = [told for told in found.harder if told.policy == found.outcomes[0].policy]
    assert first[0].stopped < first[1].stopped
    assert first[0].stopped > found.outcomes[0].stopped.value


def test_the_frontier_is_the_rule_alone() -> None:
    frame, y = observed()
    found = held_against(POLICY, STRICT)
    for point in found.frontier:
        kept = frame["p_default"] <= point.threshold
        assert point.stopped == pytest.approx(1 - kept.mean())
        assert point.cut.value == pytest.approx(1 - y[kept].mean() / y.mean())
    assert [point.stopped for point in found.frontier] == sorted((p.stopped for p in found.frontier), reverse=True)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 0.4), st.floats(0.55, 0.95), st.floats(0.1, 0.9))
def test_theory_is_what_a_simulation_of_it_gives(rate: float, area: float, threshold: float) -> None:
    from scipy.stats import norm

    x = np.linspace(-12, 16, 200_001)
    apart = 2**0.5 * norm.ppf(area)
    bads, goods = rate * norm.pdf(x, apart), (1 - rate) * norm.pdf(x)
    kept = bads / (bads + goods + 1e-300) <= threshold
    mass = bads[kept].sum() + goods[kept].sum()
    assume(mass / (bads + goods).sum() > 1e-6)
    left = bads[kept].sum() / mass
    assert expected_cut(rate, area, threshold) == pytest.approx(1 - left / rate, abs=2e-3)


def test_a_score_that_ranks_nobody_cuts_nothing_and_nobody_left_has_no_rate() -> None:
    assert expected_cut(0.1, 0.5, 0.5) == 0.0
    assert np.isnan(expected_cut(0.375, 0.5508, 0.05))


def test_two_currencies_and_too_few_outcomes_are_refused() -> None:
    frame, y = observed(200)
    euro, yuan = (POLICY.model_copy(update={"currency": code}) for code in ("EUR", "CNY"))
    with pytest.raises(PolicyError, match="different currencies"):
        backtest([yuan, euro], [frame, frame], y, [losses(POLICY, None)] * 2)
    with pytest.raises(SampleError, match="too few outcomes"):
        backtest([POLICY, STRICT], [frame, frame], np.zeros(len(y)), [losses(POLICY, None)] * 2)


# The interval -----------------------------------------------------------------------------------------------


def test_the_interval_of_a_ratio_is_that_of_linearisation() -> None:
    frame, y = observed()
    p = frame["p_default"].to_numpy()
    expected = ratio_interval(y, p, groups=frame["customer_id"])
    found = delta_interval(lambda s: s[0] / s[1], np.column_stack([y, p]), groups=frame["customer_id"])
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high), rel=1e-6
    )


def test_the_interval_of_a_cut_covers_the_truth_as_often_as_it_says() -> None:
    whole, _ = observed(400_000, seed=0)
    p = whole["p_default"].to_numpy()
    truth = 1 - p[p <= 0.5].mean() / p.mean()
    inside = 0
    for seed in range(200):
        frame, y = observed(2_000, seed=seed + 10)
        kept = (frame["p_default"].to_numpy() <= 0.5).astype(float)
        columns = np.column_stack([kept * y, kept, y, np.ones(y.size)])
        found = delta_interval(lambda s: 1 - s[0] / s[1] / (s[2] / s[3]), columns, groups=frame["customer_id"])
        inside += found.low <= truth <= found.high
    assert 180 <= inside <= 198


def test_the_area_is_of_the_rows() -> None:
    frame, y = observed()
    assert held_against(POLICY, STRICT).auc.value == pytest.approx(auc(y, frame["p_default"]))
