"""What a policy says of a decision, in both languages."""

from __future__ import annotations

import re
import string

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_eval.core.errors import PolicyError
from credit_eval.language.reasons import HELPS, LENDERS_ACTS, REASONS
from credit_eval.policy.decide import decide
from credit_eval.policy.facts import SAID, as_facts, as_text, fact, helps, told
from credit_eval.policy.limits import CONSTRAINTS, REFERRALS
from credit_eval.policy.sentences import _BOUND
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
from tests.policy_rows import decided, policies, policy_rows

#: Latin letters and digits may stand in Chinese; their punctuation may not, but for the points and commas of numbers.
HALF_WIDTH = re.compile(r"[;:!?()]|[,.](?!\d)")


def fields(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in string.Formatter().parse(text) if name})


@pytest.mark.parametrize("code", SAID)
def test_both_languages_tell_the_same_values(code):
    said = SAID[code]
    assert fields(said.text.en) == fields(said.text.zh)
    assert not HALF_WIDTH.search(said.text.zh)
    for help_ in filter(None, [said.helps]):
        assert help_.en
        assert not HALF_WIDTH.search(help_.zh)


def test_every_constraint_and_referral_has_words():
    assert set(_BOUND) == set(CONSTRAINTS)
    assert {f"refer_{name}" for name in REFERRALS if name} <= set(SAID)


PROBABILITY = st.floats(0, 1) | st.sampled_from([0.4, 0.5, 0.50000001])


@settings(max_examples=150)
@given(policies(low=True), PROBABILITY, st.none() | st.integers(0, 5000), st.integers(0, 900), st.data())
def test_the_facts_that_are_recorded_tell_the_sentence_and_chinese_tells_the_same_numbers(policy, p, line, owed, data):
    asked = None if line is not None else data.draw(st.none() | st.integers(0, 3000))
    standing = {
        "overdue": data.draw(st.booleans()),
        "in_default": data.draw(st.booleans()),
        "was_restricted": data.draw(st.booleans()),
        "days_since_cure": data.draw(st.sampled_from([float("nan"), 3.0, 800.0])),
        "data_age": data.draw(st.sampled_from([0.0, 99.0])),
    }
    row = decided(policy, p, line, owed, data.draw(st.sampled_from([float("nan"), 0.0, 700.0])), asked, **standing)
    facts = as_facts(row["policy_facts"][0])
    assert as_text(facts) == row["policy_facts"][0]
    assert told(facts) == row["policy_reason"][0]
    chinese = told(facts, "CNY", "zh")
    assert not HALF_WIDTH.search(chinese)
    numbers = [sorted(re.findall(r"\d[\d,.]*\d|\d", text)) for text in (told(facts, "CNY"), chinese)]
    few = [set(each) - {"30", "1"} for each in numbers]  # "a month" and "1个月"
    assert few[0] == few[1]


def test_a_decision_is_told_in_the_language_that_is_asked_for():
    rows = policy_rows(customer_id=["c"], p_default=[0.62], limit_previous=[300.0], balance=[80.25], capacity=[9.0])
    row = decide(rows, load_policy(DEFAULT_POLICY), calibrated=True, language="zh").iloc[0]
    assert row["policy_reason"] == "不新增授信：违约概率0.620高于0.50；额度保留至待还余额80.25"
    assert told(as_facts(row["policy_facts"]), "CNY", "en") == (
        "no new credit: p_default 0.620 is above 0.50; kept at the balance owed of 80.25 CNY"
    )


def test_a_decision_without_words_is_the_same_decision():
    rows = policy_rows(customer_id=["c"], p_default=[0.62], limit_previous=[300.0], balance=[80.25], capacity=[9.0])
    told, bare = (decide(rows, load_policy(DEFAULT_POLICY), calibrated=True, wordless=each) for each in (False, True))
    words = ["policy_reason", "policy_facts"]
    pd.testing.assert_frame_equal(told.drop(columns=words), bare.drop(columns=words))
    assert told["policy_reason"][0]
    assert not bare["policy_reason"][0]
    assert as_facts(bare["policy_facts"][0]) == ()


def test_a_rule_without_words_in_a_language_is_refused():
    young = {"because": "too young", "because_zh": None, "rule": "young"}
    with pytest.raises(PolicyError, match="rule young of the policy has no words in Chinese"):
        told([fact("rule", **young)], "CNY", "zh")
    assert told([fact("rule", **young | {"because_zh": "未满十八岁"})], "CNY", "zh") == (
        "不新增授信：未满十八岁（规则young）"
    )
    assert told([fact("rule", **young)]) == "no new credit: too young (rule young)"


def test_what_would_help_is_said_once():
    facts = (fact("overdue"), fact("grade_cap", grade="D", cap=600.0), fact("first_share", share=0.5))
    assert len(helps(facts)) == 2
    assert helps(facts)[0] == "paying what is overdue"
    assert helps(facts, language="zh")[0] == "还清逾期账单"
    assert helps([fact("stale_data", age=50.0)]) == []
    assert helps([fact("stale_data", age=50.0)], ["R_UTILISATION", "R_SPENDING_LEVEL"]) == [
        "paying back some of what is owed"
    ]


def test_what_would_help_is_of_reasons_that_there_are():
    assert set(HELPS) <= set(REASONS) - LENDERS_ACTS
    assert not any(HALF_WIDTH.search(text.zh) for text in HELPS.values())
