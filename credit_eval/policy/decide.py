"""From a calibrated probability to a decision: grade, restriction, limit, price, instalments, and why.

>>> from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
>>> inputs = pd.DataFrame({"customer_id": ["new", "line", "risky"], "p_default": [0.12, 0.12, 0.51],
...                        "limit_previous": [np.nan, 300.0, 300.0], "balance": [0.0, 100.0, 80.0],
...                        "capacity": [np.nan, 500.0, 500.0], "requested": np.nan, "in_default": False,
...                        "overdue": False, "days_past_due": 0, "days_since_cure": np.nan,
...                        "days_since_limit_change": [np.nan, 90, 90], "months_since_limit_change": [np.nan, 2, 2],
...                        "was_restricted": False, "days_below": np.nan, "data_age": 0, "apr_previous": np.nan})
>>> decided = decide(inputs, load_policy(DEFAULT_POLICY), calibrated=True)
>>> print(decided[["decision", "limit_new", "limit_bound_by", "decided_by"]].to_string(index=False))
decision  limit_new       limit_bound_by decided_by
 approve      200.0            thin_file      score
 approve      330.0 expected_loss_budget      score
restrict       80.0          restriction      score
"""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_eval.core.errors import PolicyError
from credit_eval.language.words import Language
from credit_eval.policy.facts import Shared, all_told
from credit_eval.policy.limits import (
    CONSTRAINTS,
    OVERRIDE,
    REFERRALS,
    RESTRICTION,
    Bools,
    Customers,
    Floats,
    Granted,
    Ints,
    bounds,
    by_grade,
    grant,
    waiting,
)
from credit_eval.policy.losses import Losses
from credit_eval.policy.losses import losses as assumed
from credit_eval.policy.overruled import Overruled
from credit_eval.policy.pricing import rates
from credit_eval.policy.profit import expected_loss, exposure, profit_at, revenue
from credit_eval.policy.sentences import policy_facts
from credit_eval.policy.settings import Policy

#: Columns that `decide` reads.
INPUTS = (
    "customer_id",
    "p_default",
    "limit_previous",
    "balance",
    "capacity",
    "requested",
    "in_default",
    "overdue",
    "days_past_due",
    "days_since_cure",
    "days_since_limit_change",
    "months_since_limit_change",
    "was_restricted",
    "days_below",
    "data_age",
    "apr_previous",
)
#: Decisions that take credit away or refuse it; a dearer rate of a line is adverse too (`is_adverse`).
ADVERSE = ("restrict", "decline", "reduce")
#: In `decided_by`: what happened would not have, with the best score there is.
BY_SCORE = "score"
#: In `decided_by`: the policy asks more of everybody than was asked before.
RATES = "rates"


def grade_of(p_default: npt.ArrayLike, policy: Policy) -> npt.NDArray[Any]:
    """Grades (object array of text) of calibrated probabilities; a grade holds `p_default <= up_to`.

    Raises:
        PolicyError: a probability is NaN or outside [0, 1].

    >>> from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
    >>> grade_of([0.0, 0.02, 0.5, 1.0], load_policy(DEFAULT_POLICY)).tolist()
    ['A', 'A', 'F', 'G']
    """
    p = np.asarray(p_default, dtype=np.float64)
    _refuse(~((p >= 0) & (p <= 1)), p, "p_default", "a calibrated probability in [0, 1]")
    return _names(policy)[_grade_number(p, policy)]


def decide(
    inputs: pd.DataFrame,
    policy: Policy,
    *,
    calibrated: bool,
    losses: Losses | None = None,
    untold: npt.NDArray[np.bool_] | None = None,
    language: Language = "en",
    currency: str | None = None,
    wordless: bool = False,
) -> pd.DataFrame:
    """Decide on every row, each on its own; order and index are kept.

    Args:
        inputs: `customer_id`, `p_default` (calibrated), `limit_previous` (NaN: no line), `balance` (owed now, 0 if
            nothing), `capacity` (what is estimated to be left of a month's own money, NaN: unknown), `requested` (the
            amount of a loan asked for, NaN: nothing asked, as on a line); money in currency units. `in_default` and
            `overdue` (bool): a debt is in default, or something material late, now; `days_past_due` (0: nothing is).
            `days_since_cure` (NaN: never was in default), `days_since_limit_change` and `months_since_limit_change`
            (whole months; NaN: no line). `was_restricted` (bool): at the last review; `days_below`: days since the
            first of the reviews in a row that found p_default below `leave_below` (NaN: the last did not).
            `data_age`: days since anything was heard of repayments (NaN: never was). `apr_previous`: the yearly rate
            that the last decision set (NaN: nobody knows). Each is needed, since each decides. What people decided
            over the policy may stand beside them (`policy.overruled`). Other columns are not read: the grade of a
            decision is the policy's.
        policy: the rules.
        calibrated: whether `p_default` comes from a calibrated model.
        losses: LGD and CCF; None: as the policy assumes them.
        untold: (n,) of whom no reason could be told, as nothing raised their risk; None: of nobody. Where the score
            decides against one of them, a person decides instead, and no limit moves until then.
        language: of `policy_reason`.
        currency: told with its amounts; None: the policy's.
        wordless: leave `policy_reason` and `policy_facts` empty, which take most of the time.

    Returns:
        `customer_id`, `grade`, `decision`, `limit_new`, `limit_bound_by`, `apr`, `max_installments` (0: no new
        instalment credit), `policy_reason` and the facts that it tells (`policy_facts`, as JSON: `policy.facts`),
        `decided_by`, `apr_previous` (of a line, or a balance), `dearer_by_score` (bool: the rate rises, and would not
        with the best score); and within the window `expected_loss`, `profit`, and the profit at a limit one step
        lower and higher, `profit_below` and `profit_above` (NaN: the policy says nothing of profit); `balance`,
        `exposure` at default and `revenue` beyond funding; and `exposure_before`, `expected_loss_before`,
        `revenue_before` and `profit_before`, had a line and its rate stayed as they were, or a loan been granted as
        it was asked for.

        * restrict: `p_default` strictly above the threshold, or in default; the line shrinks to what is owed.
        * decline: the same without a line, or no line worth opening.
        * approve: a new line or a higher one, or the whole amount asked for; refer: the same, but a person
          decides first.
        * reduce: lower than before, though never below the balance owed, or less than was asked for (a counter-offer);
          hold: as before.

        `decided_by` is found by asking again with the best score there is, all else equal: `score` if an adverse
        decision would then not be adverse, or any other would give more or not wait for a person, and for everybody
        above the threshold; else the rule that decides at any score: the constraint that would then bind, or why a
        person decides.

    Raises:
        PolicyError: the model is not calibrated, a column is missing, a probability is NaN or outside [0, 1], an
            amount is negative or infinite, or a loan is asked for on top of a line.
    """
    if not calibrated:
        raise PolicyError(
            "the policy refuses an uncalibrated model",
            expected="p_default from a calibrated model: above 0.50 must mean that every other customer defaults",
            received="calibrated=False",
            todo="calibrate the model on data it was not trained on, then score again",
        )
    customers = _customers(inputs, policy)
    losses = losses or assumed(policy, None)
    granted, best = grant(customers, policy, losses), _best(inputs, customers, policy)
    if untold is not None:
        against = _adverse(customers, granted, policy, losses)
        by_score = _decided_by(customers, granted, policy, losses, best) == BY_SCORE
        by_score |= _dearer_by_score(customers, granted, policy, losses, best)
        granted = waiting(granted, customers, untold & against & by_score)
    facts: list[Shared] = []
    if not wordless:
        facts = policy_facts(customers, granted, policy, losses) + _dearer_facts(customers, granted, policy, losses)
    sentences, records = all_told(facts, len(inputs), currency or policy.currency or "", language)
    return pd.DataFrame(
        {
            "customer_id": inputs["customer_id"],
            "grade": _names(policy)[customers.grade],
            "decision": _decisions(customers, granted),
            "limit_new": granted.limit,
            "limit_bound_by": np.array(CONSTRAINTS, dtype=object)[granted.bound_by],
            "apr": _rates(customers, granted, policy, losses),
            "max_installments": _installments(customers, granted, policy),
            "policy_reason": sentences,
            "policy_facts": records,
            "decided_by": _decided_by(customers, granted, policy, losses, best),
            "apr_previous": customers.rate,
            "dearer_by_score": _dearer_by_score(customers, granted, policy, losses, best),
            **_money(customers, granted, policy, losses),
        },
        index=inputs.index,
    )


def _customers(inputs: pd.DataFrame, policy: Policy) -> Customers:
    absent = [name for name in INPUTS if name not in inputs.columns]
    if absent:
        raise PolicyError(
            "the policy lacks an input",
            expected=", ".join(INPUTS),
            received="no " + ", ".join(absent),
            todo="add the column; NaN says that a limit or a capacity is not known",
        )
    p, previous, balance, capacity = (_floats(inputs, name) for name in INPUTS[1:5])
    late, since_cure, since_change, months = (_floats(inputs, name) for name in INPUTS[8:12])
    days_below, data_age, rate = (_floats(inputs, name) for name in INPUTS[13:])
    _refuse(~((p >= 0) & (p <= 1)), p, "p_default", "a calibrated probability in [0, 1]")
    for name, amount in (("limit_previous", previous), ("capacity", capacity)):
        _refuse((amount < 0) | np.isinf(amount), amount, name, "an amount >= 0, or NaN where there is none")
    _refuse(~((balance >= 0) & np.isfinite(balance)), balance, "balance", "an amount >= 0; 0 where nothing is owed")
    _refuse(~((late >= 0) & np.isfinite(late)), late, "days_past_due", "days >= 0; 0 where nothing is past due")
    times = {"days_since_cure": since_cure, "days_since_limit_change": since_change}
    times |= {"months_since_limit_change": months, "days_below": days_below, "data_age": data_age, "apr_previous": rate}
    for name, time in times.items():
        _refuse((time < 0) | np.isinf(time), time, name, "a time >= 0, or NaN where it never happened")
    untold = ~np.isnan(previous) & (np.isnan(since_change) | np.isnan(months))
    _refuse(untold, since_change, "days_since_limit_change", "days, for a customer with a line")
    runs = ~np.isnan(previous) & ((previous > 0) | (balance > 0))
    return Customers(
        p,
        _grade_number(p, policy),
        previous,
        balance,
        capacity,
        _requested(inputs, previous),
        _flags(inputs, "in_default"),
        _flags(inputs, "overdue"),
        late,
        since_cure,
        since_change,
        months,
        _flags(inputs, "was_restricted"),
        days_below,
        data_age,
        np.where(runs, rate, np.nan),
        *_fired(inputs, policy),
        Overruled.of(inputs),
    )


def _money(customers: Customers, granted: Granted, policy: Policy, losses: Losses) -> dict[str, Floats]:
    """What the limit is expected to lose and to earn; the profit one step lower and higher; and the same before."""
    book, limit, step = customers.book, granted.limit, policy.money(policy.limits.step)
    rate, line = _rates(customers, granted, policy, losses), np.where(book.loan, customers.requested, customers.line)
    before = np.where(np.isnan(customers.rate), rate, customers.rate)
    return {
        "balance": customers.balance,
        "exposure": exposure(book, limit, losses),
        "revenue": revenue(book, limit, rate, policy, losses),
        "exposure_before": exposure(book, line, losses),
        "expected_loss_before": expected_loss(book, line, losses),
        "revenue_before": revenue(book, line, before, policy, losses),
        "profit_before": profit_at(book, line, policy, losses, before),
        "expected_loss": expected_loss(book, limit, losses),
        "profit": profit_at(book, limit, policy, losses),
        "profit_below": profit_at(book, np.maximum(limit - step, 0.0), policy, losses),
        "profit_above": profit_at(book, limit + step, policy, losses),
    }


def _flags(inputs: pd.DataFrame, name: str) -> Bools:
    if not pd.api.types.is_bool_dtype(inputs[name]) or inputs[name].isna().any():
        raise PolicyError(
            f"{name} is not known of everybody", expected="true or false", received=str(inputs[name].dtype)
        )
    return inputs[name].to_numpy(dtype=bool)


def _requested(inputs: pd.DataFrame, previous: Floats) -> Floats:
    asked = _floats(inputs, "requested")
    _refuse((asked < 0) | np.isinf(asked), asked, "requested", "an amount >= 0, or NaN where nothing is asked")
    both = ~np.isnan(asked) & ~np.isnan(previous)
    _refuse(both, asked, "requested", "NaN for a customer with a line: a loan asked for is decided on its own")
    return asked


def _floats(inputs: pd.DataFrame, name: str) -> Floats:
    try:
        return inputs[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise PolicyError(f"{name} is not a number", expected="float", received=str(error)) from None


def _refuse(bad: Bools, values: Floats, name: str, expected: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        raise PolicyError(
            f"{name} cannot be used for a decision",
            expected=expected,
            received=str(values.ravel()[rows[0]]),
            rows=[f"row {row}" for row in rows[:5]],
            n_rows=len(rows),
            todo="correct these rows; nothing was decided",
        )


def _names(policy: Policy) -> npt.NDArray[Any]:
    return np.array([grade.grade for grade in policy.grades], dtype=object)


def _grade_number(p: Floats, policy: Policy) -> Ints:
    number: Ints = np.searchsorted(by_grade(policy, "up_to"), p, side="left").astype(np.int64)
    return number


def _decisions(customers: Customers, granted: Granted) -> npt.NDArray[Any]:
    new, line, limit = np.isnan(customers.previous), customers.line, granted.limit
    cases = [
        (granted.referral == REFERRALS.index("no_reason"), "refer"),
        (granted.restricted & new, "decline"),
        (granted.restricted, "restrict"),
        (granted.refer, "refer"),
        (new & (limit == 0), "decline"),
        (granted.short, "reduce"),
        (limit > line, "approve"),
        (limit < line, "reduce"),
    ]
    number = np.select([case for case, _ in cases], list(range(len(cases))), default=len(cases))
    names: npt.NDArray[Any] = np.array([*(name for _, name in cases), "hold"], dtype=object)[number]
    return names


def _best(inputs: pd.DataFrame, customers: Customers, policy: Policy) -> Customers:
    """The same customers with the best score there is; the rules of the policy ask again."""
    declined, not_raised, referred = _fired(inputs.assign(p_default=0.0), policy)
    return replace(
        customers,
        p=np.zeros_like(customers.p),
        grade=np.zeros_like(customers.grade),
        declined=declined,
        not_raised=not_raised,
        referred=referred,
    )


def constraints(inputs: pd.DataFrame, policy: Policy, losses: Losses) -> pd.DataFrame:
    """The largest limit that each constraint allows, a column each; infinite where it allows anything.

    Args:
        inputs: as for `decide`.
        policy: the rules.
        losses: LGD and CCF.

    Returns:
        a row per customer, before rounding and movement downwards, the restrictions aside.
    """
    found = bounds(_customers(inputs, policy), policy, losses)
    return pd.DataFrame(found.T, columns=list(CONSTRAINTS[: len(found)]), index=inputs.index)


def fired(inputs: pd.DataFrame, policy: Policy) -> npt.NDArray[np.bool_]:
    """Where each rule of a policy fires, (n, rules).

    Args:
        inputs: with the columns that the rules read.
        policy: whose rules.

    Returns:
        true where its expression is surely true.

    Raises:
        PolicyError: a column is missing.
    """
    absent = sorted(policy.columns - set(inputs.columns))
    if absent:
        near = [close for name in absent for close in get_close_matches(name, [str(c) for c in inputs.columns], n=2)]
        raise PolicyError(
            "the policy's rules read columns that there are not",
            expected="inputs of a decision, or features of the profiles" + (f"; {' or '.join(near)}?" if near else ""),
            received=", ".join(absent),
            todo="correct the rule, or leave it out where the data do not tell",
        )
    columns = {name: inputs[name].to_numpy() for name in policy.columns}
    none = np.zeros((len(inputs), 0), dtype=bool)
    return np.column_stack([none, *(rule.expression.holds(columns) for rule in policy.rules)])


def _fired(inputs: pd.DataFrame, policy: Policy) -> tuple[Ints, Ints, Ints]:
    """The first rule that declines, that allows no rise, and that refers, by its place; -1: none."""
    hits = fired(inputs, policy)
    found = []
    for then in ("decline", "no_rise", "refer"):
        mine = np.flatnonzero([rule.then == then for rule in policy.rules])
        some = hits[:, mine]
        first = np.where(some.any(axis=1), mine[some.argmax(axis=1)], -1) if len(mine) else np.full(len(hits), -1)
        found.append(first.astype(np.int64))
    declined, not_raised, referred = found
    return declined, not_raised, referred


def _decided_by(
    customers: Customers, granted: Granted, policy: Policy, losses: Losses, best: Customers
) -> npt.NDArray[Any]:
    then = grant(best, policy, losses)
    adverse, adverse_then = (_adverse(*each, policy, losses) for each in ((customers, granted), (best, then)))
    above_the_threshold = granted.bound_by == RESTRICTION  # the score itself, whatever else there is
    gets_more = (then.limit > granted.limit) | (granted.refer & ~then.refer)
    better = np.where(adverse, ~adverse_then | above_the_threshold, gets_more)
    better &= granted.referral != REFERRALS.index("no_reason")
    by_person = (granted.bound_by == OVERRIDE) & ~adverse
    better &= ~by_person
    rule = np.array(CONSTRAINTS, dtype=object)[then.bound_by]
    rule = np.where(granted.refer, np.array(REFERRALS, dtype=object)[granted.referral], rule)
    only_dearer = _dearer(best, then, policy, losses) & ~np.isin(_decisions(customers, granted), ADVERSE)
    rule = np.where(only_dearer, np.array(RATES, dtype=object), rule)
    rule = np.where(by_person, np.array(CONSTRAINTS[OVERRIDE], dtype=object), rule)
    return np.where(better, np.array(BY_SCORE, dtype=object), rule)


def is_adverse(decided: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether decisions are adverse (n,): credit is taken away or refused, or a line gets dearer.

    Args:
        decided: `decision`, `apr` and `apr_previous` (NaN: nobody knows, or it is no line's).

    Returns:
        true where a customer has to be told why.
    """
    dearer = decided["apr"].to_numpy() > decided["apr_previous"].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(decided["decision"].isin(ADVERSE).to_numpy() | dearer)


def _rates(customers: Customers, granted: Granted, policy: Policy, losses: Losses) -> Floats:
    """Yearly rates; until a person decided where no reason can be told, no dearer than before."""
    found = rates(customers.p, customers.grade, policy, losses)
    held = granted.referral == REFERRALS.index("no_reason")
    return np.where(held, np.fmin(found, customers.rate), found)


def _dearer(customers: Customers, granted: Granted, policy: Policy, losses: Losses) -> Bools:
    return np.asarray(_rates(customers, granted, policy, losses) > customers.rate)


def _dearer_by_score(customers: Customers, granted: Granted, policy: Policy, losses: Losses, best: Customers) -> Bools:
    """Whose rate rises, though not with the best score: told the model's reasons, whatever decided on the limit."""
    then = grant(best, policy, losses)
    return _dearer(customers, granted, policy, losses) & ~_dearer(best, then, policy, losses)


def _adverse(customers: Customers, granted: Granted, policy: Policy, losses: Losses) -> Bools:
    taken = np.isin(_decisions(customers, granted), ADVERSE)
    return np.asarray(taken | _dearer(customers, granted, policy, losses))


def _dearer_facts(customers: Customers, granted: Granted, policy: Policy, losses: Losses) -> list[Shared]:
    rows = np.flatnonzero(_dearer(customers, granted, policy, losses))
    now = _rates(customers, granted, policy, losses)[rows].tolist()
    return [Shared("dearer", rows, {"rate": now, "before": customers.rate[rows].tolist()})] if len(rows) else []


def _installments(customers: Customers, granted: Granted, policy: Policy) -> Ints:
    most = np.array([grade.max_installments for grade in policy.grades], dtype=np.int64)
    none = granted.restricted | ((granted.limit == 0) & ~granted.refer)
    found: Ints = np.where(none, 0, most[customers.grade])
    return found
