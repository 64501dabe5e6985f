"""What the customer buys: level, rhythm, mix, and what comes back."""

from __future__ import annotations

from credit_eval.events.query import Case, Constant, Floor
from credit_eval.features.language import (
    Dimension,
    Feature,
    Keep,
    Of,
    column,
    count,
    fold,
    ratio,
    since,
    trend,
)

_AMOUNT = Of("amount", column("amount"), "money", "spending on orders")
_BASKET = Of("amount", column("amount"), "money", "order value")
_CATEGORY = Of("category", column("category"), "category", "categories of goods")
_MERCHANT = Of("merchant", column("merchant_id"), "category", "merchants")
_MONTH = Of("months", Floor("month", column("occurred_at")), "number", "months with an order")
_INSTALMENTS = Of("installments", column("installments"), "number", "number of instalments chosen")

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
CANCELLED = Keep("cancelled", column("status").equals("cancelled"), "orders cancelled")
RETURNED = Keep("returned", column("status").equals("returned"), "orders returned")
DECLINED = Keep("declined", column("status").equals("declined"), "purchases declined")

_CAPACITY, _BEHAVIOUR = Dimension.CAPACITY, Dimension.BEHAVIOUR


def _spent(days: int | None) -> Feature:
    return Feature(fold("orders", "sum", _AMOUNT, PLACED, days=days, when_empty=0), _CAPACITY, 0, "R_SPENDING_LEVEL")


#: What the customer can carry, by what they buy and keep: the policy's measure of capacity.
NET_SPENDING_180 = Feature(fold("orders", "sum", _NET, days=180, when_empty=0), _CAPACITY, 0, "R_SPENDING_LEVEL")

_ORDER_COUNT = {days: count("orders", PLACED, days=days) for days in (30, 90, 180)}
_RETURN_COUNT = count("orders", RETURNED, days=180)
_CANCEL_COUNT = count("orders", CANCELLED, days=180)

FEATURES = (
    *(Feature(named, _CAPACITY, 0, "R_ORDER_ACTIVITY") for named in _ORDER_COUNT.values()),
    *(_spent(days) for days in (30, 90, 180)),
    NET_SPENDING_180,
    Feature(fold("orders", "mean", _BASKET, PLACED, days=180, when_empty=None), _CAPACITY, 0, "R_SPENDING_LEVEL"),
    Feature(
        fold("orders", "std", _BASKET, PLACED, days=180, when_empty=None),
        _CAPACITY,
        0,
        "R_IRREGULAR_SPENDING",
    ),
    Feature(fold("orders", "max", _BASKET, PLACED, days=180, when_empty=None), _CAPACITY, 0, "R_SPENDING_LEVEL"),
    Feature(
        fold("orders", "last", _BASKET, PLACED, when_empty=None, title="value of the latest order"),
        _CAPACITY,
        0,
        "R_SPENDING_LEVEL",
    ),
    Feature(
        fold("orders", "last", _CATEGORY, PLACED, when_empty=None, title="category of the latest order"),
        _BEHAVIOUR,
        0,
        "R_CATEGORY_MIX",
    ),
    Feature(fold("orders", "nunique", _CATEGORY, PLACED, days=180, when_empty=0), _BEHAVIOUR, 0, "R_CATEGORY_MIX"),
    Feature(fold("orders", "nunique", _MERCHANT, PLACED, days=180, when_empty=0), _BEHAVIOUR, 0, "R_CATEGORY_MIX"),
    Feature(
        fold("orders", "nunique", _MONTH, PLACED, days=365, when_empty=0),
        _CAPACITY,
        0,
        "R_IRREGULAR_SPENDING",
    ),
    Feature(
        fold("orders", "mean", _INSTALMENTS, PLACED, days=180, when_empty=None),
        _BEHAVIOUR,
        0,
        "R_INSTALMENT_USE",
    ),
    Feature(trend("orders", _AMOUNT, PLACED, short=30, long=180), _CAPACITY, 0, "R_SPENDING_TREND"),
    Feature(since("orders", PLACED, phrase="since the last order"), _BEHAVIOUR, 0, "R_ORDER_ACTIVITY"),
    Feature(
        since("orders", PLACED, first=True, phrase="since the first order"),
        Dimension.IDENTITY,
        0,
        "R_SHORT_RELATIONSHIP",
    ),
    Feature(
        ratio(
            "orders_returned_share_180d",
            _RETURN_COUNT,
            _ORDER_COUNT[180],
            unit="share",
            title="orders returned per order placed in the last 180 days",
        ),
        _BEHAVIOUR,
        0,
        "R_RETURNS",
    ),
    Feature(
        ratio(
            "orders_cancelled_share_180d",
            _CANCEL_COUNT,
            _ORDER_COUNT[180],
            unit="share",
            title="orders cancelled per order placed in the last 180 days",
        ),
        _BEHAVIOUR,
        0,
        "R_RETURNS",
    ),
    Feature(count("orders", DECLINED, days=90), Dimension.HISTORY, 0, "R_DECLINED_PURCHASES"),
    Feature(
        since("orders", DECLINED, phrase="since the last declined purchase"),
        Dimension.HISTORY,
        0,
        "R_DECLINED_PURCHASES",
    ),
)
