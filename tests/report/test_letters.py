"""Letters: every adverse decision has a reason that may be told, in both languages, and nothing internal is one."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_eval.core.errors import PolicyError
from credit_eval.language.words import Text
from credit_eval.policy.decide import BY_SCORE, is_adverse
from credit_eval.policy.facts import as_facts
from credit_eval.policy.limits import CONSTRAINTS
from credit_eval.policy.words import WHY
from credit_eval.report.letter_words import DECIDED, RIGHTS, RIGHTS_BY_PERSON, RULES, WORDS
from credit_eval.report.letters import _reasons, _rights, _said, check_letters, letter_name
from tests.policy_rows import LINES, MONEY, PROBABILITIES, decided, policies

#: Punctuation of Latin text in Chinese, but for points and commas within numbers.
HALF_WIDTH = re.compile(r"[;:!?()]|[,.](?!\d)")
INTERNAL = re.compile(r"p_default|threshold|budget|score|违约概率|阈值|预算|评分")
RIGHTS_OF_ALL = [text for texts in RIGHTS.values() for text in texts]
TEXTS = [*RULES.values(), *DECIDED.values(), *WORDS.values(), *RIGHTS_OF_ALL, *RIGHTS_BY_PERSON.values()]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.en[:40])
def test_both_languages_say_it_with_the_same_values(text: Text) -> None:
    fields = [sorted(re.findall(r"\{(\w+)\}", each)) for each in (text.en, text.zh)]
    assert fields[0] == fields[1] or {*map(tuple, fields)} <= {("because",), ("wait",)}
    assert not HALF_WIDTH.search(text.zh)
    assert not INTERNAL.search(text.en + text.zh)


STANDING = {
    "overdue": st.booleans(),
    "in_default": st.booleans(),
    "was_restricted": st.booleans(),
    "days_below": st.sampled_from([math.nan, 3.0, 40.0]),
    "apr_previous": st.sampled_from([math.nan, 0.0, 0.3]),
    "data_age": st.sampled_from([0.0, 99.0]),
}
OVERRULED = {
    "override_allowed": st.sampled_from([math.nan, 50.0, 1e6]),
    "override_stopped": st.booleans(),
    "override_until": st.just("2026-09-30"),
    "override_why": st.sampled_from(list(WHY)),
    "override_entry": st.just(7),
}


@settings(max_examples=300)
@given(
    policies(low=True, priced=True),
    PROBABILITIES,
    LINES,
    MONEY,
    LINES,
    st.fixed_dictionaries(STANDING | OVERRULED),
    st.data(),
)
def test_whoever_is_refused_is_told_what_and_why(policy, p, line, balance, capacity, standing, data):
    asked = data.draw(st.none() | MONEY) if line is None else None
    row = decided(policy, p, line, balance, capacity, asked, **standing).iloc[0]
    if not is_adverse(pd.DataFrame([row]))[0]:
        return
    known = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
    known |= {f"reason_{what}_{n}": None for what in ("code", "text") for n in range(1, 5)} | {"limit_previous": line}
    by_score = row["decided_by"] == BY_SCORE or row["dearer_by_score"]
    known |= {"reason_code_1": "R_LATE", "reason_text_1": "a fact"} if by_score else {}
    facts = as_facts(row["policy_facts"])
    for language in ("en", "zh"):
        said, reasons = list(_said(known, facts, "CNY", language)), list(_reasons(known, facts, language))
        assert said
        assert all(said)
        assert reasons
        assert all(reasons)
        assert not INTERNAL.search(" ".join([*said, *reasons]))
        assert ("a fact" in reasons) == by_score  # a rate that rises with the risk is told why, whatever cut the limit


@pytest.mark.parametrize("jurisdiction", list(RIGHTS))
def test_a_letter_does_not_say_of_a_persons_decision_that_a_computer_made_it(jurisdiction: str) -> None:
    told = {by: " ".join(one.en for one in _rights({"limit_bound_by": by}, jurisdiction)) for by in CONSTRAINTS}
    for by in ("override", "override_stop"):
        assert "computer" not in told[by]
    assert ("computer" in told["restriction"]) == (jurisdiction != "us")


def test_a_jurisdiction_without_a_letter_is_refused() -> None:
    for name in RIGHTS:
        check_letters(name)
    with pytest.raises(PolicyError, match="no letter is written for this jurisdiction"):
        check_letters("any")


def test_a_name_never_leads_elsewhere() -> None:
    for customer in ("../../etc/passwd", "a/b", "C:\\x", "客户", "x" * 4000, "."):
        name = letter_name(customer)
        assert "/" not in name
        assert "\\" not in name
        assert name.endswith(".html")
        assert len(name) < 255
