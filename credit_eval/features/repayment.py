"""How earlier credit was used and repaid: lines and limits, days past due, early and late payments.

Windows are measured on the due date. A payment after `as_of` is not seen, so a line due and paid later counts
as unpaid on the days between.
"""

from __future__ import annotations

from credit_eval.events.query import AsOf, Case, Constant, DaysBetween
from credit_eval.features.language import (
    Dimension,
    Feature,
    Keep,
    Of,
    column,
    count,
    fold,
    ratio,
    share,
    since,
)

_UNPAID = column("paid_at").is_null()
_DAYS_TO_PAY = DaysBetween(column("due_at"), column("paid_at"))
_DAYS_OPEN = DaysBetween(column("due_at"), AsOf())
_DAYS_LATE = Case(_UNPAID, _DAYS_OPEN, _DAYS_TO_PAY)
_LATENESS = Case(_DAYS_LATE.above(0), _DAYS_LATE, Constant(0))

LATE = Keep("late", _DAYS_LATE.above(0), "instalments paid late or not yet")
LATE_30 = Keep("late_30", _DAYS_LATE.at_least(30), "instalments 30 or more days late")
_OPEN = Keep("open", _UNPAID, "instalments not yet paid")
OVERDUE = Keep("overdue", _UNPAID, "instalments due and unpaid")
_ON_TIME = Keep("on_time", _DAYS_LATE.below(1), "instalments paid on time")
_SETTLED = Keep("paid", ~_UNPAID, "instalments paid")
_EARLY = Keep("early", ~_UNPAID & _DAYS_TO_PAY.below(-2), "instalments paid three or more days early")

_DPD = Of("days_late", _LATENESS, "days", "lateness of an instalment")
_PAY_DAY = Of("days_to_pay", _DAYS_TO_PAY, "days", "time from due date to payment (negative: early)")
_DUE = Of("due", column("due_amount"), "money", "money overdue")
_OWED = Of("due", column("due_amount"), "money", "money owed in instalments not yet paid")
_LIMIT = Of("limit", column("credit_limit"), "money", "credit limit")
_ACCOUNT = Of("held", column("account_id"), "category", "credit accounts or loans")

_HISTORY, _CAPACITY = Dimension.HISTORY, Dimension.CAPACITY
_LATE_CODE, _OVERDUE_CODE = "R_LATE_REPAYMENTS", "R_OVERDUE_NOW"


def owed_now() -> Feature:
    """All that is drawn up and not paid, due or not: the balance the policy works with."""
    return Feature(fold("repayments", "sum", _OWED, _OPEN, when_empty=0), _HISTORY, 0, "R_DEBT_LEVEL")


def limit_now() -> Feature:
    """The limit of the account changed last."""
    return Feature(
        fold("accounts", "last", _LIMIT, when_empty=None, title="credit limit"), _HISTORY, 0, "R_CREDIT_LINE"
    )


_LOWEST_LIMIT = fold("accounts", "min", _LIMIT, when_empty=None)
_LATEST_LATE = fold(
    "repayments", "last", _DPD, clock="due_at", when_empty=None, title="lateness of the instalment due last"
)

FEATURES = (
    Feature(count("repayments", clock="due_at"), _HISTORY, 0, "R_SHORT_CREDIT_HISTORY"),
    Feature(count("repayments", LATE, clock="due_at", days=90), _HISTORY, +1, _LATE_CODE),
    Feature(count("repayments", LATE, clock="due_at", days=365), _HISTORY, +1, _LATE_CODE),
    Feature(count("repayments", LATE_30, clock="due_at", days=365), _HISTORY, +1, _LATE_CODE),
    Feature(share("repayments", _ON_TIME, clock="due_at"), _HISTORY, -1, _LATE_CODE),
    Feature(share("repayments", _EARLY, clock="due_at"), _HISTORY, 0, "R_EARLY_REPAYMENTS"),
    Feature(fold("repayments", "max", _DPD, clock="due_at", days=90, when_empty=None), _HISTORY, +1, _LATE_CODE),
    Feature(fold("repayments", "max", _DPD, clock="due_at", when_empty=None), _HISTORY, +1, _LATE_CODE),
    Feature(fold("repayments", "mean", _DPD, clock="due_at", when_empty=None), _HISTORY, +1, _LATE_CODE),
    Feature(_LATEST_LATE, _HISTORY, +1, _LATE_CODE),
    Feature(
        fold("repayments", "mean", _PAY_DAY, _SETTLED, clock="due_at", days=365, when_empty=None),
        _HISTORY,
        +1,
        _LATE_CODE,
    ),
    Feature(
        fold(
            "repayments",
            "last",
            _PAY_DAY,
            _SETTLED,
            clock="paid_at",
            when_empty=None,
            title="time from due date to payment (negative: early) of the instalment paid last",
        ),
        _HISTORY,
        +1,
        _LATE_CODE,
    ),
    Feature(
        fold("repayments", "mean", _PAY_DAY, _SETTLED, clock="due_at", days=90, when_empty=None),
        _HISTORY,
        +1,
        _LATE_CODE,
    ),
    Feature(
        fold("repayments", "min", _PAY_DAY, _SETTLED, clock="due_at", when_empty=None),
        _HISTORY,
        0,
        "R_EARLY_REPAYMENTS",
    ),
    Feature(
        fold("repayments", "std", _PAY_DAY, _SETTLED, clock="due_at", days=365, when_empty=None),
        _HISTORY,
        0,
        "R_IRREGULAR_REPAYMENTS",
    ),
    Feature(
        since(
            "repayments",
            LATE,
            clock="due_at",
            phrase="since an instalment last fell due and was not paid on time",
        ),
        _HISTORY,
        -1,
        _LATE_CODE,
    ),
    Feature(count("repayments", OVERDUE, clock="due_at"), _HISTORY, +1, _OVERDUE_CODE),
    Feature(
        fold(
            "repayments",
            "max",
            _DPD,
            OVERDUE,
            clock="due_at",
            when_empty=0,
            title="lateness of the oldest instalment still unpaid",
        ),
        _HISTORY,
        +1,
        _OVERDUE_CODE,
    ),
    Feature(fold("repayments", "sum", _DUE, OVERDUE, clock="due_at", when_empty=0), _HISTORY, 0, _OVERDUE_CODE),
    owed_now(),
    limit_now(),
    Feature(
        fold("accounts", "nunique", _ACCOUNT, when_empty=0, title="credit accounts or loans so far"),
        _HISTORY,
        0,
        "R_SHORT_CREDIT_HISTORY",
    ),
    Feature(fold("accounts", "max", _LIMIT, when_empty=None), _HISTORY, 0, "R_CREDIT_LINE"),
    Feature(
        ratio(
            "accounts_limit_growth", limit_now().named, _LOWEST_LIMIT, title="credit limit against the lowest so far"
        ),
        _HISTORY,
        0,
        "R_CREDIT_LINE",
    ),
    Feature(
        fold(
            "accounts",
            "nunique",
            _ACCOUNT,
            clock="opened_at",
            days=90,
            when_empty=0,
            title="credit accounts or loans opened in the last 90 days",
        ),
        _HISTORY,
        0,
        "R_RECENT_CREDIT",
    ),
    Feature(
        since("accounts", clock="opened_at", first=True, phrase="since the first credit account"),
        _HISTORY,
        0,
        "R_SHORT_CREDIT_HISTORY",
    ),
    Feature(
        since("accounts", clock="opened_at", phrase="since the latest credit account"),
        _HISTORY,
        0,
        "R_RECENT_CREDIT",
    ),
    Feature(
        ratio(
            "repayments_owed_per_limit",
            owed_now().named,
            limit_now().named,
            unit="share",
            title="share of the credit limit in use",
        ),
        _CAPACITY,
        0,
        "R_UTILISATION",
    ),
)
