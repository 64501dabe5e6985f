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
from credit_eval.language.words import Text, so_far

#: A line of 0.00 has nobody to pay it: it is settled as it stands, and when it falls due it is on time.
UNPAID = column("paid_at").is_null() & column("due_amount").above(0)
_DAYS_TO_PAY = DaysBetween(column("due_at"), column("paid_at"))
_DAYS_OPEN = DaysBetween(column("due_at"), AsOf())
_DAYS_LATE = Case(UNPAID, _DAYS_OPEN, Case(column("paid_at").is_null(), Constant(0), _DAYS_TO_PAY))
_LATENESS = Case(_DAYS_LATE.above(0), _DAYS_LATE, Constant(0))

LATE = Keep("late", _DAYS_LATE.above(0), "instalments paid late or not yet", "逾期或未还账单")
_LATE_7 = Keep("late_7", _DAYS_LATE.at_least(7), "instalments 7 or more days late", "逾期7天以上账单")
LATE_30 = Keep("late_30", _DAYS_LATE.at_least(30), "instalments 30 or more days late", "逾期30天以上账单")
OVERDUE = Keep("overdue", UNPAID, "instalments due and unpaid", "到期未还账单")
_ON_TIME = Keep("on_time", _DAYS_LATE.below(1), "instalments paid on time", "按时还款账单")
_SETTLED = Keep("paid", ~UNPAID, "instalments paid", "已还账单")
_EARLY = Keep(
    "early", ~UNPAID & _DAYS_TO_PAY.below(-2), "instalments paid three or more days early", "提前三天以上还款账单"
)
_PART_PAID = Keep("part_paid", UNPAID & column("paid_amount").above(0), "instalments paid in part", "部分还款账单")


_COMING = Keep(
    "due_within_30d",
    UNPAID & _DAYS_OPEN.below(0) & _DAYS_OPEN.at_least(-30),
    "instalments falling due within 30 days",
    "未来30天到期账单",
)

_DPD = Of("days_late", _LATENESS, "days", "days late per instalment", "每期逾期天数")
_PAY_DAY = Of(
    "days_to_pay",
    _DAYS_TO_PAY,
    "days",
    "days paid after the due date (minus: early)",
    "还款日较到期日的天数(负数为提前)",
)
_HELD = Of("held", DaysBetween(column("occurred_at"), column("paid_at")), "days", "time to pay back", "还清用时")
_GRANTED = Of("granted", DaysBetween(column("occurred_at"), column("due_at")), "days", "time given", "约定期限")
_OVERDUE = Of("due", column("due_amount"), "money", "money overdue", "逾期金额")
_DUE = Of("due", column("due_amount"), "money", "money that fell due", "到期应还金额")
_PAID = Of("paid", column("paid_amount"), "money", "money paid back", "还款金额")
_PART = Of("paid", column("paid_amount"), "money", "money paid on instalments still open", "未结清账单已还金额")

_HISTORY, _CAPACITY = Dimension.HISTORY, Dimension.CAPACITY


def _dpd(kind: Kind, en: str, zh: str, *windows: int | None) -> tuple[Named, ...]:
    """Days late, over several windows."""
    made = folds("repayments", kind, _DPD, None, *windows, when_empty=None, clock="due_at")
    when = [so_far(days, kind) for days in windows]
    return tuple(told(one, f"{en} {of.en}", f"{of.zh}{zh}") for one, of in zip(made, when, strict=True))


def _paid(kind: Kind, en: str, zh: str, *windows: int | None) -> tuple[Named, ...]:
    """Days from due date to payment of what was paid, over several windows; `en` has a place for the window."""
    made = folds("repayments", kind, _PAY_DAY, _SETTLED, *windows, when_empty=None, clock="due_at")
    when = [so_far(days, kind) for days in windows]
    early = "" if kind == "std" else "(负数为提前)"
    return tuple(told(one, en.format(f" {of.en}"), f"{of.zh}{zh}{early}") for one, of in zip(made, when, strict=True))


def _nth(of: Of, keep: Keep | None, clock: str, en: str, zh: str) -> tuple[Named, ...]:
    """The latest three values, one by one."""
    which = (("most recent", "最近一"), ("second most recent", "倒数第二"), ("third most recent", "倒数第三"))
    return tuple(
        fold(
            "repayments",
            "last",
            of,
            keep,
            clock=clock,
            when_empty=None,
            nth=n,
            title=Text(en.format(word), f"{many}期{zh}"),
        )
        for n, (word, many) in enumerate(which, start=1)
    )


_LATE_LAST = _nth(_DPD, None, "due_at", "days late on the {} instalment", "账单逾期天数")
_PAID_LAST = _nth(
    _PAY_DAY,
    _SETTLED,
    "paid_at",
    "days paid after the due date on the {} instalment paid (minus: early)",
    "已还账单还款日较到期日的天数(负数为提前)",
)
_PAID_90 = fold("repayments", "sum", _PAID, _SETTLED, days=90, clock="paid_at", when_empty=0)
_FELL_DUE = {days: fold("repayments", "sum", _DUE, days=days, clock="due_at", when_empty=0) for days in (30, 90, 365)}

_LATENESS_LEVELS = (
    *counts("repayments", LATE, 30, 90, 180, 365, clock="due_at"),
    *counts("repayments", _LATE_7, 90, 365, clock="due_at"),
    *counts("repayments", LATE_30, 180, 365, clock="due_at"),
    *_dpd("mean", "average days late per instalment", "各期平均逾期天数", 180, None),
    *_dpd("max", "longest delay of one instalment", "单期最长逾期天数", 30, 90, 365, None),
    decayed("repayments", _DPD, half_life=90, clock="due_at", when_empty=0),
    *_LATE_LAST,
    *_paid("mean", "days paid after the due date, on average{} (minus: early)", "平均还款日较到期日的天数", 90, 365),
    *_paid("max", "latest payment relative to its due date{} (minus: early)", "最晚一次还款较到期日的天数", 365),
    *_PAID_LAST,
    series("repayments", "longest_run", keep=LATE, steps=12, clock="due_at", when_empty=0),
)

_LATENESS_TREND = (
    told(
        trend("repayments", _DPD, short=90, long=180, clock="due_at"),
        "days late, last 90 days relative to last 180 (1: steady)",
        "近90天与近180天日均逾期天数之比(1为持平)",
    ),
    series("repayments", "slope", keep=LATE, steps=6, clock="due_at", when_empty=0),
    series("repayments", "slope", _DPD, steps=6, clock="due_at", when_empty=0),
    difference(
        "repayments_days_late_last_change",
        _LATE_LAST[0],
        _LATE_LAST[1],
        title=Text(
            "change of days late from the instalment before to the most recent", "最近一期逾期天数较上一期的变化"
        ),
    ),
    difference(
        "repayments_days_to_pay_last_change",
        _PAID_LAST[0],
        _PAID_LAST[1],
        title=Text(
            "change of days to payment from the instalment before to the most recent",
            "最近一期还款用时较上一期的变化",
        ),
    ),
)

_SINCE_LATE = (
    since(
        "repayments",
        LATE,
        clock="due_at",
        phrase="since an instalment last fell due and was not paid on time",
        zh="距上次未按时还款的到期日",
    ),
    since(
        "repayments",
        LATE_30,
        clock="due_at",
        phrase="since an instalment last fell due and stayed unpaid for 30 days",
        zh="距上次逾期30天以上的到期日",
    ),
)

_EARLINESS = (
    *shares("repayments", _EARLY, None, clock="due_at"),
    *_paid("min", "earliest payment relative to its due date{} (minus: early)", "最早一次还款较到期日的天数", None),
    ratio(
        "repayments_held_vs_granted",
        fold("repayments", "sum", _HELD, _SETTLED, clock="due_at", when_empty=None),
        fold("repayments", "sum", _GRANTED, _SETTLED, clock="due_at", when_empty=None),
        title=Text("time taken to pay back relative to the time given", "实际还款用时与约定期限之比"),
    ),
    fold(
        "repayments",
        "last",
        _HELD,
        _SETTLED,
        clock="paid_at",
        when_empty=None,
        title=Text(
            "days from billing to payment of the most recent instalment paid", "最近一期已还账单从出账到还款的天数"
        ),
    ),
)

_IRREGULAR = (
    *_paid(
        "std", "spread of days between due date and payment{} (standard deviation)", "还款日较到期日天数的标准差", 365
    ),
    gaps("repayments", _SETTLED, days=365, clock="paid_at"),
    gaps("repayments", _SETTLED, spread=True, days=365, clock="paid_at"),
)

_OLDEST = Text("days late of the oldest instalment still unpaid", "最早未还账单的逾期天数")
_OVERDUE_NOW = (
    told(count("repayments", OVERDUE, clock="due_at"), "instalments due and unpaid now", "当前逾期期数"),
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
    told(count("repayments", _PART_PAID, clock="due_at"), "instalments paid in part so far", "当前部分还款期数"),
    fold("repayments", "sum", _PART, _PART_PAID, clock="due_at", when_empty=0, title=_PART.text),
    ratio(
        "repayments_paid_vs_due_365d",
        fold("repayments", "sum", _PAID, _SETTLED, days=365, clock="due_at", when_empty=None),
        fold("repayments", "sum", _DUE, _SETTLED, days=365, clock="due_at", when_empty=None),
        title=Text(
            "money paid relative to money due, of instalments settled in the last 365 days",
            "近365天已结清账单实还与应还之比",
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
            "money falling due within 30 days relative to monthly net spending (of the last 180 days)",
            "未来30天到期金额与近180天月均净消费额之比",
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
            "money paid back relative to money that fell due in the last 90 days", "近90天还款金额与到期应还金额之比"
        ),
    ),
    since("repayments", _SETTLED, clock="paid_at", phrase="since the last repayment", zh="距上次还款"),
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
