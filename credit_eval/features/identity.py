"""Who the customer is and how long the platform has known them."""

from __future__ import annotations

from credit_eval.events.query import AsOf, Part
from credit_eval.features.language import Dimension, Feature, Of, column, fold, since

_AGE = Of("age", Part("year", AsOf()) - column("birth_year"), "years", "age")
_KYC = Of("kyc_level", column("kyc_level"), "number", "level of identity check")

FEATURES = (
    Feature(fold("customers", "last", _AGE, when_empty=None, title="age"), Dimension.IDENTITY, 0, "R_CUSTOMER_PROFILE"),
    Feature(
        fold("customers", "last", _KYC, when_empty=None, title="level of identity check"),
        Dimension.IDENTITY,
        -1,
        "R_IDENTITY_CHECK",
    ),
    Feature(
        since("customers", first=True, phrase="since registration"),
        Dimension.IDENTITY,
        0,
        "R_SHORT_RELATIONSHIP",
    ),
    *(
        Feature(
            fold("customers", "last", Of(name, column(name), "category", phrase), when_empty=None, title=phrase),
            Dimension.IDENTITY,
            0,
            "R_CUSTOMER_PROFILE",
        )
        for name, phrase in (
            ("region", "region"),
            ("occupation", "occupation"),
            ("education", "education"),
            ("bank", "bank"),
            ("bank_account_type", "type of bank account"),
        )
    ),
    Feature(
        fold("customers", "last", Of("referred", column("referred"), "category", "referral"), when_empty=None),
        Dimension.NETWORK,
        0,
        "R_REFERRAL",
    ),
)
