"""What a customer's standing does to a decision: late, cured, just changed; and whether the score decided."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy_rows import LINES, MONEY, PROBABILITIES, decided, policies, policy_rows

from credit_eval.policy.decide import ADVERSE, decide
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy

POLICY = load_policy(DEFAULT_POLICY)
NONE = float("nan")


def one(p=0.01, line=300.0, capacity=2000.0, policy=POLICY, **standing):
    row = policy_rows(customer_id=["c"], p_default=p, limit_previous=line, balance=0.0, capacity=capacity, **standing)
    return decide(row, policy, calibrated=True).iloc[0]


@pytest.mark.parametrize(
    ("what", "row", "expected"),
    [
        ("nothing to report: doubled", {}, ("approve", 600, "step_cap", "step_cap")),
        ("late: no rise", {"overdue": True}, ("hold", 300, "overdue", "overdue")),
        ("late without a line: none", {"overdue": True, "line": NONE}, ("decline", 0, "overdue", "overdue")),
        ("late, and a cut all the same", {"overdue": True, "line": 5000}, ("reduce", 3000, "grade_cap", "grade_cap")),
        ("late and in default", {"overdue": True, "in_default": True}, ("restrict", 0, "in_default", "in_default")),
        ("cured yesterday: a person", {"days_since_cure": 1.0}, ("refer", 300, "step_cap", "cured")),
        ("a closed line, cured today", {"days_since_cure": 0.0, "line": 0}, ("refer", 0, "step_cap", "cured")),
        ("no line, cured today", {"days_since_cure": 0.0, "line": NONE}, ("refer", 0, "grade_cap", "cured")),
        ("the last day of probation", {"days_since_cure": 364.9}, ("refer", 300, "step_cap", "cured")),
        ("probation over", {"days_since_cure": 365.0}, ("approve", 600, "step_cap", "step_cap")),
        (
            "cured, and a cut all the same",
            {"days_since_cure": 1.0, "line": 5000},
            ("reduce", 3000) + ("grade_cap",) * 2,
        ),
        ("changed yesterday: kept", {"days_since_limit_change": 1.0}, ("hold", 300, "step_cap", "step_cap")),
        ("changed a period ago", {"days_since_limit_change": 30.0}, ("approve", 600, "step_cap", "step_cap")),
        ("changed yesterday, and a cut", {"days_since_limit_change": 1.0, "line": 5000}, ("reduce", 3000, "grade_cap")),
    ],
)
def test_worked_by_hand(what, row, expected):
    found = one(**row)
    told = (found["decision"], found["limit_new"], found["limit_bound_by"], found["decided_by"])
    assert told[: len(expected)] == expected, what


def test_the_sentences_say_what_holds_the_line():
    assert one(overdue=True)["policy_reason"] == "no new credit while an instalment is overdue"
    assert one(days_since_limit_change=12.3)["policy_reason"] == (
        "limit kept: opened or last changed 12 days ago, and raised no sooner than 30 days after that"
    )
    assert one(days_since_cure=1.2)["policy_reason"].startswith(
        "for a person to decide, as a debt in default was paid 1 day ago, less than 365 days: "
    )


@pytest.mark.parametrize(
    ("what", "row", "decision", "by"),
    [
        ("a grade's cap cuts", {"p": 0.12, "line": 900}, "reduce", "score"),
        ("affordability cuts in any grade", {"line": 900, "capacity": 100}, "reduce", "thin_file"),
        (
            "affordability cuts, and would not in the best grade",
            {"p": 0.12, "line": 900, "capacity": 500},
            "reduce",
            "score",
        ),
        (
            "a thin file is cut, and would not be in the best grade",
            {"p": 0.12, "line": 400, "capacity": 0},
            "reduce",
            "score",
        ),
        ("above one half", {"p": 0.51}, "restrict", "score"),
        ("above one half, and cut at any score", {"p": 0.9, "line": 900, "capacity": 10}, "restrict", "score"),
        ("the budget cuts, and affordability would", {"p": 0.3, "line": 900, "capacity": 100}, "reduce", "thin_file"),
        ("above one half and in default", {"p": 0.9, "in_default": True}, "restrict", "in_default"),
        ("a raise that a better score would make larger", {"p": 0.12, "line": 300}, "approve", "score"),
        ("a raise that no score would make larger", {"p": 0.03, "line": 100, "capacity": 60}, "approve", "score"),
        ("as much as the best get", {"p": 0.0, "line": 3000}, "hold", "grade_cap"),
        ("referred for the score", {"p": 0.45, "line": 50}, "refer", "score"),
    ],
)
def test_the_score_decided_if_the_best_score_would_have_decided_otherwise(what, row, decision, by):
    found = one(**row)
    assert (found["decision"], found["decided_by"]) == (decision, by), what


SINCE = st.sampled_from([0.0, 1.0, 29.9, 30.0, 364.0, 365.0])
STANDING = st.fixed_dictionaries(
    {"in_default": st.booleans(), "overdue": st.booleans(), "days_since_cure": st.just(NONE) | SINCE}
)


@given(policies(), st.lists(PROBABILITIES, min_size=2, max_size=20), LINES, MONEY, LINES, STANDING, SINCE)
def test_whatever_the_standing_riskier_never_gets_more(policy, p, line, balance, capacity, standing, since):
    changed = NONE if line is None else since
    found = decided(policy, sorted(p), line, balance, capacity, days_since_limit_change=changed, **standing)
    assert (found["limit_new"].diff().dropna() <= 0).all()
    had = line or 0.0
    if standing["overdue"] or standing["in_default"] or standing["days_since_cure"] < 365:
        assert (found["limit_new"] <= had).all()
    if policy.limits.max_increase_factor and changed < 30:
        assert (found["limit_new"] <= had).all()


@given(policies(), PROBABILITIES, LINES, MONEY, LINES, STANDING, SINCE)
def test_decided_by_the_score_is_what_the_best_score_changes(policy, p, line, balance, capacity, standing, since):
    told = standing | {"days_since_limit_change": NONE if line is None else since}
    now = decided(policy, p, line, balance, capacity, **told).iloc[0]
    best = decided(policy, 0.0, line, balance, capacity, **told).iloc[0]
    adverse, adverse_then = now["decision"] in ADVERSE, best["decision"] in ADVERSE
    if adverse:
        above = now["limit_bound_by"] == "restriction"
        assert (now["decided_by"] == "score") == (not adverse_then or above)
        assert now["decided_by"] == "score" or now["decided_by"] == best["limit_bound_by"]
    else:
        better = best["limit_new"] > now["limit_new"] or (now["decision"] == "refer") > (best["decision"] == "refer")
        assert (now["decided_by"] == "score") == better
    assert best["decided_by"] != "score"


def test_five_nights_raise_a_line_no_further_than_one():
    """The nightly file applied night after night: what it grants is the line the next night begins with."""
    line, since = np.array([100.0, 300.0, 600.0]), np.array([90.0, 90.0, 90.0])
    granted = []
    for _ in range(31):
        rows = policy_rows(
            customer_id=list("abc"), p_default=0.01, limit_previous=line, balance=0.0, capacity=2000.0,
            days_since_limit_change=since,
        )  # fmt: skip
        new = decide(rows, POLICY, calibrated=True)["limit_new"].to_numpy()
        since = np.where(new != line, 1.0, since + 1)
        line = new
        granted.append(new.tolist())
    assert granted[0] == granted[4] == granted[29] == [500.0, 600.0, 1200.0]
    assert granted[30] == [1000.0, 1200.0, 2400.0]
