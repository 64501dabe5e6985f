"""What the policy is told of a customer: net spending, and the purchase that a loan is asked for left out of it."""

import pandas as pd
import pytest

from credit_eval.core.errors import PolicyError
from credit_eval.features.catalogue import AMOUNT_ASKED, BALANCE, LIMIT, NET_SPENDING_180
from credit_eval.policy.decide import decide
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
from credit_eval.scoring.inputs import policy_inputs

PROFILES = pd.DataFrame(
    {
        "customer_id": ["buys", "bought nothing", "sends it all back"],
        "as_of": pd.to_datetime(["2026-03-01", "2026-03-01", "2026-04-01"]).as_unit("us"),
        LIMIT: [500.0, float("nan"), 0.0],
        BALANCE: [20.0, float("nan"), 0.0],
        NET_SPENDING_180: [1200.0, 0.0, -300.0],
        AMOUNT_ASKED: [300.0, float("nan"), 90.0],
    },
    index=[3, 1, 2],
)
NOBODY: frozenset[tuple[str, pd.Timestamp]] = frozenset()
SCORES = pd.DataFrame({"p_default": [0.01, 0.01, 0.01]}, index=PROFILES.index)


def test_on_a_line_nothing_is_asked_and_capacity_is_monthly_and_not_below_0():
    found = policy_inputs(PROFILES, SCORES, revolving=True, assume_no_debt=False, in_default=NOBODY)
    assert found["capacity"].tolist() == [200.0, 0.0, 0.0]
    assert found["limit_previous"].tolist()[::2] == [500.0, 0.0]
    assert found["balance"].tolist() == [20.0, 0.0, 0.0]
    assert found["requested"].isna().all()


def test_a_loan_asked_for_is_no_capacity_to_repay_it():
    found = policy_inputs(PROFILES, SCORES, revolving=False, assume_no_debt=False, in_default=NOBODY)
    assert found["capacity"].tolist() == [150.0, 0.0, 0.0]
    assert found["limit_previous"].isna().all()
    assert found["requested"].tolist()[::2] == [300.0, 90.0]
    assert pd.isna(found["requested"].iloc[1])
    decided = decide(found, load_policy(DEFAULT_POLICY), calibrated=True)
    assert decided["limit_new"].tolist() == [300.0, 500.0, 90.0]


def test_capacity_is_unknown_only_where_the_source_has_no_orders():
    without = PROFILES.drop(columns=NET_SPENDING_180)
    for revolving in (True, False):
        assert (
            policy_inputs(without, SCORES, revolving=revolving, assume_no_debt=False, in_default=NOBODY)["capacity"]
            .isna()
            .all()
        )


def test_an_unknown_debt_is_not_taken_for_none_unasked():
    without = PROFILES.drop(columns=BALANCE)
    with pytest.raises(PolicyError, match="assume_no_debt"):
        policy_inputs(without, SCORES, revolving=True, assume_no_debt=False, in_default=NOBODY)
    assert policy_inputs(without, SCORES, revolving=True, assume_no_debt=True, in_default=NOBODY)["balance"].eq(0).all()


def test_a_debt_in_default_is_one_of_a_customer_at_one_as_of():
    late = {("buys", pd.Timestamp("2026-03-01")), ("sends it all back", pd.Timestamp("2026-03-01"))}
    found = policy_inputs(PROFILES, SCORES, revolving=True, assume_no_debt=False, in_default=late)
    assert found["in_default"].tolist() == [True, False, False]
