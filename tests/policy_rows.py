"""Rows for `policy.decide` of customers with nothing to report but what a test says, and policies of any shape."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from credit_eval.policy.decide import decide
from credit_eval.policy.settings import Policy

#: Nobody late, nobody cured, lines long unchanged.
QUIET = {
    "requested": np.nan,
    "in_default": False,
    "overdue": False,
    "days_past_due": 0.0,
    "days_since_cure": np.nan,
    "was_restricted": False,
    "days_below": np.nan,
    "data_age": 0.0,
    "apr_previous": np.nan,
}


def policy_rows(**columns: object) -> pd.DataFrame:
    """A row per value of the columns given; the rest is quiet."""
    frame = pd.DataFrame(columns)
    for name, value in QUIET.items():
        if name not in frame:
            frame[name] = value
    if "days_since_limit_change" not in frame:
        frame["days_since_limit_change"] = np.where(frame["limit_previous"].isna(), np.nan, 90.0)
    if "months_since_limit_change" not in frame:
        frame["months_since_limit_change"] = frame["days_since_limit_change"] // 30
    return frame


EDGES = [
    0.0,
    1e-300,
    0.02,
    0.05,
    0.4,
    math.nextafter(0.4, 1),
    0.5,
    math.nextafter(0.5, 1),
    math.nextafter(0.5, 0),
    1.0,
]
PROBABILITIES = st.floats(0, 1) | st.sampled_from(EDGES)
CENTS = st.integers(0, 500_000).map(lambda cents: cents / 100)
ROUND = st.integers(0, 60).map(lambda tens: tens * 10.0)
MONEY = CENTS | ROUND
LINES = st.none() | MONEY
MOVES = st.fixed_dictionaries(
    {"max_decrease": st.sampled_from([None, 0.1, 0.5]), "first_share": st.sampled_from([0.3, 0.5, 1.0])}
)
PROFITS = st.none() | st.fixed_dictionaries(
    {
        "use": st.floats(0.01, 1),
        "demand_months": st.floats(0, 24),
        "funding_rate": st.floats(0, 0.5),
        "operating_cost": st.floats(0, 20),
    }
)
PRICES = st.none() | st.fixed_dictionaries(
    {"by": st.sampled_from(["grade", "customer"]), "capital": st.sampled_from([0, 0.1]), "hurdle": st.floats(0, 0.3)}
)
FEW = st.integers(1, 6)


@st.composite
def policies(
    draw, *, raises_capped: bool | None = None, profitable: bool = True, low: bool = False, priced=False
) -> Policy:
    """Valid policies: each column sorted the way that it must be; `low`: new lines begin low, and cuts are slow.

    `priced`: some stop where the legal cap does not bear the risk, and some price each customer.
    """
    moves = draw(MOVES) if low else {}
    n = draw(FEW)
    price = draw(PRICES) if priced else None

    def column(values, falling=True):
        return sorted(draw(st.lists(values, min_size=n, max_size=n)), reverse=falling)

    ends = [
        *sorted(draw(st.sets(st.sampled_from([0.02, 0.1, 0.3, 0.4, 0.5, 0.7]), min_size=n - 1, max_size=n - 1))),
        1.0,
    ]
    columns = {
        "up_to": ends,
        "limit_cap": column(MONEY),
        "thin_file_cap": column(MONEY),
        "capacity_multiple": column(st.floats(0, 4)),
        "apr": column(st.floats(0, 1), falling=False),
        "max_installments": column(st.integers(1, 24)),
    }
    signed = draw(st.lists(st.sampled_from([None, "Ana"]), min_size=n, max_size=n))
    columns["loss_signed_by"] = signed
    grades = [{"grade": f"G{i}"} | {key: values[i] for key, values in columns.items()} for i in range(n)]
    capped = draw(st.booleans()) if raises_capped is None else raises_capped
    return Policy.model_validate(
        {
            "name": "drawn",
            "version": "1",
            "amount_unit": draw(st.sampled_from([1, 0.5, 1000])),
            "expected_loss": {
                "budget": draw(st.floats(0.01, 1000)),
                "lgd": draw(st.floats(0.05, 1)),
                "ccf": draw(st.floats(0.05, 1)),
            },
            "limits": {
                "step": draw(st.sampled_from([1, 10, 25.5, 100])),
                "minimum": draw(st.sampled_from([0, 1, 50])),
                "exposure_cap": draw(st.floats(60, 5000)),
            },
            "movement": {"max_increase_factor": draw(st.sampled_from([1.01, 1.5, 2.0])) if capped else None} | moves,
            "profit": draw(PROFITS) if profitable else None,
            "price": price,
            "legal_cap": draw(st.floats(0.54, 1.0)) + max(columns["apr"]) if price else None,
            "refer": {
                "p_default_above": draw(st.none() | st.sampled_from([0.05, 0.4, 0.6])),
                "capacity_unknown": draw(st.booleans()),
            },
            "grades": tuple(grades),
        }
    )


def decided(policy, p, line, balance, capacity, requested=None, **standing) -> pd.DataFrame:
    """Decisions of one row per probability or capacity, whichever is a list."""
    n = max(np.size(p), np.size(capacity))
    given = {"p_default": p, "limit_previous": line, "balance": balance, "capacity": capacity, "requested": requested}
    given = {name: np.nan if value is None else np.asarray(value, dtype=float) for name, value in given.items()}
    return decide(policy_rows(customer_id=[f"c{i}" for i in range(n)], **given, **standing), policy, calibrated=True)
