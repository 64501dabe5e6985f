"""How the customer pays: what fails, why, by which means and when."""

from __future__ import annotations

from credit_eval.events.query import Part
from credit_eval.features.language import Dimension, Feature, Keep, Of, column, count, fold, share, since

FAILED = Keep("failed", column("outcome").equals("failed"), "payments failed")
_NO_FUNDS = Keep("no_funds", column("failure_cause").equals("insufficient_funds"), "payments failed for lack of funds")
_CREDIT = Keep("bnpl", column("method").equals("bnpl"), "payments made on credit")
_WALLET = Keep("wallet", column("method").equals("wallet"), "payments made by wallet")
_NIGHT = Keep("night", Part("hour", column("occurred_at")).below(6), "payments made between midnight and six")
_PAID = Keep("succeeded", column("outcome").equals("succeeded"), "payments that succeeded")
_AMOUNT = Of("amount", column("amount"), "money", "money paid")
_METHOD = Of("method", column("method"), "category", "ways to pay")

_CAPACITY, _BEHAVIOUR = Dimension.CAPACITY, Dimension.BEHAVIOUR

FEATURES = (
    Feature(count("payments", FAILED, days=30), _CAPACITY, +1, "R_FAILED_PAYMENTS"),
    Feature(count("payments", FAILED, days=90), _CAPACITY, +1, "R_FAILED_PAYMENTS"),
    Feature(count("payments", _NO_FUNDS, days=90), _CAPACITY, +1, "R_FAILED_PAYMENTS"),
    Feature(share("payments", FAILED, days=180), _CAPACITY, +1, "R_FAILED_PAYMENTS"),
    Feature(since("payments", FAILED, phrase="since a payment last failed"), _CAPACITY, -1, "R_FAILED_PAYMENTS"),
    Feature(share("payments", _CREDIT, days=180), _BEHAVIOUR, 0, "R_CREDIT_USE"),
    Feature(share("payments", _WALLET, days=180), _BEHAVIOUR, 0, "R_PAYMENT_METHODS"),
    Feature(share("payments", _NIGHT, days=180), _BEHAVIOUR, 0, "R_NIGHT_ACTIVITY"),
    Feature(fold("payments", "nunique", _METHOD, days=180, when_empty=0), _BEHAVIOUR, 0, "R_PAYMENT_METHODS"),
    Feature(fold("payments", "sum", _AMOUNT, _PAID, days=90, when_empty=0), _CAPACITY, 0, "R_SPENDING_LEVEL"),
)
