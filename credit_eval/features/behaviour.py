"""How the account is used: logins, devices, changes of contact data, calls to the service."""

from __future__ import annotations

from credit_eval.events.query import Part
from credit_eval.features.language import Dimension, Feature, Keep, Of, column, count, fold, share, since

_LOGIN = Keep("login", column("kind").equals("login"), "logins")
_LOGIN_FAILED = Keep("login_failed", column("kind").equals("login_failed"), "logins failed")
_DEVICE = Keep("device_change", column("kind").equals("device_change"), "changes of device")
_ADDRESS = Keep("address_change", column("kind").equals("address_change"), "changes of address")
_PASSWORD = Keep("password_change", column("kind").equals("password_change"), "changes of password")
_SERVICE = Keep("service_contact", column("kind").equals("service_contact"), "contacts with the service")
_NIGHT = Keep("night", Part("hour", column("occurred_at")).below(6), "logins between midnight and six")
_DEVICES = Of("devices", column("device_id"), "category", "devices used")

_IDENTITY, _BEHAVIOUR = Dimension.IDENTITY, Dimension.BEHAVIOUR

FEATURES = (
    Feature(count("behaviour", _LOGIN, days=30), _BEHAVIOUR, 0, "R_LOGINS"),
    Feature(count("behaviour", _LOGIN_FAILED, days=90), _IDENTITY, 0, "R_FAILED_LOGINS"),
    Feature(since("behaviour", _LOGIN_FAILED, phrase="since a login last failed"), _IDENTITY, 0, "R_FAILED_LOGINS"),
    Feature(fold("behaviour", "nunique", _DEVICES, days=180, when_empty=0), _IDENTITY, 0, "R_DEVICES"),
    Feature(count("behaviour", _DEVICE, days=180), _IDENTITY, 0, "R_DEVICES"),
    Feature(count("behaviour", _ADDRESS, days=365), _IDENTITY, 0, "R_CONTACT_DATA_CHANGES"),
    Feature(count("behaviour", _PASSWORD, days=365), _IDENTITY, 0, "R_CONTACT_DATA_CHANGES"),
    Feature(count("behaviour", _SERVICE, days=90), _BEHAVIOUR, 0, "R_SERVICE_CONTACTS"),
    Feature(share("behaviour", _NIGHT, days=90, among=_LOGIN), _BEHAVIOUR, 0, "R_NIGHT_ACTIVITY"),
    Feature(since("behaviour", _LOGIN, phrase="since the last login"), _BEHAVIOUR, 0, "R_LOGINS"),
)
