"""Who the customer is, how long the platform has known them, and what about them has changed."""

from __future__ import annotations

from credit_eval.language.constructors import fold, since
from credit_eval.language.expressions import AsOf, Part, column
from credit_eval.language.feature import Dimension, Feature, Named, Of
from credit_eval.language.subjects import about

_IDENTITY, _PROFILE = Dimension.IDENTITY, "R_CUSTOMER_PROFILE"


def _known(label: str, phrase: str) -> Of:
    return Of(label, column(label), "category", phrase)


def _now(of: Of) -> Named:
    """The value on file."""
    return fold("customers", "last", of, when_empty=None, title=of.phrase)


_AGE = Of("age", Part("year", AsOf()) - column("birth_year"), "years", "age")
_KYC = Of("kyc_level", column("kyc_level"), "number", "level of identity check")
_REGION = _known("region", "region")
_ON_FILE = (
    _known("occupation", "occupation"),
    _known("education", "education"),
    _known("bank", "bank"),
    _known("bank_account_type", "type of bank account"),
)
_REGIONS, _OCCUPATIONS = _known("region", "regions lived in"), _known("occupation", "occupations")
_REFERRED = Of("referred", column("referred"), "category", "referral")

FEATURES: tuple[Feature, ...] = (
    *about(_PROFILE, _IDENTITY, _now(_AGE), _now(_REGION), lawful="protected"),
    *about(_PROFILE, _IDENTITY, *map(_now, _ON_FILE)),
    *about("R_IDENTITY_CHECK", _IDENTITY, _now(_KYC), direction=-1),
    *about("R_SHORT_RELATIONSHIP", _IDENTITY, since("customers", first=True, phrase="since registration")),
    *about(_PROFILE, _IDENTITY, fold("customers", "nunique", _REGIONS, when_empty=0), lawful="protected"),
    *about(_PROFILE, _IDENTITY, fold("customers", "nunique", _OCCUPATIONS, when_empty=0)),
    *about("R_REFERRAL", Dimension.NETWORK, _now(_REFERRED), lawful="not_in_eu_credit"),
)
