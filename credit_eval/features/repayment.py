"""How what fell due was repaid: days past due, early, late and part payments, what is overdue and what comes next.

Windows are measured on the due date. A payment after `as_of` is not seen, so a line due and paid later counts
as unpaid on the days between.
"""

from __future__ import annotations

from credit_eval.events.query import AsOf, Case, Constant, DaysBetween, Kind
from credit_eval.features.language import (
    Dimension,
    Feature,
    Keep,
    Named,
    Of,
    Text,
    column,
    count,
    decayed,
    difference,
    fold,
    gaps,
    ratio,
    series,
    since,
    trend,
)
from credit_eval.features.spending import NET_SPENDING_180
from credit_eval.features.subjects import about, counts, folds, shares, told

#: A line of 0.00 has nobody to pay it: it is settled as it stands, and when it falls due it is on time.
UNPAID = column("paid_at").is_null() & column("due_amount").above(0)
_DAYS_TO_PAY = DaysBetween(column("due_at"), column("paid_at"))
_DAYS_OPEN = DaysBetween(column("due_at"), AsOf())
_DAYS_LATE = Case(UNPAID, _DAYS_OPEN, Case(column("paid_at").is_null(), Constant(0), _DAYS_TO_PAY))
_LATENESS = Case(_DAYS_LATE.above(0), _DAYS_LATE, Constant(0))

LATE = Keep("late", _DAYS_LATE.above(0), "instalments paid late or not yet", "逾期或未还的分期")
_LATE_7 = Keep("late_7", _DAYS_LATE.at_least(7), "instalments 7 or more days late", "逾期7天以上的分期")
LATE_30 = Keep("late_30", _DAYS_LATE.at_least(30), "instalments 30 or more days late", "逾期30天以上的分期")
OVERDUE = Keep("overdue", UNPAID, "instalments due and unpaid", "到期未还的分期")
_ON_TIME = Keep("on_time", _DAYS_LATE.below(1), "instalments paid on time", "按时还款的分期")
_SETTLED = Keep("paid", ~UNPAID, "instalments paid", "已还分期")
_EARLY = Keep(
    "early", ~UNPAID & _DAYS_TO_PAY.below(-2), "instalments paid three or more days early", "提前三天以上还款的分期"
)
_PART_PAID = Keep("part_paid", UNPAID & column("paid_amount").above(0), "instalments paid in part", "部分还款的分期")


_COMING = Keep(
    "due_within_30d",
    UNPAID & _DAYS_OPEN.below(0) & _DAYS_OPEN.at_least(-30),
    "instalments falling due within 30 days",
    "未来30天到期的分期",
)

_DPD = Of("days_late", _LATENESS, "days", "lateness of instalments", "分期逾期天数")
_PAY_DAY = Of(
    "days_to_pay", _DAYS_TO_PAY, "days", "time from due date to payment (negative: early)", "还款距到期日天数(负为提前)"
)
_HELD = Of("held", DaysBetween(column("occurred_at"), column("paid_at")), "days", "time to pay back", "还清用时")
_GRANTED = Of("granted", DaysBetween(column("occurred_at"), column("due_at")), "days", "time given", "约定期限")
_OVERDUE = Of("due", column("due_amount"), "money", "money overdue", "逾期金额")
_DUE = Of("due", column("due_amount"), "money", "money that fell due", "到期应还金额")
_PAID = Of("paid", column("paid_amount"), "money", "money paid back", "还款金额")
_PART = Of("paid", column("paid_amount"), "money", "money paid on instalments still open", "未结清分期的已还金额")

_HISTORY, _CAPACITY = Dimension.HISTORY, Dimension.CAPACITY


def _all(kind: Kind, of: Of, *windows: int | None, keep: Keep | None = None) -> tuple[Named, ...]:
    return folds("repayments", kind, of, keep, *windows, when_empty=None, clock="due_at")


def _nth(of: Of, keep: Keep | None, clock: str, en: str, zh: str) -> tuple[Named, ...]:
    """The latest three values, one by one."""
    which = (("", "最近一"), ("last but one ", "倒数第二"), ("last but two ", "倒数第三"))
    return tuple(
        fold(
            "repayments",
            "last",
            of,
            keep,
            clock=clock,
            when_empty=None,
            nth=n,
            title=Text(en.format(word or "latest "), f"{many}笔{zh}"),
        )
        for n, (word, many) in enumerate(which, start=1)
    )


_LATE_LAST = _nth(_DPD, None, "due_at", "lateness of the {}instalment to fall due", "到期分期的逾期天数")
_PAID_LAST = _nth(
    _PAY_DAY,
    _SETTLED,
    "paid_at",
    "time from due date to payment (negative: early) of the {}instalment paid",
    "已还分期的还款距到期日天数(负为提前)",
)
_PAID_90 = fold("repayments", "sum", _PAID, _SETTLED, days=90, clock="paid_at", when_empty=0)
_FELL_DUE = {days: fold("repayments", "sum", _DUE, days=days, clock="due_at", when_empty=0) for days in (30, 90, 365)}

_LATENESS_LEVELS = (
    *counts("repayments", LATE, 30, 90, 180, 365, clock="due_at"),
    *counts("repayments", _LATE_7, 90, 365, clock="due_at"),
    *counts("repayments", LATE_30, 180, 365, clock="due_at"),
    *_all("mean", _DPD, 180, None),
    *_all("max", _DPD, 30, 90, 365, None),
    decayed("repayments", _DPD, half_life=90, clock="due_at", when_empty=0),
    *_LATE_LAST,
    *_all("mean", _PAY_DAY, 90, 365, keep=_SETTLED),
    fold("repayments", "max", _PAY_DAY, _SETTLED, days=365, clock="due_at", when_empty=None),
    *_PAID_LAST,
    series("repayments", "longest_run", keep=LATE, steps=12, clock="due_at", when_empty=0),
)

_LATENESS_TREND = (
    trend("repayments", _DPD, short=90, long=180, clock="due_at"),
    series("repayments", "slope", keep=LATE, steps=6, clock="due_at", when_empty=0),
    series("repayments", "slope", _DPD, steps=6, clock="due_at", when_empty=0),
    difference(
        "repayments_days_late_last_change",
        _LATE_LAST[0],
        _LATE_LAST[1],
        title=Text(
            "change of lateness from the last but one instalment to the latest", "最近一笔分期逾期天数相对上一笔的变化"
        ),
    ),
    difference(
        "repayments_days_to_pay_last_change",
        _PAID_LAST[0],
        _PAID_LAST[1],
        title=Text(
            "change of time to payment from the last but one instalment to the latest",
            "最近一笔还款用时相对上一笔的变化",
        ),
    ),
)

_SINCE_LATE = (
    since(
        "repayments",
        LATE,
        clock="due_at",
        phrase="since an instalment last fell due and was not paid on time",
        zh="距最近一次未按时还款的到期日",
    ),
    since(
        "repayments",
        LATE_30,
        clock="due_at",
        phrase="since an instalment last fell due and stayed unpaid for 30 days",
        zh="距最近一次逾期30天以上的到期日",
    ),
)

_EARLINESS = (
    *shares("repayments", _EARLY, None, clock="due_at"),
    fold("repayments", "min", _PAY_DAY, _SETTLED, clock="due_at", when_empty=None),
    ratio(
        "repayments_held_vs_granted",
        fold("repayments", "sum", _HELD, _SETTLED, clock="due_at", when_empty=None),
        fold("repayments", "sum", _GRANTED, _SETTLED, clock="due_at", when_empty=None),
        title=Text("time taken to pay back against the time given", "实际还款用时相对约定期限"),
    ),
    fold(
        "repayments",
        "last",
        _HELD,
        _SETTLED,
        clock="paid_at",
        when_empty=None,
        title=Text(
            "time from drawing up to payment of the latest instalment paid", "最近一笔已还分期从出账到还款的天数"
        ),
    ),
)

_IRREGULAR = (
    *_all("std", _PAY_DAY, 365, keep=_SETTLED),
    gaps("repayments", _SETTLED, days=365, clock="paid_at"),
    gaps("repayments", _SETTLED, spread=True, days=365, clock="paid_at"),
)

_OLDEST = Text("lateness of the oldest instalment still unpaid", "最早未还分期的逾期天数")
_OVERDUE_NOW = (
    told(count("repayments", OVERDUE, clock="due_at"), "instalments due and unpaid now", "当前到期未还的分期数"),
    fold("repayments", "max", _DPD, OVERDUE, clock="due_at", when_empty=0, title=_OLDEST),
)
_OVERDUE_MONEY = (
    fold("repayments", "sum", _OVERDUE, OVERDUE, clock="due_at", when_empty=0, title=_OVERDUE.text),
    ratio(
        "repayments_overdue_share_365d",
        fold("repayments", "sum", _OVERDUE, OVERDUE, days=365, clock="due_at", when_empty=0),
        _FELL_DUE[365],
        unit="share",
        title=Text("share still unpaid of what fell due in the last 365 days", "近365天到期金额中仍未还的比例"),
    ),
)

_IN_PARTS = (
    told(count("repayments", _PART_PAID, clock="due_at"), "instalments paid in part as yet", "目前部分还款的分期数"),
    fold("repayments", "sum", _PART, _PART_PAID, clock="due_at", when_empty=0, title=_PART.text),
    ratio(
        "repayments_paid_vs_due_365d",
        fold("repayments", "sum", _PAID, _SETTLED, days=365, clock="due_at", when_empty=None),
        fold("repayments", "sum", _DUE, _SETTLED, days=365, clock="due_at", when_empty=None),
        title=Text(
            "money paid against money due, of instalments settled in the last 365 days",
            "近365天已结清分期的实还相对应还",
        ),
    ),
)

_DUE_SOON = fold(
    "repayments",
    "sum",
    _DUE,
    _COMING,
    when_empty=0,
    title=Text("money falling due within the next 30 days", "未来30天到期金额"),
)
_BURDEN = (
    *_FELL_DUE.values(),
    told(
        fold("repayments", "mean", _DUE, days=365, clock="due_at", when_empty=None),
        "average instalment that fell due in the last 365 days",
        "近365天平均每期应还金额",
    ),
    series("repayments", "slope", _DUE, steps=6, clock="due_at", when_empty=0),
    series("repayments", "variation", _DUE, steps=6, clock="due_at", when_empty=None),
    _DUE_SOON,
    ratio(
        "repayments_due_soon_vs_spending",
        _DUE_SOON,
        NET_SPENDING_180.named,
        factor=6,
        title=Text(
            "money falling due within 30 days against usual net spending of 30 days (of the last 180)",
            "未来30天到期金额相对近180天月均净消费额",
        ),
    ),
)

_FLOW = (
    _PAID_90,
    ratio(
        "repayments_paid_vs_fell_due_90d",
        _PAID_90,
        _FELL_DUE[90],
        title=Text(
            "money paid back against money that fell due, both in the last 90 days", "近90天还款金额相对到期应还金额"
        ),
    ),
    since("repayments", _SETTLED, clock="paid_at", phrase="since the last repayment", zh="距最近一次还款"),
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
