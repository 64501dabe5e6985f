from dataclasses import asdict

import numpy as np
import pytest
from lending_sample import FEATURES, Declared, lending_sample
from sklearn.metrics import roc_auc_score

from credit_eval.core.errors import SampleError
from credit_eval.core.statistics import Interval, ece
from credit_eval.models.training import TrainingSettings, train
from credit_eval.models.validation import (
    LOGISTIC,
    LOGISTIC_RANKS,
    MODEL,
    measure,
    measure_parts,
    repeated_grouped_cv,
)

SAMPLE = lending_sample(customers=500)
QUICK = TrainingSettings(num_iterations=60, folds=3)
DEMOGRAPHICS = {"demographics only": ["customers_region", "customers_age"], "nothing": []}


@pytest.fixture(scope="module")
def validated():
    return repeated_grouped_cv(SAMPLE, FEATURES, QUICK, subsets=DEMOGRAPHICS, repeats=2, folds=3)


def test_every_row_is_judged_once_a_repeat_by_every_competitor(validated):
    judged = validated.predictions
    assert list(validated.metrics) == [MODEL, LOGISTIC, LOGISTIC_RANKS, "demographics only"]
    assert (judged.groupby(["repeat", "customer_id", "as_of"]).size() == 1).all()
    assert len(judged) == 2 * len(SAMPLE)
    assert judged[list(validated.metrics)].notna().all(axis=None)


def test_a_customer_is_in_one_fold_and_repeats_differ(validated):
    folds = validated.predictions.groupby(["repeat", "customer_id"])["fold"]
    assert (folds.nunique() == 1).all()
    first, second = (
        validated.predictions.query("repeat == @r").set_index(["customer_id", "as_of"])["fold"] for r in (0, 1)
    )
    assert not first.sort_index().equals(second.sort_index())


def test_the_model_beats_demographics_and_the_gain_is_the_difference(validated):
    gain = validated.gains["demographics only"]
    assert gain.low > 0
    assert gain.value == pytest.approx(
        validated.metrics[MODEL].auc.value - validated.metrics["demographics only"].auc.value
    )
    assert MODEL not in validated.gains


def test_estimates_are_means_over_repeats(validated):
    by_repeat = [roc_auc_score(rows["defaulted"], rows[MODEL]) for _, rows in validated.predictions.groupby("repeat")]
    assert validated.metrics[MODEL].auc.value == pytest.approx(np.mean(by_repeat))
    errors = [ece(rows["defaulted"], rows[MODEL]) for _, rows in validated.predictions.groupby("repeat")]
    assert validated.metrics[MODEL].ece == pytest.approx(np.mean(errors))


def test_out_of_fold_probabilities_are_calibrated(validated):
    judged = validated.predictions
    assert judged[MODEL].mean() == pytest.approx(judged["defaulted"].mean(), abs=0.02)


def test_nothing_of_the_held_out_fold_reaches_its_model():
    """A column that gives a row's label away only to those who have seen that row must be worth nothing."""
    rng = np.random.default_rng(0)
    names = SAMPLE["customer_id"].to_numpy(dtype=str)
    told = SAMPLE.assign(customers_name=names, defaulted=(rng.random(len(SAMPLE)) < 0.3).astype("int8"))
    features = (Declared("customers_name", "category"), Declared("noise"))
    found = repeated_grouped_cv(told, features, QUICK, repeats=1, folds=3)
    for metrics in found.metrics.values():
        assert 0.42 < metrics.auc.value < 0.58


def test_too_few_bads_for_the_folds_are_refused():
    with pytest.raises(SampleError, match="too few"):
        repeated_grouped_cv(SAMPLE.assign(defaulted=[1, 1] + [0] * (len(SAMPLE) - 2)), FEATURES, QUICK, repeats=1)


def test_metrics_hold_together():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 4, 3000)
    y = (rng.random(3000) < p).astype(int)
    found = measure(y, p, np.arange(3000) // 2)
    assert found.gini.value == pytest.approx(2 * found.auc.value - 1)
    assert found.default_rate == found.bads / found.n
    for value in asdict(found).values():
        if isinstance(value, dict):
            assert value["low"] <= value["value"] <= value["high"]
    assert 0 < found.ece < 2 * found.ece_by_chance  # the probabilities are true, so chance is all there is
    assert {"ece", "ece_by_chance"} == {name for name in found.flat() if name.startswith("ece")}
    assert found.flat()["ks_low"] == found.ks.low
    assert all(isinstance(value, int | float) for value in found.flat().values())


def test_parts_with_one_class_are_left_out():
    sample = SAMPLE.assign(part="fit")
    later = SAMPLE.head(40).assign(part="oot", defaulted=0)
    model = train(sample, FEATURES, QUICK)
    assert list(measure_parts(model, sample, repeats=20)) == ["fit"]
    assert not measure_parts(model, later)


def test_intervals_print_as_people_read_them():
    assert str(Interval(0.5, 0.25, 0.75)) == "0.500 [0.250, 0.750]"
