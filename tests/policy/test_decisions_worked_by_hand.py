"""Single decisions under the default policy, worked by hand, and inputs that are refused."""

import numpy as np
import pandas as pd
import pytest
from policy_rows import policy_rows

from credit_eval.core.errors import PolicyError
from credit_eval.policy.decide import decide, grade_of
from credit_eval.policy.settings import DEFAULT_POLICY, Policy, load_policy

POLICY = load_policy(DEFAULT_POLICY)
UNKNOWN = float("nan")


def changed(**sections) -> Policy:
    content = POLICY.model_dump()
    for name, section in sections.items():
        content[name] = content[name] | section if isinstance(section, dict) else section
    return Policy.model_validate(content)


def frame(p, line=UNKNOWN, balance=0.0, capacity=1000.0, requested=UNKNOWN) -> pd.DataFrame:
    return policy_rows(
        customer_id=["c"], p_default=p, limit_previous=line, balance=balance, capacity=capacity, requested=requested
    )


def one(p, line=UNKNOWN, balance=0.0, capacity=1000.0, requested=UNKNOWN, policy=POLICY):
    return decide(frame(p, line, balance, capacity, requested), policy, calibrated=True).iloc[0]


CASES = [
    # p, line, owed, capacity -> decision, limit, constraint
    (0.01, UNKNOWN, 0, 2000, "approve", 3000, "grade_cap"),
    (0.01, UNKNOWN, 0, 500, "approve", 1500, "affordability"),
    (0.01, UNKNOWN, 0, UNKNOWN, "approve", 500, "thin_file"),
    (0.12, UNKNOWN, 0, 1000, "approve", 370, "expected_loss_budget"),  # 20 / (0.12 * 0.6 * 0.75) = 370.37
    (0.12, 300, 100, 1000, "approve", 330, "expected_loss_budget"),  # (277.78 - 0.25 * 100) / 0.75 = 337.04
    (0.12, 500, 0, 1000, "reduce", 370, "expected_loss_budget"),
    (0.12, 500, 450, 1000, "reduce", 450, "expected_loss_budget"),  # not below what is owed
    (0.01, 600, 0, 2000, "approve", 1200, "step_cap"),
    (0.01, 200, 0, 2000, "approve", 500, "step_cap"),  # doubled it would be below what a thin file gets
    (0.01, 3000, 0, 2000, "hold", 3000, "grade_cap"),
    (0.01, 1495.5, 0, 500, "approve", 1500, "affordability"),
    (0.01, 1499, 0, 499.9, "hold", 1499, "affordability"),  # 1,499.70 rounds to 1,490, which is no reason to cut
    (0.30, UNKNOWN, 0, 60, "approve", 100, "thin_file"),  # 30 is less than a thin file gets
    (0.30, UNKNOWN, 0, 1, "approve", 100, "thin_file"),
    (0.30, UNKNOWN, 400, 1000, "decline", 0, "expected_loss_budget"),  # 14.81 is below the smallest limit of 50
    (0.01, 0, 0, 2000, "approve", 500, "step_cap"),  # reopened as small as a thin file
    (0.12, 0, 0, 1000, "approve", 200, "step_cap"),
    (0.12, 0, 0, UNKNOWN, "approve", 200, "thin_file"),
    (0.45, UNKNOWN, 0, 1000, "refer", 0, "expected_loss_budget"),
    (0.45, 50, 0, 1000, "refer", 50, "expected_loss_budget"),
    (0.45, 200, 0, 1000, "reduce", 90, "expected_loss_budget"),
    (0.50, 90, 0, 1000, "reduce", 80, "expected_loss_budget"),  # exactly the threshold is not restricted
    (0.51, UNKNOWN, 0, 1000, "decline", 0, "restriction"),
    (0.51, 300, 0, 1000, "restrict", 0, "restriction"),
    (0.51, 300, 80.25, 1000, "restrict", 80.25, "restriction"),
    (0.51, 300, 400, 1000, "restrict", 300, "restriction"),
    (0.51, 0, 0, 1000, "restrict", 0, "restriction"),
    (0.0, UNKNOWN, 0, 2000, "approve", 3000, "grade_cap"),
    (0.30, UNKNOWN, 0, 0, "approve", 100, "thin_file"),
    (0.10, UNKNOWN, 0, 800, "approve", 440, "expected_loss_budget"),
    (0.05, UNKNOWN, 0, 1000, "approve", 880, "expected_loss_budget"),
]


@pytest.mark.parametrize(("p", "line", "owed", "capacity", "decision", "limit", "bound"), CASES)
def test_worked_by_hand(p, line, owed, capacity, decision, limit, bound):
    found = one(p, line, owed, capacity)
    assert (found["decision"], found["limit_new"], found["limit_bound_by"]) == (decision, limit, bound)


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ((0.01, UNKNOWN, 0, 2000), "limit set by the cap of grade A, 3,000"),
        (
            (0.01, UNKNOWN, 0, 500),
            "limit set by affordability, 3 × what is left of a month's own money (estimated): 500",
        ),
        (
            (0.01, UNKNOWN, 0, UNKNOWN),
            "limit of 500, the least that grade A affords: how much is left of a month is not known",
        ),
        (
            (0.12, UNKNOWN, 0, 1000),
            "limit set by the expected-loss budget of 20 at p_default 0.120 (LGD 0.60 assumed, CCF 0.75 assumed)",
        ),
        (
            (0.12, 500, 450, 1000),
            "limit set by the expected-loss budget of 20 at p_default 0.120 "
            "(LGD 0.60 assumed, CCF 0.75 assumed); kept at the balance owed of 450",
        ),
        ((0.01, 600, 0, 2000), "limit set by the largest raise at a time, 2 times 600"),
        (
            (0.30, UNKNOWN, 0, 60),
            "limit of 100, the least that grade E affords: 0.5 × what is left of a month's own money (estimated), 60, "
            "is not more",
        ),
        (
            (0.30, UNKNOWN, 400, 1000),
            "limit set by the expected-loss budget of 20 at p_default 0.300 "
            "(LGD 0.60 assumed, CCF 0.75 assumed); below the smallest limit of 50",
        ),
        (
            (0.12, 0, 0, 1000),
            "a small or closed line is raised at once to no more than 200, the thin-file cap of grade D",
        ),
        (
            (0.45, UNKNOWN, 0, 1000),
            "for a person to decide, as p_default is above 0.40: "
            "limit set by the expected-loss budget of 20 at p_default 0.450 (LGD 0.60 assumed, CCF 0.75 assumed)",
        ),
        ((0.62, 300, 0, 1000), "no new credit: p_default 0.620 is above 0.50"),
        ((0.5000001, 300, 0, 1000), "no new credit: p_default 0.5000001 is above 0.50"),
        (
            (0.51, 300, 80.25, 1000),
            "no new credit: p_default 0.510 is above 0.50; kept at the balance owed of 80.25",
        ),
    ],
)
def test_the_sentence_names_the_constraint_and_its_numbers(case, says):
    assert one(*case)["policy_reason"] == says


def test_the_exposure_cap_binds_where_it_is_the_smallest_and_ties_go_to_the_grade():
    assert one(0.01, capacity=9000, policy=changed(limits={"exposure_cap": 2900}))["limit_bound_by"] == "exposure_cap"
    assert one(0.01, capacity=1000)["limit_bound_by"] == "grade_cap"  # affordability and exposure allow 3,000 too


def test_unknown_capacity_is_referred_where_the_policy_says_so():
    policy = changed(refer={"capacity_unknown": True})
    found = one(0.01, capacity=UNKNOWN, policy=policy)
    assert (found["decision"], found["limit_new"], found["max_installments"]) == ("refer", 0, 12)
    assert found["policy_reason"].startswith(
        "for a person to decide, as how much is left of a month is not known: limit of 500"
    )
    assert one(0.01, policy=policy)["decision"] == "approve"


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ({"p": 0.12, "line": 500}, 500),  # would be reduced to 370
        ({"p": 0.30, "balance": 400}, 0),  # would be declined
        ({"p": 0.12, "requested": 500}, 0),  # would be offered 270
        ({"p": 0.51, "line": 300}, 300),  # would be restricted, and gets no new credit
    ],
)
def test_a_person_decides_where_the_score_is_against_and_no_reason_can_be_told(case, line):
    found = decide(frame(**case), POLICY, calibrated=True, untold=np.array([True])).iloc[0]
    assert (found["decision"], found["limit_new"], found["decided_by"]) == ("refer", line, "no_reason")
    assert found["policy_reason"].startswith("for a person to decide, as nothing that could be told raised the risk: ")
    assert (found["max_installments"] == 0) == (case["p"] > 0.5)


def test_a_reason_that_is_not_needed_changes_nothing():
    for case in ({"p": 0.01}, {"p": 0.01, "line": 3000}, {"p": 0.45}):  # approved, held, referred by the policy
        rows = frame(**case)
        told, untold = (decide(rows, POLICY, calibrated=True, untold=np.array([missing])) for missing in (False, True))
        pd.testing.assert_frame_equal(told, untold)
    late = frame(0.01, line=300).assign(in_default=True)  # a rule decides, at any score
    assert decide(late, POLICY, calibrated=True, untold=np.array([True])).iloc[0]["decision"] == "restrict"


LOANS = [
    # p, capacity, asked -> decision, limit, constraint
    (0.01, 2000, 800, "approve", 800, "amount_asked"),
    (0.01, 2000, 804.5, "approve", 804.5, "amount_asked"),  # what is asked for is not rounded
    (0.01, 2000, 3000, "approve", 3000, "amount_asked"),
    (0.01, 2000, 3000.01, "reduce", 3000, "grade_cap"),
    (0.12, 1000, 500, "reduce", 270, "expected_loss_budget"),  # a loan is drawn whole: 20 / (0.12 * 0.6) = 277.78
    (0.12, 1000, 277.8, "reduce", 270, "expected_loss_budget"),
    (0.12, UNKNOWN, 150, "approve", 150, "amount_asked"),
    (0.01, 2000, 49, "decline", 0, "amount_asked"),  # below the smallest limit of 50
    (0.01, 2000, 0, "decline", 0, "amount_asked"),
    (0.45, 1000, 60, "refer", 0, "amount_asked"),
    (0.51, 1000, 60, "decline", 0, "restriction"),
]


@pytest.mark.parametrize(("p", "capacity", "asked", "decision", "limit", "bound"), LOANS)
def test_a_loan_asked_for_is_granted_in_full_in_part_or_not(p, capacity, asked, decision, limit, bound):
    found = one(p, capacity=capacity, requested=asked)
    assert (found["decision"], found["limit_new"], found["limit_bound_by"]) == (decision, limit, bound)


def test_the_sentence_of_a_loan_says_what_was_asked():
    assert one(0.01, requested=800)["policy_reason"] == "limit set by the amount asked for, 800"
    assert one(0.12, requested=500)["policy_reason"] == (
        "limit set by the expected-loss budget of 20 at p_default 0.120 "
        "(LGD 0.60 assumed, CCF 0.75 assumed); 270 of the 500 asked for"
    )
    assert one(0.01, requested=49)["policy_reason"].endswith("below the smallest limit of 50")


def test_a_loan_on_top_of_a_line_is_refused():
    with pytest.raises(PolicyError, match="a loan asked for is decided on its own"):
        decide(frame(0.1, line=300.0, requested=100.0), POLICY, calibrated=True)


def test_without_a_step_cap_a_line_of_0_opens_like_a_new_one():
    assert one(0.01, 0, 0, 2000, policy=changed(movement={"max_increase_factor": None}))["limit_new"] == 3000


def test_amounts_scale_with_the_unit_and_carry_the_currency():
    policy = changed(amount_unit=1000, currency="UGX")
    found = one(0.12, capacity=1e6, policy=policy)
    assert found["limit_new"] == 370_000
    assert "20,000 UGX at p_default" in found["policy_reason"]


def test_price_and_instalments_are_of_the_grade_and_none_where_there_is_no_credit():
    assert tuple(one(0.15)[["grade", "apr", "max_installments"]]) == ("D", 0.24, 6)
    assert tuple(one(0.51, 300)[["grade", "apr", "max_installments"]]) == ("G", 0.36, 0)
    assert one(0.30, 0, 400)["max_installments"] == 0


def test_a_grade_holds_its_upper_bound():
    assert grade_of([0.02, np.nextafter(0.02, 1), 0.5, 0.5 + 1e-12], POLICY).tolist() == ["A", "B", "F", "G"]


def test_order_index_and_the_input_are_kept():
    inputs = pd.concat([frame(p) for p in (0.6, 0.1, 0.3)]).assign(customer_id=list("zxy"))
    inputs.index = [7, 7, 2]
    before = inputs.copy()
    found = decide(inputs, POLICY, calibrated=True)
    assert found["customer_id"].tolist() == ["z", "x", "y"]
    assert found.index.tolist() == [7, 7, 2]
    pd.testing.assert_frame_equal(inputs, before)


def test_nobody_to_decide_on_is_no_error():
    found = decide(frame(0.1).iloc[:0], POLICY, calibrated=True)
    assert len(found) == 0
    assert "policy_reason" in found


def test_refuses_an_uncalibrated_model():
    with pytest.raises(PolicyError, match="uncalibrated"):
        decide(frame(0.1), POLICY, calibrated=False)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("p_default", UNKNOWN),
        ("p_default", 1.0000001),
        ("p_default", -1e-9),
        ("limit_previous", -1.0),
        ("limit_previous", np.inf),
        ("balance", UNKNOWN),
        ("balance", -0.01),
        ("capacity", -5.0),
        ("capacity", np.inf),
        ("requested", -1.0),
        ("requested", np.inf),
        ("days_since_cure", -1.0),
        ("days_since_limit_change", np.inf),
    ],
)
def test_refuses_rows_that_cannot_be_decided_and_names_them(column, value):
    inputs = pd.concat([frame(0.1)] * 20, ignore_index=True)
    inputs.loc[[3, 11], column] = value
    with pytest.raises(PolicyError) as caught:
        decide(inputs, POLICY, calibrated=True)
    assert column in str(caught.value)
    assert (caught.value.n_rows, caught.value.rows) == (2, ("row 3", "row 11"))


def test_refuses_missing_columns_and_text():
    with pytest.raises(PolicyError, match="no balance, capacity"):
        decide(frame(0.1).drop(columns=["balance", "capacity"]), POLICY, calibrated=True)
    with pytest.raises(PolicyError, match="capacity is not a number"):
        decide(frame(0.1, capacity="much"), POLICY, calibrated=True)
    with pytest.raises(PolicyError, match="no in_default, overdue"):
        decide(frame(0.1).drop(columns=["in_default", "overdue"]), POLICY, calibrated=True)
    with pytest.raises(PolicyError, match="in_default is not known of everybody"):
        decide(frame(0.1).assign(in_default=None), POLICY, calibrated=True)
    with pytest.raises(PolicyError, match="p_default"):
        grade_of([0.1, UNKNOWN], POLICY)
