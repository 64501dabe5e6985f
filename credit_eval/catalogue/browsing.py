"""What the customer looks at, and how much of it becomes an order. Not for credit decisions in the EU."""

from __future__ import annotations

from dataclasses import replace

from credit_eval.catalogue.spending import PLACED, usual
from credit_eval.language.constructors import count, decayed, difference, fold, gaps, rank, ratio, series, share, since
from credit_eval.language.expressions import column
from credit_eval.language.feature import Dimension, Feature, Keep, Named, Of
from credit_eval.language.subjects import AT_NIGHT, about, counts, folds, pace, silence, told
from credit_eval.language.words import Text


def _page(event: str, phrase: str, zh: str) -> Keep:
    return Keep(event, column("event").equals(event), phrase, zh)


_VIEW = _page("view", "pages of goods viewed", "商品浏览")
_SEARCH = _page("search", "searches", "搜索")
_FAVOURITE = _page("favourite", "goods marked as favourites", "收藏")
_CART = _page("cart", "goods put into the cart", "加购")
_CHECKOUT = _page("checkout", "checkouts begun", "结算")
_CREDIT = _page("credit_page", "visits to credit pages", "信贷页面访问")
_NIGHT = Keep("night", AT_NIGHT, "pages seen between midnight and six local time", "凌晨(当地时间0至6点)浏览")

_SESSION = Of("sessions", column("session_id"), "category", "browsing sessions", "浏览会话")
_DWELL = Of("dwell", column("dwell_seconds"), "number", "seconds spent on a page", "单页停留秒数")
_TIME = Of("dwell", column("dwell_seconds"), "number", "seconds spent on pages", "浏览停留秒数")
_PRICE = Of("price", column("price"), "money", "price of goods viewed", "浏览商品价格")
_CART_PRICE = Of("price", column("price"), "money", "price of goods put into the cart", "加购商品价格")
_CATEGORY = Of("category", column("category"), "category", "categories of goods viewed", "浏览商品类别")


def _sessions(days: int) -> Named:
    named = fold("browsing", "nunique", _SESSION, days=days, when_empty=0)
    return told(named, f"browsing sessions in the last {days} days", f"近{days}天浏览会话次数", "次")


def _viewed(days: int) -> Named:
    return fold("browsing", "mean", _PRICE, _VIEW, days=days, when_empty=None)


def _time(days: int) -> Named:
    return fold("browsing", "sum", _TIME, days=days, when_empty=0)


def _per(name: str, over: Named, under: Named, days: int, en: str, zh: str) -> Named:
    title = Text(f"{en} in the last {days} days", f"近{days}天{zh}")
    return ratio(f"browsing_{name}_{days}d", over, under, title=title)


def _how_often(keep: Keep) -> dict[int, Named]:
    return {days: count("browsing", keep, days=days) for days in (30, 90, 365)}


_VIEWS, _CARTS, _CHECKOUTS = _how_often(_VIEW), _how_often(_CART), _how_often(_CHECKOUT)
_ORDERS = {days: count("orders", PLACED, days=days) for days in (30, 90, 365)}


def _left(name: str, left: Named, right: Named, days: int, en: str, zh: str) -> Named:
    """What was begun and not followed up."""
    title = Text(f"{en} in the last {days} days", f"近{days}天{zh}")
    return replace(difference(f"browsing_{name}_{days}d", left, right, title=title), unit="number")


_ACTIVITY = (
    *(_sessions(days) for days in (30, 90, 180)),
    rank(_sessions(90)),
    count("browsing", days=365),
    _VIEWS[30],
    *counts("browsing", _SEARCH, 90),
    *counts("browsing", _FAVOURITE, 90),
    since("browsing", phrase="since the last visit", zh="距上次访问"),
    gaps("browsing", days=180),
    silence(
        "browsing",
        None,
        days=180,
        name="browsing_silence_180d",
        title=Text(
            "days since the last visit relative to the usual gap (above 1: longer than usual)",
            "距上次访问天数与平时访问间隔之比(大于1为比平时间隔更久)",
        ),
    ),
    series("browsing", "slope", steps=6, when_empty=0),
    series("browsing", "variation", steps=6, when_empty=None),
)

_DEPTH = (
    fold("browsing", "mean", _DWELL, days=90, when_empty=None),
    told(
        fold("browsing", "max", _DWELL, days=90, when_empty=None),
        "most seconds spent on one page in the last 90 days",
        "近90天单页最长停留秒数",
    ),
    _time(90),
    decayed("browsing", _TIME, half_life=30, when_empty=0),
    _per("dwell_per_session", _time(90), _sessions(90), 90, "seconds spent per session", "平均每次会话停留秒数"),
    _per(
        "pages_per_session",
        count("browsing", days=90),
        _sessions(90),
        90,
        "pages seen per session",
        "平均每次会话浏览次数",
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
            "浏览加购率",
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
            "加购结算率",
        )
        for days in (90, 365)
    ),
    *(
        _per("order_per_view", _ORDERS[days], _VIEWS[days], days, "orders placed per page viewed", "浏览下单率")
        for days in (90, 365)
    ),
    _per("order_per_checkout", _ORDERS[90], _CHECKOUTS[90], 90, "orders placed per checkout", "结算下单率"),
    _per("order_per_session", _ORDERS[90], _sessions(90), 90, "orders placed per browsing session", "会话下单率"),
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
            "加购次数减结算次数",
        )
        for days in (30, 90)
    ),
    _left(
        "checkouts_abandoned",
        _CHECKOUTS[90],
        _ORDERS[90],
        90,
        "checkouts begun less orders placed",
        "结算次数减下单次数",
    ),
    since("browsing", _CART, phrase="since goods were last put into the cart", zh="距上次加购"),
)

_CREDIT_INTEREST = (
    *counts("browsing", _CREDIT, 7, 30, 90, 365),
    share("browsing", _CREDIT, days=90),
    pace("browsing", _CREDIT, short=30, long=180),
    since("browsing", _CREDIT, phrase="since the last visit to a credit page", zh="距上次访问信贷页面"),
)

_TIER = (
    _viewed(90),
    told(
        fold("browsing", "max", _PRICE, _VIEW, days=90, when_empty=None),
        "highest price of goods viewed in the last 90 days",
        "近90天浏览商品最高价格",
    ),
    *(
        _per(
            "price_vs_order",
            _viewed(days),
            usual(days),
            days,
            "price of goods viewed relative to order value",
            "浏览商品价格与订单金额之比",
        )
        for days in (90, 365)
    ),
    _per(
        "cart_price_vs_view",
        fold("browsing", "mean", _CART_PRICE, _CART, days=90, when_empty=None),
        _viewed(90),
        90,
        "price of goods put into the cart relative to that of goods viewed",
        "加购商品价格与浏览商品价格之比",
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
