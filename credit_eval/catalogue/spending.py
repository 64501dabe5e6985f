"""How much and how often the customer buys: level, trend, rhythm, steadiness."""

from __future__ import annotations

from credit_eval.language.constructors import (
    count,
    decayed,
    difference,
    fold,
    gaps,
    rank,
    ratio,
    series,
    share,
    since,
    trend,
)
from credit_eval.language.expressions import Case, Constant, column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.subjects import AT_NIGHT, ON_WEEKEND, about, counts, pace, silence

_SPENDING = Of("amount", column("amount"), "money", "spending on orders")
BASKET = Of("amount", column("amount"), "money", "order value")

_TAKEN_BACK = Case(
    column("status").is_in("cancelled", "returned", "declined"), Constant(0) - column("amount"), Constant(0)
)
_NET = Of(
    "net_amount",
    Case(column("status").equals("placed"), column("amount"), _TAKEN_BACK),
    "money",
    "spending on orders net of those cancelled, returned or declined",
)

PLACED = Keep("placed", column("status").equals("placed"), "orders placed")
_NIGHT = Keep("night", AT_NIGHT, "orders placed between midnight and six local time")
_WEEKEND = Keep("weekend", ON_WEEKEND, "orders placed at the weekend")

_CAPACITY, _BEHAVIOUR, _IDENTITY = Dimension.CAPACITY, Dimension.BEHAVIOUR, Dimension.IDENTITY


def spent(days: int | None) -> Named:
    """Money of orders placed."""
    return fold("orders", "sum", _SPENDING, PLACED, days=days, when_empty=0)


def usual(days: int | None) -> Named:
    """Average value of orders placed."""
    return fold("orders", "mean", BASKET, PLACED, days=days, when_empty=None)


def _latest(nth: int, title: str) -> Named:
    return fold("orders", "last", BASKET, PLACED, when_empty=None, nth=nth, title=title)


#: What the customer can carry, by what they buy and keep: the policy's measure of capacity.
NET_SPENDING_180 = Feature(fold("orders", "sum", _NET, days=180, when_empty=0), _CAPACITY, 0, "R_SPENDING_LEVEL")

_LAST = _latest(1, "value of the latest order")
_LAST_BUT_ONE = _latest(2, "value of the second most recent order")
_LARGEST = fold("orders", "max", BASKET, PLACED, days=180, when_empty=None)
_SPREAD = fold("orders", "std", BASKET, PLACED, days=365, when_empty=None)

_ACTIVITY = (
    *counts("orders", PLACED, 7, 30, 90, 180, 365, None),
    rank(count("orders", PLACED, days=90)),
    pace("orders", PLACED, short=30, long=180),
    series("orders", "active", keep=PLACED, steps=12, when_empty=0),
    series("orders", "longest_run", keep=PLACED, steps=12, when_empty=0),
    series("orders", "active", keep=PLACED, step=7, steps=12, when_empty=0),
)

_RHYTHM = (
    since("orders", PLACED, phrase="since the last order"),
    gaps("orders", PLACED, days=365),
    gaps("orders", PLACED, spread=True, days=365),
    silence(
        "orders",
        PLACED,
        days=365,
        name="orders_placed_silence_365d",
        title="days since the last order relative to the usual gap (above 1: longer than usual)",
    ),
)

_LEVEL = (
    *(spent(days) for days in (7, 30, 90, 180, 365)),
    rank(spent(180)),
    fold("orders", "sum", _NET, days=90, when_empty=0),
    *(usual(days) for days in (90, 180, 365)),
    _LARGEST,
    fold("orders", "max", BASKET, PLACED, days=365, when_empty=None),
    _LAST,
    _LAST_BUT_ONE,
    *(decayed("orders", _SPENDING, PLACED, half_life=days, when_empty=0) for days in (30, 90)),
)

_TREND = (
    trend("orders", _SPENDING, PLACED, short=30, long=90),
    trend("orders", _SPENDING, PLACED, short=30, long=180),
    *(series("orders", "slope", _SPENDING, PLACED, steps=steps, when_empty=0) for steps in (6, 12)),
    difference(
        "orders_placed_amount_last_change",
        _LAST,
        _LAST_BUT_ONE,
        title="change of value from the order before to the latest",
    ),
    ratio(
        "orders_placed_amount_last_vs_mean_180d",
        _LAST,
        usual(180),
        title="value of the latest order relative to the average of the last 180 days",
    ),
)

_IRREGULAR = (
    fold("orders", "std", BASKET, PLACED, days=180, when_empty=None),
    ratio(
        "orders_placed_amount_cv_365d",
        _SPREAD,
        usual(365),
        title="spread of order values relative to their average in the last 365 days",
    ),
    ratio(
        "orders_placed_amount_largest_share_180d",
        _LARGEST,
        spent(180),
        unit="share",
        title="largest order's share of spending in the last 180 days",
    ),
    *(series("orders", "variation", _SPENDING, PLACED, steps=steps, when_empty=None) for steps in (6, 12)),
    series("orders", "variation", _SPENDING, PLACED, step=7, steps=12, when_empty=None),
)

FEATURES: tuple[Feature, ...] = (
    *about("R_ORDER_ACTIVITY", _CAPACITY, *_ACTIVITY),
    *about("R_ORDER_ACTIVITY", _BEHAVIOUR, *_RHYTHM),
    *about(
        "R_SHORT_RELATIONSHIP",
        _IDENTITY,
        since("orders", PLACED, first=True, phrase="since the first order"),
    ),
    *about("R_SPENDING_LEVEL", _CAPACITY, *_LEVEL),
    NET_SPENDING_180,
    *about("R_SPENDING_TREND", _CAPACITY, *_TREND),
    *about("R_IRREGULAR_SPENDING", _CAPACITY, *_IRREGULAR),
    *about(
        "R_NIGHT_ACTIVITY",
        _BEHAVIOUR,
        share("orders", _NIGHT, days=180, among=PLACED),
        share("orders", _WEEKEND, days=180, among=PLACED),
    ),
)
