"""Reason codes: groups keep the sum, at most four raise the risk, ties go by code, sentences fit the rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from credit_eval.core.errors import IntegrityError
from credit_eval.explain.dimensions import dimension_contributions
from credit_eval.explain.reasons import TOP, group_contributions, reason_codes
from credit_eval.features.language import Dimension


@dataclass(frozen=True)
class Told:
    """A feature that says what it was asked."""

    name: str
    reason: str
    dimension: str = Dimension.HISTORY

    def sentence(self, value: object, typical: object, currency: str = "") -> str:
        return f"{self.name}={value!r} usual={typical!r}{currency}"


REASONS = ("R_A", "R_B", "R_A", "R_C", "R_D", "R_E", "R_B")
FEATURES = tuple(Told(f"f{i}", reason) for i, reason in enumerate(REASONS))
SIZES = st.floats(-5, 5, allow_nan=False) | st.sampled_from([0.0, 0.25, -0.25, 1.0])
VALUES = hnp.arrays(np.float64, st.tuples(st.integers(0, 12), st.just(len(FEATURES))), elements=SIZES)


def profiles_of(n: int) -> pd.DataFrame:
    return pd.DataFrame({f.name: np.arange(n) + i / 10 for i, f in enumerate(FEATURES)}, index=range(100, 100 + n))


def told(values):
    values = np.atleast_2d(np.array(values, dtype=float))
    return reason_codes(values, profiles_of(len(values)), FEATURES, {"f0": 1.5})


def obvious(row):
    """The rule in plain Python, one row."""
    sums = {code: round(sum(v for v, r in zip(row, REASONS, strict=True) if r == code), 9) for code in set(REASONS)}
    codes = sorted((code for code in sums if sums[code] > 0), key=lambda code: (-sums[code], code))[:TOP]
    best = [max((i for i, r in enumerate(REASONS) if r == c), key=lambda i: (round(row[i], 9), -i)) for c in codes]
    return codes, best


@given(VALUES)
def test_is_the_obvious_rule(values):
    found = reason_codes(values, profiles_of(len(values)), FEATURES, {})
    for i, row in enumerate(values):
        codes, best = obvious(row)
        empty = [None] * (TOP - len(codes))
        texts = [f"f{j}={float(i + j / 10)!r} usual=None" for j in best]
        assert list(found.iloc[i]) == [*codes, *empty, *texts, *empty]


@given(VALUES, st.lists(st.sampled_from("xyz"), min_size=len(FEATURES), max_size=len(FEATURES)))
def test_grouping_keeps_the_sum(values, groups):
    names, sums = group_contributions(values, groups)
    assert names == sorted(set(groups))
    np.testing.assert_allclose(sums.sum(axis=1), values.sum(axis=1), atol=1e-12)
    for name, column in zip(names, sums.T, strict=True):
        np.testing.assert_allclose(column, values[:, [g == name for g in groups]].sum(axis=1), atol=1e-12)


def test_ties_go_by_code_and_nothing_that_lowers_risk_is_a_reason():
    found = told([0, 1.0, 0.4, 1.0, -3.0, 0, 0])
    assert list(found.iloc[0, :TOP]) == ["R_B", "R_C", "R_A", None]


def test_noise_below_a_billionth_decides_nothing():
    exact, noisy = [0, 1.0, 0, 1.0, 1e-12, 0, 0], [0, 1.0, 0, 1.0 + 1e-12, 0, 0, 0]
    assert told(exact).equals(told(noisy))


def test_text_is_of_the_feature_that_raised_its_group_most():
    found = told([0.2, 0, 0.9, 0, 0, 0, 0])
    assert found.loc[100, "reason_text_1"] == "f2=0.2 usual=None"
    assert told([0.9, 0, 0.2, 0, 0, 0, 0]).loc[100, "reason_text_1"] == "f0=0.0 usual=1.5"


def test_index_is_kept_and_missing_reasons_are_none():
    found = told(np.zeros((2, 7)))
    assert list(found.index) == [100, 101]
    assert all(cell is None for cell in found.to_numpy().ravel())


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_values_and_categories_are_passed_on_plainly(missing):
    features = (Told("region", "R_REGION"), Told("late", "R_LATE"))
    profiles = pd.DataFrame({"region": pd.Series(["north", missing, "north"], dtype="str"), "late": [1, np.nan, 2.5]})
    found = reason_codes(np.full((3, 2), 0.5), profiles, features, {"region": "south"}, currency=" UGX")
    assert found["reason_text_2"].tolist() == [f"region={v!r} usual='south' UGX" for v in ("north", None, "north")]
    assert found["reason_text_1"].tolist() == [f"late={v!r} usual=None UGX" for v in (1.0, None, 2.5)]


def test_sentences_are_made_once_per_distinct_value():
    asked = []

    class Counting(Told):
        def sentence(self, value, typical, currency=""):
            asked.append(value)
            return str(value)

    profiles = pd.DataFrame({"f": np.repeat([1.0, 2.0, np.nan], 1_000)})
    reason_codes(np.ones((3_000, 1)), profiles, [Counting("f", "R")], {})
    assert asked == [1.0, 2.0, None]


@pytest.mark.parametrize(("rows", "columns"), [(3, 7), (2, 6)])
def test_refuses_contributions_of_other_rows_or_features(rows, columns):
    with pytest.raises(IntegrityError, match="differ"):
        reason_codes(np.zeros((rows, columns)), profiles_of(2), FEATURES, {})


@given(VALUES)
def test_dimensions_keep_the_sum_and_say_where_there_is_no_feature(values):
    sides = [Dimension.HISTORY, Dimension.CAPACITY, Dimension.IDENTITY]
    features = [Told(f"f{i}", "R", sides[i % 3]) for i in range(len(FEATURES))]
    found = dimension_contributions(values, features)
    assert list(found.columns) == [str(side) for side in Dimension]
    np.testing.assert_allclose(found.fillna(0).sum(axis=1), values.sum(axis=1), atol=1e-12)
    assert found["network"].isna().all()
