"""The constraints on a limit, and the limit that satisfies them all.

Each constraint is the largest limit that it allows. None of them rises with `p_default`, so neither does their
minimum; what is done to the minimum afterwards (rounding, the balance owed, the referral) keeps that order.

One customer: p_default 0.12, owing 100 on a line of 300, with 500 a month left, under the default policy's LGD and CCF.
Grade D caps at 600, one month of capacity affords 500, and the expected-loss budget of 20 allows the exposure
20 / (0.12 * 0.60) = 277.78, so a limit of (277.78 - 0.25 * 100) / 0.75 = 337.04, rounded down to 330.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from credit_eval.policy.losses import Losses
from credit_eval.policy.overruled import Overruled
from credit_eval.policy.pricing import unbearable
from credit_eval.policy.profit import Book, most_profitable
from credit_eval.policy.settings import Policy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: Constraints in the order in which ties are settled. From `restriction` on they stand before them all, a debt in
#: default first; and where a person overruled them, that person.
CONSTRAINTS = (
    "amount_asked",
    "grade_cap",
    "affordability",
    "thin_file",
    "expected_loss_budget",
    "profit",
    "exposure_cap",
    "overdue",
    "stale_data",
    "rule_no_rise",
    "first_share",
    "step_cap",
    "restriction",
    "still_restricted",
    "legal_cap",
    "rule",
    "in_default",
    "override_stop",
    "override",
)
RESTRICTION, STILL, LEGAL_CAP, RULE, IN_DEFAULT, STOPPED, OVERRIDE = range(len(CONSTRAINTS) - 7, len(CONSTRAINTS))
FIRST_SHARE = CONSTRAINTS.index("first_share")
#: Why a raise waits for a person, the first that holds; 0 stands for nothing.
REFERRALS = ("", "p_default", "cured", "capacity_unknown", "rule", "no_reason")

#: A limit that misses the next step by less than this share of a step has only lost it to floating point.
_SLACK = 1e-9


@dataclass(frozen=True)
class Customers:
    """n customers as arrays: money in currency units, NaN in `previous` = no line, in `capacity` = unknown.

    `capacity`: a month's own money (or the share of an income), less the debts due in it: an estimate.

    `requested`: the amount of the loan asked for; NaN where nothing is asked, as on a line.
    `in_default`: a debt is in default now, so no new credit, whatever the model thinks of the future. `overdue`:
    something material is late, so no more credit than before; `days_past_due`: for how long. `since_cure` and
    `since_change` are days since a debt in default was paid and since the line last changed, `months` whole months
    since that; NaN where neither ever happened. `was_restricted`: at the last review; `days_below`: days since the
    first of the reviews that have all found p_default below the way out, NaN where the last did not. `data_age`: days
    since anything was heard of repayments, NaN: never was. `declined`, `not_raised` and `referred`: the first rule of
    the policy that says so, by its place; -1: none. `rate`: a year, that the last decision
    set for a line or a balance; NaN: there is neither, or nobody knows. `overruled`: what people decided.
    """

    p: Floats
    grade: Ints
    previous: Floats
    balance: Floats
    capacity: Floats
    requested: Floats
    in_default: Bools
    overdue: Bools
    days_past_due: Floats
    since_cure: Floats
    since_change: Floats
    months: Floats
    was_restricted: Bools
    days_below: Floats
    data_age: Floats
    rate: Floats
    declined: Ints
    not_raised: Ints
    referred: Ints
    overruled: Overruled

    @property
    def book(self) -> Book:
        """What the profit of these customers depends on."""
        return Book(self.p, self.grade, self.balance, self.capacity, ~np.isnan(self.requested))

    @property
    def line(self) -> Floats:
        """The limit so far; 0 where there is none."""
        return np.nan_to_num(self.previous, nan=0.0)

    def affordable(self, policy: Policy) -> Floats:
        """So many months of capacity as the grade allows; 0 where it is unknown."""
        return by_grade(policy, "capacity_multiple")[self.grade] * np.nan_to_num(self.capacity, nan=0.0)


@dataclass(frozen=True)
class Granted:
    """Limits, and how they came about: `allowed` before rounding, by the constraint of index `bound_by`.

    `owed`: kept up at the balance owed. `too_small`: allowed something, but not the smallest limit there is.
    `refer`: a raise that waits for a person, and `referral` the index of why. `short`: something is granted, but less
    than was asked for. `held_up`: cut by no more than may be cut at a time.
    """

    limit: Floats
    allowed: Floats
    bound_by: Ints
    restricted: Bools
    owed: Bools
    too_small: Bools
    refer: Bools
    referral: Ints
    short: Bools
    held_up: Bools


def grant(customers: Customers, policy: Policy, losses: Losses) -> Granted:
    """The limit of every customer under the policy, and under what people decided over it."""
    above, still = customers.p > policy.restriction.threshold, _still_restricted(customers, policy)
    dear = unbearable(customers.p, customers.grade, policy, losses)
    stops = [customers.in_default, above, still, customers.declined >= 0, dear, customers.overruled.stopped]
    restricted = np.logical_or.reduce(stops)
    found = bounds(customers, policy, losses)
    allowed = np.where(restricted, 0.0, found.min(axis=0))
    bound_by = np.select(
        stops, [IN_DEFAULT, RESTRICTION, STILL, RULE, LEGAL_CAP, STOPPED], default=found.argmin(axis=0)
    )
    rounded = _rounded_down(allowed, policy)
    owed = np.minimum(customers.line, customers.balance)
    # Rounding and the minimum are conveniences: they never take away a limit that the constraints allow.
    held = np.where(allowed >= customers.line, customers.line, 0.0)
    earned = np.maximum(np.maximum(rounded, held), _asked_and_allowed(customers, allowed, policy))
    floor = np.where(restricted, 0.0, _floor_of_cuts(customers, policy))
    limit = np.maximum(np.maximum(earned, floor), owed)
    referral = np.where(limit > customers.line, _referral(customers, policy), 0)
    refer = referral > 0
    final = np.where(refer, customers.line, limit)
    granted = Granted(
        limit=final,
        allowed=allowed,
        bound_by=bound_by,
        restricted=restricted,
        owed=owed > np.maximum(earned, floor),
        too_small=(earned == 0) & (floor == 0) & ~restricted,
        refer=refer,
        referral=referral,
        short=(final > 0) & (final < customers.requested),
        held_up=(floor > earned) & (floor >= owed) & ~restricted,
    )
    return _overruled(granted, customers, policy)


def _overruled(granted: Granted, customers: Customers, policy: Policy) -> Granted:
    """Where a person allowed more than the policy gives, or what waits for a person, or lifted what stops it."""
    rows, given = _allowed(customers, policy)
    rows = rows & ((given > granted.limit) | ((given == granted.limit) & granted.restricted & (given > 0)))
    if not rows.any():
        return granted
    return replace(
        granted,
        limit=np.where(rows, given, granted.limit),
        bound_by=np.where(rows, OVERRIDE, granted.bound_by),
        restricted=granted.restricted & ~rows,
        owed=granted.owed & ~rows,
        too_small=granted.too_small & ~rows,
        refer=granted.refer & ~rows,
        referral=np.where(rows, 0, granted.referral),
        short=np.where(rows, given < customers.requested, granted.short),
        held_up=granted.held_up & ~rows,
    )


def _allowed(customers: Customers, policy: Policy) -> tuple[Bools, Floats]:
    """To whom a person may allow something and does, and the limit."""
    said = customers.overruled
    rows = ~np.isnan(said.allowed) & ~said.stopped & ~customers.in_default & (customers.declined < 0)
    most = np.minimum(policy.money(policy.limits.exposure_cap), np.nan_to_num(customers.requested, nan=np.inf))
    return rows, np.where(rows, np.minimum(said.allowed, most), 0.0)


def waiting(granted: Granted, customers: Customers, rows: Bools) -> Granted:
    """The same, but in these rows nothing changes until a person decided, as no reason can be told."""
    return replace(
        granted,
        limit=np.where(rows, customers.line, granted.limit),
        refer=granted.refer | rows,
        referral=np.where(rows, REFERRALS.index("no_reason"), granted.referral),
        owed=granted.owed & ~rows,
        too_small=granted.too_small & ~rows,
        short=granted.short & ~rows,
        held_up=granted.held_up & ~rows,
    )


def bounds(customers: Customers, policy: Policy, losses: Losses) -> Floats:
    """The largest limit that each constraint allows, (number of constraints but `restriction`, n)."""
    thin = policy.amount_unit * by_grade(policy, "thin_file_cap")[customers.grade]
    affordable = customers.affordable(policy)
    found = np.stack(
        [
            np.nan_to_num(customers.requested, nan=np.inf),
            policy.amount_unit * by_grade(policy, "limit_cap")[customers.grade],
            # The larger of the two binds, under its own name: who shows little is no worse off than who shows nothing,
            # so hiding it gains nothing.
            np.where(affordable > thin, affordable, np.inf),
            np.where(affordable > thin, np.inf, thin),
            _within_budget(customers, policy, losses),
            most_profitable(customers.book, policy, losses),
            np.full(len(thin), policy.money(policy.limits.exposure_cap)),
            np.where(customers.overdue, customers.line, np.inf),
            np.where(_stale(customers, policy), customers.line, np.inf),
            np.where(customers.not_raised >= 0, customers.line, np.inf),
            np.full(len(thin), np.inf),
            _within_a_step(customers, thin, policy),
        ]
    )
    found[FIRST_SHARE] = _low_and_grow(customers, found.min(axis=0), policy)
    return found


def _still_restricted(customers: Customers, policy: Policy) -> Bools:
    """Restricted at the last review, and not below the way out for long enough."""
    said = policy.restriction
    out = (customers.p < said.way_out) & (customers.days_below >= said.days_below)
    return customers.was_restricted & ~out


def _stale(customers: Customers, policy: Policy) -> Bools:
    """Whether too long ago anything was heard of repayments; where nothing ever was, there is nothing to wait for."""
    longest = policy.movement.stale_after_days
    return np.zeros(len(customers.p), dtype=bool) if longest is None else customers.data_age > longest


def _low_and_grow(customers: Customers, allowed: Floats, policy: Policy) -> Floats:
    """A new line begins with a share of what is allowed, though not below the smallest limit; a loan is asked for."""
    begins = np.isnan(customers.previous) & np.isnan(customers.requested) & (policy.movement.first_share < 1)
    smallest = np.minimum(allowed, smallest_limit(policy))
    return np.where(begins, np.maximum(policy.movement.first_share * allowed, smallest), np.inf)


def _floor_of_cuts(customers: Customers, policy: Policy) -> Floats:
    """What a cut leaves of a line at the least: all of it until its time has come; nothing once much is past due."""
    most = policy.movement.max_decrease
    if most is None:
        return np.zeros(len(customers.p))
    left = np.where(rests(customers, policy), customers.line, customers.line * (1 - most))
    triggered = customers.overdue & (customers.days_past_due >= policy.movement.trigger_days_past_due)
    step = policy.money(policy.limits.step)
    whole = np.minimum(np.round(np.ceil(left / step - _SLACK) * step, 2), customers.line)
    return np.where(triggered, 0.0, whole)


def _within_a_step(customers: Customers, thin: Floats, policy: Policy) -> Floats:
    """A line grows by a factor, or to what a thin file gets, so one cut to 0 starts again small; none yet is free.

    After it was opened or changed it stays for a while, so that more runs raise it no further than fewer would.
    """
    factor = policy.movement.max_increase_factor
    if not factor:
        return np.full(len(thin), np.inf)
    grown = np.where(rests(customers, policy), customers.line, np.maximum(customers.line * factor, thin))
    return np.where(np.isnan(customers.previous), np.inf, grown)


def rests(customers: Customers, policy: Policy) -> Bools:
    """Whether a line changed so lately that it may not move yet."""
    return customers.months < policy.movement.months_between_changes


def _asked_and_allowed(customers: Customers, allowed: Floats, policy: Policy) -> Floats:
    """The amount asked for, unrounded, where it is allowed and not below the smallest limit; else 0."""
    worth_it = customers.requested >= smallest_limit(policy)
    return np.where(worth_it & (allowed >= customers.requested), customers.requested, 0.0)


def smallest_limit(policy: Policy) -> float:
    """The smallest limit that there is, in currency units."""
    return policy.money(max(policy.limits.minimum, policy.limits.step))


def by_grade(policy: Policy, field: str) -> Floats:
    """A field of the grades as an array, to be indexed by grade number."""
    return np.array([getattr(grade, field) for grade in policy.grades], dtype=np.float64)


def _within_budget(customers: Customers, policy: Policy, losses: Losses) -> Floats:
    """Largest L with p * lgd * EAD(L) <= budget: EAD of a line is B + ccf * (L - B), a loan is drawn whole: B + L."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # no risk, or no conversion: no bound
        exposure = policy.money(policy.expected_loss.budget) / (customers.p * losses.lgd)
        line = (exposure - (1 - losses.ccf) * customers.balance) / losses.ccf
    line = np.where(exposure >= customers.balance, np.nan_to_num(line, nan=np.inf), np.minimum(line, customers.balance))
    return np.maximum(np.where(np.isnan(customers.requested), line, exposure - customers.balance), 0.0)


def _rounded_down(allowed: Floats, policy: Policy) -> Floats:
    step, minimum = policy.money(policy.limits.step), policy.money(policy.limits.minimum)
    rounded = np.round(np.floor(allowed / step + _SLACK) * step, 2)
    return np.where(rounded < minimum, 0.0, rounded)


def _referral(customers: Customers, policy: Policy) -> Ints:
    """Index in `REFERRALS` of why a raise would wait for a person; 0 for nothing."""
    above = policy.refer.p_default_above
    cases = [
        customers.p > above if above is not None else np.zeros(len(customers.p), dtype=bool),
        customers.since_cure < policy.refer.cured_within_days,
        np.isnan(customers.capacity) & policy.refer.capacity_unknown,
        customers.referred >= 0,
    ]
    found: Ints = np.select(cases, [1, 2, 3, 4], default=0)
    return found
