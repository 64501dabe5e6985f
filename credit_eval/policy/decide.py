"""From a calibrated probability to a decision: grade, restriction, limit, price, instalments, and why.

>>> from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
>>> inputs = pd.DataFrame({"customer_id": ["new", "line", "risky"], "p_default": [0.12, 0.12, 0.51],
...                        "limit_previous": [np.nan, 300.0, 300.0], "balance": [0.0, 100.0, 80.0],
...                        "capacity": [np.nan, 500.0, 500.0]})
>>> decided = decide(inputs, load_policy(DEFAULT_POLICY), calibrated=True)
>>> print(decided[["decision", "limit_new", "limit_bound_by"]].to_string(index=False))
decision  limit_new       limit_bound_by
 approve      200.0            thin_file
 approve      330.0 expected_loss_budget
restrict       80.0          restriction
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_eval.core.errors import PolicyError
from credit_eval.policy.limits import CONSTRAINTS, Bools, Customers, Floats, Granted, Ints, by_grade, grant
from credit_eval.policy.sentences import policy_reasons
from credit_eval.policy.settings import Policy

#: Columns that `decide` reads.
INPUTS = ("customer_id", "p_default", "limit_previous", "balance", "capacity")


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


def decide(inputs: pd.DataFrame, policy: Policy, *, calibrated: bool) -> pd.DataFrame:
    """Decide on every row, each on its own; order and index are kept.

    Args:
        inputs: `customer_id`, `p_default` (calibrated), `limit_previous` (NaN: no line), `balance` (owed now, 0 if
            nothing), `capacity` (estimated monthly spending, NaN: unknown); money in currency units. Optional:
            `in_default` (bool), whether a debt is in default now; `requested`, the amount of a loan asked for (NaN:
            nothing asked, as on a line). Other columns are not read: the grade of a decision is the policy's.
        policy: the rules.
        calibrated: whether `p_default` comes from a calibrated model.

    Returns:
        `customer_id`, `grade`, `decision`, `limit_new`, `limit_bound_by`, `apr`, `max_installments` (0: no new
        instalment credit), `policy_reason`.

        * restrict: `p_default` strictly above the threshold, or in default; the line shrinks to what is owed.
        * decline: the same without a line, or no line worth opening.
        * approve: a new line or a higher one, or the whole amount asked for; refer: the same, but a person
          decides first.
        * reduce: lower than before, though never below the balance owed, or less than was asked for (a counter-offer);
          hold: as before.

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
    granted = grant(customers, policy)
    return pd.DataFrame(
        {
            "customer_id": inputs["customer_id"],
            "grade": _names(policy)[customers.grade],
            "decision": _decisions(customers, granted),
            "limit_new": granted.limit,
            "limit_bound_by": np.array(CONSTRAINTS, dtype=object)[granted.bound_by],
            "apr": by_grade(policy, "apr")[customers.grade],
            "max_installments": _installments(customers, granted, policy),
            "policy_reason": policy_reasons(customers, granted, policy),
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
    p, previous, balance, capacity = (_floats(inputs, name) for name in INPUTS[1:])
    _refuse(~((p >= 0) & (p <= 1)), p, "p_default", "a calibrated probability in [0, 1]")
    for name, amount in (("limit_previous", previous), ("capacity", capacity)):
        _refuse((amount < 0) | np.isinf(amount), amount, name, "an amount >= 0, or NaN where there is none")
    _refuse(~((balance >= 0) & np.isfinite(balance)), balance, "balance", "an amount >= 0; 0 where nothing is owed")
    late = inputs["in_default"].to_numpy(dtype=bool) if "in_default" in inputs else np.zeros(len(inputs), dtype=bool)
    return Customers(p, _grade_number(p, policy), previous, balance, capacity, late, _requested(inputs, previous))


def _requested(inputs: pd.DataFrame, previous: Floats) -> Floats:
    if "requested" not in inputs:
        return np.full(len(inputs), np.nan)
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


def _installments(customers: Customers, granted: Granted, policy: Policy) -> Ints:
    most = np.array([grade.max_installments for grade in policy.grades], dtype=np.int64)
    none = granted.restricted | ((granted.limit == 0) & ~granted.refer)
    found: Ints = np.where(none, 0, most[customers.grade])
    return found
