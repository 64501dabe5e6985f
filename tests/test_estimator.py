"""The model as scikit-learn's users know models: its checks, its errors, cross-validation, and exact explanations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lending_sample import FEATURES, lending_sample
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from credit_eval.core.errors import SampleError
from credit_eval.estimator import DefaultModel
from credit_eval.models import training
from credit_eval.models.model import Calibration
from credit_eval.samples import split

SAMPLE = lending_sample()
NAMES = [feature.name for feature in FEATURES]
X, Y, GROUPS = SAMPLE[NAMES], SAMPLE["defaulted"], SAMPLE["customer_id"]
QUICK = DefaultModel(n_estimators=60, cv=3)
SMALL = DefaultModel(n_estimators=20, cv=2, min_child_samples=2)


@pytest.fixture(scope="module")
def fitted() -> DefaultModel:
    return clone(QUICK).fit(X, Y, groups=GROUPS)


def failed_checks() -> dict[str, Exception]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tried = check_estimator(SMALL, on_fail=None, on_skip=None)
    assert sum(check["status"] == "passed" for check in tried) >= 40
    return {check["check_name"]: check["exception"] for check in tried if check["status"] == "failed"}


def test_scikit_learns_checks_fail_by_two_refusals_only() -> None:
    """Its toy data have fewer than 10 of a class, or labels drawn at random, which nothing can be learnt from."""
    for name, error in failed_checks().items():
        assert "too few bads or goods" in str(error) or "do not rise with risk" in str(error), name


def test_scikit_learns_checks_all_pass_where_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fit_calibration = training.fit_calibration

    def lenient(log_odds: Any, defaulted: Any, *, calibrated_on: str) -> Calibration:
        try:
            return fit_calibration(log_odds, defaulted, calibrated_on=calibrated_on)
        except SampleError:
            return Calibration(0.0, 1.0, len(log_odds), int(np.sum(defaulted)), calibrated_on)

    monkeypatch.setattr(split, "MIN_BADS", 2)
    monkeypatch.setattr(training, "fit_calibration", lenient)
    assert failed_checks() == {}


def test_it_predicts_what_its_credit_model_does(fitted: DefaultModel) -> None:
    p = fitted.predict_proba(X)[:, 1]
    assert (p == fitted.model_.p_default(SAMPLE)).all()
    assert_allclose(1 / (1 + np.exp(-fitted.decision_function(X))), p)
    assert (fitted.predict(X) == (p > 0.5)).all()
    assert fitted.model_.features == tuple(NAMES)
    assert (DefaultModel.of(fitted.model_).predict_proba(X)[:, 1] == p).all()


def test_rows_of_a_group_are_held_out_together() -> None:
    """Ten copies of each row of noise: held out one by one, what is learnt by heart looks learnt."""
    rows = np.repeat(np.arange(200), 10)
    noise, y = np.random.default_rng(0).normal(size=(200, 4))[rows], Y.to_numpy()[:200][rows]
    greedy = DefaultModel(n_estimators=30, n_jobs=1, cv=3, num_leaves=60, max_depth=10, min_child_samples=2)
    one_by_one, together = (clone(greedy).fit(noise, y, groups=of).model_.metadata["rounds"] for of in (None, rows))
    assert together < 10 < one_by_one == 30


def test_directions_hold_and_are_of_columns_that_there_are() -> None:
    rising = clone(QUICK).set_params(directions={"late_days": 1}).fit(X, Y)
    along = [rising.predict_proba(X.head(50).assign(late_days=days))[:, 1] for days in np.linspace(0, 300, 30)]
    assert (np.diff(np.array(along), axis=0) >= 0).all()
    with pytest.raises(ValueError, match="shoe_size"):
        clone(QUICK).set_params(directions={"shoe_size": 1}).fit(X, Y)


def test_explanations_add_up_and_show_what_was_there(fitted: DefaultModel) -> None:
    told = fitted.explain(X.head(300))
    assert told.values.shape == (300, len(NAMES))
    assert_allclose(told.values.sum(axis=1) + told.base_values, fitted.model_.log_odds(SAMPLE.head(300)), atol=1e-9)
    assert told.feature_names == NAMES


def test_it_works_in_cross_validation_and_in_a_pipeline() -> None:
    scores = cross_val_score(QUICK, X, Y, groups=GROUPS, cv=GroupKFold(3), scoring="roc_auc")
    assert len(scores) == 3
    assert scores.min() > 0.6
    piped = make_pipeline(FunctionTransformer(lambda frame: frame.assign(late_days=frame["late_days"] * 2)), QUICK)
    assert piped.fit(X, Y).predict_proba(X).shape == (len(X), 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda frame: frame.drop(columns="late_days"), "missing"),
        (lambda frame: frame.assign(shoe_size=1.0), "unseen at fit time"),
        (lambda frame: frame[frame.columns[::-1]], "must be in the same order"),
        (lambda frame: frame.assign(late_days="many"), "something other than numbers"),
    ],
    ids=["missing", "extra", "reordered", "of another type"],
)
@pytest.mark.parametrize("method", ["predict_proba", "predict", "explain"])
def test_a_frame_that_is_another_is_refused_in_scikit_learns_words(
    fitted: DefaultModel, wrong: Any, said: str, method: str
) -> None:
    with pytest.raises(ValueError, match=said):
        getattr(fitted, method)(wrong(X))


def test_labels_of_any_two_kinds_and_names_of_any_kind() -> None:
    odd = X.rename(columns={"late_days": "late, days [n]"})
    named = clone(QUICK).fit(odd, np.where(Y == 1, "yes", "no"))
    assert named.classes_.tolist() == ["no", "yes"]
    assert set(named.predict(odd)) <= {"no", "yes"}
    assert (named.predict_proba(odd) == clone(QUICK).fit(X, Y).predict_proba(X)).all()
    assert pd.Index(named.feature_names_in_).equals(odd.columns)


def test_its_defaults_are_those_of_training():
    """Said twice, as scikit-learn wants every parameter in the signature; so held to be the same."""
    ours, theirs = vars(DefaultModel()._settings()), vars(training.TrainingSettings())
    assert {name: ours[name] for name in ours if name != "threads"} == {
        name: theirs[name] for name in theirs if name != "threads"
    }
