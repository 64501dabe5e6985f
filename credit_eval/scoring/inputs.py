"""What the policy needs to know of each customer beside the PD: from the profile, and of where the customer stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from credit_eval.core.errors import IntegrityError, PolicyError
from credit_eval.language.feature import Role
from credit_eval.policy.overruled import COLUMNS as OVERRULED
from credit_eval.policy.settings import Policy
from credit_eval.samples.means import MONTHS

_KEYS = ["customer_id", "as_of"]
#: Columns of `samples.standing` that the policy reads as they are.
STANDING = (
    "in_default",
    "overdue",
    "days_past_due",
    "days_since_cure",
    "days_since_limit_change",
    "months_since_limit_change",
    "data_age",
    "was_restricted",
    "days_below",
    "apr_previous",
)

#: When a limit last moved that is given without its history: long ago.
LONG_AGO_MONTHS = 120.0


def check_inputs(
    features: Collection[str], roles: Mapping[Role, str], *, amounts: bool, revolving: bool, assume_no_debt: bool
) -> None:
    """Refuse what can be decided of nobody, seen from the features that there are; `amounts`: the cohort says them.

    Raises:
        PolicyError: nobody knows what is owed, or the amounts of loans; or amounts are asked for on lines.
    """
    if roles.get("balance") not in features and not assume_no_debt:
        raise PolicyError(
            "what customers owe is unknown, as the source has no repayments",
            expected="a feature whose role is the balance",
            todo="import repayments, or say `assume_no_debt: true` for this data set in settings.yaml",
        )
    if revolving and amounts:
        raise PolicyError(
            "amounts are asked for on lines",
            expected="lines, whose limit moves, or loans, each decided by its amount",
            todo="say `revolving: false` of this data set in settings.yaml, or leave `amount` out of the cohort",
        )
    if not revolving and not amounts and roles.get("requested") not in features:
        raise _no_amount()


def _no_amount(rows: Sequence[str] = (), n_rows: int = 0) -> PolicyError:
    return PolicyError(
        "nobody knows how much is asked for, so no loan can be decided",
        expected="a column `amount` of the cohort, or a request in `applications` known before as_of",
        rows=rows,
        n_rows=n_rows,
        todo="say the amounts in the cohort, leave these customers out of it, or say `revolving: true` if it is lines",
    )


def policy_inputs(
    profiles: pd.DataFrame,
    scores: pd.DataFrame,
    standing: pd.DataFrame,
    roles: Mapping[Role, str],
    *,
    revolving: bool,
    assume_no_debt: bool,
    policy: Policy,
) -> pd.DataFrame:
    """Inputs of `policy.decide`: one row per profile, same index; and the features that the policy's rules read.

    `roles` says which feature is what (`Catalogue.roles`). `standing` is what `samples.standing` says of each profile,
    in any order, perhaps of others too.
    `revolving`: the customer has a line whose limit changes, so the last limit is the previous one. Otherwise
    every request is a loan of its own: there is no previous limit, and `requested` is the amount that the cohort says
    is asked for at `as_of`, else the amount last asked for before it.
    Capacity is an estimate of what is left of a month: own money as `samples.means` says, or the policy's share of a
    known income, less the debts due; the purchase that a loan is asked for is not part of it. It is NaN only where
    the source tells neither. The balance includes what credit bought since the last statement.

    Raises:
        PolicyError: the source has no repayments, so nobody knows what is owed, and `assume_no_debt` is false; a loan
            whose amount nobody knows; or an amount asked for on a line.
        IntegrityError: a profile of whom `standing` says nothing.
    """
    unknown = pd.Series(np.nan, index=profiles.index)
    stands = _standing_of(profiles, standing)
    amounts = bool(stands["amount_asked"].notna().any())
    check_inputs(profiles.columns, roles, amounts=amounts, revolving=revolving, assume_no_debt=assume_no_debt)
    stands = _as_given(stands, profiles, roles)
    asked = _asked(profiles, stands["amount_asked"], roles.get("requested"), revolving=revolving)
    inputs = pd.DataFrame(
        {
            "customer_id": profiles["customer_id"],
            "p_default": scores["p_default"],
            "limit_previous": _column(profiles, roles.get("limit")) if revolving else unknown,
            "balance": _column(profiles, roles.get("balance")).fillna(0.0) + stands["unbilled"],
            "capacity": _capacity(stands, asked, policy.affordability.income_share),
            "requested": asked,
        }
    )
    own = sorted(policy.columns & set(profiles.columns) - set(inputs.columns) - set(STANDING) - set(OVERRULED))
    overruled = [name for name in OVERRULED if name in stands]
    return inputs.assign(**{name: profiles[name] for name in own}).join(stands[[*STANDING, *overruled]])


def _as_given(stands: pd.DataFrame, profiles: pd.DataFrame, roles: Mapping[Role, str]) -> pd.DataFrame:
    """What a flat table says in place of events: an income; and a limit, of which nobody knows a late change."""
    monthly = _column(profiles, roles.get("income")).fillna(_column(profiles, roles.get("annual_income")) / 12)
    long_ago = _column(profiles, roles.get("limit")).notna().map({True: LONG_AGO_MONTHS, False: np.nan})
    return stands.assign(
        monthly_income=stands["monthly_income"].fillna(monthly),
        days_since_limit_change=stands["days_since_limit_change"].fillna(30 * long_ago),
        months_since_limit_change=stands["months_since_limit_change"].fillna(long_ago),
    )


def _capacity(stands: pd.DataFrame, asked: pd.Series[float], income_share: float) -> pd.Series[float]:
    own = (stands["own_inflow"] - asked.fillna(0.0)).clip(lower=0.0) / MONTHS
    means = (income_share * stands["monthly_income"]).fillna(own)
    return (means - stands["debt_service"]).clip(lower=0.0)


def _asked(
    profiles: pd.DataFrame, at_as_of: pd.Series[float], before: str | None, *, revolving: bool
) -> pd.Series[float]:
    """The amount asked for; NaN everywhere on lines."""
    if revolving:
        return at_as_of
    asked = at_as_of.fillna(_column(profiles, before))
    unknown = asked.isna()
    if unknown.any():
        raise _no_amount(rows=profiles.loc[unknown, "customer_id"].head(3).tolist(), n_rows=int(unknown.sum()))
    return asked


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
    return found.set_axis(profiles.index)


def _column(profiles: pd.DataFrame, name: str | None) -> pd.Series[float]:
    return profiles[name] if name in profiles.columns else pd.Series(np.nan, index=profiles.index)
