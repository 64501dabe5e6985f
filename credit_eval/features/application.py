"""The request itself and the requests before it, for lenders who decide loan by loan."""

from __future__ import annotations

from credit_eval.events.query import Part
from credit_eval.features.language import Dimension, Feature, Of, column, count, fold, ratio, since

_AMOUNT = Of("amount", column("amount"), "money", "amount asked for")
_TERM = Of("term", column("term_days"), "days", "term asked for")
_PRODUCT = Of("product", column("product"), "category", "product asked for")
_LENDER = Of("lender", column("lender"), "category", "lender asked")
_HOUR = Of("hour", Part("hour", column("occurred_at")), "number", "hour of the day of the request")

_LATEST = fold("applications", "last", _AMOUNT, when_empty=None, title="amount asked for")
_TOTAL = fold("applications", "last", Of("total", column("total_due"), "money", "amount to repay"), when_empty=None)
_USUAL = fold("applications", "mean", _AMOUNT, when_empty=None)
_LARGEST_LINE = fold("accounts", "max", Of("limit", column("credit_limit"), "money", "credit limit"), when_empty=None)

_CAPACITY, _HISTORY, _BEHAVIOUR = Dimension.CAPACITY, Dimension.HISTORY, Dimension.BEHAVIOUR

FEATURES = (
    Feature(_LATEST, _CAPACITY, 0, "R_AMOUNT_ASKED"),
    Feature(fold("applications", "last", _TERM, when_empty=None, title="term asked for"), _CAPACITY, 0, "R_TERM_ASKED"),
    Feature(
        fold("applications", "last", _PRODUCT, when_empty=None, title="product asked for"),
        _BEHAVIOUR,
        0,
        "R_PRODUCT_ASKED",
    ),
    Feature(
        fold("applications", "last", _LENDER, when_empty=None, title="lender asked"), _BEHAVIOUR, 0, "R_PRODUCT_ASKED"
    ),
    Feature(
        fold("applications", "last", _HOUR, when_empty=None, title="hour of the day of the request"),
        _BEHAVIOUR,
        0,
        "R_NIGHT_ACTIVITY",
    ),
    Feature(
        ratio(
            "applications_cost_ratio_last",
            _TOTAL,
            _LATEST,
            title="amount to repay against the amount asked for",
        ),
        _CAPACITY,
        0,
        "R_COST_OF_LOAN",
    ),
    Feature(
        ratio(
            "applications_amount_vs_mean",
            _LATEST,
            _USUAL,
            title="amount asked for against the customer's usual",
        ),
        _CAPACITY,
        0,
        "R_AMOUNT_ASKED",
    ),
    Feature(
        ratio(
            "applications_amount_vs_largest_loan",
            _LATEST,
            _LARGEST_LINE,
            title="amount asked for against the largest loan so far",
        ),
        _CAPACITY,
        0,
        "R_AMOUNT_ASKED",
    ),
    Feature(count("applications", days=7), _HISTORY, 0, "R_RECENT_APPLICATIONS"),
    Feature(count("applications", days=30), _HISTORY, 0, "R_RECENT_APPLICATIONS"),
    Feature(count("applications", days=180), _HISTORY, 0, "R_RECENT_APPLICATIONS"),
    Feature(count("applications"), _HISTORY, 0, "R_SHORT_CREDIT_HISTORY"),
    Feature(
        since("applications", first=True, phrase="since the first request for credit"),
        _HISTORY,
        0,
        "R_SHORT_CREDIT_HISTORY",
    ),
)
