"""Contributions by tables are LightGBM's own, for every kind of split, and add up in every row."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from credit_eval.core.errors import IntegrityError, ModelError
from credit_eval.explain import contributions as module
from credit_eval.explain import forest
from credit_eval.explain.contributions import Contributions, check_sums, contributions, planned
from credit_eval.explain.forest import Forest
from credit_eval.explain.trees import CategoryRule, read_trees


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Two hundred rows are many here, so that the route for many is the one that is tested."""
    monkeypatch.setattr(module, "FEW", 200)


N = 3_000


@pytest.fixture(scope="module")
def data():
    """Columns: smooth, rounded, category of 9, number with NaN, count with many zeros, never missing."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(N, 6))
    X[:, 1] = np.round(2 * X[:, 1])
    X[:, 2] = rng.integers(0, 9, N)
    X[rng.random(N) < 0.3, 3] = np.nan
    X[:, 4] = rng.poisson(1, N)
    log_odds = X[:, 0] + np.isin(X[:, 2], [1, 4, 6]) - 0.5 * (X[:, 4] == 0) + np.nan_to_num(X[:, 3], nan=1) - 1
    return X, (rng.random(N) < 1 / (1 + np.exp(-log_odds))).astype(int)


def train(data, categories=(), rounds=20, **settings):
    X, y = data
    fixed = {"objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True, "seed": 1}
    rows = lgb.Dataset(X, y, categorical_feature=list(categories), free_raw_data=False)
    return lgb.train(fixed | settings, rows, num_boost_round=rounds)


def awkward(X):
    """300 rows with NaN anywhere, infinities, and categories never seen, negative and fractional."""
    rng = np.random.default_rng(4)
    rows = X[:300].copy()
    rows[:, 2] = rng.choice([-1, -0.5, 0, 1, 4, 8, 9, 31, 32, 400, 3.7, np.nan], 300)
    rows[:, 0] = rng.choice([-np.inf, np.inf, 0.0, -0.0, 1e-36, 1e-34, 0.5], 300)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


KINDS = {
    "missing values seen in training": {},
    "zero as missing": {"zero_as_missing": True},
    "missing values not used": {"use_missing": False},
    "categories": {"categories": [2]},
    "categories one by one and in sets": {"categories": [2, 4], "max_cat_to_onehot": 1, "min_data_per_group": 5},
    "monotone": {"monotone_constraints": [1, 0, 0, 0, -1, 0], "monotone_constraints_method": "advanced"},
    "deep": {"num_leaves": 200, "min_data_in_leaf": 2, "rounds": 5, "max_depth": 16},
    "stumps": {"num_leaves": 2},
    "trees without a split": {"min_data_in_leaf": N},
    "dart": {"boosting": "dart"},
    "path smoothing": {"path_smooth": 1.0},
}


@pytest.mark.parametrize("kind", KINDS)
def test_tables_are_lightgbm(data, kind):
    booster, rows = train(data, **KINDS[kind]), awkward(data[0])
    explained = contributions(booster, rows)
    assert (explained.method, explained.values.dtype) == ("tables", np.float64), explained.why
    oracle = booster.predict(rows, pred_contrib=True)
    np.testing.assert_allclose(explained.values, oracle[:, :-1], rtol=0, atol=1e-12)
    assert explained.base == pytest.approx(oracle[0, -1], abs=1e-12)
    np.testing.assert_array_equal(explained.log_odds, booster.predict(rows, raw_score=True))
    check_sums(explained, tolerance=1e-12)


def test_the_kinds_are_really_there(data):
    """Guards the test above against models that never use what their kind is about."""

    def rules(kind):
        return [rule for tree in read_trees(train(data, **KINDS[kind]).model_to_string()) for rule in tree.rules]

    assert any(isinstance(rule, CategoryRule) and rule.left.sum() > 1 for rule in rules("categories"))
    assert {rule.missing for rule in rules("zero as missing")} == {1}
    assert {(rule.missing, rule.default_left) for rule in rules("missing values seen in training")} >= {
        (2, True),
        (2, False),
    }


@pytest.mark.parametrize("most", [2, 64, 2**12])
def test_paths_of_more_than_ten_features(data, most, monkeypatch):
    """Some too long for a table of so many entries: what their leaves owe is worked out row by row."""
    monkeypatch.setattr(forest, "ALONE", most)
    monkeypatch.setattr(forest, "ENTRIES", min(most, forest.ENTRIES))
    rng = np.random.default_rng(6)
    wide = np.where(rng.random((N, 18)) < 0.1, np.nan, rng.normal(size=(N, 18)))
    label = (np.nansum(wide, axis=1) + rng.normal(size=N) > 0).astype(int)
    booster = train((wide, label), num_leaves=300, min_data_in_leaf=1, rounds=3, feature_fraction_bynode=0.3)
    paths = [path for tree in read_trees(booster.model_to_string()) for path in tree.paths()]
    assert max(len({step.feature for step in path.steps}) for path in paths) > 10
    assert "one by one" in str(Forest(booster.model_to_string(), 18))
    explained = contributions(booster, wide[:400])
    assert explained.method == "tables", explained.why
    oracle = booster.predict(wide[:400], pred_contrib=True)
    np.testing.assert_allclose(explained.values, oracle[:, :-1], rtol=0, atol=1e-12)


def test_chunks_change_no_bit(data, monkeypatch):
    booster = train(data, categories=[2])
    whole = contributions(booster, data[0][:700])
    monkeypatch.setattr(module, "CHUNK", 128)
    monkeypatch.setattr(forest, "BLOCK", 100)
    np.testing.assert_array_equal(contributions(booster, data[0][:700]).values, whole.values)


def test_few_rows_are_left_to_lightgbm_and_agree_with_many(data):
    booster = train(data)
    many, few = contributions(booster, data[0][:500]), contributions(booster, data[0][:3])
    assert (few.method, many.method) == ("lightgbm", "tables")
    np.testing.assert_allclose(few.values, many.values[:3], atol=1e-12)


def test_no_rows_are_no_error(data):
    explained = contributions(train(data), np.zeros((0, 6)))
    assert explained.values.shape == (0, 6)
    check_sums(explained)


def test_falls_back_and_says_why_when_the_tables_differ(data, monkeypatch):
    booster = train(data)
    right = Forest.shapley

    def wrong(self, matrix):
        return right(self, matrix) + np.eye(len(matrix), 6) * 1e-3

    monkeypatch.setattr(Forest, "shapley", wrong)
    explained = contributions(booster, data[0][:500])
    assert explained.method == "lightgbm"
    assert "differ from LightGBM by 0.001" in explained.why
    check_sums(explained)


def test_a_difference_outside_the_sample_is_found_by_the_sums(data, monkeypatch):
    booster = train(data)
    right = Forest.shapley
    sampled = np.unique(np.linspace(0, 499, module.SAMPLE).astype(int))
    hidden = min(set(range(500)) - set(sampled))

    def wrong(self, matrix):
        values = right(self, matrix)
        values[hidden, 0] += 1e-3
        return values

    monkeypatch.setattr(Forest, "shapley", wrong)
    explained = contributions(booster, data[0][:500])
    assert explained.method == "lightgbm"
    assert "sums miss" in explained.why


def test_random_forests_are_left_to_lightgbm(data):
    booster = train(data, boosting="rf", bagging_fraction=0.5, bagging_freq=1)
    explained = contributions(booster, data[0][:300])
    assert (explained.method, explained.why) == ("lightgbm", "the booster averages its trees")


def test_best_iteration_is_respected_by_both(data):
    booster = train(data)
    booster.best_iteration = 7
    explained = contributions(booster, data[0][:300])
    assert explained.method == "tables"
    check_sums(explained, tolerance=1e-12)


@pytest.mark.parametrize("matrix", [np.zeros((4, 6), dtype=np.float32), np.zeros(6)])
def test_refuses_float32_and_single_rows(data, matrix):
    with pytest.raises(ModelError, match="cannot explain"):
        contributions(train(data), matrix)


def test_refuses_several_outputs(data):
    X, y = data
    settings = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    booster = lgb.train(settings, lgb.Dataset(X, y + (X[:, 0] > 1)), num_boost_round=2)
    with pytest.raises(ModelError, match="more than one output"):
        contributions(booster, X[:10])


def test_check_sums_names_the_rows():
    values = np.zeros((10, 2))
    values[4, 1] = 2e-5
    values[7, 0] = np.nan
    with pytest.raises(IntegrityError) as caught:
        check_sums(Contributions(0.5, values, np.full(10, 0.5), "tables", ""))
    assert caught.value.n_rows == 2
    assert caught.value.rows == ("row 4", "row 7")


def test_random_models_of_any_shape_agree(data):
    """Many small models, drawn: whatever the shape, the two routes say the same."""
    rng = np.random.default_rng(11)
    for seed in range(25):
        settings = {
            "num_leaves": int(rng.integers(2, 40)),
            "max_depth": int(rng.choice([-1, 2, 3, 5])),
            "min_data_in_leaf": int(rng.choice([1, 5, 100])),
            "feature_fraction": float(rng.uniform(0.3, 1)),
            "bagging_fraction": 0.5,
            "bagging_freq": 1,
            "zero_as_missing": bool(rng.random() < 0.3),
            "max_cat_to_onehot": int(rng.choice([1, 4])),
            "seed": seed,
        }
        booster = train(data, categories=[[], [2], [2, 4]][seed % 3], rounds=int(rng.integers(1, 12)), **settings)
        rows = awkward(data[0])
        explained = contributions(booster, rows)
        assert explained.method == "tables", (settings, explained.why)
        oracle = booster.predict(rows, pred_contrib=True)
        np.testing.assert_allclose(explained.values, oracle[:, :-1], rtol=0, atol=1e-11, err_msg=str(settings))


def test_another_implementation_says_the_same(data):
    """woodelf's public API, which sums in float32."""
    woodelf = pytest.importorskip("woodelf", reason="a package for development")
    booster, rows = train(data), data[0][:400]
    found = woodelf.WoodelfExplainer(booster).shap_values(pd.DataFrame(rows))
    np.testing.assert_allclose(contributions(booster, rows).values, found, rtol=0, atol=2e-5)


def test_values_do_not_depend_on_threads(data, monkeypatch):
    booster = train(data, categories=[2])
    found = []
    for n in (1, 2, 5):
        monkeypatch.setattr(forest, "threads", lambda n=n: n)
        monkeypatch.setattr(forest, "BLOCK", 64)
        found.append(contributions(booster, data[0][:1000]).values)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_what_explaining_takes_is_told_before_and_grows_with_rows_and_trees(data):
    few, many = train(data, rounds=5), train(data, rounds=60)
    assert planned(few, 6, module.FEW) == {"explained_by": "lightgbm", "explain_seconds": 0.0}
    told = [
        planned(booster, 6, rows)["explain_seconds"] for booster, rows in ((few, 10**7), (many, 10**7), (many, 10**8))
    ]
    assert 0 < told[0] < told[1] < told[2]
    assert "tables of" in planned(many, 6, 10**6)["explained_by"]
    averaging = train(data, boosting="rf", bagging_fraction=0.5, bagging_freq=1)
    assert planned(averaging, 6, 10**6) == {"explained_by": "lightgbm: the booster averages its trees"}
