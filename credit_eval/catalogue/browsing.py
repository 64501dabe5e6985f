"""What the customer looks at, and how much of it becomes an order. Not for credit decisions in the EU."""

from __future__ import annotations

from dataclasses import replace

from credit_eval.catalogue.spending import PLACED, usual
from credit_eval.language.constructors import count, decayed, difference, fold, gaps, rank, ratio, series, share, since
from credit_eval.language.expressions import column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.subjects import AT_NIGHT, about, counts, folds, pace, silence, told


def _page(event: str, phrase: str) -> Keep:
    return Keep(event, column("event").equals(event), phrase)


_VIEW = _page("view", "pages of goods viewed")
_SEARCH = _page("search", "searches")
_FAVOURITE = _page("favourite", "goods marked as favourites")
_CART = _page("cart", "goods put into the cart")
_CHECKOUT = _page("checkout", "checkouts begun")
_CREDIT = _page("credit_page", "visits to credit pages")
_NIGHT = Keep("night", AT_NIGHT, "pages seen between midnight and six local time")

_SESSION = Of("sessions", column("session_id"), "category", "browsing sessions")
_DWELL = Of("dwell", column("dwell_seconds"), "number", "seconds spent on a page")
_TIME = Of("dwell", column("dwell_seconds"), "number", "seconds spent on pages")
_PRICE = Of("price", column("price"), "money", "price of goods viewed")
_CART_PRICE = Of("price", column("price"), "money", "price of goods put into the cart")
_CATEGORY = Of("category", column("category"), "category", "categories of goods viewed")


def _sessions(days: int) -> Named:
    named = fold("browsing", "nunique", _SESSION, days=days, when_empty=0)
    return told(named, f"browsing sessions in the last {days} days")


def _viewed(days: int) -> Named:
    return fold("browsing", "mean", _PRICE, _VIEW, days=days, when_empty=None)


def _time(days: int) -> Named:
    return fold("browsing", "sum", _TIME, days=days, when_empty=0)


def _per(name: str, over: Named, under: Named, days: int, en: str) -> Named:
    title = f"{en} in the last {days} days"
    return ratio(f"browsing_{name}_{days}d", over, under, title=title)


def _how_often(keep: Keep) -> dict[int, Named]:
    return {days: count("browsing", keep, days=days) for days in (30, 90, 365)}


_VIEWS, _CARTS, _CHECKOUTS = _how_often(_VIEW), _how_often(_CART), _how_often(_CHECKOUT)
_ORDERS = {days: count("orders", PLACED, days=days) for days in (30, 90, 365)}


def _left(name: str, left: Named, right: Named, days: int, en: str) -> Named:
    """What was begun and not followed up."""
    title = f"{en} in the last {days} days"
    return replace(difference(f"browsing_{name}_{days}d", left, right, title=title), unit="number")


_ACTIVITY = (
    *(_sessions(days) for days in (30, 90, 180)),
    rank(_sessions(90)),
    count("browsing", days=365),
    _VIEWS[30],
    *counts("browsing", _SEARCH, 90),
    *counts("browsing", _FAVOURITE, 90),
    since("browsing", phrase="since the last visit"),
    gaps("browsing", days=180),
    silence(
        "browsing",
        None,
        days=180,
        name="browsing_silence_180d",
        title="days since the last visit relative to the usual gap (above 1: longer than usual)",
    ),
    series("browsing", "slope", steps=6, when_empty=0),
    series("browsing", "variation", steps=6, when_empty=None),
)

_DEPTH = (
    fold("browsing", "mean", _DWELL, days=90, when_empty=None),
    told(
        fold("browsing", "max", _DWELL, days=90, when_empty=None),
        "most seconds spent on one page in the last 90 days",
    ),
    _time(90),
    decayed("browsing", _TIME, half_life=30, when_empty=0),
    _per("dwell_per_session", _time(90), _sessions(90), 90, "seconds spent per session"),
    _per(
        "pages_per_session",
        count("browsing", days=90),
        _sessions(90),
        90,
        "pages seen per session",
    ),
)

_FUNNEL = (
    *(
        _per(
            "cart_per_view",
            _CARTS[days],
            _VIEWS[days],
            days,
            "add-to-cart rate, goods put into the cart per view",
        )
        for days in (90, 365)
    ),
    *(
        _per(
            "checkout_per_cart",
            _CHECKOUTS[days],
            _CARTS[days],
            days,
            "checkouts per item in the cart",
        )
        for days in (90, 365)
    ),
    *(_per("order_per_view", _ORDERS[days], _VIEWS[days], days, "orders placed per page viewed") for days in (90, 365)),
    _per("order_per_checkout", _ORDERS[90], _CHECKOUTS[90], 90, "orders placed per checkout"),
    _per("order_per_session", _ORDERS[90], _sessions(90), 90, "orders placed per browsing session"),
)

_ABANDONED = (
    _CARTS[90],
    *(
        _left(
            "carts_abandoned",
            _CARTS[days],
            _CHECKOUTS[days],
            days,
            "goods put into the cart less checkouts",
        )
        for days in (30, 90)
    ),
    _left(
        "checkouts_abandoned",
        _CHECKOUTS[90],
        _ORDERS[90],
        90,
        "checkouts begun less orders placed",
    ),
    since("browsing", _CART, phrase="since goods were last put into the cart"),
)

_CREDIT_INTEREST = (
    *counts("browsing", _CREDIT, 7, 30, 90, 365),
    share("browsing", _CREDIT, days=90),
    pace("browsing", _CREDIT, short=30, long=180),
    since("browsing", _CREDIT, phrase="since the last visit to a credit page"),
)

_TIER = (
    _viewed(90),
    told(
        fold("browsing", "max", _PRICE, _VIEW, days=90, when_empty=None),
        "highest price of goods viewed in the last 90 days",
    ),
    *(
        _per(
            "price_vs_order",
            _viewed(days),
            usual(days),
            days,
            "price of goods viewed relative to order value",
        )
        for days in (90, 365)
    ),
    _per(
        "cart_price_vs_view",
        fold("browsing", "mean", _CART_PRICE, _CART, days=90, when_empty=None),
        _viewed(90),
        90,
        "price of goods put into the cart relative to that of goods viewed",
    ),
)

_VARIETY = (
    *folds("browsing", "nunique", _CATEGORY, None, 90, when_empty=0),
    *folds("browsing", "entropy", _CATEGORY, None, 180, when_empty=None),
)


def _seen(reason: str, *named: Named) -> tuple[Feature, ...]:
    return about(reason, Dimension.BEHAVIOUR, *named, lawful="not_in_eu_credit")


FEATURES: tuple[Feature, ...] = (
    *_seen("R_BROWSING", *_ACTIVITY, *_DEPTH, *_VARIETY),
    *_seen("R_CONVERSION", *_FUNNEL, *_ABANDONED),
    *_seen("R_INTEREST_IN_CREDIT", *_CREDIT_INTEREST),
    *_seen("R_PRICE_TIER", *_TIER),
    *_seen("R_NIGHT_ACTIVITY", share("browsing", _NIGHT, days=90)),
)
