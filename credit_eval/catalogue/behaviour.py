"""How the account is used: logins, devices, changes of contact data, calls to the service, reviews."""

from __future__ import annotations

from credit_eval.catalogue.spending import PLACED
from credit_eval.language.constructors import count, decayed, gaps, ratio, series, share, since
from credit_eval.language.expressions import column
from credit_eval.language.feature import Dimension, Feature, Keep, Of
from credit_eval.language.subjects import (
    AT_NIGHT,
    ON_WEEKEND,
    about,
    counts,
    folds,
    one_each,
    pace,
    shares,
    silence,
)


def _event(kind: str, phrase: str) -> Keep:
    return Keep(kind, column("kind").equals(kind), phrase)


_LOGIN = _event("login", "logins")
_LOGIN_FAILED = _event("login_failed", "logins failed")
_DEVICE = _event("device_change", "changes of device")
_ADDRESS = _event("address_change", "changes of address")
_PASSWORD = _event("password_change", "changes of password")
_SERVICE = _event("service_contact", "contacts with the service")
_REVIEW = _event("review", "reviews written")
_TRIED = Keep("attempt", column("kind").is_in("login", "login_failed"), "login attempts")
_CHANGED = Keep(
    "detail_change",
    column("kind").is_in("device_change", "address_change", "password_change"),
    "changes of device, address or password",
)
_NIGHT = Keep("night", AT_NIGHT, "logins between midnight and six local time")
_WEEKEND = Keep("weekend", ON_WEEKEND, "logins at the weekend")
_DEVICES = Of("devices", column("device_id"), "category", "devices used")

_IDENTITY, _BEHAVIOUR = Dimension.IDENTITY, Dimension.BEHAVIOUR

_LOGINS = (
    *counts("behaviour", _LOGIN, 7, 30, 90, 365),
    pace("behaviour", _LOGIN, short=30, long=180),
    since("behaviour", _LOGIN, phrase="since the last login"),
    gaps("behaviour", _LOGIN, days=180),
    silence(
        "behaviour",
        _LOGIN,
        days=180,
        name="behaviour_login_silence_180d",
        title="days since the last login relative to the usual gap (above 1: longer than usual)",
    ),
    series("behaviour", "variation", keep=_LOGIN, steps=6, when_empty=None),
    series("behaviour", "active", keep=_LOGIN, step=7, steps=12, when_empty=0),
    ratio(
        "behaviour_login_per_order_90d",
        count("behaviour", _LOGIN, days=90),
        count("orders", PLACED, days=90),
        title="logins per order placed in the last 90 days",
    ),
)

_FAILED = (
    *counts("behaviour", _LOGIN_FAILED, 7, 30, 90, 365),
    *shares("behaviour", _LOGIN_FAILED, 90, 365, among=_TRIED),
    decayed("behaviour", one_each(_LOGIN_FAILED, "weight"), _LOGIN_FAILED, half_life=30, when_empty=0),
    since("behaviour", _LOGIN_FAILED, phrase="since a login last failed"),
)

_DEVICE_USE = (
    *folds("behaviour", "nunique", _DEVICES, None, 30, 180, when_empty=0),
    *folds("behaviour", "entropy", _DEVICES, None, 365, when_empty=None),
    *counts("behaviour", _DEVICE, 30, 180),
    since("behaviour", _DEVICE, phrase="since the device last changed"),
)

_CONTACT_DATA = (
    *counts("behaviour", _ADDRESS, 90, 365),
    since("behaviour", _ADDRESS, phrase="since the address last changed"),
    *counts("behaviour", _PASSWORD, 90, 365),
    since("behaviour", _PASSWORD, phrase="since the password last changed"),
    *counts("behaviour", _CHANGED, 7, 30),
)

_HELP = (
    *counts("behaviour", _SERVICE, 30, 90, 365),
    since("behaviour", _SERVICE, phrase="since the last contact with the service"),
    ratio(
        "behaviour_service_contact_per_order_365d",
        count("behaviour", _SERVICE, days=365),
        count("orders", PLACED, days=365),
        title="contacts with the service per order placed in the last 365 days",
    ),
)

_REVIEWS = (
    *counts("behaviour", _REVIEW, 90, 365),
    since("behaviour", _REVIEW, phrase="since the last review written"),
    ratio(
        "behaviour_review_per_order_365d",
        count("behaviour", _REVIEW, days=365),
        count("orders", PLACED, days=365),
        title="reviews written per order placed in the last 365 days",
    ),
)

FEATURES: tuple[Feature, ...] = (
    *about("R_LOGINS", _BEHAVIOUR, *_LOGINS),
    *about("R_FAILED_LOGINS", _IDENTITY, *_FAILED),
    *about("R_DEVICES", _IDENTITY, *_DEVICE_USE),
    *about("R_CONTACT_DATA_CHANGES", _IDENTITY, *_CONTACT_DATA),
    *about("R_SERVICE_CONTACTS", _BEHAVIOUR, *_HELP),
    *about("R_REVIEWS", _BEHAVIOUR, *_REVIEWS),
    *about(
        "R_NIGHT_ACTIVITY",
        _BEHAVIOUR,
        share("behaviour", _NIGHT, days=90, among=_LOGIN),
        share("behaviour", _WEEKEND, days=90, among=_LOGIN),
    ),
)
