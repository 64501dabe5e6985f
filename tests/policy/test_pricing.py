"""A rate that bears what credit costs: at that rate a unit owed earns it back, and whoever lends for less is named."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credit_eval.core.errors import PolicyError
from credit_eval.policy.decide import decide, is_adverse
from credit_eval.policy.facts import as_facts, told
from credit_eval.policy.losses import Losses, losses
from credit_eval.policy.pricing import needed, needed_rates, prices, rates, unsigned
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, Price, load_policy
from tests.policy_rows import policy_rows

POLICY = load_policy(DEFAULT_POLICY)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 0.5), st.floats(0.05, 1.0), st.floats(0.1, 1.0), st.floats(0.0, 0.1), st.floats(0.0, 0.05))
def test_at_that_rate_a_unit_earns_its_margin_and_nothing_else(
    p: float, lgd: float, years: float, funding: float, operating: float
) -> None:
    said = Price(capital=0.08, hurdle=0.12, margin=0.0)
    cost = np.array([operating])
    rate = needed(np.array([p]), said, lgd=lgd, years=years, funding=funding, operating=cost).rate[0]
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
    signed = signed_for(policy, "CE")
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


LOSES = Losses(0.6, 0.1, "measured", "measured", 120)


def test_a_rate_of_ones_own_bears_the_risk_from_the_grade_s_rate_up_to_the_cap() -> None:
    policy = with_price(legal_cap=0.36, price={"by": "customer", "capital": 0.08, "hurdle": 0.1, "margin": 0.01})
    p = np.array([0.0, 0.019, 0.03, 0.049, 0.12, 0.2, 0.3, 1.0])
    grade = np.searchsorted([each.up_to for each in policy.grades], p)
    found, listed = rates(p, grade, policy, LOSES), np.array([each.apr for each in policy.grades])[grade]
    wanted = needed_rates(p, policy, LOSES)
    assert (found >= listed).all()
    assert (found <= 0.36).all()
    borne = (wanted <= 0.36) & (wanted > listed)
    assert borne.any()
    assert (found[borne] >= wanted[borne]).all()
    assert (found[borne] < wanted[borne] + 0.001).all()
    assert (np.diff(found) >= 0).all()
    assert rates(p, grade, with_price(legal_cap=0.36), LOSES).tolist() == listed.tolist()


def test_a_rate_of_ones_own_asks_for_a_cap() -> None:
    with pytest.raises(ValueError, match="legal_cap"):
        with_price(price={"by": "customer"})


def test_a_cap_below_what_lending_costs_without_any_risk_is_refused(tmp_path) -> None:
    path = tmp_path / "never.yaml"
    text = re.sub(r"apr: [\d.]+", "apr: 0.01", DEFAULT_POLICY.read_text())
    path.write_text(text + "\nlegal_cap: 0.02\nprice: {capital: 0.1, hurdle: 0.1, margin: 0.02}\n")
    with pytest.raises(PolicyError, match=r"at least the 0\.03 that funding"):
        load_policy(path)


def test_whose_risk_the_cap_does_not_bear_gets_no_new_credit_until_somebody_signs() -> None:
    rows = policy_rows(
        customer_id=["borne", "not", "riskier"], p_default=[0.05, 0.19, 0.30], limit_previous=[300.0] * 3,
        balance=[80.0] * 3, capacity=[500.0] * 3,
    )  # fmt: skip
    policy = with_price(legal_cap=0.36, profit=None)
    found = decide(rows, policy, calibrated=True, losses=LOSES)
    assert needed_rates(np.array([0.05, 0.19]), policy, LOSES).round(3).tolist() == [0.114, 0.448]
    assert found["decision"].tolist() == ["approve", "restrict", "restrict"]
    assert found["limit_new"].tolist()[1:] == [80.0, 80.0]
    assert found["limit_bound_by"].tolist()[1:] == ["legal_cap"] * 2
    assert found["decided_by"].tolist()[1:] == ["score"] * 2
    said = "no new credit: what the risk costs needs a rate above the legal cap of 36.0% a year"
    assert found["policy_reason"][1].startswith(said)
    signed = decide(rows, signed_for(policy, "DEF"), calibrated=True, losses=LOSES)
    assert "legal_cap" not in set(signed["limit_bound_by"])
    # Signed for the riskier grade alone, nobody riskier gets what a safer one is refused.
    assert decide(rows, signed_for(policy, "EF"), calibrated=True, losses=LOSES)["decision"][2] == "restrict"


def test_a_dearer_rate_is_adverse_told_and_decided_by_the_score_or_by_the_policy() -> None:
    rows = policy_rows(
        customer_id=["dearer", "same", "unknown", "no line", "dear for all"], p_default=[0.12, 0.12, 0.12, 0.12, 0.01],
        limit_previous=[200.0, 200.0, 200.0, 0.0, 200.0], balance=0.0, capacity=[500.0] * 5,
        apr_previous=[0.15, 0.24, np.nan, 0.15, 0.10],
    )  # fmt: skip
    found = decide(rows, POLICY, calibrated=True).set_index("customer_id")
    assert is_adverse(found).tolist() == [True, False, False, False, True]
    assert found["decision"]["dearer"] == "approve"
    assert found["policy_reason"]["dearer"].endswith("; the rate rises from 15.0% to 24.0% a year")
    assert told(as_facts(found["policy_facts"]["dearer"]), "CNY", "zh").endswith("；年利率由15.0%上调至24.0%")
    assert found["decided_by"]["dearer"] == "score"
    assert found["decided_by"]["dear for all"] == "rates"
    assert found["dearer_by_score"].tolist() == [True, False, False, False, False]
    # Of whom nothing can be told, the rate stays until a person decided.
    untold = decide(rows, POLICY, calibrated=True, untold=np.ones(5, dtype=bool)).set_index("customer_id")
    assert untold.loc["dearer", ["decision", "decided_by", "apr", "limit_new"]].tolist() == [
        "refer", "no_reason", 0.15, 200.0,
    ]  # fmt: skip
    assert untold["decision"]["same"] == "approve"


def test_a_rule_that_cuts_a_limit_is_no_reason_for_the_rate_that_rises_with_the_risk() -> None:
    rows = policy_rows(
        customer_id=["both"], p_default=[0.12], limit_previous=[3_000.0], balance=[0.0], capacity=[10.0],
        apr_previous=[0.15],
    )  # fmt: skip
    found = decide(rows, POLICY, calibrated=True).iloc[0]
    assert (found["decision"], found["decided_by"], found["dearer_by_score"]) == ("reduce", "thin_file", True)
    untold = decide(rows, POLICY, calibrated=True, untold=np.array([True])).iloc[0]
    assert (untold["decision"], untold["decided_by"], untold["apr"]) == ("refer", "no_reason", 0.15)


def signed_for(policy: Policy, grades: str) -> Policy:
    content = policy.model_dump()
    signed = [grade | ({"loss_signed_by": "Ana"} if grade["grade"] in grades else {}) for grade in content["grades"]]
    return Policy.model_validate(content | {"grades": signed})


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
