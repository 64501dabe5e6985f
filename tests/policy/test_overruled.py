"""What people decide over the policy: what it lifts, what it never lifts, and how it is told."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from policy_rows import LINES, MONEY, PROBABILITIES, policies, policy_rows

from credit_eval.core.errors import PolicyError
from credit_eval.policy.decide import decide, is_adverse
from credit_eval.policy.facts import as_facts, told
from credit_eval.policy.overruled import COLUMNS
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, load_policy
from credit_eval.policy.words import WHY, WHY_ALLOWED, WHY_STOPPED

POLICY = load_policy(DEFAULT_POLICY)


def overruled(
    policy: Policy,
    p: object,
    line: float | None,
    balance: float,
    *,
    allowed: float = math.nan,
    stopped: bool = False,
    requested: float = math.nan,
    **standing: object,
) -> pd.DataFrame:
    given = {"p_default": p, "limit_previous": np.nan if line is None else line, "balance": balance, "capacity": 500.0}
    n = np.size(p)
    rows = policy_rows(customer_id=[f"c{i}" for i in range(n)], requested=requested, **given, **standing)
    why = "unverified" if stopped else "one_off"
    told = rows.assign(
        override_allowed=allowed,
        override_stopped=stopped,
        override_until="2026-05-31",
        override_why=why,
        override_entry=7,
    )
    return decide(told, policy, calibrated=True, currency="CNY")


#: p_default, line, balance, what a person allowed; decision, limit, what bound, what decided.
ALLOWED = {
    "a restricted line stays": (0.62, 300.0, 80.0, 300.0, "hold", 300.0, "override", "override"),
    "a restricted line is lifted in part": (0.62, 300.0, 80.0, 200.0, "reduce", 200.0, "override", "score"),
    "a line is opened": (0.62, None, 0.0, 200.0, "approve", 200.0, "override", "override"),
    "less than is owed": (0.62, 300.0, 80.0, 50.0, "restrict", 80.0, "restriction", "score"),
    "the policy gives more": (0.12, 300.0, 100.0, 310.0, "approve", 330.0, "expected_loss_budget", "score"),
    "more than the budget": (0.12, 300.0, 100.0, 500.0, "approve", 500.0, "override", "override"),
    "more than the exposure cap": (0.12, 300.0, 100.0, 1e9, "approve", 5000.0, "override", "override"),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_a_person_allows(case: str) -> None:
    p, line, balance, allowed, *expected = ALLOWED[case]
    policy = POLICY.with_(exposure_cap=5000.0)
    row = overruled(policy, p, line, balance, allowed=allowed).iloc[0]
    assert [row["decision"], row["limit_new"], row["limit_bound_by"], row["decided_by"]] == expected


def test_the_rate_and_the_instalments_stay_those_of_the_grade() -> None:
    row = overruled(POLICY, 0.62, 300.0, 80.0, allowed=300.0).iloc[0]
    riskiest = POLICY.grades[-1]
    assert (row["grade"], row["apr"], row["max_installments"]) == (
        riskiest.grade,
        riskiest.apr,
        riskiest.max_installments,
    )


def test_a_raise_that_waits_for_a_person_waits_no_longer() -> None:
    policy = POLICY.with_(p_default_above=0.05)
    assert overruled(policy, 0.12, 300.0, 100.0)["decision"].item() == "refer"
    row = overruled(policy, 0.12, 300.0, 100.0, allowed=320.0).iloc[0]
    assert (row["decision"], row["limit_new"], row["decided_by"]) == ("approve", 320.0, "override")


def test_nobody_lifts_a_default_or_a_rule_but_it_is_told_that_somebody_tried() -> None:
    row = overruled(POLICY, 0.12, 300.0, 80.0, allowed=300.0, in_default=True).iloc[0]
    assert (row["limit_new"], row["limit_bound_by"]) == (80.0, "in_default")
    assert "gives way" in row["policy_reason"]
    rule = {"name": "late", "when": "days_past_due > 5", "then": "decline", "because": "late", "because_zh": "逾期"}
    policy = Policy.model_validate(POLICY.model_dump() | {"rules": (rule,)})
    row = overruled(policy, 0.12, 300.0, 80.0, allowed=300.0, days_past_due=9.0).iloc[0]
    assert (row["limit_new"], row["limit_bound_by"]) == (80.0, "rule")


def test_a_stop_takes_all_that_is_not_owed_whatever_the_score() -> None:
    rows = overruled(POLICY, [0.0, 0.12, 0.62], 300.0, 80.0, stopped=True)
    assert rows["limit_new"].tolist() == [80.0] * 3
    assert rows["decided_by"].tolist() == ["override_stop", "override_stop", "score"]
    assert is_adverse(rows).all()
    assert (rows["max_installments"] == 0).all()
    assert rows["policy_reason"].str.contains("details could not be verified").all()


@given(policies(low=True), st.lists(PROBABILITIES, min_size=2, max_size=12), LINES, MONEY, MONEY, st.booleans())
@example(POLICY, [0.1, 0.4, 0.5, 0.5000001, 0.9], 300.0, 100.0, 250.0, False)
def test_the_riskier_of_two_who_were_allowed_the_same_never_gets_more(policy, p, line, balance, allowed, stopped):
    found = overruled(policy, sorted(p), line, balance, allowed=allowed, stopped=stopped)
    assert (found["limit_new"].diff().dropna() <= 0).all()


@given(policies(low=True), PROBABILITIES, LINES, MONEY, MONEY, st.none() | MONEY)
def test_whom_a_person_allows_something_never_gets_less_nor_more_than_was_allowed(
    policy, p, line, balance, allowed, asked
):
    asked = math.nan if asked is None or line is not None else asked
    without = overruled(policy, p, line, balance, requested=asked).iloc[0]
    found = overruled(policy, p, line, balance, allowed=allowed, requested=asked).iloc[0]
    cap = min(policy.money(policy.limits.exposure_cap), math.inf if math.isnan(asked) else asked)
    assert found["limit_new"] >= without["limit_new"]
    assert found["limit_new"] <= max(without["limit_new"], min(allowed, cap))
    assert found["apr"] == without["apr"]
    if found["limit_new"] != without["limit_new"]:
        assert found["limit_bound_by"] == "override"


@given(PROBABILITIES, LINES, MONEY, MONEY, st.booleans(), st.booleans())
def test_both_languages_tell_the_same_of_it(p, line, balance, allowed, stopped, in_default):
    row = overruled(POLICY, p, line, balance, allowed=allowed, stopped=stopped, in_default=in_default).iloc[0]
    facts = as_facts(row["policy_facts"])
    assert told(facts, "CNY") == row["policy_reason"]
    numbers = [sorted(re.findall(r"\d[\d,.]*\d|\d", told(facts, "CNY", language))) for language in ("en", "zh")]
    assert numbers[0] == numbers[1]


def test_without_overrides_nothing_is_another() -> None:
    rows = policy_rows(customer_id=["a"], p_default=[0.1], limit_previous=[300.0], balance=[0.0], capacity=[500.0])
    nobody = rows.assign(override_allowed=np.nan, override_stopped=False, override_until="", override_why="")
    pd.testing.assert_frame_equal(
        decide(rows, POLICY, calibrated=True), decide(nobody.assign(override_entry=-1), POLICY, calibrated=True)
    )


def test_half_a_word_and_no_amount_are_refused() -> None:
    rows = policy_rows(customer_id=["a"], p_default=[0.1], limit_previous=[300.0], balance=[0.0], capacity=[500.0])
    with pytest.raises(PolicyError, match="in part"):
        decide(rows.assign(override_allowed=3.0), POLICY, calibrated=True)
    with pytest.raises(PolicyError, match="override_allowed"):
        overruled(POLICY, 0.1, 300.0, 0.0, allowed=-1.0)


def test_reasons_have_words_that_fit_into_both_sentences() -> None:
    assert not set(WHY_ALLOWED) & set(WHY_STOPPED)
    assert len(COLUMNS) == 5
    for text in WHY.values():
        assert not text.en.endswith(".")
        assert not text.zh.endswith("。")
