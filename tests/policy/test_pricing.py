"""A rate that bears what credit costs: at that rate a unit owed earns it back, and whoever lends for less is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_eval.core.errors import PolicyError
from credit_eval.policy.losses import Losses, losses
from credit_eval.policy.pricing import needed, prices, unsigned
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, Price, load_policy

POLICY = load_policy(DEFAULT_POLICY)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 0.5), st.floats(0.05, 1.0), st.floats(0.1, 1.0), st.floats(0.0, 0.1), st.floats(0.0, 0.05))
def test_at_that_rate_a_unit_earns_its_margin_and_nothing_else(
    p: float, lgd: float, years: float, funding: float, operating: float
) -> None:
    said = Price(capital=0.08, hurdle=0.12, margin=0.0)
    rate = needed(p, said, lgd=lgd, years=years, funding=funding, operating=operating).rate
    earned = (1 - p) * (rate - funding) * years  # of who pays; whoever defaults pays none
    costs = p * lgd + operating * years + 0.08 * 0.12 * years
    assert earned == pytest.approx(costs)


def test_each_part_is_shown_and_they_add_up() -> None:
    table = prices(with_price(), Losses(0.4, 0.1, "assumed", "assumed", 120), seen())
    parts = table[["funding", "expected_loss", "operating", "capital", "margin"]].sum(axis=1)
    assert parts.to_numpy() == pytest.approx(table["needed"].to_numpy())
    assert table["needed"].is_monotonic_increasing
    assert table["grade"].tolist() == ["A", "C", "E"]
    assert table["n"].tolist() == [10, 20, 30]


def test_who_lends_at_a_loss_is_named_until_somebody_signs() -> None:
    policy, lost = with_price(legal_cap=0.36), Losses(0.6, 0.1, "measured", "measured", 120)
    table = prices(policy, lost, seen())
    told = unsigned(policy, table)
    assert [text.split(" at ")[0] for text in told] == ["grade C", "grade E"]
    row = table.set_index("grade").loc["E"]
    assert row["short"] == pytest.approx(row["needed"] - row["apr"])
    assert row["capped"] == pytest.approx(row["needed"] - 0.36)
    grades = [
        grade | ({"loss_signed_by": "Ana"} if grade["grade"] in "CE" else {}) for grade in policy.model_dump()["grades"]
    ]
    signed = Policy.model_validate(policy.model_dump() | {"grades": grades})
    assert unsigned(signed, prices(signed, lost, seen())) == []


def test_a_policy_without_a_section_bears_funding_and_loss_alone() -> None:
    bare = POLICY.model_copy(update={"profit": None, "price": None})
    row = prices(bare, losses(bare, None), seen()).iloc[0]
    assert row[["funding", "operating", "capital", "margin"]].sum() == 0
    assert row["needed"] == row["expected_loss"] > 0
    assert np.isnan(row["capped"])


def test_shares_above_one_are_refused(tmp_path) -> None:
    path = tmp_path / "dear.yaml"
    path.write_text(DEFAULT_POLICY.read_text() + "\nprice: {margin: 2}\n")
    with pytest.raises(PolicyError, match="price, margin"):
        load_policy(path)


def seen() -> pd.DataFrame:
    """Customers of three grades."""
    return pd.DataFrame(
        {"grade": ["C", "A", "E"], "n": [20, 10, 30], "p": [0.07, 0.01, 0.27], "owed": [50.0, 80.0, 0.0]}
    )


def with_price(**more: object) -> Policy:
    """The built-in policy that prices capital and a margin."""
    profit = {"use": 0.2, "demand_months": 3, "funding_rate": 0.04, "operating_cost": 1.0}
    price = {"capital": 0.08, "hurdle": 0.1, "margin": 0.01}
    return Policy.model_validate(POLICY.model_dump() | {"profit": profit, "price": price} | more)
