"""A debt in default stops new credit, whatever the model thinks of the future."""

import numpy as np
from policy_rows import policy_rows

from credit_eval.policy.decide import decide
from credit_eval.policy.settings import DEFAULT_POLICY, load_policy


def test_a_safe_score_does_not_help_who_is_in_default_now():
    inputs = policy_rows(
        customer_id=["late", "late and new", "fine"],
        p_default=[0.01, 0.01, 0.01],
        limit_previous=[300.0, np.nan, 300.0],
        balance=[120.0, 50.0, 120.0],
        capacity=[500.0, 500.0, 500.0],
        in_default=[True, True, False],
    )
    found = decide(inputs, load_policy(DEFAULT_POLICY), calibrated=True)
    assert found["decision"].tolist() == ["restrict", "decline", "approve"]
    assert found["limit_new"].tolist()[:2] == [120.0, 0.0]
    assert found["limit_bound_by"].tolist()[:2] == ["in_default", "in_default"]
    assert found["max_installments"].tolist()[:2] == [0, 0]
    assert "in default now" in found["policy_reason"][0]
    assert found["decided_by"].tolist()[:2] == ["in_default", "in_default"]
