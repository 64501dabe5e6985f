"""What a risk officer should know of a policy before it decides: what can never happen, what collides, what loses
money.

Seen from the policy alone, without data; `coverage` counts beside it what happened on a past run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from credit_eval.policy.boxes import Box, Range, boxes, never, overlap
from credit_eval.policy.decide import decide, fired
from credit_eval.policy.facts import Fact, as_facts
from credit_eval.policy.limits import CONSTRAINTS
from credit_eval.policy.losses import Losses
from credit_eval.policy.profit import margin
from credit_eval.policy.settings import Policy, Rule


@dataclass(frozen=True)
class Finding:
    """One thing to know: a `fault` can be no intention, a `note` may be one."""

    level: Literal["fault", "note"]
    text: str


def findings(policy: Policy, losses: Losses) -> list[Finding]:
    """Everything there is to say, faults first."""
    found = [*_rules(policy), *_grades(policy), *_prices(policy, losses)]
    return sorted(found, key=lambda one: one.level != "fault")


def _rules(policy: Policy) -> Iterator[Finding]:
    """Rules that never fire, by themselves or because something stands before them; and those that collide."""
    restricted = [
        [Box({"p_default": Range(low=policy.restriction.threshold, low_in=False)})],
        [Box({"in_default": Range(among=frozenset({True}))})],
    ]
    alternatives = {rule.name: boxes(rule.expression) or [] for rule in policy.rules}
    for place, rule in enumerate(policy.rules):
        mine, before = alternatives[rule.name], policy.rules[:place]
        same = [alternatives[other.name] for other in before if other.then == rule.then]
        if not mine:
            yield Finding("fault", f"rule {rule.name} never fires: nobody can be {rule.when!r}")
        elif never(mine, restricted):
            yield Finding("fault", f"rule {rule.name} never decides: the restriction stops everybody whom it is about")
        elif never(mine, same):
            names = ", ".join(other.name for other in before if other.then == rule.then)
            yield Finding("fault", f"rule {rule.name} never decides: {names} stands before it")
    for one, other in combinations(policy.rules, 2):
        if one.then != other.then and overlap(alternatives[one.name], alternatives[other.name]):
            yield Finding("note", f"rules {one.name} and {other.name} can both fire: {_stronger(one, other)} decides")


def _stronger(one: Rule, other: Rule) -> str:
    order = ("decline", "no_rise", "refer")
    return min(one, other, key=lambda rule: order.index(rule.then)).name


def _grades(policy: Policy) -> Iterator[Finding]:
    """Caps that are never reached, and grades that the threshold cuts in two."""
    threshold, smallest = policy.restriction.threshold, max(policy.limits.minimum, policy.limits.step)
    low = 0.0
    for grade in policy.grades:
        if low < threshold < grade.up_to:
            yield Finding("note", f"grade {grade.grade} holds p_default on both sides of the threshold {threshold:g}")
        if low >= threshold and grade.limit_cap > 0:
            yield Finding("fault", f"grade {grade.grade} has a limit, and everybody in it is restricted")
        if low < threshold and 0 < grade.limit_cap < smallest:
            yield Finding(
                "fault", f"grade {grade.grade} gets nothing: its cap is below the smallest limit, {smallest:g}"
            )
        if grade.thin_file_cap > grade.limit_cap:
            yield Finding("fault", f"grade {grade.grade}: thin_file_cap is never reached, limit_cap is below it")
        if grade.limit_cap > policy.limits.exposure_cap:
            yield Finding("fault", f"grade {grade.grade}: limit_cap is never reached, exposure_cap is below it")
        low = grade.up_to


def _prices(policy: Policy, losses: Losses) -> Iterator[Finding]:
    """Grades whose price does not bear what they lose."""
    if policy.profit is None:
        yield Finding("note", "nothing is said of profit: no limit is bound by it, and no grade's price is checked")
        return
    low, stopped = 0.0, ""
    for grade in policy.grades:
        middle = (low + min(grade.up_to, policy.restriction.threshold)) / 2
        low = grade.up_to
        if grade.limit_cap == 0:
            continue
        found = [margin(p, grade.apr, policy.profit, losses) for p in (middle, grade.up_to)]
        told = f"grade {grade.grade} at {grade.apr:.0%} a year"
        if stopped:
            yield Finding(
                "note", f"{told} gets no more than it owes: grade {stopped} before it earns nothing at its end"
            )
        elif found[0] <= 0:
            yield Finding("fault", f"{told} loses on every unit of limit, from p_default {middle:.3f} on")
        elif found[1] <= 0:
            yield Finding("note", f"{told} loses on another unit of limit before its end at p_default {grade.up_to:g}")
        stopped = stopped or (grade.grade if found[1] <= 0 else "")


#: Constraints that are counted by rule, or are no policy's.
_ELSEWHERE = ("rule", "rule_no_rise", "override_stop", "override")


def coverage(policy: Policy, inputs: pd.DataFrame, losses: Losses) -> pd.DataFrame:
    """On n customers, of each rule and constraint: `true` (rules: how often the expression is), and `decides`."""
    decided = decide(inputs, policy, calibrated=True, losses=losses)
    bound = decided["limit_bound_by"].value_counts()
    hits = fired(inputs, policy).sum(axis=0).tolist()
    said = Counter(name for facts in decided["policy_facts"] for name in _rules_of(as_facts(facts)))
    by_rule = [said[rule.name] for rule in policy.rules]
    rows = [
        *((f"rule {rule.name}", true, n) for rule, true, n in zip(policy.rules, hits, by_rule, strict=True)),
        *((name, np.nan, int(bound.get(name, 0))) for name in CONSTRAINTS if name not in _ELSEWHERE),
    ]
    return pd.DataFrame(rows, columns=["what", "true", "decides"])


def _rules_of(facts: Sequence[Fact]) -> set[str]:
    """Names of the rules that a decision tells of."""
    return {str(value) for one in facts for name, value in one.values.items() if name == "rule"}


def settings_apart(one: Policy, other: Policy) -> list[tuple[str, object, object]]:
    """Settings in which two policies differ: dotted name, here, there."""
    a, b = _flat(one.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
    return [(name, a.get(name), b.get(name)) for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]


def _flat(content: object, name: str = "") -> dict[str, object]:
    if isinstance(content, dict):
        parts = {key: _flat(value, f"{name}.{key}" if name else key) for key, value in content.items()}
    elif isinstance(content, list):
        keys = [
            one.get("grade") or one.get("name") if isinstance(one, dict) else str(i) for i, one in enumerate(content)
        ]
        parts = {key: _flat(value, f"{name}.{key}") for key, value in zip(keys, content, strict=True)}
    else:
        return {name: content}
    return {key: value for part in parts.values() for key, value in part.items()}


def moves(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Who moves between two sets of decisions on the same customers: by decision before and after n, and the limits.

    The swap set: rows off the diagonal.
    """
    both = pd.DataFrame(
        {
            "before": before["decision"],
            "after": after["decision"],
            "limit_before": before["limit_new"],
            "limit_after": after["limit_new"],
        }
    )
    found = both.groupby(["before", "after"], as_index=False).agg(
        n=("before", "size"), limit_before=("limit_before", "sum"), limit_after=("limit_after", "sum")
    )
    return found.sort_values(["before", "n"], ascending=[True, False], ignore_index=True)


def totals(decided: pd.DataFrame) -> dict[str, float]:
    """A book in numbers; the profit is NaN where the policy says nothing of it."""
    return {
        "customers": len(decided),
        "sum of limits": float(decided["limit_new"].sum()),
        "expected loss": float(decided["expected_loss"].sum()),
        "expected profit": float(decided["profit"].sum(min_count=1)),
        "no new credit": int(
            decided["limit_bound_by"]
            .isin(("restriction", "still_restricted", "rule", "in_default", "override_stop"))
            .sum()
        ),
        "reduced": int(decided["decision"].eq("reduce").sum()),
    }
