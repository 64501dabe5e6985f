"""Search for how to grow trees on a data set, and what came of it on data that the search never saw.

The rows that judge are taken away first: out of time where the sample is split by time, else a quarter of the
customers. On the rest every trial is the mean held-out log loss of folds. A fold's customers teach nothing to it;
where dates differ, it holds out what was observed after a date, and learns from what was observed before:

    customers of fold 2    . . . . . . . # # #     # held out
    all others             o o o o o o o . . .     o learnt from

A trial that is worse than the median of those before it, after as many folds, is ended. The search is Optuna's TPE,
with a seed: so many trials give the same settings on every machine; a budget of seconds ends at as many as it has
time for, and says how many they were.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from credit_eval.core.errors import SampleError
from credit_eval.core.progress import Tick, silent
from credit_eval.core.statistics import Interval, auc, auc_difference, log_loss, log_loss_gain
from credit_eval.models.model import CreditModel
from credit_eval.models.training import (
    Fold,
    Rows,
    Trainable,
    TrainingSettings,
    fold_of,
    held_out_loss,
    train,
)
from credit_eval.samples.split import customer_folds

_FOLDS = 3
#: Trials that are made before a trial is compared with others.
WARM_UP = 5
#: The share of customers that judge, where nothing is later than anything else.
KEPT_ASIDE = 0.25


@dataclass(frozen=True)
class Trial:
    """Settings that were tried, their mean held-out log loss, and whether all folds were."""

    settings: dict[str, Any]
    loss: float
    whole: bool


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    Attributes:
        settings: that lost least on the folds, by LightGBM's own names.
        trials: all of them, in order.
        folds: of each trial.
        loss, loss_before: mean held-out log loss of the best trial, and of the settings before.
        judged_on: which rows judged, in words.
        rows, bads: of these.
        auc, auc_before, log_loss, log_loss_before: there, of models trained on all other rows.
        gain_auc: paired, with its interval; `gain_loss`: of the log loss, above 0 where the new settings lose less.
        better: whether the new settings are shown to be better there: an interval lies above 0 and none below.
        seconds: that the search took.
    """

    settings: dict[str, Any]
    trials: tuple[Trial, ...]
    folds: int
    loss: float
    loss_before: float
    judged_on: str
    rows: int
    bads: int
    auc: float
    auc_before: float
    log_loss: float
    log_loss_before: float
    gain_auc: Interval
    gain_loss: Interval
    better: bool
    seconds: float


def tune(
    sample: pd.DataFrame,
    features: Sequence[Trainable],
    settings: TrainingSettings,
    *,
    by_time: bool,
    seconds: float | None = None,
    trials: int | None = None,
    rows: int = 60_000,
    tick: Tick = silent,
) -> Tuned:
    """Search, and judge what was found.

    Args:
        sample: customer_id, as_of, defaulted, part, and a column per feature.
        features: to learn from.
        settings: to begin with, which what is found is compared to.
        by_time: the parts are of time: `oot` judges, `gap` is in no use; else customers are kept aside.
        seconds: after which no trial begins; None: no bound.
        trials: at most; None: no bound. One of the two has to be said.
        rows: of the search at most, by customers drawn at random; what is found is judged on models of all rows.
        tick: told of trials, or of seconds.

    Returns:
        what was found.

    Raises:
        SampleError: too few bads or goods to search or to judge by, or neither bound is said.
    """
    if seconds is None and trials is None:
        raise SampleError("a search without end", expected="seconds or trials", received="neither")
    started = time.monotonic()
    learn, judge, judged_on = _parts(sample, by_time=by_time, seed=settings.seed)
    searched = _drawn(learn, rows, settings.seed)
    folds = [
        fold_of(searched, features, settings, *one)
        for one in _folds(searched, by_time=by_time, folds=_FOLDS, seed=settings.seed)
    ]
    search = _Search(folds, features, settings)
    before = search.loss(settings)
    found = search.run(seconds, trials, started, tick)
    best = min((trial for trial in found if trial.whole), key=lambda trial: trial.loss, default=None)
    if best is None or best.loss >= before:
        best = Trial({}, before, whole=True)
    took = time.monotonic() - started
    old, new = (
        _trained(learn, features, one, by_time=by_time) for one in (settings, replace(settings, **best.settings))
    )
    return _judged(judge, judged_on, old, new, best, found, len(folds), before, took)


def _parts(sample: pd.DataFrame, *, by_time: bool, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    if by_time:
        judge = sample[sample["part"] == "oot"]
        dates = f"{judge['as_of'].min():%Y-%m-%d} to {judge['as_of'].max():%Y-%m-%d}"
        return sample[~sample["part"].isin(["oot", "gap"])], judge, f"out of time, {dates}"
    fold = customer_folds(sample["customer_id"], sample["defaulted"], folds=round(1 / KEPT_ASIDE), seed=seed + 1)
    return sample[fold != 0], sample[fold == 0], f"{KEPT_ASIDE:.0%} of the customers, kept aside".replace("%", " %")


def _drawn(sample: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    if len(sample) <= rows:
        return sample
    customers = sample["customer_id"].drop_duplicates()
    share = rows / len(sample)
    drawn = customers.sample(frac=share, random_state=seed)
    return sample[sample["customer_id"].isin(drawn)]


def _folds(sample: pd.DataFrame, *, by_time: bool, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Rows to learn from and rows held out, of each fold."""
    of = customer_folds(sample["customer_id"], sample["defaulted"], folds=folds, seed=seed)
    after = np.ones(len(sample), dtype=bool)
    before = after
    if by_time and sample["as_of"].nunique() > 1:
        cut = sample["as_of"].quantile(0.6, interpolation="nearest")
        after = (sample["as_of"] > cut).to_numpy()
        if not after.any():
            after = (sample["as_of"] >= cut).to_numpy()
        before = ~after
    return [(np.flatnonzero((of != k) & before), np.flatnonzero((of == k) & after)) for k in range(folds)]


@dataclass(frozen=True)
class _Search:
    folds: list[Fold]
    features: Sequence[Trainable]
    settings: TrainingSettings

    def loss(self, settings: TrainingSettings) -> float:
        """Mean held-out log loss."""
        return float(np.mean([held_out_loss(fold, self.features, settings)[0] for fold in self.folds]))

    def run(self, seconds: float | None, trials: int | None, started: float, tick: Tick) -> tuple[Trial, ...]:
        """Trials until a bound is reached; whatever is asked, one is made."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=self.settings.seed, n_startup_trials=WARM_UP),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=WARM_UP, n_warmup_steps=0),
        )
        done = 0
        while trials is None or done < trials:
            study.optimize(self._try, n_trials=1)
            done += 1
            passed = time.monotonic() - started
            tick("tuning", *((done, trials) if trials else (min(int(passed), int(seconds or 0)), int(seconds or 0))))
            if seconds is not None and passed >= seconds:
                break
        kept = optuna.trial.TrialState.COMPLETE
        return tuple(
            Trial(_named(one.params), float(one.value if one.value is not None else np.inf), one.state == kept)
            for one in study.trials
        )

    def _try(self, trial: Any) -> float:
        import optuna

        chosen = replace(self.settings, **_named(_suggested(trial, self.folds[0].rows)))
        losses = []
        for step, fold in enumerate(self.folds):
            losses.append(held_out_loss(fold, self.features, chosen)[0])
            trial.report(float(np.mean(losses)), step)
            if step + 1 < len(self.folds) and trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(losses))


def _suggested(trial: Any, rows: int) -> dict[str, Any]:
    """Settings to try: shallow to middling trees, on all scales that are worth it."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
        "max_depth": trial.suggest_int("max_depth", 2, 8),
        "num_leaves": trial.suggest_int("num_leaves", 4, 63, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 10, max(min(rows // 20, 1_000), 20), log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
    }


def _named(params: dict[str, Any]) -> dict[str, Any]:
    """Settings as a person would write them: to three digits."""
    return {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in params.items()}


def _trained(
    sample: pd.DataFrame, features: Sequence[Trainable], settings: TrainingSettings, *, by_time: bool
) -> CreditModel:
    return train(sample, features, settings)


def _judged(
    judge: pd.DataFrame,
    judged_on: str,
    old: CreditModel,
    new: CreditModel,
    best: Trial,
    trials: tuple[Trial, ...],
    folds: int,
    before: float,
    seconds: float,
) -> Tuned:
    y, customers = judge["defaulted"].to_numpy(), judge["customer_id"].to_numpy()
    p_old, p_new = (np.asarray(model.p_default(judge)) for model in (old, new))
    gain_auc = auc_difference(y, p_new, p_old, groups=customers)
    gain_loss = log_loss_gain(y, p_new, p_old, groups=customers)
    better = max(gain_auc.low, gain_loss.low) > 0 and min(gain_auc.high, gain_loss.high) >= 0
    return Tuned(
        settings=best.settings,
        trials=trials,
        folds=folds,
        loss=best.loss,
        loss_before=before,
        judged_on=judged_on,
        rows=len(judge),
        bads=int(y.sum()),
        auc=auc(y, p_new),
        auc_before=auc(y, p_old),
        log_loss=log_loss(y, p_new),
        log_loss_before=log_loss(y, p_old),
        gain_auc=gain_auc,
        gain_loss=gain_loss,
        better=bool(better),
        seconds=seconds,
    )
