"""What the policy needs to know of each customer beside the PD, read from the profile."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import numpy as np
import pandas as pd

from credit_eval.core.errors import PolicyError
from credit_eval.features.catalogue import AMOUNT_ASKED, BALANCE, LIMIT, NET_SPENDING_180

_MONTHS = 6


def policy_inputs(
    profiles: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    revolving: bool,
    assume_no_debt: bool,
    in_default: Collection[tuple[str, datetime]],
) -> pd.DataFrame:
    """Inputs of `policy.decide`: one row per profile, same index.

    `revolving`: the customer has a line whose limit changes, so the last limit is the previous one. Otherwise
    every request is a loan of its own: there is no previous limit, and the amount last asked for is `requested`.
    Capacity is the mean monthly spending of the last 180 days, net of what was cancelled, returned or declined, an
    estimate; the purchase that a loan is asked for is not part of it. It is 0 for a customer without orders in that
    time, and NaN only where the source has no orders. `in_default` names the (customer_id, as_of) with a debt in
    default then.

    Raises:
        PolicyError: the source has no repayments, so nobody knows what is owed, and `assume_no_debt` is false.
    """
    unknown = pd.Series(np.nan, index=profiles.index)
    asked = unknown if revolving else _column(profiles, AMOUNT_ASKED)
    spending = _column(profiles, NET_SPENDING_180) - asked.fillna(0.0)
    return pd.DataFrame(
        {
            "customer_id": profiles["customer_id"],
            "p_default": scores["p_default"],
            "limit_previous": _column(profiles, LIMIT) if revolving else unknown,
            "balance": _owed(profiles, assume_no_debt),
            "capacity": spending.clip(lower=0.0) / _MONTHS,
            "requested": asked,
            "in_default": pd.MultiIndex.from_frame(profiles[["customer_id", "as_of"]]).isin(list(in_default)),
        }
    )


def _owed(profiles: pd.DataFrame, assume_no_debt: bool) -> pd.Series[float]:
    if BALANCE not in profiles.columns and not assume_no_debt:
        raise PolicyError(
            "what customers owe is unknown, as the source has no repayments",
            expected=f"the feature {BALANCE}",
            todo="import repayments, or say `assume_no_debt: true` for this data set in settings.yaml",
        )
    return _column(profiles, BALANCE).fillna(0.0)


def _column(profiles: pd.DataFrame, name: str) -> pd.Series[float]:
    return profiles[name] if name in profiles.columns else pd.Series(np.nan, index=profiles.index)
