"""Contributions as a shap.Explanation: the numbers are ours, the form is SHAP's."""

import numpy as np
import pandas as pd
import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.explain.explanation import explanation

FEATURES = [CATALOGUE[name] for name in ("orders_placed_days_since_last", "payments_method_last")]
PROFILES = pd.DataFrame(
    {"orders_placed_days_since_last": [12.0, np.nan], "payments_method_last": pd.Series(["wallet", None], dtype="str")}
)
VALUES = np.array([[0.5, -0.25], [1.0, 0.125]])


def test_it_adds_up_and_says_what_a_person_reads():
    found = explanation(VALUES, -2.0, PROFILES, FEATURES)
    assert (found.base_values + found.values.sum(axis=1)).tolist() == [-1.75, -0.875]
    assert found.display_data.tolist() == [["12 days", "wallet"], ["never", "not recorded"]]
    np.testing.assert_array_equal(found.data, [[12.0, np.nan], [np.nan, np.nan]])
    assert list(found.feature_names) == ["since the last order", "latest way to pay"]
    assert found[1].base_values == -2.0
    assert found[:, 0].values.tolist() == [0.5, 1.0]


def test_it_is_what_shap_takes():
    import matplotlib.pyplot as plt

    found = explanation(
        np.tile(VALUES, (5, 1)), -2.0, pd.concat([PROFILES] * 5), FEATURES
    )  # which imports shap quietly
    import shap

    assert isinstance(found, shap.Explanation)
    assert found.abs.mean(0).values == pytest.approx(np.abs(VALUES).mean(axis=0))
    plt.close("all")
