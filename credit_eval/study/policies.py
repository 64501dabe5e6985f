"""What a policy says, why it decided on somebody as it did, and who moves under another, in lines to print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

Tell = Callable[[str], None]

if TYPE_CHECKING:
    import pandas as pd

    from credit_eval.policy.settings import Policy
    from credit_eval.study.publishing import Replay
    from credit_eval.study.results import Results
    from credit_eval.study.study import Study


def check(study: Study, policy: Policy, tell: Tell) -> bool:
    """Print what there is to know of a policy, and how often its parts fired lately; whether it has no fault."""
    from credit_eval.policy.check import coverage, findings

    losses = study.losses(policy)
    tell(f"{policy.name} {policy.policy_version} for {study.name}")
    tell(f"  LGD {losses.lgd:.3f} {losses.lgd_is}, CCF {losses.ccf:.3f} {losses.ccf_is}, {len(policy.rules)} rules")
    found = findings(policy, losses)
    for one in found:
        tell(f"  {one.level:<6} {one.text}")
    if not found:
        tell("  nothing can never happen, collides, or loses money")
    results = _latest(study)
    if results is None:
        tell("  nothing is scored yet, so nothing can be said of how often it fires")
        return not any(one.level == "fault" for one in found)
    inputs = results.inputs(policy)
    tell(f"  on {len(inputs):,} customers of {results.run.label}, how often it")
    for row in coverage(policy, inputs, losses).to_dict("records"):
        true = "" if np.isnan(row["true"]) else f"  (true of {row['true']:,.0f})"
        tell(f"    {row['what']:<28} decides {row['decides']:>8,}{true}")
    return not any(one.level == "fault" for one in found)


def seen_by_grade(study: Study) -> pd.DataFrame:
    """Of the customers of the latest run, by grade of the policy in force: n, mean probability, mean balance of who
    owes.

    Args:
        study: whose latest run.

    Returns:
        grade, n, p and owed (0: nobody owes).
    """
    import pandas as pd

    from credit_eval.policy.decide import grade_of

    inputs = study.results().inputs()
    told = inputs.assign(grade=grade_of(inputs["p_default"].to_numpy(), study.policy))
    by_grade = told.groupby("grade")
    owed = told[told["balance"] > 0].groupby("grade")["balance"].mean()
    found = pd.DataFrame({"n": by_grade.size(), "p": by_grade["p_default"].mean()}).assign(owed=owed)
    return found.fillna({"owed": 0.0}).reset_index()


def explain(study: Study, policy: Policy, customer: str, tell: Tell) -> bool:
    """Print every input, every constraint, and the decision on a customer of the latest run; whether there is one."""
    from credit_eval.policy.decide import constraints, decide

    results = study.results()
    inputs = results.inputs(policy)
    mine = inputs[inputs["customer_id"] == customer]
    if mine.empty:
        tell(f"{customer} is not in {results.run.label} of {study.name}")
        return False
    losses = study.losses(policy)
    told: dict[str, Any] = {"language": study.chosen.language, "currency": study.dataset.info.currency}
    row = decide(mine, policy, calibrated=True, losses=losses, **told).iloc[-1]
    tell(f"{customer} at {results.run.label}, under {policy.name} {policy.policy_version}")
    for name, value in mine.iloc[-1].drop("customer_id").items():
        tell(f"  {name:<28} {_shown(value)}")
    tell(f"grade {row['grade']}; the largest limit that each constraint allows:")
    for name, value in constraints(mine, policy, losses).iloc[-1].items():
        mark = "  <- binds" if name == row["limit_bound_by"] else ""
        tell(f"  {name:<28} {_shown(value)}{mark}")
    tell(f"{row['decision']}: {_shown(row['limit_new'])}; {row['policy_reason']}")
    tell(f"  decided by {row['decided_by']}; apr {row['apr']:.0%}, at most {row['max_installments']} instalments")
    tell(f"  expected loss {_shown(row['expected_loss'])}, LGD {losses.lgd_is}, CCF {losses.ccf_is}")
    if not np.isnan(row["profit"]):
        below, above = _shown(row["profit_below"]), _shown(row["profit_above"])
        tell(f"  expected profit {_shown(row['profit'])}; a step lower {below}, a step higher {above}")
    return True


def diff(study: Study, one: Policy, other: Policy, tell: Tell) -> None:
    """Print in which settings two policies differ, and who moves between them on the latest run."""
    from credit_eval.policy.check import moves, settings_apart, totals

    for name, here, there in settings_apart(one, other):
        tell(f"  {name:<40} {here} -> {there}")
    results = _latest(study)
    if results is None:
        tell("  nothing is scored yet, so nobody moves")
        return
    before, after = results.what_if(one), results.what_if(other)
    first, second = totals(before), totals(after)
    tell(f"on {len(before):,} customers of {results.run.label}")
    for name, value in first.items():
        tell(f"  {name:<20} {value:>16,.0f} -> {second[name]:>16,.0f}")
    swaps = moves(before, after)
    for row in swaps[swaps["before"] != swaps["after"]].itertuples():
        limits = f"limits {row.limit_before:,.0f} -> {row.limit_after:,.0f}"
        tell(f"  {row.before:>8} -> {row.after:<8} {row.n:>8,}   {limits}")


def tell_replay(found: Replay, currency: str, tell: Tell) -> None:
    """Print what a policy would have done to the customers of a past run."""
    moved = found.moved
    tell(f"on {moved.n:,} customers of {found.run}: {moved.value:.1%} [{moved.low:.1%}, {moved.high:.1%}] move")
    for name, value in found.before.items():
        tell(f"  {name:<20} {value:>16,.0f} -> {found.after[name]:>16,.0f}")
    tell(f"  (money in {currency})")
    for attribute, groups in found.groups.items():
        for group, both in groups.items():
            before, after = (f"{one.value:.1%} [{one.low:.1%}, {one.high:.1%}]" for one in both.values())
            tell(f"  adverse, {attribute} {group:<10} {before} -> {after}")


def schema() -> str:
    """JSON schema of a policy file, for editors."""
    from credit_eval.policy.settings import Policy

    return json.dumps(Policy.model_json_schema(), indent=2) + "\n"


def policy_of(study: Study, named: Path | None) -> Policy:
    """A policy file, or the policy in force."""
    from credit_eval.policy.settings import load_policy

    return study.policy if named is None else load_policy(named)


def _latest(study: Study) -> Results | None:
    from credit_eval.core.errors import SourceError

    try:
        return study.results()
    except SourceError:
        return None


def _shown(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | int | np.number):
        number = float(value)
        if np.isnan(number):
            return "unknown"
        return "does not bind" if np.isinf(number) else f"{number:,.4f}" if abs(number) < 1 else f"{number:,.2f}"
    return str(value)
