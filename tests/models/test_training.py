from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lending_sample import FEATURES, Declared, lending_sample
from scipy.optimize import minimize

from credit_eval.core.errors import ModelError, SampleError
from credit_eval.core.odds import log_odds
from credit_eval.core.statistics import auc
from credit_eval.models.training import TrainingSettings, fit_calibration, grow, refit, to_central_tendency, train

SAMPLE = lending_sample()
FRESH = lending_sample(seed=99)
QUICK = TrainingSettings(num_iterations=80, folds=3)


@pytest.fixture(scope="module")
def trained():
    return train(SAMPLE, FEATURES, QUICK)


def test_it_learns_and_its_probabilities_are_true(trained):
    p = trained.p_default(FRESH)
    assert auc(FRESH["defaulted"], p) > 0.65
    assert p.mean() == pytest.approx(FRESH["defaulted"].mean(), abs=0.03)


def test_declared_directions_hold_everywhere(trained):
    rows = FRESH.head(200)
    for name, sign in (("late_days", 1), ("spending", -1)):
        along = [trained.log_odds(rows.assign(**{name: value})) for value in np.linspace(0, 300, 40)]
        assert (sign * np.diff(along, axis=0) >= 0).all()


def test_what_it_says_of_itself(trained):
    assert trained.features == tuple(feature.name for feature in FEATURES)
    assert trained.metadata["rounds"] == trained.booster.num_trees() <= 80
    assert trained.inputs[3].categories == ("east", "north", "south")
    assert trained.is_calibrated


def test_the_same_bits_again_and_with_any_number_of_threads():
    once, again = (
        train(SAMPLE, FEATURES, QUICK),
        train(SAMPLE, FEATURES, TrainingSettings(num_iterations=80, folds=3, threads=2)),
    )
    assert once.fingerprint == again.fingerprint
    other = train(SAMPLE, FEATURES, TrainingSettings(num_iterations=80, folds=3, seed=5))
    assert other.fingerprint != once.fingerprint


def test_unknown_is_not_zero():
    """Late days were never unknown in training. Unknown is then what is usual, neither the best nor the worst."""
    model = train(SAMPLE, FEATURES, QUICK)
    assert [column.name for column in model.inputs if column.always_known] == ["late_days", "noise", "customers_age"]
    unknown = FRESH.assign(late_days=np.nan)
    assert model.never_seen_unknown(unknown) == {"late_days": len(FRESH)}
    none, usual = (model.p_default(FRESH.assign(late_days=days)).mean() for days in (0.0, FRESH["late_days"]))
    assert abs(model.p_default(unknown).mean() - usual) < abs(none - usual) / 2
    as_zero = train(SAMPLE, FEATURES, replace(QUICK, hidden=0.0))
    np.testing.assert_array_equal(as_zero.p_default(unknown), as_zero.p_default(FRESH.assign(late_days=0.0)))


def test_a_category_never_seen_is_told_where_all_were_known():
    known = SAMPLE.assign(customers_region=SAMPLE["customers_region"].fillna("east"))
    model = train(known, FEATURES, QUICK)
    fresh = FRESH.head(4).assign(customers_region=["east", "west", None, "north"], spending=np.nan)
    assert model.never_seen(fresh) == {("customers_region", "west"): 1}
    assert model.never_seen_unknown(fresh) == {"customers_region": 1}


def test_calibration_is_on_every_row_by_trees_that_had_not_seen_its_customer():
    model = train(SAMPLE, FEATURES, QUICK)
    assert (model.calibration.n, model.calibration.bads) == (len(SAMPLE), SAMPLE["defaulted"].sum())
    assert model.calibration.calibrated_on == "out of fold, 3 folds by customer"


def test_refitting_teaches_every_row_as_many_trees_and_keeps_the_probabilities_true():
    later = FRESH.assign(customer_id="new_" + FRESH["customer_id"])
    sample = pd.concat([SAMPLE, later], ignore_index=True)
    taught = pd.Series(np.arange(len(sample)) < len(SAMPLE))
    grown = grow(SAMPLE, FEATURES, QUICK)
    again = refit(grown, taught, sample, FEATURES, QUICK)
    assert again.metadata["rows"] == again.calibration.n == len(sample)
    assert again.booster.num_trees() == grown.model.booster.num_trees()
    assert again.fingerprint != grown.model.fingerprint
    unseen = lending_sample(seed=7)
    assert again.p_default(unseen).mean() == pytest.approx(unseen["defaulted"].mean(), abs=0.03)
    assert auc(unseen["defaulted"], again.p_default(unseen)) > auc(unseen["defaulted"], grown.model.p_default(unseen))


def test_a_central_tendency_moves_the_mean_and_no_rank(trained):
    moved = to_central_tendency(trained, FRESH, 0.3)
    p, before = moved.p_default(FRESH), trained.p_default(FRESH)
    assert p.mean() == pytest.approx(0.3, abs=1e-9)
    assert (np.argsort(p, kind="stable") == np.argsort(before, kind="stable")).all()
    apart = log_odds(p) - log_odds(before)
    assert apart == pytest.approx(apart[0])
    assert moved.calibrated().calibrated_on.endswith("to a central tendency of 30.00%")
    assert moved.fingerprint != trained.fingerprint


def test_refitting_on_the_same_rows_changes_nothing_but_words():
    grown = grow(SAMPLE, FEATURES, QUICK)
    again = refit(grown, pd.Series(True, index=SAMPLE.index), SAMPLE, FEATURES, QUICK)
    np.testing.assert_array_equal(again.p_default(FRESH), grown.model.p_default(FRESH))


def test_many_bads_need_fewer_folds():
    few, many = np.array([1] * 1_999 + [0] * 9), np.array([1] * 2_000 + [0] * 9)
    assert [TrainingSettings().folds_of(bads) for bads in (few, many)] == [5, 3]
    assert TrainingSettings(folds=4).folds_of(many) == 4


def test_calibrating_out_of_fold_undoes_overfitting():
    """One huge tree learns noise by heart and is sure of itself; that must not be believed."""
    greedy = TrainingSettings(
        num_iterations=1, learning_rate=1.0, num_leaves=120, max_depth=12, min_data_in_leaf=2, lambda_l2=0, folds=5
    )
    model = train(SAMPLE, FEATURES, greedy)
    believed = fit_calibration(model.log_odds(FRESH), FRESH["defaulted"], calibrated_on="fresh").slope
    left = fit_calibration(log_odds(model.p_default(FRESH)), FRESH["defaulted"], calibrated_on="fresh").slope
    assert believed < 0.7
    assert abs(np.log(left)) < abs(np.log(believed))


def test_progress_ends_at_its_total():
    ticks = []
    train(SAMPLE, FEATURES, QUICK, tick=lambda *step: ticks.append(step))
    assert ticks[-1] == ("training", 80, 80)
    assert [done for _, done, _ in ticks] == sorted(done for _, done, _ in ticks)


def test_one_class_only_and_missing_features_are_refused():
    with pytest.raises(SampleError, match="one class only"):
        train(SAMPLE.assign(defaulted=0), FEATURES, QUICK)
    with pytest.raises(ModelError, match="without shoe_size"):
        train(SAMPLE, (*FEATURES, Declared("shoe_size")), QUICK)
    with pytest.raises(ModelError, match="at least one feature"):
        train(SAMPLE, (), QUICK)


def test_log_odds_that_do_not_rise_with_risk_cannot_be_calibrated():
    with pytest.raises(SampleError, match="do not rise with risk"):
        fit_calibration([3.0, 2.0, 1.0, 0.0], [0, 0, 1, 1], calibrated_on="test")
    with pytest.raises(SampleError, match="one class only"):
        fit_calibration([3.0, 2.0], [1, 1], calibrated_on="test")


def platt_by_scipy(x, y):
    bads, goods = y.sum(), (1 - y).sum()
    targets = np.where(y == 1, (bads + 1) / (bads + 2), 1 / (goods + 2))
    return minimize(
        lambda ab: np.mean(np.logaddexp(0, ab[0] + ab[1] * x) - targets * (ab[0] + ab[1] * x)), [0.0, 0.1]
    ).x


def standard_error_of_slope(x, intercept, slope):
    p = 1 / (1 + np.exp(-(intercept + slope * x)))
    design = np.column_stack([np.ones_like(x), x])
    return np.sqrt(np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))[1, 1])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-4, 2), st.floats(0.3, 3))
def test_calibration_agrees_with_a_second_implementation_and_finds_the_truth(seed, intercept, slope):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=2000)
    y = (rng.random(2000) < 1 / (1 + np.exp(-(intercept + slope * x)))).astype(int)
    if y.sum() < 20:
        return
    found = fit_calibration(x, y, calibrated_on="test")
    assert (found.intercept, found.slope) == pytest.approx(platt_by_scipy(x, y), abs=5e-3)
    assert abs(found.slope - slope) < 5 * standard_error_of_slope(x, intercept, slope)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_complete_separation_still_has_a_finite_line(scale):
    found = fit_calibration(scale * np.array([-2.0, -1, 1, 2]), [0, 0, 1, 1], calibrated_on="test")
    assert 0 < found.slope < np.inf
    assert 0 < found.p_default(scale * np.array([-2.0])).item() < 0.5


def test_the_trees_are_those_that_lightgbm_grows_of_the_same_rows_in_one_call():
    """Rows are binned before training; that must not change a split."""
    import lightgbm as lgb

    from credit_eval.models import training

    quick = replace(QUICK, hidden=0.0)
    model = train(SAMPLE, FEATURES, quick)
    inputs = training._inputs(SAMPLE, FEATURES, np.arange(len(SAMPLE)))
    data = lgb.Dataset(
        np.column_stack([column.numbers(SAMPLE[column.name]) for column in inputs]),
        label=SAMPLE["defaulted"],
        feature_name=[column.name for column in inputs],
        categorical_feature=[3],
        params={"max_bin": quick.max_bin},
    )
    parameters = training._parameters(FEATURES, quick, len(SAMPLE))
    direct = lgb.train(parameters, data, num_boost_round=model.metadata["rounds"])
    matrix = np.column_stack([column.numbers(FRESH[column.name]) for column in inputs])
    np.testing.assert_array_equal(model.log_odds(FRESH), direct.predict(matrix, raw_score=True))


@pytest.mark.parametrize("threads", [2, 3])
def test_the_number_of_threads_changes_no_byte_of_what_is_saved(threads, tmp_path):
    for count in (1, threads):
        settings = TrainingSettings(num_iterations=20, folds=3, threads=count)
        train(SAMPLE, FEATURES, settings).save(tmp_path / str(count))
    one, many = ({path.name: path.read_bytes() for path in (tmp_path / str(count)).iterdir()} for count in (1, threads))
    assert one == many
