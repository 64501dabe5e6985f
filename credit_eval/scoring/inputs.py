"""What the policy needs to know of each customer beside the PD, read from the profile."""

from __future__ import annotations

import numpy as np
import pandas as pd

from credit_eval.features.catalogue import BALANCE, LIMIT, SPENDING_180

_MONTHS = 6


def policy_inputs(profiles: pd.DataFrame, scores: pd.DataFrame, *, revolving: bool) -> pd.DataFrame:
    """Inputs of `policy.decide`: one row per profile, same index.

    `revolving`: the customer has a line whose limit changes, so the last limit is the previous one. Otherwise
    every request is a loan of its own and there is no previous limit. Capacity is the mean monthly spending of
    the last 180 days, an estimate; a customer without orders in that time, or a source without orders, has none.
    """
    spending = _column(profiles, SPENDING_180)
    previous = _column(profiles, LIMIT) if revolving else pd.Series(np.nan, index=profiles.index)
    return pd.DataFrame(
        {
            "customer_id": profiles["customer_id"],
            "p_default": scores["p_default"],
            "limit_previous": previous,
            "balance": _column(profiles, BALANCE).fillna(0.0),
            "capacity": (spending / _MONTHS).where(spending > 0),
        }
    )


def _column(profiles: pd.DataFrame, name: str) -> pd.Series[float]:
    return profiles[name] if name in profiles.columns else pd.Series(np.nan, index=profiles.index)
