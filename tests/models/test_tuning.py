"""The search for settings: the same every time, blind to the rows that judge, and honest about what it gained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lending_sample import FEATURES, lending_sample

from credit_eval.core.errors import SampleError
from credit_eval.core.statistics import auc
from credit_eval.models.training import TrainingSettings, train
from credit_eval.models.tuning import Tuned, _folds, _parts, tune

QUICK = TrainingSettings(num_iterations=60, folds=3)
SILLY = replace(QUICK, max_depth=1, num_leaves=2, learning_rate=0.005, lambda_l2=500.0)


def in_time(customers: int = 3_000, months: int = 6) -> pd.DataFrame:
    """The sample by months: the last two judge, the one before is a gap."""
    frame = lending_sample(customers)
    month = np.arange(len(frame)) % months
    start = pd.Timestamp("2026-01-01")
    frame["as_of"] = [start + pd.DateOffset(months=int(m)) for m in month]
    frame["part"] = "fit"
    frame.loc[month >= months - 2, "part"] = "oot"
    frame.loc[month == months - 3, "part"] = "gap"
    return frame


@pytest.fixture(scope="module")
def found() -> Tuned:
    return tune(in_time(), FEATURES, SILLY, by_time=True, trials=12)


def test_it_finds_better_than_silly_settings_and_says_by_how_much(found: Tuned) -> None:
    assert found.better
    assert found.gain_loss.low > 0
    assert found.loss < found.loss_before
    assert found.log_loss < found.log_loss_before
    assert set(found.settings) <= set(vars(TrainingSettings()))


def test_what_it_says_of_the_rows_that_judge_is_so(found: Tuned) -> None:
    frame = in_time()
    learn, judge = frame[~frame["part"].isin(["oot", "gap"])], frame[frame["part"] == "oot"]
    y = judge["defaulted"].to_numpy()
    model = train(learn, FEATURES, replace(SILLY, **found.settings))
    assert found.auc == pytest.approx(auc(y, model.p_default(judge)))
    assert (found.rows, found.bads) == (len(judge), y.sum())


def test_so_many_trials_find_the_same_again_and_with_more_threads(found: Tuned) -> None:
    again = tune(in_time(), FEATURES, replace(SILLY, threads=2), by_time=True, trials=12)
    assert again.trials == found.trials
    assert again.settings == found.settings


def test_the_rows_that_judge_teach_nothing(found: Tuned) -> None:
    frame = in_time()
    later = frame["part"].isin(["oot", "gap"])
    frame.loc[later, "defaulted"] = 1 - frame.loc[later, "defaulted"]
    other = tune(frame, FEATURES, SILLY, by_time=True, trials=12)
    assert other.trials == found.trials
    assert other.settings == found.settings
    assert other.auc != found.auc


def test_bad_trials_are_ended_early(found: Tuned) -> None:
    ended = [trial for trial in found.trials if not trial.whole]
    assert 0 < len(ended) < len(found.trials)
    assert found.loss == min(trial.loss for trial in found.trials if trial.whole)


def test_folds_hold_out_later_rows_of_other_customers() -> None:
    frame = in_time()
    frame = frame[~frame["part"].isin(["oot", "gap"])]
    folds = _folds(frame, by_time=True, folds=3, seed=7)
    assert len(folds) == 3
    for learn, held in folds:
        learnt, seen = frame.iloc[learn], frame.iloc[held]
        assert not set(learnt["customer_id"]) & set(seen["customer_id"])
        assert learnt["as_of"].max() < seen["as_of"].min()
    by_customer = _folds(frame, by_time=False, folds=3, seed=7)
    assert sorted(np.concatenate([held for _, held in by_customer])) == list(range(len(frame)))


def test_without_time_customers_are_kept_aside() -> None:
    frame = lending_sample(900)
    learn, judge, told = _parts(frame, by_time=False, seed=3)
    assert not set(learn["customer_id"]) & set(judge["customer_id"])
    assert 0.2 < len(judge) / len(frame) < 0.3
    assert told == "25 % of the customers, kept aside"
    found = tune(frame, FEATURES, QUICK, by_time=False, trials=3)
    assert len(found.trials) == 3
    assert found.judged_on == told


def test_a_budget_of_seconds_ends_it_and_one_trial_is_always_made() -> None:
    found = tune(in_time(600), FEATURES, QUICK, by_time=True, seconds=0.001)
    assert len(found.trials) == 1


def test_where_nothing_is_gained_nothing_is_shown_to_be_better() -> None:
    noise = in_time(700).assign(late_days=0.0, spending=0.0, customers_region="north", customers_age=30.0)
    noise["noise"] = np.random.default_rng(5).normal(size=len(noise)) + 0.05 * noise["defaulted"]
    assert not tune(noise, FEATURES[2:3], QUICK, by_time=False, trials=4).better


def test_a_search_without_end_and_one_without_bads_are_refused() -> None:
    with pytest.raises(SampleError, match="without end"):
        tune(in_time(), FEATURES, QUICK, by_time=True)
    none = in_time().assign(defaulted=0)
    with pytest.raises(SampleError):
        tune(none, FEATURES, QUICK, by_time=True, trials=1)
