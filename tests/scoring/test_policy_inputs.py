"""What the policy is told of a customer: net spending, and the purchase that a loan is asked for left out of it."""

import pandas as pd
import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import IntegrityError, PolicyError
from credit_eval.policy.decide import decide
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy
from credit_eval.scoring.inputs import policy_inputs

ROLES = CATALOGUE.roles
LIMIT, BALANCE, AMOUNT_ASKED = (ROLES[of] for of in ("limit", "balance", "requested"))
PROFILES = pd.DataFrame(
    {
        "customer_id": ["buys", "bought nothing", "sends it all back"],
        "as_of": pd.to_datetime(["2026-03-01", "2026-03-01", "2026-04-01"]).as_unit("us"),
        LIMIT: [500.0, float("nan"), 0.0],
        BALANCE: [20.0, float("nan"), 0.0],
        AMOUNT_ASKED: [300.0, float("nan"), 90.0],
    },
    index=[3, 1, 2],
)
SCORES = pd.DataFrame({"p_default": [0.01, 0.01, 0.01]}, index=PROFILES.index)
STANDING = PROFILES[["customer_id", "as_of"]].assign(
    in_default=False,
    overdue=False,
    days_since_cure=float("nan"),
    days_since_limit_change=[90.0, float("nan"), 40.0],
    amount_asked=float("nan"),
    own_inflow=[1200.0, 0.0, 60.0],
    debt_service=[0.0, 0.0, 30.0],
    unbilled=[0.0, 0.0, 7.0],
    days_past_due=0.0,
    months_since_limit_change=[2.0, float("nan"), 1.0],
    data_age=0.5,
    was_restricted=False,
    days_below=float("nan"),
    apr_previous=float("nan"),
    monthly_income=float("nan"),
)


def inputs(profiles: pd.DataFrame = PROFILES, standing: pd.DataFrame = STANDING, **said: bool) -> pd.DataFrame:
    chosen = {"revolving": True, "assume_no_debt": False} | said
    return policy_inputs(profiles, SCORES, standing, ROLES, policy=load_policy(DEFAULT_POLICY), **chosen)


def test_on_a_line_nothing_is_asked_and_capacity_is_monthly_and_not_below_0():
    found = inputs()
    assert found["capacity"].tolist() == [200.0, 0.0, 0.0]
    assert found["limit_previous"].tolist()[::2] == [500.0, 0.0]
    assert found["balance"].tolist() == [20.0, 0.0, 7.0]
    assert found["requested"].isna().all()


def test_a_loan_asked_for_is_no_capacity_to_repay_it():
    asked = STANDING.assign(amount_asked=[float("nan"), 120.0, float("nan")])
    found = inputs(standing=asked, revolving=False)
    assert found["capacity"].tolist() == [150.0, 0.0, 0.0]
    assert found["limit_previous"].isna().all()
    assert found["requested"].tolist() == [300.0, 120.0, 90.0]
    decided = decide(found, load_policy(DEFAULT_POLICY), calibrated=True)
    assert decided["limit_new"].tolist() == [300.0, 120.0, 90.0]


def test_what_the_cohort_says_is_asked_at_as_of_goes_before_what_was_asked_earlier():
    asked = STANDING.assign(amount_asked=[40.0, 0.0, 700.0])
    found = inputs(standing=asked, revolving=False)
    assert found["requested"].tolist() == [40.0, 0.0, 700.0]
    assert found["capacity"].tolist() == [1160 / 6, 0.0, 0.0]


def test_no_loan_is_decided_without_an_amount():
    with pytest.raises(PolicyError, match="how much is asked for") as error:
        inputs(revolving=False)
    assert error.value.rows == ("bought nothing",)
    without = PROFILES.drop(columns=AMOUNT_ASKED)
    with pytest.raises(PolicyError, match="how much is asked for"):
        inputs(without, revolving=False)


def test_nothing_is_asked_for_on_a_line():
    asked = STANDING.assign(amount_asked=[float("nan"), float("nan"), 5.0])
    with pytest.raises(PolicyError, match="asked for on lines"):
        inputs(standing=asked)


def test_capacity_is_unknown_only_where_the_source_tells_neither_own_money_nor_income():
    unknown = STANDING.assign(own_inflow=float("nan"), amount_asked=50.0)
    assert inputs(standing=unknown, revolving=False)["capacity"].isna().all()
    earns = unknown.assign(monthly_income=[1000.0, 0.0, float("nan")])
    assert inputs(standing=earns, revolving=False)["capacity"].tolist()[:2] == [400.0, 0.0]


def test_an_income_that_is_known_goes_before_the_estimate_and_debts_are_served_first():
    earns = STANDING.assign(monthly_income=[100.0, 900.0, 60.0], debt_service=[0.0, 60.0, 30.0])
    assert inputs(standing=earns)["capacity"].tolist() == [40.0, 300.0, 0.0]


def test_an_unknown_debt_is_not_taken_for_none_unasked():
    without = PROFILES.drop(columns=BALANCE)
    with pytest.raises(PolicyError, match="assume_no_debt"):
        inputs(without)
    assert inputs(without, assume_no_debt=True)["balance"].tolist() == [0.0, 0.0, 7.0]


def test_where_a_customer_stands_is_asked_of_each_as_of_and_in_any_order():
    told = STANDING.assign(
        in_default=[True, False, False], overdue=[True, False, True], days_since_cure=[1.0, 2.0, 3.0]
    )
    other = told.assign(as_of=told["as_of"] - pd.Timedelta(days=30), in_default=True)
    found = inputs(standing=pd.concat([other, told]).iloc[::-1])
    assert found.index.tolist() == PROFILES.index.tolist()
    assert found["in_default"].tolist() == [True, False, False]
    assert found["overdue"].tolist() == [True, False, True]
    assert found["days_since_cure"].tolist() == [1.0, 2.0, 3.0]


def test_nobody_is_decided_on_whose_standing_is_not_known():
    with pytest.raises(IntegrityError, match="where some of the scored customers stand") as error:
        inputs(standing=STANDING.iloc[:1])
    assert error.value.rows == ("bought nothing", "sends it all back")
