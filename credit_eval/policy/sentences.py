"""One short sentence a decision: which constraint of the policy bound, with its numbers.

The model's reasons (what raised the risk) are `explain.reasons`; these are the policy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from credit_eval.policy.limits import CONSTRAINTS, REFERRALS, Customers, Granted, Ints, rests, smallest_limit
from credit_eval.policy.losses import Losses
from credit_eval.policy.settings import Policy, Restriction

Texts = npt.NDArray[Any]


def policy_reasons(customers: Customers, granted: Granted, policy: Policy, losses: Losses) -> Texts:
    """Sentences of n decisions, an object array of text."""
    texts = np.full(len(customers.p), "", dtype=object)
    for i, constraint in enumerate(CONSTRAINTS):
        rows = np.flatnonzero(granted.bound_by == i)
        if len(rows):
            texts[rows] = np.array(_SENTENCES[constraint](customers, rows, policy), dtype=object)
            if constraint == "expected_loss_budget":
                texts[rows] += f" ({_shares(losses)})"
    texts[granted.too_small] += f"; below the smallest limit of {_money(policy, smallest_limit(policy))}"
    held = np.flatnonzero(granted.held_up)
    if len(held):
        texts[held] += _cut_short(customers, held, policy)
    kept = np.flatnonzero(granted.owed)
    texts[kept] += np.array(
        [f"; kept at the balance owed of {_money(policy, x)}" for x in granted.limit[kept]], dtype=object
    )
    short = np.flatnonzero(granted.short)
    texts[short] += _counter_offer(customers, granted, short, policy)
    waiting = np.flatnonzero(granted.refer)
    texts[waiting] = _why_a_person(customers, granted, waiting, policy) + texts[waiting]
    return texts


def _money(policy: Policy, amount: float) -> str:
    return f"{amount:,.2f} {policy.currency}" if policy.currency else f"{amount:,.2f}"


def _probability(p: float, against: float | None = None) -> str:
    """Three decimals, or as many as it takes to differ from the threshold it is compared with.

    >>> _probability(0.1234), _probability(0.5000001, against=0.5)
    ('0.123', '0.5000001')
    """
    short = f"{p:.3f}"
    return short if against is None or float(short) != against else repr(p)


def _counter_offer(customers: Customers, granted: Granted, rows: Ints, policy: Policy) -> Texts:
    pairs = zip(granted.limit[rows].tolist(), customers.requested[rows].tolist(), strict=True)
    said = [f"; {_money(policy, limit)} of the {_money(policy, asked)} asked for" for limit, asked in pairs]
    return np.array(said, dtype=object)


def _cut_short(customers: Customers, rows: Ints, policy: Policy) -> Texts:
    most = policy.movement.max_decrease
    assert most is not None  # without one nothing is held up
    at_once = f"; cut by no more than {most:.0%} at a time"
    waits = f"; nothing is cut sooner than {_months(policy)} after the line was opened or last changed"
    return np.where(rests(customers, policy)[rows], waits, at_once).astype(object)


def _months(policy: Policy) -> str:
    months = policy.movement.months_between_changes
    return "a month" if months == 1 else f"{months} months"


def _shares(losses: Losses) -> str:
    return f"LGD {losses.lgd:.2f} {losses.lgd_is}, CCF {losses.ccf:.2f} {losses.ccf_is}"


def _amount_asked(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    return [f"limit set by the amount asked for, {_money(policy, x)}" for x in customers.requested[rows].tolist()]


def _grade_cap(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    said = [
        f"limit set by the cap of grade {g.grade}, {_money(policy, policy.money(g.limit_cap))}" for g in policy.grades
    ]
    return [said[i] for i in customers.grade[rows].tolist()]


#: Capacity, in words.
_MEANS = "what is left of a month's own money (estimated):"


def _affordability(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    said = [f"limit set by affordability, {g.capacity_multiple:g} × {_MEANS} " for g in policy.grades]
    pairs = zip(customers.grade[rows].tolist(), customers.capacity[rows].tolist(), strict=True)
    return [said[i] + _money(policy, capacity) for i, capacity in pairs]


def _thin_file(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    said = [
        (
            f"limit set by the least that grade {g.grade} affords, {_money(policy, policy.money(g.thin_file_cap))}: ",
            f"{g.capacity_multiple:g} × {_MEANS} ",
        )
        for g in policy.grades
    ]
    pairs = zip(customers.grade[rows].tolist(), customers.capacity[rows].tolist(), strict=True)
    return [said[i][0] + _why_thin(said[i][1], capacity, policy) for i, capacity in pairs]


def _why_thin(times: str, capacity: float, policy: Policy) -> str:
    if math.isnan(capacity):
        return "how much is left of a month is not known"
    return f"{times}{_money(policy, capacity)} would not be more"


def _budget(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    said = f"limit set by the expected-loss budget of {_money(policy, policy.money(policy.expected_loss.budget))}"
    return [f"{said} at p_default {_probability(p)}" for p in customers.p[rows].tolist()]


def _exposure_cap(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    cap = _money(policy, policy.money(policy.limits.exposure_cap))
    return [f"limit set by the exposure cap of {cap}"] * len(rows)


def _step_cap(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    factor = policy.movement.max_increase_factor
    assert factor is not None  # without one this constraint never binds
    raised = f"limit set by the largest raise at a time, {factor:g} times "
    thin = [policy.money(grade.thin_file_cap) for grade in policy.grades]
    reopened = [
        f"a small or closed line is raised at once to no more than {_money(policy, cap)}, the thin-file cap of grade "
        f"{grade.grade}"
        for cap, grade in zip(thin, policy.grades, strict=True)
    ]
    pairs = zip(customers.grade[rows].tolist(), customers.previous[rows].tolist(), strict=True)
    said = [raised + _money(policy, line) if line * factor >= thin[i] else reopened[i] for i, line in pairs]
    resting = rests(customers, policy)[rows].tolist()
    since = customers.since_change[rows].tolist()
    return [_rest(days, policy) if rest else word for word, rest, days in zip(said, resting, since, strict=True)]


def _rest(days: float, policy: Policy) -> str:
    return (
        f"limit kept: opened or last changed {_days(days)} ago, and raised no sooner than {_months(policy)} after that"
    )


def _days(number: float) -> str:
    """Whole days, rounded down: a wait of 30 days is not over after 29.9.

    >>> _days(1.0), _days(29.9)
    ('1 day', '29 days')
    """
    whole = math.floor(number)
    return f"{whole} day" if whole == 1 else f"{whole:,} days"


def _overdue(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    return ["no new credit while an instalment is overdue"] * len(rows)


def _restriction(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    at = policy.restriction.threshold
    return [f"no new credit: p_default {_probability(p, at)} is above {at:.2f}" for p in customers.p[rows].tolist()]


def _still_restricted(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    said = policy.restriction
    way_out = f"until reviews {_days(said.days_below)} apart have found p_default below {said.way_out:.2f}"
    pairs = zip(customers.p[rows].tolist(), customers.days_below[rows].tolist(), strict=True)
    return [
        f"no new credit: restricted before, and so it stays {way_out}; {_so_far(p, days, said)}" for p, days in pairs
    ]


def _so_far(p: float, days: float, said: Restriction) -> str:
    if p >= said.way_out:
        return f"it is {_probability(p, said.way_out)} now"
    return f"it is now, {_for_days(days)}"


def _for_days(days: float) -> str:
    return f"since {_days(days)}" if days >= 1 else "for the first time"


def _rule(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    return [f"no new credit: {policy.rules[i].because} (rule {policy.rules[i].name})" for i in customers.declined[rows]]


def _rule_no_rise(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    found = [policy.rules[i] for i in customers.not_raised[rows]]
    return [f"no more credit than before: {rule.because} (rule {rule.name})" for rule in found]


def _profit(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    return ["limit set where a higher one is not expected to earn more"] * len(rows)


def _stale_data(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    ages = customers.data_age[rows].tolist()
    return [f"no new credit while nothing has been heard of repayments for {_days(age)}" for age in ages]


def _first_share(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    return [f"a new line begins with {policy.movement.first_share:.0%} of what is allowed"] * len(rows)


def _in_default(customers: Customers, rows: Ints, policy: Policy) -> list[str]:
    return ["no new credit: a debt is in default now"] * len(rows)


def _why_a_person(customers: Customers, granted: Granted, rows: Ints, policy: Policy) -> Texts:
    return np.array([_referral(customers, granted.referral[row], row, policy) for row in rows], dtype=object)


def _referral(customers: Customers, referral: int, row: int, policy: Policy) -> str:
    match REFERRALS[referral]:
        case "p_default":
            why = f"p_default is above {policy.refer.p_default_above:.2f}"
        case "cured":
            paid = _days(customers.since_cure[row])
            why = f"a debt in default was paid {paid} ago, less than {_days(policy.refer.cured_within_days)}"
        case "rule":
            why = policy.rules[customers.referred[row]].because
        case "no_reason":
            why = "nothing that could be told raised the risk"
        case _:
            why = "how much is left of a month is not known"
    return f"for a person to decide, as {why}: "


_SENTENCES: dict[str, Callable[[Customers, Ints, Policy], list[str]]] = {
    "amount_asked": _amount_asked,
    "grade_cap": _grade_cap,
    "affordability": _affordability,
    "thin_file": _thin_file,
    "expected_loss_budget": _budget,
    "profit": _profit,
    "exposure_cap": _exposure_cap,
    "overdue": _overdue,
    "stale_data": _stale_data,
    "rule_no_rise": _rule_no_rise,
    "first_share": _first_share,
    "step_cap": _step_cap,
    "restriction": _restriction,
    "still_restricted": _still_restricted,
    "rule": _rule,
    "in_default": _in_default,
}
