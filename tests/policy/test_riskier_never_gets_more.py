"""Properties of every decision under policies of any shape: order by risk, idempotence, the balance owed."""

import math

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from policy_rows import EDGES, LINES, MONEY, PROBABILITIES, decided, policies

from credit_eval.policy.settings import DEFAULT_POLICY, load_policy


@given(policies(), st.lists(PROBABILITIES, min_size=2, max_size=30), LINES, MONEY, LINES)
@example(load_policy(DEFAULT_POLICY), [*EDGES, *np.linspace(0, 1, 301)], 300.0, 100.0, 500.0)
@example(load_policy(DEFAULT_POLICY), [*EDGES, *np.linspace(0, 1, 301)], None, 0.0, None)
@example(load_policy(DEFAULT_POLICY), [*EDGES, *np.linspace(0, 1, 301)], 55.55, 70.0, 5000.0)
def test_riskier_never_gets_more_and_never_pays_less(policy, p, line, balance, capacity):
    found = decided(policy, sorted(p), line, balance, capacity)
    assert (found["limit_new"].diff().dropna() <= 0).all()
    assert (found["apr"].diff().dropna() >= 0).all()
    assert (found["max_installments"].diff().dropna() <= 0).all()


@given(policies(), st.lists(PROBABILITIES, min_size=2, max_size=30), MONEY, LINES, MONEY)
@example(load_policy(DEFAULT_POLICY), [*EDGES, *np.linspace(0, 1, 301)], 100.0, 500.0, 370.0)
@example(load_policy(DEFAULT_POLICY), [*EDGES, *np.linspace(0, 1, 301)], 0.0, None, 204.5)
def test_riskier_never_gets_more_of_a_loan_and_never_more_than_asked(policy, p, balance, capacity, asked):
    found = decided(policy, sorted(p), None, balance, capacity, asked)
    limits = found["limit_new"]
    assert (limits.diff().dropna() <= 0).all()
    assert (limits <= asked).all()
    in_full = found["decision"] == "approve"
    assert (limits[in_full] == asked).all()
    assert (found["decision"][(limits > 0) & (limits < asked)] == "reduce").all()
    assert not ((found["decision"] == "decline") & (limits > 0)).any()


@given(policies(), PROBABILITIES, LINES, MONEY, st.lists(MONEY, min_size=2, max_size=20))
@example(load_policy(DEFAULT_POLICY), 0.01, None, 0.0, [0.01, 1.0, 166.66, 166.67, 500.0, 5000.0])
@example(load_policy(DEFAULT_POLICY), 0.30, 300.0, 20.0, [0.01, 1.0, 199.99, 200.0, 5000.0])
def test_who_shows_more_spending_never_gets_less(policy, p, line, balance, capacities):
    found = decided(policy, p, line, balance, [math.nan, 0.0, *sorted(capacities)])
    assert (found["limit_new"].diff().dropna() >= 0).all()


@given(policies(raises_capped=True), PROBABILITIES, MONEY, LINES)
def test_a_line_of_0_is_reopened_at_most_as_small_as_a_thin_file(policy, p, balance, capacity):
    row = decided(policy, p, 0.0, balance, capacity).iloc[0]
    grade = next(g for g in policy.grades if p <= g.up_to)
    assert row["limit_new"] <= policy.money(grade.thin_file_cap) * (1 + 1e-8)


@given(policies(raises_capped=False), PROBABILITIES, LINES, MONEY, LINES)
def test_deciding_again_changes_nothing(policy, p, line, balance, capacity):
    first = decided(policy, p, line, balance, capacity).iloc[0]
    again = decided(policy, p, first["limit_new"], balance, capacity).iloc[0]
    assert again["limit_new"] == first["limit_new"]
    assert again["decision"] != "reduce"


@settings(max_examples=40)
@given(policies(raises_capped=True), PROBABILITIES, LINES, MONEY, LINES)
def test_a_line_that_grows_by_steps_never_shrinks_on_the_way(policy, p, line, balance, capacity):
    limit, decisions = line, []
    for _ in range(4):
        row = decided(policy, p, limit, balance, capacity).iloc[0]
        decisions.append((row["decision"], row["limit_new"]))
        limit = row["limit_new"]
    assert [d for d, _ in decisions[1:]].count("reduce") == 0
    limits = [amount for _, amount in decisions]
    assert limits == sorted(limits)


@given(policies(), PROBABILITIES, LINES, MONEY, LINES)
def test_limits_keep_to_every_constraint_and_to_the_balance(policy, p, line, balance, capacity):
    row = decided(policy, p, line, balance, capacity).iloc[0]
    had, limit = line or 0.0, row["limit_new"]
    assert limit >= min(had, balance)
    grade = next(g for g in policy.grades if p <= g.up_to)
    loss = policy.expected_loss
    allowed = [policy.money(grade.limit_cap), policy.money(policy.limits.exposure_cap)]
    allowed.append(max(policy.money(grade.thin_file_cap), grade.capacity_multiple * (capacity or 0.0)))
    if p > policy.restriction.threshold:
        assert limit == min(had, balance)
    elif limit > balance:
        assert limit <= max(allowed) * (1 + 1e-9)
        assert limit <= min(allowed) + policy.money(policy.limits.step) * 1e-8
        lost = p * loss.lgd * (balance + loss.ccf * (limit - balance))
        assert lost <= policy.money(loss.budget) * (1 + 1e-6)


@given(policies(), PROBABILITIES, LINES, MONEY, LINES)
def test_the_word_of_the_decision_fits_the_numbers(policy, p, line, balance, capacity):
    row = decided(policy, p, line, balance, capacity).iloc[0]
    had, limit = line or 0.0, row["limit_new"]
    fits = {
        "approve": limit > had,
        "hold": line is not None and limit == had,
        "reduce": limit < had,
        "restrict": line is not None and p > 0.5,
        "decline": line is None and limit == 0,
        "refer": limit == had and p <= 0.5,
    }
    assert fits[row["decision"]]
    assert (row["limit_bound_by"] == "restriction") == (p > 0.5)
    assert row["policy_reason"]
    assert (row["max_installments"] == 0) == (p > 0.5 or (limit == 0 and row["decision"] != "refer"))


@given(
    policies(low=True, priced=True), st.lists(PROBABILITIES, min_size=2, max_size=20), LINES, MONEY, LINES,
    st.booleans(), st.sampled_from([math.nan, 0.0, 30.0]), st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 60.0]),
)  # fmt: skip
def test_whatever_is_remembered_and_however_slowly_lines_move(
    policy, p, line, balance, capacity, restricted, below, months, late
):
    """Riskier never gets more nor pays less, above the threshold nobody gets new credit, cuts keep their pace."""
    told = {"was_restricted": restricted, "days_below": below, "overdue": late > 0, "days_past_due": late}
    told["months_since_limit_change"] = math.nan if line is None else months
    told["days_since_limit_change"] = math.nan if line is None else 31 * months
    found = decided(policy, sorted(p), line, balance, capacity, **told)
    assert (found["limit_new"].diff().dropna() <= 0).all()
    assert (found["apr"].diff().dropna() >= 0).all()
    had = line or 0.0
    for row, at in zip(found.itertuples(), sorted(p), strict=True):
        if at > 0.5 or (restricted and not (at < 0.4 and below >= 30)):
            assert row.limit_new == min(had, balance)
        elif policy.movement.max_decrease and late < 30 and row.limit_bound_by != "legal_cap":
            most = had if months < 1 else had * policy.movement.max_decrease
            assert row.limit_new >= (had if months < 1 else had - most) - 1e-6


@given(policies(low=True), PROBABILITIES, LINES, MONEY, MONEY, MONEY, MONEY)
def test_borrowing_buys_no_credit(policy, p, line, balance, more_debt, capacity, less_capacity):
    """Less own money, more debts and a larger balance never leave more that can still be drawn."""
    now = decided(policy, p, line, balance, [capacity]).iloc[0]
    then = decided(policy, p, line, balance + more_debt, [max(capacity - less_capacity, 0.0)]).iloc[0]
    free_now, free_then = now["limit_new"] - balance, then["limit_new"] - balance - more_debt
    assert max(free_then, 0.0) <= max(free_now, 0.0) + policy.money(policy.limits.step) + 1e-6
