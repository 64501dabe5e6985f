"""The request itself and the requests before it, for lenders who decide loan by loan."""

from __future__ import annotations

from credit_eval.catalogue.repayment import UNPAID
from credit_eval.catalogue.spending import NET_SPENDING_180
from credit_eval.language.constructors import count, difference, fold, gaps, ratio, share, since
from credit_eval.language.expressions import Part, column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.subjects import AT_NIGHT, ON_WEEKEND, about, counts, folds, told

_AMOUNT = Of("amount", column("amount"), "money", "amount asked for")
_TERM = Of("term", column("term_days"), "days", "term asked for")
_PRODUCT = Of("product", column("product"), "category", "product asked for")
_LENDER = Of("lender", column("lender"), "category", "lender asked")
_LENDERS = Of("lender", column("lender"), "category", "lenders asked")
_HOUR = Of("hour", Part("hour", column("occurred_at")), "number", "local hour of the day of the request")
_DUE_DAY = Of(
    "due_day", Part("day", column("due_at")), "number", "day of the month on which the first payment would be due"
)
_DUE_WEEKDAY = Of(
    "due_weekday", Part("weekday", column("due_at")), "number", "weekday on which the first payment would be due"
)
_TOTAL = Of("total", column("total_due"), "money", "amount to repay")
_COST = Of("cost", column("total_due") - column("amount"), "money", "cost of the loan asked for")
_NIGHT = Keep("night", AT_NIGHT, "requests made between midnight and six local time")
_WEEKEND = Keep("weekend", ON_WEEKEND, "requests made at the weekend")

_CAPACITY, _HISTORY, _BEHAVIOUR = Dimension.CAPACITY, Dimension.HISTORY, Dimension.BEHAVIOUR


def _latest(of: Of, nth: int = 1, title: str | None = None) -> Named:
    return fold("applications", "last", of, when_empty=None, nth=nth, title=title or of.phrase)


def _against(name: str, under: Named, en: str, over: Named | None = None, factor: int = 1) -> Named:
    return ratio(f"applications_{name}", over or _latest(_AMOUNT), under, factor=factor, title=en)


_ASKED = _latest(_AMOUNT)
_BEFORE = _latest(_AMOUNT, 2, "amount asked for the time before")
_LARGEST_LINE = fold("accounts", "max", Of("limit", column("credit_limit"), "money", "credit limit"), when_empty=None)
_DEBT = fold(
    "repayments",
    "sum",
    Of("due", column("due_amount"), "money", "money owed"),
    Keep("open", UNPAID, "instalments not yet paid"),
    when_empty=0,
)
_GRANTED = fold(
    "accounts",
    "nunique",
    Of("held", column("account_id"), "category", "loans"),
    clock="opened_at",
    when_empty=0,
)

_AMOUNTS = (
    difference(
        "applications_amount_last_change",
        _ASKED,
        _BEFORE,
        title="change of the amount asked for since the request before",
    ),
    fold("applications", "sum", _AMOUNT, days=30, when_empty=0),
    _against(
        "amount_vs_mean",
        fold("applications", "mean", _AMOUNT, when_empty=None),
        "amount asked for relative to the customer's average",
    ),
    _against(
        "amount_vs_largest",
        fold("applications", "max", _AMOUNT, when_empty=None),
        "amount asked for relative to the largest ever asked for",
    ),
    _against(
        "amount_vs_largest_loan",
        _LARGEST_LINE,
        "amount asked for relative to the largest loan so far",
    ),
    _against(
        "amount_vs_spending_30d",
        NET_SPENDING_180.named,
        "amount asked for relative to monthly net spending (of the last 180 days)",
        factor=6,
    ),
    _against(
        "debt_vs_amount",
        _ASKED,
        "money owed already relative to the amount asked for",
        over=_DEBT,
    ),
)

_TERMS = (
    _latest(_TERM),
    _latest(_TERM, 2, "term asked for the time before"),
    _against(
        "term_vs_mean",
        fold("applications", "mean", _TERM, when_empty=None),
        "term asked for relative to the customer's average",
        over=_latest(_TERM),
    ),
    _against(
        "repay_per_day",
        _latest(_TERM),
        "amount to repay per day of the term asked for",
        over=_latest(_TOTAL),
    ),
    _latest(_DUE_DAY),
    _latest(_DUE_WEEKDAY),
)

_COSTS = (
    _against(
        "cost_ratio_last",
        _ASKED,
        "amount to repay relative to the amount asked for",
        over=_latest(_TOTAL),
    ),
    _latest(_COST),
    told(
        fold("applications", "mean", _COST, when_empty=None),
        "average cost of the loans asked for so far",
    ),
)

_REQUESTS = (
    *counts("applications", None, 7, 30, 90, 180),
    since("applications", phrase="since the latest request for credit"),
    gaps("applications"),
    gaps("applications", spread=True),
)
_HISTORY_LENGTH = (
    count("applications"),
    since("applications", first=True, phrase="since the first request for credit"),
)
_REFUSALS = (
    ratio(
        "applications_granted_share",
        _GRANTED,
        count("applications"),
        unit="share",
        title="share of requests for credit granted so far",
    ),
)

FEATURES: tuple[Feature, ...] = (
    Feature(_ASKED, _CAPACITY, 0, "R_AMOUNT_ASKED", role="requested"),
    *about("R_AMOUNT_ASKED", _CAPACITY, *_AMOUNTS),
    *about("R_TERM_ASKED", _CAPACITY, *_TERMS),
    *about("R_COST_OF_LOAN", _CAPACITY, *_COSTS),
    *about(
        "R_PRODUCT_ASKED",
        _BEHAVIOUR,
        _latest(_PRODUCT),
        _latest(_LENDER),
        *folds("applications", "nunique", _LENDERS, None, 365, when_empty=0),
    ),
    *about("R_RECENT_APPLICATIONS", _HISTORY, *_REQUESTS),
    *about("R_SHORT_CREDIT_HISTORY", _HISTORY, *_HISTORY_LENGTH),
    *about("R_REFUSED_APPLICATIONS", _HISTORY, *_REFUSALS),
    *about(
        "R_NIGHT_ACTIVITY",
        _BEHAVIOUR,
        _latest(_HOUR),
        share("applications", _NIGHT, days=365),
        share("applications", _WEEKEND, days=365),
    ),
)
