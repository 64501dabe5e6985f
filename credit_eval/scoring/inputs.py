"""What the policy needs to know of each customer beside the PD: from the profile, and of where the customer stands."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from credit_eval.core.errors import IntegrityError, PolicyError
from credit_eval.language.feature import Role

_MONTHS = 6
_KEYS = ["customer_id", "as_of"]
#: Columns of `samples.standing` that the policy reads as they are.
STANDING = ("in_default", "overdue", "days_since_cure", "days_since_limit_change")


def policy_inputs(
    profiles: pd.DataFrame,
    scores: pd.DataFrame,
    standing: pd.DataFrame,
    roles: Mapping[Role, str],
    *,
    revolving: bool,
    assume_no_debt: bool,
) -> pd.DataFrame:
    """Inputs of `policy.decide`: one row per profile, same index.

    `roles` says which feature is what (`Catalogue.roles`). `standing` is what `samples.standing` says of each profile,
    in any order, perhaps of others too.
    `revolving`: the customer has a line whose limit changes, so the last limit is the previous one. Otherwise
    every request is a loan of its own: there is no previous limit, and the amount last asked for is `requested`.
    Capacity is the mean monthly spending of the last 180 days, net of what was cancelled, returned or declined, an
    estimate; the purchase that a loan is asked for is not part of it. It is 0 for a customer without orders in that
    time, and NaN only where the source has no orders.

    Raises:
        PolicyError: the source has no repayments, so nobody knows what is owed, and `assume_no_debt` is false.
        IntegrityError: a profile of whom `standing` says nothing.
    """
    unknown = pd.Series(np.nan, index=profiles.index)
    asked = unknown if revolving else _column(profiles, roles.get("requested"))
    spending = _column(profiles, roles.get("spending")) - asked.fillna(0.0)
    inputs = pd.DataFrame(
        {
            "customer_id": profiles["customer_id"],
            "p_default": scores["p_default"],
            "limit_previous": _column(profiles, roles.get("limit")) if revolving else unknown,
            "balance": _owed(profiles, roles.get("balance"), assume_no_debt),
            "capacity": spending.clip(lower=0.0) / _MONTHS,
            "requested": asked,
        }
    )
    return inputs.join(_standing_of(profiles, standing))


def _standing_of(profiles: pd.DataFrame, standing: pd.DataFrame) -> pd.DataFrame:
    found = profiles[_KEYS].merge(standing, on=_KEYS, how="left", validate="one_to_one", indicator=True)
    unknown = found["_merge"].ne("both")
    if unknown.any():
        raise IntegrityError(
            "nobody knows where some of the scored customers stand",
            expected="in default or not, overdue or not, of every profile",
            rows=found.loc[unknown, "customer_id"].head(3).tolist(),
            n_rows=int(unknown.sum()),
            todo="score the cohort that the profiles were built for",
        )
    return found[list(STANDING)].set_axis(profiles.index)


def _owed(profiles: pd.DataFrame, balance: str | None, assume_no_debt: bool) -> pd.Series[float]:
    if balance not in profiles.columns and not assume_no_debt:
        raise PolicyError(
            "what customers owe is unknown, as the source has no repayments",
            expected="a feature whose role is the balance",
            todo="import repayments, or say `assume_no_debt: true` for this data set in settings.yaml",
        )
    return _column(profiles, balance).fillna(0.0)


def _column(profiles: pd.DataFrame, name: str | None) -> pd.Series[float]:
    return profiles[name] if name in profiles.columns else pd.Series(np.nan, index=profiles.index)
