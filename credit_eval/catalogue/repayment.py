"""How what fell due was repaid: days past due, early, late and part payments, what is overdue and what comes next.

Windows are measured on the due date. A payment after `as_of` is not seen, so a line due and paid later counts
as unpaid on the days between.
"""

from __future__ import annotations

from credit_eval.catalogue.spending import NET_SPENDING_180
from credit_eval.language.aggregates import Kind
from credit_eval.language.constructors import count, decayed, difference, fold, gaps, ratio, series, since, trend
from credit_eval.language.expressions import AsOf, Case, Constant, DaysBetween, column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.subjects import about, counts, folds, shares, told
from credit_eval.language.words import so_far

#: A line of 0.00 has nobody to pay it: it is settled as it stands, and when it falls due it is on time.
UNPAID = column("paid_at").is_null() & column("due_amount").above(0)
_DAYS_TO_PAY = DaysBetween(column("due_at"), column("paid_at"))
_DAYS_OPEN = DaysBetween(column("due_at"), AsOf())
_DAYS_LATE = Case(UNPAID, _DAYS_OPEN, Case(column("paid_at").is_null(), Constant(0), _DAYS_TO_PAY))
_LATENESS = Case(_DAYS_LATE.above(0), _DAYS_LATE, Constant(0))

LATE = Keep("late", _DAYS_LATE.above(0), "instalments paid late or not yet")
_LATE_7 = Keep("late_7", _DAYS_LATE.at_least(7), "instalments 7 or more days late")
LATE_30 = Keep("late_30", _DAYS_LATE.at_least(30), "instalments 30 or more days late")
OVERDUE = Keep("overdue", UNPAID, "instalments due and unpaid")
_ON_TIME = Keep("on_time", _DAYS_LATE.below(1), "instalments paid on time")
_SETTLED = Keep("paid", ~UNPAID, "instalments paid")
_EARLY = Keep("early", ~UNPAID & _DAYS_TO_PAY.below(-2), "instalments paid three or more days early")
_PART_PAID = Keep("part_paid", UNPAID & column("paid_amount").above(0), "instalments paid in part")


_COMING = Keep(
    "due_within_30d",
    UNPAID & _DAYS_OPEN.below(0) & _DAYS_OPEN.at_least(-30),
    "instalments falling due within 30 days",
)

_DPD = Of("days_late", _LATENESS, "days", "days late per instalment")
_PAY_DAY = Of(
    "days_to_pay",
    _DAYS_TO_PAY,
    "days",
    "days paid after the due date (minus: early)",
)
_HELD = Of("held", DaysBetween(column("occurred_at"), column("paid_at")), "days", "time to pay back")
_GRANTED = Of("granted", DaysBetween(column("occurred_at"), column("due_at")), "days", "time given")
_OVERDUE = Of("due", column("due_amount"), "money", "money overdue")
_DUE = Of("due", column("due_amount"), "money", "money that fell due")
_PAID = Of("paid", column("paid_amount"), "money", "money paid back")
_PART = Of("paid", column("paid_amount"), "money", "money paid on instalments still open")

_HISTORY, _CAPACITY = Dimension.HISTORY, Dimension.CAPACITY


def _dpd(kind: Kind, title: str, *windows: int | None) -> tuple[Named, ...]:
    """Days late, over several windows."""
    made = folds("repayments", kind, _DPD, None, *windows, when_empty=None, clock="due_at")
    return tuple(told(one, f"{title} {so_far(days)}") for one, days in zip(made, windows, strict=True))


def _paid(kind: Kind, title: str, *windows: int | None) -> tuple[Named, ...]:
    """Days from due date to payment of what was paid, over several windows; `title` has a place for the window."""
    made = folds("repayments", kind, _PAY_DAY, _SETTLED, *windows, when_empty=None, clock="due_at")
    return tuple(told(one, title.format(f" {so_far(days)}")) for one, days in zip(made, windows, strict=True))


def _nth(of: Of, keep: Keep | None, clock: str, title: str) -> tuple[Named, ...]:
    """The latest three values, one by one."""
    return tuple(
        fold("repayments", "last", of, keep, clock=clock, when_empty=None, nth=n, title=title.format(which))
        for n, which in enumerate(("most recent", "second most recent", "third most recent"), start=1)
    )


_LATE_LAST = _nth(_DPD, None, "due_at", "days late on the {} instalment")
_PAID_LAST = _nth(
    _PAY_DAY,
    _SETTLED,
    "paid_at",
    "days paid after the due date on the {} instalment paid (minus: early)",
)
_PAID_90 = fold("repayments", "sum", _PAID, _SETTLED, days=90, clock="paid_at", when_empty=0)
_FELL_DUE = {days: fold("repayments", "sum", _DUE, days=days, clock="due_at", when_empty=0) for days in (30, 90, 365)}

_LATENESS_LEVELS = (
    *counts("repayments", LATE, 30, 90, 180, 365, clock="due_at"),
    *counts("repayments", _LATE_7, 90, 365, clock="due_at"),
    *counts("repayments", LATE_30, 180, 365, clock="due_at"),
    *_dpd("mean", "average days late per instalment", 180, None),
    *_dpd("max", "longest delay of one instalment", 30, 90, 365, None),
    decayed("repayments", _DPD, half_life=90, clock="due_at", when_empty=0),
    *_LATE_LAST,
    *_paid("mean", "days paid after the due date, on average{} (minus: early)", 90, 365),
    *_paid("max", "latest payment relative to its due date{} (minus: early)", 365),
    *_PAID_LAST,
    series("repayments", "longest_run", keep=LATE, steps=12, clock="due_at", when_empty=0),
)

_LATENESS_TREND = (
    told(
        trend("repayments", _DPD, short=90, long=180, clock="due_at"),
        "days late, last 90 days relative to last 180 (1: steady)",
    ),
    series("repayments", "slope", keep=LATE, steps=6, clock="due_at", when_empty=0),
    series("repayments", "slope", _DPD, steps=6, clock="due_at", when_empty=0),
    difference(
        "repayments_days_late_last_change",
        _LATE_LAST[0],
        _LATE_LAST[1],
        title="change of days late from the instalment before to the most recent",
    ),
    difference(
        "repayments_days_to_pay_last_change",
        _PAID_LAST[0],
        _PAID_LAST[1],
        title="change of days to payment from the instalment before to the most recent",
    ),
)

_SINCE_LATE = (
    since(
        "repayments",
        LATE,
        clock="due_at",
        phrase="since an instalment last fell due and was not paid on time",
    ),
    since(
        "repayments",
        LATE_30,
        clock="due_at",
        phrase="since an instalment last fell due and stayed unpaid for 30 days",
    ),
)

_EARLINESS = (
    *shares("repayments", _EARLY, None, clock="due_at"),
    *_paid("min", "earliest payment relative to its due date{} (minus: early)", None),
    ratio(
        "repayments_held_vs_granted",
        fold("repayments", "sum", _HELD, _SETTLED, clock="due_at", when_empty=None),
        fold("repayments", "sum", _GRANTED, _SETTLED, clock="due_at", when_empty=None),
        title="time taken to pay back relative to the time given",
    ),
    fold(
        "repayments",
        "last",
        _HELD,
        _SETTLED,
        clock="paid_at",
        when_empty=None,
        title="days from billing to payment of the most recent instalment paid",
    ),
)

_IRREGULAR = (
    *_paid("std", "spread of days between due date and payment{} (standard deviation)", 365),
    gaps("repayments", _SETTLED, days=365, clock="paid_at"),
    gaps("repayments", _SETTLED, spread=True, days=365, clock="paid_at"),
)

_OLDEST = "days late of the oldest instalment still unpaid"
_OVERDUE_NOW = (
    told(count("repayments", OVERDUE, clock="due_at"), "instalments due and unpaid now"),
    fold("repayments", "max", _DPD, OVERDUE, clock="due_at", when_empty=0, title=_OLDEST),
)
_OVERDUE_MONEY = (
    fold("repayments", "sum", _OVERDUE, OVERDUE, clock="due_at", when_empty=0, title=_OVERDUE.phrase),
    ratio(
        "repayments_overdue_share_365d",
        fold("repayments", "sum", _OVERDUE, OVERDUE, days=365, clock="due_at", when_empty=0),
        _FELL_DUE[365],
        unit="share",
        title="share still unpaid of what fell due in the last 365 days",
    ),
)

_IN_PARTS = (
    told(count("repayments", _PART_PAID, clock="due_at"), "instalments paid in part so far"),
    fold("repayments", "sum", _PART, _PART_PAID, clock="due_at", when_empty=0, title=_PART.phrase),
    ratio(
        "repayments_paid_vs_due_365d",
        fold("repayments", "sum", _PAID, _SETTLED, days=365, clock="due_at", when_empty=None),
        fold("repayments", "sum", _DUE, _SETTLED, days=365, clock="due_at", when_empty=None),
        title="money paid relative to money due, of instalments settled in the last 365 days",
    ),
)

_DUE_SOON = fold(
    "repayments",
    "sum",
    _DUE,
    _COMING,
    when_empty=0,
    title="money falling due within the next 30 days",
)
_BURDEN = (
    *_FELL_DUE.values(),
    told(
        fold("repayments", "mean", _DUE, days=365, clock="due_at", when_empty=None),
        "average instalment that fell due in the last 365 days",
    ),
    series("repayments", "slope", _DUE, steps=6, clock="due_at", when_empty=0),
    series("repayments", "variation", _DUE, steps=6, clock="due_at", when_empty=None),
    _DUE_SOON,
    ratio(
        "repayments_due_soon_vs_spending",
        _DUE_SOON,
        NET_SPENDING_180.named,
        factor=6,
        title="money falling due within 30 days relative to monthly net spending (of the last 180 days)",
    ),
)

_FLOW = (
    _PAID_90,
    ratio(
        "repayments_paid_vs_fell_due_90d",
        _PAID_90,
        _FELL_DUE[90],
        title="money paid back relative to money that fell due in the last 90 days",
    ),
    since("repayments", _SETTLED, clock="paid_at", phrase="since the last repayment"),
)

FEATURES: tuple[Feature, ...] = (
    *about("R_SHORT_CREDIT_HISTORY", _HISTORY, *counts("repayments", None, 90, None, clock="due_at")),
    *about("R_LATE_REPAYMENTS", _HISTORY, *_LATENESS_LEVELS, direction=+1),
    *about("R_LATE_REPAYMENTS", _HISTORY, *_LATENESS_TREND),
    *about("R_LATE_REPAYMENTS", _HISTORY, *_SINCE_LATE, direction=-1),
    *about("R_LATE_REPAYMENTS", _HISTORY, *shares("repayments", _ON_TIME, 90, 180, None, clock="due_at"), direction=-1),
    *about("R_EARLY_REPAYMENTS", _HISTORY, *_EARLINESS),
    *about("R_IRREGULAR_REPAYMENTS", _HISTORY, *_IRREGULAR),
    *about("R_OVERDUE_NOW", _HISTORY, *_OVERDUE_NOW, direction=+1),
    *about("R_OVERDUE_NOW", _HISTORY, *_OVERDUE_MONEY),
    *about("R_PART_PAYMENTS", _HISTORY, *_IN_PARTS),
    *about("R_INSTALMENTS_DUE", _CAPACITY, *_BURDEN),
    *about("R_REPAYMENT_FLOW", _HISTORY, *_FLOW),
)
