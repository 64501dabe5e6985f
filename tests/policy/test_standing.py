"""What a customer's standing does to a decision: late, cured, just changed; and whether the score decided."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from policy_rows import LINES, MONEY, PROBABILITIES, decided, policies, policy_rows

from credit_eval.policy.decide import ADVERSE, decide, is_adverse
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, load_policy

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
        (
            "changed yesterday: kept",
            {"days_since_limit_change": 1.0, "months_since_limit_change": 0.0},
            ("hold", 300, "step_cap", "step_cap"),
        ),
        (
            "changed a month ago",
            {"days_since_limit_change": 28.0, "months_since_limit_change": 1.0},
            ("approve", 600, "step_cap", "step_cap"),
        ),
        (
            "changed yesterday, and a cut",
            {"days_since_limit_change": 1.0, "months_since_limit_change": 0.0, "line": 5000},
            ("reduce", 3000, "grade_cap"),
        ),
    ],
)
def test_worked_by_hand(what, row, expected):
    found = one(**row)
    told = (found["decision"], found["limit_new"], found["limit_bound_by"], found["decided_by"])
    assert told[: len(expected)] == expected, what


def test_the_sentences_say_what_holds_the_line():
    assert one(overdue=True)["policy_reason"] == "no new credit while an instalment is overdue"
    assert one(days_since_limit_change=12.3, months_since_limit_change=0.0)["policy_reason"] == (
        "limit kept: opened or last changed 12 days ago, and raised no sooner than a month after that"
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
    {
        "in_default": st.booleans(),
        "overdue": st.booleans(),
        "days_since_cure": st.just(NONE) | SINCE,
        "apr_previous": st.sampled_from([NONE, 0.0, 0.2, 0.6]),
    }
)


@given(policies(priced=True), st.lists(PROBABILITIES, min_size=2, max_size=20), LINES, MONEY, LINES, STANDING, SINCE)
def test_whatever_the_standing_riskier_never_gets_more(policy, p, line, balance, capacity, standing, since):
    changed = NONE if line is None else since
    found = decided(policy, sorted(p), line, balance, capacity, days_since_limit_change=changed, **standing)
    assert (found["limit_new"].diff().dropna() <= 0).all()
    had = line or 0.0
    if standing["overdue"] or standing["in_default"] or standing["days_since_cure"] < 365:
        assert (found["limit_new"] <= had).all()
    if policy.movement.max_increase_factor and changed < 30:
        assert (found["limit_new"] <= had).all()


@given(policies(priced=True), PROBABILITIES, LINES, MONEY, LINES, STANDING, SINCE)
def test_decided_by_the_score_is_what_the_best_score_changes(policy, p, line, balance, capacity, standing, since):
    told = standing | {"days_since_limit_change": NONE if line is None else since}
    now = decided(policy, p, line, balance, capacity, **told).iloc[0]
    best = decided(policy, 0.0, line, balance, capacity, **told).iloc[0]
    adverse, adverse_then = (is_adverse(pd.DataFrame([row]))[0] for row in (now, best))
    if adverse:
        above = now["limit_bound_by"] == "restriction"
        assert (now["decided_by"] == "score") == (not adverse_then or above)
        only_dearer = now["decision"] not in ADVERSE
        assert now["decided_by"] in ("score", "rates" if only_dearer else best["limit_bound_by"])
    else:
        better = best["limit_new"] > now["limit_new"] or (now["decision"] == "refer") > (best["decision"] == "refer")
        assert (now["decided_by"] == "score") == better
    assert best["decided_by"] != "score"


def nights(
    policy: Policy, p: float, line: float, days: Iterable[datetime], capacity: float = 2000.0
) -> dict[datetime, float]:
    """The line of a customer after each night of which the file is applied; the account last moved in 2024."""
    moved, found = datetime(2024, 1, 1), {}
    for day in days:
        months = (day.year - moved.year) * 12 + day.month - moved.month - (day.day < moved.day)
        row = decided(
            policy, p, line, 0.0, [capacity], days_since_limit_change=float((day - moved).days),
            months_since_limit_change=float(months),
        ).iloc[0]  # fmt: skip
        if row["limit_new"] != line:
            line, moved = row["limit_new"], day
        found[day] = line
    return found


DAYS = [datetime(2025, 1, 1) + timedelta(days=day) for day in range(400)]
FIRSTS = [day for day in DAYS if day.day == 1]


@given(policies(low=True), PROBABILITIES, MONEY, MONEY)
@settings(max_examples=8)
@example(load_policy(DEFAULT_POLICY), 0.01, 100.0, 5000.0)
@example(load_policy(DEFAULT_POLICY).with_(max_decrease=0.1), 0.3, 3000.0, 50.0)
def test_every_night_walks_the_path_of_every_month(policy, p, line, capacity):
    nightly, monthly = (nights(policy, p, line, days, capacity) for days in (DAYS[:95], FIRSTS[:4]))
    assert {day: nightly[day] for day in FIRSTS[:4]} == monthly


def test_a_line_doubles_once_a_month_and_loses_a_quarter_of_itself_at_most():
    policy = load_policy(DEFAULT_POLICY).with_(max_decrease=0.25)
    raised = nights(policy, 0.01, 100.0, DAYS)
    assert [raised[day] for day in FIRSTS[:4]] == [
        500.0,
        1000.0,
        2000.0,
        3000.0,
    ]  # a small line: the thin-file cap first
    cut = nights(policy, 0.30, 1000.0, DAYS)
    assert [cut[day] for day in FIRSTS[:6]] == [750.0, 570.0, 430.0, 330.0, 250.0, 190.0]
    assert cut[FIRSTS[0] + timedelta(days=20)] == 750.0
    told = one(0.30, line=1000.0, policy=policy)
    assert told["policy_reason"].endswith("; cut by no more than 25% at a time")
    rests = one(0.30, line=1000.0, policy=policy, months_since_limit_change=0.0)
    assert (rests["decision"], rests["limit_new"]) == ("hold", 1000.0)
    assert rests["policy_reason"].endswith(
        "nothing is cut sooner than a month after the line was opened or last changed"
    )


@pytest.mark.parametrize(
    ("what", "row", "limit"),
    [
        ("above one half", {"p": 0.51}, 0),
        ("in default", {"in_default": True}, 0),
        ("thirty days past due", {"overdue": True, "days_past_due": 30.0, "p": 0.3}, 140),
        ("a day past due", {"overdue": True, "days_past_due": 1.0, "p": 0.3}, 750),
    ],
)
def test_what_lets_a_line_go_at_once(what, row, limit):
    policy = load_policy(DEFAULT_POLICY).with_(max_decrease=0.25)
    assert one(**({"p": 0.01, "line": 1000.0} | row), policy=policy)["limit_new"] == limit, what


def test_a_new_line_begins_low_and_grows():
    policy = load_policy(DEFAULT_POLICY).with_(first_share=0.5)
    first = one(0.01, line=NONE, policy=policy)
    assert (first["decision"], first["limit_new"], first["limit_bound_by"]) == ("approve", 1500, "first_share")
    assert first["policy_reason"] == "a new line begins with 50% of what is allowed"
    assert one(0.01, line=NONE, capacity=10, policy=policy)["limit_new"] == 250
    assert (
        one(0.48, line=NONE, capacity=10, policy=policy.with_(p_default_above=None))["limit_new"] == 50
    )  # the smallest


def test_nothing_is_raised_on_data_that_have_stopped():
    policy = load_policy(DEFAULT_POLICY)
    assert one(0.01, line=300, data_age=45.0)["limit_new"] == 600
    stale = one(0.01, line=300, data_age=45.1)
    assert (stale["decision"], stale["limit_bound_by"]) == ("hold", "stale_data")
    assert stale["policy_reason"] == "no new credit while nothing has been heard of repayments for 45 days"
    assert one(0.01, line=300, data_age=NONE)["limit_new"] == 600
    assert one(0.01, line=300, data_age=400.0, policy=policy.with_(stale_after_days=None))["limit_new"] == 600


@pytest.mark.parametrize(
    ("what", "row", "decision"),
    [
        ("still above the way out", {"p": 0.45}, "restrict"),
        ("exactly at the way out", {"p": 0.40, "days_below": 40.0}, "restrict"),
        ("below it for the first time", {"p": 0.10, "days_below": 0.0}, "restrict"),
        ("below it for 29 days", {"p": 0.10, "days_below": 29.0}, "restrict"),
        ("below it for 30 days", {"p": 0.10, "days_below": 30.0}, "approve"),
        ("never restricted", {"p": 0.45, "was_restricted": False}, "refer"),
    ],
)
def test_the_way_out_of_the_restriction(what, row, decision):
    found = one(**({"p": 0.10, "line": 60, "was_restricted": True} | row))
    assert found["decision"] == decision, what
    if decision == "restrict":
        assert found["limit_bound_by"] == "still_restricted"
        assert found["decided_by"] == ("score" if row.get("days_below") == 40.0 else "still_restricted")
        assert "restricted before, and so it stays until reviews 30 days apart" in found["policy_reason"]
