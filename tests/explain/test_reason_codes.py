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
from credit_eval.explain.reasons import TOP, group_contributions, reason_codes, tellable
from credit_eval.language.feature import Dimension
from credit_eval.language.typical import Typical


@dataclass(frozen=True)
class Told:
    """A feature that says what it was asked."""

    name: str
    reason: str
    dimension: str = Dimension.HISTORY
    direction: int = 0
    unit: str = "ratio"
    tables: frozenset[str] = frozenset({"orders"})

    def sentence(self, value: object, typical: Typical, currency: str = "", language: str = "en") -> str:
        return f"{self.name}={value!r} usual={typical.value!r}{currency}"


REASONS = ("R_A", "R_B", "R_A", "R_C", "R_D", "R_E", "R_B")
FEATURES = tuple(Told(f"f{i}", reason) for i, reason in enumerate(REASONS))
USUAL = {f.name: Typical(-1.0, 0.0) for f in FEATURES}
SIZES = st.floats(-5, 5, allow_nan=False) | st.sampled_from([0.0, 0.25, -0.25, 1.0])
VALUES = hnp.arrays(np.float64, st.tuples(st.integers(0, 12), st.just(len(FEATURES))), elements=SIZES)


def profiles_of(n: int) -> pd.DataFrame:
    return pd.DataFrame({f.name: np.arange(n) + i / 10 for i, f in enumerate(FEATURES)}, index=range(100, 100 + n))


def told(values, profiles=None):
    values = np.atleast_2d(np.array(values, dtype=float))
    return reason_codes(values, profiles_of(len(values)) if profiles is None else profiles, FEATURES, USUAL)


def obvious(row, can_tell):
    """The rule in plain Python, one row: codes, and for each the feature that is told."""
    row = [round(v, 9) for v in row]
    inside = {code: [i for i, r in enumerate(REASONS) if r == code] for code in set(REASONS)}

    def largest(fine):
        found = {code: [i for i in own if fine[i] and row[i] > 0] for code, own in inside.items()}
        return {code: max(own, key=lambda i: (row[i], -i)) for code, own in found.items() if own}

    best = largest(can_tell)
    sums = {code: round(sum(row[i] for i in inside[code]), 9) for code in best}
    codes = sorted((code for code in best if sums[code] > 0), key=lambda code: (-sums[code], code))[:TOP]
    codes = codes or sorted(best, key=lambda code: (-row[best[code]], code))[:1]
    if not codes:  # as everybody: the typical value that raises the risk most
        best = largest([True] * len(row))
        codes = sorted(best, key=lambda code: (-row[best[code]], code))[:1]
    return codes, [best[code] for code in codes]


@given(VALUES, st.lists(st.booleans(), min_size=len(FEATURES), max_size=len(FEATURES)))
def test_is_the_obvious_rule(values, can_tell):
    profiles = profiles_of(len(values))
    for feature, fine in zip(FEATURES, can_tell, strict=True):
        if not fine:
            profiles[feature.name] = -1.0  # as typical
    found = told(values, profiles) if len(values) else reason_codes(values, profiles, FEATURES, USUAL)
    for i, row in enumerate(values):
        codes, best = obvious(row, can_tell)
        empty = [None] * (TOP - len(codes))
        texts = [f"f{j}={float(i + j / 10) if can_tell[j] else -1.0!r} usual=-1.0" for j in best]
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
    assert told([0.2, 0, 0.9, 0, 0, 0, 0]).loc[100, "reason_text_1"] == "f2=0.2 usual=-1.0"
    assert told([0.9, 0, 0.2, 0, 0, 0, 0]).loc[100, "reason_text_1"] == "f0=0.0 usual=-1.0"


NONE = float("nan")


@pytest.mark.parametrize(
    ("what", "feature", "value", "typical", "expected"),
    [
        ("more than typical, no direction", {}, 3.0, Typical(2.0, 0), True),
        ("less than typical, no direction", {}, 1.0, Typical(2.0, 0), True),
        ("as typical", {}, 2.0, Typical(2.0, 0), False),
        ("as typical as written", {}, 2.004, Typical(2.0, 0), False),
        ("unknown", {}, NONE, Typical(2.0, 0), False),
        ("unknown as is typical", {}, NONE, Typical(None, 0.9), False),
        ("known, where most have none", {}, 2.0, Typical(None, 0.9), True),
        ("higher, and higher is riskier", {"direction": 1}, 3.0, Typical(2.0, 0), True),
        ("lower, though higher is riskier", {"direction": 1}, 1.0, Typical(2.0, 0), False),
        ("lower, and lower is riskier", {"direction": -1}, 1.0, Typical(2.0, 0), True),
        ("higher, though lower is riskier", {"direction": -1}, 3.0, Typical(2.0, 0), False),
        ("lower, though the model takes higher for riskier", {}, 1.0, Typical(2.0, 0, 1), False),
        ("higher, and the model takes higher for riskier", {}, 3.0, Typical(2.0, 0, 1), True),
        ("declared before seen", {"direction": -1}, 1.0, Typical(2.0, 0, 1), True),
        ("never late, where most have nothing due", {"direction": 1}, 0.0, Typical(None, 0.7), False),
        ("late, where most have nothing due", {"direction": 1}, 1.0, Typical(None, 0.7), True),
        (
            "all on time, where most have nothing due",
            {"direction": -1, "unit": "share"},
            1.0,
            Typical(None, 0.7),
            False,
        ),
        (
            "some on time, where most have nothing due",
            {"direction": -1, "unit": "share"},
            0.5,
            Typical(None, 0.7),
            True,
        ),
        ("days ago, where most never", {"direction": -1, "unit": "days"}, 400.0, Typical(None, 0.7), True),
        ("the lender's own act", {"reason": "R_CREDIT_LINE"}, 1.0, Typical(2.0, 0), False),
        ("the lender's refusals", {"reason": "R_DECLINED_PURCHASES"}, 9.0, Typical(2.0, 0), False),
        ("nothing in the lender's books", {"tables": {"repayments"}, "unit": "money"}, 0.0, Typical(2.0, 0), False),
        (
            "nothing in the lender's books, a count",
            {"tables": {"accounts"}, "unit": "count"},
            0.0,
            Typical(2.0, 0),
            False,
        ),
        ("none paid on time", {"tables": {"repayments"}, "unit": "share", "direction": -1}, 0.0, Typical(0.9, 0), True),
        ("nothing bought", {"tables": {"orders"}, "unit": "money"}, 0.0, Typical(200.0, 0), True),
        ("another category", {"unit": "category"}, "wallet", Typical("card", 0), True),
        ("the commonest category", {"unit": "category"}, "card", Typical("card", 0), False),
        ("no category", {"unit": "category"}, None, Typical("card", 0), False),
        ("a category, where most have none", {"unit": "category"}, "card", Typical(None, 0.8), True),
    ],
)
def test_what_can_be_told(what, feature, value, typical, expected):
    declared = {"name": "f", "reason": "R_A"} | {k: frozenset(v) if k == "tables" else v for k, v in feature.items()}
    text = feature.get("unit") == "category"
    values = pd.Series([value, value], dtype="str" if text else "float64")
    assert tellable(Told(**declared), values, typical).tolist() == [expected] * 2, what


def test_where_nothing_can_be_told_and_little_is_known_that_is_the_reason():
    profiles = profiles_of(2).astype(float)
    profiles.loc[100] = np.nan
    profiles.loc[100, "f0"] = -1.0
    profiles.loc[101] = -1.0
    found = told(np.full((2, 7), 0.5), profiles)
    assert found.loc[100, "reason_code_1"] == "R_LITTLE_ON_RECORD"
    assert found.loc[100, "reason_text_1"] == "Little on record: 1 of 7 facts are known; average: 7"
    assert found.loc[101, "reason_code_1"] == "R_A"
    assert found.loc[101, "reason_text_1"] == "f0=-1.0 usual=-1.0"  # as everybody, of a risky population
    assert found.loc[101].drop(["reason_code_1", "reason_text_1"]).isna().all()


def test_what_is_better_than_typical_is_never_told():
    better = Told("f0", "R_A", direction=1)
    found = reason_codes(np.array([[0.5]]), pd.DataFrame({"f0": [-3.0]}), [better], {"f0": Typical(-1.0, 0.0)})
    assert found.isna().all(axis=None)


def test_index_is_kept_and_missing_reasons_are_none():
    found = told(np.zeros((2, 7)))
    assert list(found.index) == [100, 101]
    assert all(cell is None for cell in found.to_numpy().ravel())


def test_values_are_passed_on_plainly_and_what_is_missing_is_no_reason():
    features = (Told("region", "R_REGION", unit="category"), Told("late", "R_LATE"))
    profiles = pd.DataFrame({"region": pd.Series(["north", None, "north"], dtype="str"), "late": [1, np.nan, 2.5]})
    usual = {"region": Typical("south", 0.0), "late": Typical(0.0, 0.0)}
    found = reason_codes(np.full((3, 2), 0.5), profiles, features, usual, currency=" UGX")
    assert found["reason_text_2"].tolist() == [
        "region='north' usual='south' UGX",
        None,
        "region='north' usual='south' UGX",
    ]
    assert found["reason_text_1"].tolist()[::2] == ["late=1.0 usual=0.0 UGX", "late=2.5 usual=0.0 UGX"]
    assert found["reason_code_1"].tolist()[1] == "R_LITTLE_ON_RECORD"


def test_sentences_are_made_once_per_distinct_value():
    asked = []

    class Counting(Told):
        def sentence(self, value, typical, currency="", language="en"):
            asked.append(value)
            return str(value)

    profiles = pd.DataFrame({"f": np.repeat([1.0, 2.0, np.nan], 1_000)})
    reason_codes(np.ones((3_000, 1)), profiles, [Counting("f", "R")], {"f": Typical(0.0, 0.0)})
    assert asked == [1.0, 2.0]


@pytest.mark.parametrize(("rows", "columns"), [(3, 7), (2, 6)])
def test_refuses_contributions_of_other_rows_or_features(rows, columns):
    with pytest.raises(IntegrityError, match="differ"):
        reason_codes(np.zeros((rows, columns)), profiles_of(2), FEATURES, USUAL)


@given(VALUES)
def test_dimensions_keep_the_sum_and_say_where_there_is_no_feature(values):
    sides = [Dimension.HISTORY, Dimension.CAPACITY, Dimension.IDENTITY]
    features = [Told(f"f{i}", "R", sides[i % 3]) for i in range(len(FEATURES))]
    found = dimension_contributions(values, features)
    assert list(found.columns) == [str(side) for side in Dimension]
    np.testing.assert_allclose(found.fillna(0).sum(axis=1), values.sum(axis=1), atol=1e-12)
    assert found["network"].isna().all()
