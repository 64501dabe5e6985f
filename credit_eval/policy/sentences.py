"""Why each decision came out as it did, in facts: which constraint of the policy bound, with its numbers.

The model's reasons (what raised the risk) are `explain.reasons`; these are the policy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from credit_eval.policy.facts import Shared, Value
from credit_eval.policy.limits import (
    CONSTRAINTS,
    REFERRALS,
    STOPPED,
    Customers,
    Granted,
    Ints,
    rests,
    smallest_limit,
)
from credit_eval.policy.losses import Losses
from credit_eval.policy.settings import Grade, Policy, Rule

_Told = Iterator[Shared]


def policy_facts(customers: Customers, granted: Granted, policy: Policy, losses: Losses) -> list[Shared]:
    """The facts of n decisions, in the order in which they are told (`facts.all_told`)."""
    found = list(_referrals(customers, granted, policy))
    for i, constraint in enumerate(CONSTRAINTS):
        rows = np.flatnonzero(granted.bound_by == i)
        if len(rows):
            found += _BOUND[constraint](customers, rows, policy, losses)
    return [each for each in [*found, *_what_came_of_it(customers, granted, policy)] if len(each.rows)]


def _what_came_of_it(customers: Customers, granted: Granted, policy: Policy) -> _Told:
    yield Shared("too_small", np.flatnonzero(granted.too_small), {"smallest": smallest_limit(policy)})
    resting = rests(customers, policy)
    at_most, months = policy.movement.max_decrease, policy.movement.months_between_changes
    yield Shared("cut_at_most", np.flatnonzero(granted.held_up & ~resting), {"share": at_most})
    yield Shared("cut_rests", np.flatnonzero(granted.held_up & resting), {"months": months})
    kept, short = np.flatnonzero(granted.owed), np.flatnonzero(granted.short)
    yield Shared("owed", kept, {"owed": granted.limit[kept].tolist()})
    offered, asked = granted.limit[short].tolist(), customers.requested[short].tolist()
    yield Shared("counter_offer", short, {"limit": offered, "asked": asked})
    said = customers.overruled
    yield from said.told("override_stop_too", np.flatnonzero(said.stopped & (granted.bound_by != STOPPED)))
    gives_way = granted.restricted & ~np.isnan(said.allowed) & ~said.stopped
    yield from said.told("override_gives_way", np.flatnonzero(gives_way), amounts=True)


def _amount_asked(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield Shared("amount_asked", rows, {"asked": customers.requested[rows].tolist()})


def _grade_cap(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    for grade, mine in _by_grade(customers, rows, policy):
        yield Shared("grade_cap", mine, {"grade": grade.grade, "cap": policy.money(grade.limit_cap)})


def _affordability(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    for grade, mine in _by_grade(customers, rows, policy):
        capacity = customers.capacity[mine].tolist()
        yield Shared("affordability", mine, {"times": grade.capacity_multiple, "capacity": capacity})


def _thin_file(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    for grade, mine in _by_grade(customers, rows, policy):
        unknown = np.isnan(customers.capacity[mine])
        least: dict[str, Value] = {"grade": grade.grade, "cap": policy.money(grade.thin_file_cap)}
        yield Shared("thin_file", mine[unknown], least)
        capacity = customers.capacity[mine[~unknown]].tolist()
        little = least | {"times": grade.capacity_multiple}
        yield Shared("thin_file_little", mine[~unknown], {**little, "capacity": capacity})


def _budget(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    shares = {"lgd": losses.lgd, "lgd_is": losses.lgd_is, "ccf": losses.ccf, "ccf_is": losses.ccf_is}
    budget = policy.money(policy.expected_loss.budget)
    yield Shared("expected_loss_budget", rows, {"budget": budget, "p": customers.p[rows].tolist(), **shares})


def _exposure_cap(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield Shared("exposure_cap", rows, {"cap": policy.money(policy.limits.exposure_cap)})


def _step_cap(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    factor, months = policy.movement.max_increase_factor, policy.movement.months_between_changes
    assert factor is not None  # without one this constraint never binds
    resting = rests(customers, policy)[rows]
    yield Shared(
        "step_cap_rests",
        rows[resting],
        {"since": customers.since_change[rows[resting]].tolist(), "months": months},
    )
    for grade, mine in _by_grade(customers, rows[~resting], policy):
        thin, lines = policy.money(grade.thin_file_cap), customers.previous[mine]
        grown = lines * factor >= thin
        yield Shared("step_cap", mine[grown], {"times": factor, "line": lines[grown].tolist()})
        yield Shared("step_cap_reopened", mine[~grown], {"cap": thin, "grade": grade.grade})


def _restriction(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield Shared("restriction", rows, {"p": customers.p[rows].tolist(), "threshold": policy.restriction.threshold})


def _still_restricted(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    said = policy.restriction
    way_out: dict[str, Value] = {"wait": said.days_below, "out": said.way_out}
    p, below = customers.p[rows], customers.days_below[rows]
    above, since = p >= said.way_out, (p < said.way_out) & (below >= 1)
    yield Shared("still_restricted", rows[above], {**way_out, "p": p[above].tolist()})
    yield Shared("still_restricted_since", rows[since], {**way_out, "below": below[since].tolist()})
    yield Shared("still_restricted_first", rows[~above & ~since], way_out)


def _legal_cap(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield Shared("legal_cap", rows, {"legal": policy.legal_cap})


def _override(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield from customers.overruled.told("override", rows, amounts=True)


def _override_stop(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield from customers.overruled.told("override_stop", rows)


def _stale_data(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield Shared("stale_data", rows, {"age": customers.data_age[rows].tolist()})


def _first_share(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield Shared("first_share", rows, {"share": policy.movement.first_share})


def _rule(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield from _of_rules("rule", customers.declined, rows, policy)


def _rule_no_rise(customers: Customers, rows: Ints, policy: Policy, losses: Losses) -> _Told:
    yield from _of_rules("rule_no_rise", customers.not_raised, rows, policy)


def _bare(code: str) -> Callable[[Customers, Ints, Policy, Losses], _Told]:
    """A fact without numbers."""
    return lambda customers, rows, policy, losses: iter([Shared(code, rows, {})])


def _referrals(customers: Customers, granted: Granted, policy: Policy) -> _Told:
    """Why a person decides."""
    for i, why in enumerate(REFERRALS):
        rows = np.flatnonzero(granted.refer & (granted.referral == i))
        if why == "p_default":
            yield Shared("refer_p_default", rows, {"threshold": policy.refer.p_default_above})
        elif why == "cured":
            since = customers.since_cure[rows].tolist()
            yield Shared("refer_cured", rows, {"since": since, "probation": policy.refer.cured_within_days})
        elif why == "rule":
            yield from _of_rules("refer_rule", customers.referred, rows, policy)
        elif why:
            yield Shared(f"refer_{why}", rows, {})


def _of_rules(code: str, fired: Ints, rows: Ints, policy: Policy) -> _Told:
    for i, rule in enumerate(policy.rules):
        yield Shared(code, rows[fired[rows] == i], _of_rule(rule))


def _of_rule(rule: Rule) -> dict[str, Value]:
    return {"because": rule.because, "because_zh": rule.because_zh, "rule": rule.name}


def _by_grade(customers: Customers, rows: Ints, policy: Policy) -> Iterator[tuple[Grade, Ints]]:
    for i, grade in enumerate(policy.grades):
        mine = rows[customers.grade[rows] == i]
        if len(mine):
            yield grade, mine


_BOUND: dict[str, Callable[[Customers, Ints, Policy, Losses], _Told]] = {
    "amount_asked": _amount_asked,
    "grade_cap": _grade_cap,
    "affordability": _affordability,
    "thin_file": _thin_file,
    "expected_loss_budget": _budget,
    "profit": _bare("profit"),
    "exposure_cap": _exposure_cap,
    "overdue": _bare("overdue"),
    "stale_data": _stale_data,
    "rule_no_rise": _rule_no_rise,
    "first_share": _first_share,
    "step_cap": _step_cap,
    "restriction": _restriction,
    "still_restricted": _still_restricted,
    "legal_cap": _legal_cap,
    "rule": _rule,
    "in_default": _bare("in_default"),
    "override_stop": _override_stop,
    "override": _override,
}
