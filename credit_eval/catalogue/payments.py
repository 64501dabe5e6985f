"""How the customer pays: what fails and why, by which means, on credit or out of pocket, and when."""

from __future__ import annotations

from credit_eval.catalogue.spending import PLACED, spent
from credit_eval.language.constructors import decayed, difference, fold, ratio, series, share, since, trend
from credit_eval.language.expressions import column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.subjects import AT_NIGHT, ON_WEEKEND, about, counts, folds, one_each, shares, told

FAILED = Keep("failed", column("outcome").equals("failed"), "payments failed")


def _failed_for(label: str, cause: str, phrase: str) -> Keep:
    return Keep(label, column("failure_cause").equals(cause), phrase)


_NO_FUNDS = _failed_for("no_funds", "insufficient_funds", "payments failed for lack of funds")
_NOT_PROVED = _failed_for("not_authenticated", "authentication", "payments failed in authentication")
_TECHNICAL = _failed_for("technical", "technical", "payments failed for technical reasons")

_PAID = Keep("succeeded", column("outcome").equals("succeeded"), "payments that succeeded")
_OWN = Keep(
    "own_money",
    _PAID.where & ~column("method").equals("bnpl"),
    "payments out of the customer's own pocket",
)
_CREDIT = Keep("bnpl", column("method").equals("bnpl"), "payments made on credit")
_LENT = Keep("bnpl_succeeded", _PAID.where & _CREDIT.where, "purchases paid on credit")
_BY_METHOD = tuple(
    Keep(method, column("method").equals(method), f"payments made {how}")
    for method, how in (
        ("wallet", "by wallet"),
        ("card", "by card"),
        ("cod", "on delivery"),
    )
)
_BY_CHANNEL = tuple(
    Keep(channel, column("channel").equals(channel), f"payments made {how}")
    for channel, how in (
        ("mini_program", "in a mini program"),
        ("qr", "by scanning a code"),
        ("web", "on the web"),
    )
)
_BY_PROOF = tuple(
    Keep(proof, column("authentication").equals(proof), f"payments authenticated by {how}")
    for proof, how in (("biometric", "face or fingerprint"), ("password", "password"))
)
_NIGHT = Keep("night", AT_NIGHT, "payments made between midnight and six local time")
_WEEKEND = Keep("weekend", ON_WEEKEND, "payments made at the weekend")

_AMOUNT = Of("amount", column("amount"), "money", "money paid")
_TRIED = Of("amount", column("amount"), "money", "money in payments that failed")
_OWED = Of("amount", column("amount"), "money", "money spent on credit")
_POCKET = Of("amount", column("amount"), "money", "money paid out of the customer's own pocket")
_METHOD = Of("method", column("method"), "category", "ways to pay")
_CHANNEL = Of("channel", column("channel"), "category", "channels of payment")
_PROOF = Of("authentication", column("authentication"), "category", "ways to authenticate")
_CAUSE = Of("cause", column("failure_cause"), "category", "cause of failure")

_CAPACITY, _BEHAVIOUR = Dimension.CAPACITY, Dimension.BEHAVIOUR


def _sum(of: Of, keep: Keep | None, days: int) -> Named:
    return fold("payments", "sum", of, keep, days=days, when_empty=0)


def _money_share(of: Of, keep: Keep, days: int, among: Keep | None, whole: str) -> Named:
    return ratio(
        f"payments_{keep.label}_amount_share_{days}d",
        _sum(of, keep, days),
        _sum(_AMOUNT, among, days),
        unit="share",
        title=f"{of.phrase} as a share of all {whole} in the last {days} days",
    )


_FAILURES = (
    *counts("payments", FAILED, 7, 30, 90, 180, 365),
    *shares("payments", FAILED, 30, 180, 365),
    *counts("payments", _NO_FUNDS, 30, 90, 365),
    decayed("payments", one_each(FAILED, "weight"), FAILED, half_life=30, when_empty=0),
)
_FAILED_LAST = (
    since("payments", FAILED, phrase="since a payment last failed"),
    since("payments", _NO_FUNDS, phrase="since a payment last failed for lack of funds"),
)
_CAUSES = (
    *shares("payments", _NO_FUNDS, 365, among=FAILED),
    *counts("payments", _NOT_PROVED, 365),
    *counts("payments", _TECHNICAL, 365),
    _sum(_TRIED, FAILED, 90),
    fold(
        "payments",
        "last",
        _CAUSE,
        FAILED,
        when_empty=None,
        title="cause of the latest failed payment",
    ),
)

_ON_CREDIT = (
    *shares("payments", _CREDIT, 30, 180),
    *(_sum(_OWED, _LENT, days) for days in (30, 365)),
    _money_share(_OWED, _LENT, 180, _PAID, "money paid"),
    trend("payments", _OWED, _LENT, short=30, long=180),
    since("payments", _LENT, phrase="since the last purchase on credit"),
)

_MEANS = (
    *(share("payments", keep, days=180) for keep in (*_BY_METHOD, *_BY_CHANNEL)),
    *folds("payments", "nunique", _METHOD, None, 180, when_empty=0),
    *folds("payments", "nunique", _CHANNEL, None, 180, when_empty=0),
    *folds("payments", "entropy", _METHOD, None, 365, when_empty=None),
    *folds("payments", "entropy", _CHANNEL, None, 365, when_empty=None),
    fold("payments", "last", _METHOD, when_empty=None, title="latest way to pay"),
)

_PROOFS = (
    *(share("payments", keep, days=180) for keep in _BY_PROOF),
    *folds("payments", "nunique", _PROOF, None, 180, when_empty=0),
)

_LEVEL = (
    _sum(_AMOUNT, _PAID, 90),
    *(_sum(_POCKET, _OWN, days) for days in (30, 90, 365)),
    told(
        fold("payments", "mean", _POCKET, _OWN, days=180, when_empty=None),
        "average payment out of the customer's own pocket in the last 180 days",
    ),
)
_STEADY = (series("payments", "variation", _POCKET, _OWN, steps=6, when_empty=None),)
_MOVING = (
    trend("payments", _POCKET, _OWN, short=30, long=180),
    series("payments", "slope", _POCKET, _OWN, steps=6, when_empty=0),
)

#: Tables cannot be joined row by row, so the time from order to payment is told of the latest of each only.
_SETTLING = (
    since("payments", _PAID, phrase="since the last payment that succeeded"),
    difference(
        "payments_after_order_days_last",
        since("orders", PLACED, phrase=""),
        since("payments", _PAID, phrase=""),
        title="time from the latest order to the latest payment (negative: the order is not paid yet)",
    ),
    ratio(
        "payments_succeeded_per_ordered_180d",
        _sum(_AMOUNT, _PAID, 180),
        spent(180),
        unit="share",
        title="money paid as a share of what was ordered in the last 180 days",
    ),
)

FEATURES: tuple[Feature, ...] = (
    *about("R_FAILED_PAYMENTS", _CAPACITY, *_FAILURES, direction=+1),
    *about("R_FAILED_PAYMENTS", _CAPACITY, *_FAILED_LAST, direction=-1),
    *about("R_FAILED_PAYMENTS", _CAPACITY, *_CAUSES),
    *about("R_CREDIT_USE", _BEHAVIOUR, *_ON_CREDIT),
    *about("R_PAYMENT_METHODS", _BEHAVIOUR, *_MEANS),
    *about("R_AUTHENTICATION", Dimension.IDENTITY, *_PROOFS),
    *about("R_SPENDING_LEVEL", _CAPACITY, *_LEVEL),
    *about("R_IRREGULAR_SPENDING", _CAPACITY, *_STEADY),
    *about("R_SPENDING_TREND", _CAPACITY, *_MOVING),
    *about("R_NIGHT_ACTIVITY", _BEHAVIOUR, *shares("payments", _NIGHT, 180), *shares("payments", _WEEKEND, 180)),
    *about("R_UNPAID_ORDERS", _CAPACITY, *_SETTLING),
)
