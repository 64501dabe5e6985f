"""What the customer buys and what becomes of it: goods, price tier, instalments, returns, declined purchases."""

from __future__ import annotations

from credit_eval.catalogue.spending import BASKET, PLACED, spent, usual
from credit_eval.language.constructors import count, fold, ratio, share, since
from credit_eval.language.expressions import column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.subjects import about, counts, folds, shares

_CATEGORY = Of("category", column("category"), "category", "categories of goods")
_MERCHANT = Of("merchant", column("merchant_id"), "category", "merchants")
_INSTALMENTS = Of("installments", column("installments"), "number", "number of instalments chosen")
_MEDIAN = Of("category_median", column("category_median"), "money", "median order of the category")
_AMOUNT = Of("amount", column("amount"), "money", "value of orders")

_ESSENTIALS = Keep(
    "essentials",
    column("category").is_in("groceries", "utility_bill", "airtime", "data_bundles"),
    "orders of everyday goods (groceries, utilities, airtime)",
)
_LEISURE = Keep(
    "leisure",
    column("category").is_in("games", "travel", "movies", "tv", "ticket"),
    "orders for leisure (games, travel, films)",
)

_COMPARABLE = Keep(
    "comparable",
    PLACED.where & ~column("category_median").is_null(),
    "comparable orders",
)
_ABOVE = Keep(
    "above_median",
    column("amount").above(column("category_median")),
    "orders above their category's median",
)
_PREMIUM = Keep(
    "premium",
    column("amount").above(column("category_median") * 2),
    "orders above twice their category's median",
)
_BARGAIN = Keep(
    "bargain",
    (column("amount") * 2).below(column("category_median")),
    "orders below half their category's median",
)

_IN_PARTS = Keep("in_instalments", column("installments").above(1), "orders paid in instalments")
_PLACED_IN_PARTS = Keep("placed_in_instalments", PLACED.where & _IN_PARTS.where, _IN_PARTS.phrase)

CANCELLED = Keep("cancelled", column("status").equals("cancelled"), "orders cancelled")
RETURNED = Keep("returned", column("status").equals("returned"), "orders returned")
DECLINED = Keep("declined", column("status").equals("declined"), "purchases declined")

_CAPACITY, _BEHAVIOUR, _HISTORY = Dimension.CAPACITY, Dimension.BEHAVIOUR, Dimension.HISTORY


def _latest(of: Of, title: str, keep: Keep = PLACED) -> Named:
    return fold("orders", "last", of, keep, when_empty=None, title=title)


def _per_placed(keep: Keep, days: int) -> Named:
    """Orders that came to such an end, per order placed."""
    return ratio(
        f"orders_{keep.label}_share_{days}d",
        count("orders", keep, days=days),
        count("orders", PLACED, days=days),
        unit="share",
        title=f"{keep.phrase} per order placed in the last {days} days",
    )


def _money_per_placed(keep: Keep, days: int) -> Named:
    """Money of orders that came to such an end, per money of orders placed."""
    return ratio(
        f"orders_{keep.label}_amount_share_{days}d",
        fold("orders", "sum", _AMOUNT, keep, days=days, when_empty=0),
        spent(days),
        unit="share",
        title=f"value of {keep.phrase} as a share of the value of all orders in the last {days} days",
    )


def _against_median(days: int) -> Named:
    over, under = (fold("orders", "mean", of, _COMPARABLE, days=days, when_empty=None) for of in (BASKET, _MEDIAN))
    title = f"order value relative to the category's median in the last {days} days"
    return ratio(f"orders_price_tier_{days}d", over, under, title=title)


_MIX = (
    *folds("orders", "nunique", _CATEGORY, PLACED, 90, 180, when_empty=0),
    fold("orders", "entropy", _CATEGORY, PLACED, days=365, when_empty=None),
    _latest(_CATEGORY, "category of the latest order"),
    *folds("orders", "nunique", _MERCHANT, PLACED, 180, when_empty=0),
    fold("orders", "entropy", _MERCHANT, PLACED, days=365, when_empty=None),
    ratio(
        "orders_per_merchant_180d",
        count("orders", PLACED, days=180),
        fold("orders", "nunique", _MERCHANT, PLACED, days=180, when_empty=0),
        title="orders placed per merchant in the last 180 days",
    ),
    *shares("orders", _ESSENTIALS, 180, among=PLACED),
    *shares("orders", _LEISURE, 180, among=PLACED),
)

_PRICE = (
    *(_against_median(days) for days in (90, 365)),
    ratio(
        "orders_price_tier_last",
        _latest(BASKET, BASKET.phrase, _COMPARABLE),
        _latest(_MEDIAN, _MEDIAN.phrase, _COMPARABLE),
        title="value of the latest order relative to the category's median",
    ),
    *(share("orders", keep, days=365, among=_COMPARABLE) for keep in (_ABOVE, _PREMIUM, _BARGAIN)),
)

_INSTALMENT_USE = (
    fold("orders", "mean", _INSTALMENTS, PLACED, days=180, when_empty=None),
    fold("orders", "max", _INSTALMENTS, PLACED, days=365, when_empty=None),
    *shares("orders", _IN_PARTS, 365, among=PLACED),
    _money_per_placed(_PLACED_IN_PARTS, 180),
    _latest(_INSTALMENTS, "number of instalments of the latest order"),
)

_TAKEN_BACK = (
    *counts("orders", RETURNED, 365),
    *(_per_placed(RETURNED, days) for days in (180, 365)),
    since("orders", RETURNED, phrase="since an order was last returned"),
    *counts("orders", CANCELLED, 365),
    *(_per_placed(CANCELLED, days) for days in (180, 365)),
    since("orders", CANCELLED, phrase="since an order was last cancelled"),
)

_REFUSED = (
    *counts("orders", DECLINED, 7, 30, 90, 365),
    _per_placed(DECLINED, 365),
    *folds(
        "orders",
        "sum",
        Of("amount", column("amount"), "money", "value of purchases declined"),
        DECLINED,
        90,
        when_empty=0,
    ),
    ratio(
        "orders_declined_amount_vs_placed_365d",
        fold("orders", "mean", _AMOUNT, DECLINED, days=365, when_empty=None),
        usual(365),
        title="average value of purchases declined relative to that of all orders in the last 365 days",
    ),
    since("orders", DECLINED, phrase="since the last declined purchase"),
)

FEATURES: tuple[Feature, ...] = (
    *about("R_CATEGORY_MIX", _BEHAVIOUR, *_MIX),
    *about("R_PRICE_TIER", _BEHAVIOUR, *_PRICE),
    *about("R_INSTALMENT_USE", _BEHAVIOUR, *_INSTALMENT_USE),
    *about("R_RETURNS", _BEHAVIOUR, *_TAKEN_BACK),
    *about("R_DECLINED_PURCHASES", _HISTORY, *_REFUSED),
)
