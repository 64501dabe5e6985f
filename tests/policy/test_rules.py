"""Rules: what an expression means, what is refused, who is stopped, and what a check sees without data."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from policy_rows import PROBABILITIES, policy_rows

from credit_eval.core.errors import PolicyError
from credit_eval.policy.boxes import boxes, never, overlap
from credit_eval.policy.check import coverage, findings, moves, settings_apart, totals
from credit_eval.policy.decide import constraints, decide
from credit_eval.policy.losses import Losses, losses
from credit_eval.policy.rules import Expression, RuleError
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, load_policy

PLAIN = load_policy(DEFAULT_POLICY)
COLUMNS = {
    "age": np.array([20.0, 30.0, np.nan, 21.0]),
    "city": np.array(["a", "b", None, "c"], dtype=object),
    "late": np.array([True, False, False, True]),
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("age < 21", [1, 0, 0, 0]),
        ("not age < 21", [0, 1, 0, 1]),  # unknown is neither
        ("age != 20", [0, 1, 0, 1]),
        ("20 <= age <= 21", [1, 0, 0, 1]),
        ("unknown(age)", [0, 0, 1, 0]),
        ("not unknown(age)", [1, 1, 0, 1]),
        ("age < 21 or unknown(age)", [1, 0, 1, 0]),
        ("city in ['a', 'c']", [1, 0, 0, 1]),
        ("city not in ['a', 'c']", [0, 1, 0, 0]),
        ("city == 'b' or age == 21", [0, 1, 0, 1]),
        ("late == True and age > 20", [0, 0, 0, 1]),
        ("age * 2 - 10 > 30 / 1", [0, 1, 0, 1]),
        ("age / 0 > 1", [1, 1, 0, 1]),
        ("-age < -25", [0, 1, 0, 0]),
        ("age > 1 or city == 'zz'", [1, 1, 0, 1]),
    ],
)
def test_what_an_expression_means(text: str, holds: list[int]) -> None:
    assert Expression.parse(text).holds(COLUMNS).astype(int).tolist() == holds


@pytest.mark.parametrize(
    "text",
    [
        "", "age", "age <", "1 < 2 if age else 3", "age.mean() > 1", "__import__('os')", "open('x') == 1", "age < [1]",
        "age in city", "age is None", "lambda: 1", "[x for x in y] == 1", "age < (late and city)", "unknown(age + 1)",
        "unknown(age, city)", "age ** 9 > 1", "age @ city > 1", "f'{age}' == 'x'", "age := 3",
        "(" * 500 + "age < 1" + ")" * 500,
    ],
)  # fmt: skip
def test_what_says_more_than_an_expression_may(text: str) -> None:
    with pytest.raises(RuleError):
        Expression.parse(text)


def with_rules(*rules: dict[str, Any], **more: Any) -> Policy:
    named = [{"name": f"r{i}", "because": f"because {i}"} | rule for i, rule in enumerate(rules)]
    return Policy.model_validate(PLAIN.model_dump() | {"rules": named} | more)


ROWS = policy_rows(
    customer_id=["old", "young", "unsaid"], p_default=0.01, limit_previous=[300.0, 300.0, np.nan], balance=[0.0, 80.0,
    0.0], capacity=2000.0, age=[40.0, 18.0, np.nan],
)  # fmt: skip


@pytest.mark.parametrize(
    ("then", "decision", "limit", "bound", "said"),
    [
        ("decline", "restrict", 80.0, "rule", "no new credit: because 0 (rule r0)"),
        ("no_rise", "hold", 300.0, "rule_no_rise", "no more credit than before: because 0 (rule r0)"),
        ("refer", "refer", 300.0, "step_cap", "for a person to decide, as because 0: limit set by the largest raise"),
    ],
)
def test_whom_a_rule_stops(then: str, decision: str, limit: float, bound: str, said: str) -> None:
    found = decide(ROWS, with_rules({"when": "age < 21", "then": then}), calibrated=True)
    assert found["decision"].tolist() == ["approve", decision, "approve"]
    young = found.iloc[1]
    assert (young["limit_new"], young["limit_bound_by"]) == (limit, bound)
    assert young["policy_reason"].startswith(said)
    assert young["decided_by"] in (bound, "rule")
    asked = decide(ROWS, with_rules({"when": "unknown(age)", "then": "decline"}), calibrated=True)
    assert asked["decision"].tolist() == ["approve", "approve", "decline"]


def test_a_rule_that_asks_for_the_score_is_the_scores_decision() -> None:
    policy = with_rules({"when": "p_default > 0.005 and age < 21", "then": "decline"})
    assert decide(ROWS, policy, calibrated=True)["decided_by"].tolist()[1] == "score"


@given(
    st.lists(PROBABILITIES, min_size=2, max_size=20), st.floats(0, 1), st.sampled_from(["decline", "no_rise", "refer"])
)
def test_with_rules_too_riskier_never_gets_more(p: list[float], above: float, then: str) -> None:
    policy = with_rules({"when": f"p_default > {above!r} and capacity > 10", "then": then})
    rows = policy_rows(
        customer_id=["c"] * len(p), p_default=sorted(p), limit_previous=300.0, balance=20.0, capacity=500.0
    )
    assert (decide(rows, policy, calibrated=True)["limit_new"].diff().dropna() <= 0).all()


@pytest.mark.parametrize(
    "when", ["p_default < 0.1", "not p_default > 0.1", "p_default != 0.2", "p_default + 1 < 2", "p_default in [0.1]"]
)
def test_no_rule_lets_the_riskier_through(when: str) -> None:
    with pytest.raises(ValueError, match="safer customer"):
        with_rules({"when": when, "then": "decline"})


def test_a_column_that_there_is_not_is_told_with_its_likes() -> None:
    with pytest.raises(PolicyError, match="columns that there are not") as refused:
        decide(ROWS, with_rules({"when": "agee < 21", "then": "decline"}), calibrated=True)
    assert "age?" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("grades:", "rules: [{name: a, when: age <, then: decline, because: x}]\ngrades:", "no expression"),
        (
            "grades:",
            "rules: [{name: a, when: age < 3, then: ban, because: x}]\ngrades:",
            "'decline', 'no_rise' or 'refer'",
        ),
        ("  threshold:", "  treshold: 0.4\n  threshold:", "threshold?"),
        ("name: default", "name: default\neffective: {since: 2026-03-01, until: 2026-02-01}", "after 2026-03-01"),
        ("  threshold: 0.50", "  leave_below: 0.6\n  threshold: 0.50", "at most the threshold of 0.5"),
    ],
)
def test_a_file_is_refused_with_its_line_and_what_was_meant(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = DEFAULT_POLICY.read_text().replace(old, new, 1)
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(PolicyError) as refused:
        load_policy(tmp_path / "mine.yaml")
    assert says in str(refused.value)
    assert "mine.yaml, line " in str(refused.value)


def test_a_policy_decides_in_its_time_and_place() -> None:
    policy = Policy.model_validate(
        PLAIN.model_dump() | {"effective": {"since": "2026-01-01", "until": "2026-07-01"}, "jurisdiction": "eu"}
    )
    policy.check_in_force(pd.Timestamp("2026-06-30"), "eu")
    for day, place in (("2025-12-31", "eu"), ("2026-07-01", "eu"), ("2026-03-01", "any")):
        with pytest.raises(PolicyError):
            policy.check_in_force(pd.Timestamp(day), place)


ATOMS = st.tuples(
    st.sampled_from(["a", "b"]), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(0, 3)
).map(lambda atom: f"{atom[0]} {atom[1]} {atom[2]}")
CONDITIONS = st.recursive(
    ATOMS | st.sampled_from(["unknown(a)", "unknown(b)"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
        | inner.map(lambda one: f"(not {one})")
    ),
    max_leaves=5,
)
GRID = [(a, b) for a in (-1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4, np.nan) for b in (-1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4, np.nan)]
POINTS = {name: np.array([point[i] for point in GRID], dtype=float) for i, name in enumerate("ab")}


@given(CONDITIONS, CONDITIONS)
def test_what_is_said_without_data_holds_of_all_data(one: str, other: str) -> None:
    """Every point that a rule can tell apart is tried: never, hidden and apart are never claimed wrongly."""
    first, second = (Expression.parse(text) for text in (one, other))
    here, there = first.holds(POINTS), second.holds(POINTS)
    mine, before = boxes(first), boxes(second)
    assert mine is not None
    assert before is not None
    if not mine:
        assert not here.any()
    if never(mine, [before]):
        assert not (here & ~there).any()
    if not overlap(mine, before):
        assert not (here & there).any()


@given(CONDITIONS)
def test_an_expression_means_what_python_means_where_all_is_known(text: str) -> None:
    holds = Expression.parse(text).holds(POINTS)
    for i, (a, b) in enumerate(GRID):
        if not (np.isnan(a) or np.isnan(b)):
            assert holds[i] == bool(eval(text, {"a": a, "b": b, "unknown": lambda value: False, "operator": operator}))


def test_what_a_check_finds() -> None:
    policy = with_rules(
        {"name": "never", "when": "age < 18 and age > 21", "then": "decline"},
        {"name": "first", "when": "age < 21", "then": "decline"},
        {"name": "hidden", "when": "age < 18 and city == 'a'", "then": "decline"},
        {"name": "restricted", "when": "p_default > 0.6", "then": "refer"},
        {"name": "other", "when": "age < 30 or unknown(age)", "then": "refer"},
        profit={"use": 0.2, "demand_months": 3, "funding_rate": 0.1},
    )
    found = findings(policy, losses(policy, None))
    told = [one.text for one in found]
    assert "rule never never fires: nobody can be 'age < 18 and age > 21'" in told
    assert "rule hidden never decides: never, first stands before it" in told
    assert "rule restricted never decides: the restriction stops everybody whom it is about" in told
    assert "rules first and other can both fire: first decides" in told
    assert any("gets no more than it owes" in text or "loses on" in text for text in told)
    assert [one.level for one in found] == sorted((one.level for one in found), key=lambda level: level != "fault")
    assert not any("first never" in text or "other never" in text for text in told)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"limits": {"step": 10, "minimum": 50, "exposure_cap": 1000}}, "grade A: limit_cap is never reached"),
        ({"restriction": {"threshold": 0.3}}, "grade E holds p_default on both sides of the threshold 0.3"),
        ({"restriction": {"threshold": 0.3}}, "grade F has a limit, and everybody in it is restricted"),
        ({}, "nothing is said of profit"),
    ],
)
def test_what_a_check_finds_of_grades(change: dict[str, Any], says: str) -> None:
    policy = Policy.model_validate(PLAIN.model_dump() | change)
    assert any(says in one.text for one in findings(policy, losses(policy, None)))


@pytest.mark.parametrize("path", sorted(DEFAULT_POLICY.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_policies_have_no_fault(path: Path) -> None:
    policy = load_policy(path)
    as_measured = Losses(0.32, 0.04, "measured", "measured", 120)  # on the demo
    assert [one.text for one in findings(policy, as_measured) if one.level == "fault"] == []


def test_how_often_each_part_decides_and_who_moves() -> None:
    policy = with_rules({"when": "age < 21", "then": "decline"}, {"when": "age < 99", "then": "refer"})
    found = coverage(policy, ROWS, losses(policy, None)).set_index("what")
    assert found.loc["rule r0", ["true", "decides"]].tolist() == [1, 1]
    assert found.loc["rule r1", ["true", "decides"]].tolist() == [2, 1]
    before, after = (decide(ROWS, one, calibrated=True) for one in (PLAIN, policy))
    swaps = moves(before, after)
    assert swaps["n"].sum() == 3
    assert set(zip(swaps["before"], swaps["after"], strict=True)) == {
        ("approve", "refer"), ("approve", "restrict"), ("approve", "approve")
    }  # fmt: skip
    assert totals(after)["no new credit"] == 1
    assert totals(before)["sum of limits"] == before["limit_new"].sum()
    apart = settings_apart(PLAIN, policy.with_(threshold=0.4))
    assert ("restriction.threshold", 0.5, 0.4) in apart
    assert ("rules.r0.when", None, "age < 21") in apart
    assert len(apart) == 9


def test_the_limits_that_constraints_allow_hold_the_one_that_bound() -> None:
    found = constraints(ROWS, PLAIN, losses(PLAIN, None))
    decided = decide(ROWS, PLAIN, calibrated=True)
    for (_, allowed), (_, row) in zip(found.iterrows(), decided.iterrows(), strict=True):
        assert allowed[row["limit_bound_by"]] == allowed.min()


def test_the_schema_is_that_of_the_policy() -> None:
    from credit_eval.study.policies import schema

    assert DEFAULT_POLICY.with_name("schema.json").read_text() == schema(), "run `make docs`"
    assert yaml.safe_load(schema())["properties"]["rules"]
