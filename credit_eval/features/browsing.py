"""What the customer looks at, and how much of it becomes an order."""

from __future__ import annotations

from credit_eval.features.language import Dimension, Feature, Keep, Of, column, count, fold, ratio, since

_VIEW = Keep("view", column("event").equals("view"), "pages of goods viewed")
_CART = Keep("cart", column("event").equals("cart"), "goods put into the cart")
_CHECKOUT = Keep("checkout", column("event").equals("checkout"), "checkouts begun")
_CREDIT = Keep("credit_page", column("event").equals("credit_page"), "visits to credit pages")
_SESSION = Of("sessions", column("session_id"), "category", "browsing sessions")
_DWELL = Of("dwell", column("dwell_seconds"), "number", "seconds spent on a page")
_PRICE = Of("price", column("price"), "money", "price of goods viewed")

_BEHAVIOUR = Dimension.BEHAVIOUR

FEATURES = (
    Feature(fold("browsing", "nunique", _SESSION, days=30, when_empty=0), _BEHAVIOUR, 0, "R_BROWSING"),
    Feature(fold("browsing", "nunique", _SESSION, days=90, when_empty=0), _BEHAVIOUR, 0, "R_BROWSING"),
    Feature(count("browsing", _VIEW, days=30), _BEHAVIOUR, 0, "R_BROWSING"),
    Feature(count("browsing", _CREDIT, days=90), _BEHAVIOUR, 0, "R_INTEREST_IN_CREDIT"),
    Feature(fold("browsing", "mean", _DWELL, days=90, when_empty=None), _BEHAVIOUR, 0, "R_BROWSING"),
    Feature(fold("browsing", "mean", _PRICE, _VIEW, days=90, when_empty=None), _BEHAVIOUR, 0, "R_PRICE_TIER"),
    Feature(
        ratio(
            "browsing_cart_per_view_90d",
            count("browsing", _CART, days=90),
            count("browsing", _VIEW, days=90),
            title="goods put into the cart per page viewed in the last 90 days",
        ),
        _BEHAVIOUR,
        0,
        "R_BROWSING",
    ),
    Feature(
        ratio(
            "browsing_checkout_per_cart_90d",
            count("browsing", _CHECKOUT, days=90),
            count("browsing", _CART, days=90),
            title="checkouts begun per item put into the cart in the last 90 days",
        ),
        _BEHAVIOUR,
        0,
        "R_BROWSING",
    ),
    Feature(since("browsing", phrase="since the last visit"), _BEHAVIOUR, 0, "R_BROWSING"),
)
