"""What a model is worth, on customers it has not seen, beside what simpler means would do on the same ones.

Out of time where the sample allows it (`measure_parts`); by repeated cross-validation grouped by customer where
it does not (`repeated_grouped_cv`). There, everything a fold's model needs (number of trees, calibration,
imputation, scaling) is learnt inside its training folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from credit_eval.core.errors import SampleError
from credit_eval.core.odds import Floats
from credit_eval.core.progress import Tick, silent
from credit_eval.core.statistics import (
    Interval,
    auc_difference,
    auc_interval,
    brier_interval,
    ece,
    ece_by_chance,
    ks_interval,
    log_loss,
)
from credit_eval.engine.workers import spread
from credit_eval.models.model import CreditModel
from credit_eval.models.training import MANY_BADS, Trainable, TrainingSettings, train
from credit_eval.samples.split import customer_folds

#: Names of the competitors in a cross-validation.
MODEL, LOGISTIC, LOGISTIC_RANKS = "lightgbm", "logistic regression", "logistic regression on ranks"

#: Rows that are predicted at once.
_CHUNK = 20_000

Predictor = Callable[[pd.DataFrame, pd.DataFrame], Floats]


@dataclass(frozen=True)
class Metrics:
    """Discrimination and calibration on `n` rows with `bads` bads; intervals are 95 %, by customer.

    AUC and Gini by DeLong (Obuchowski where customers have several rows), KS by bootstrap of customers, the
    Brier score as a mean of squared errors. The expected calibration error has no interval: `ece_by_chance` is
    what it would come to, on average, if every probability were true.
    """

    n: int
    bads: int
    default_rate: float
    auc: Interval
    gini: Interval
    ks: Interval
    brier: Interval
    ece: float
    ece_by_chance: float
    log_loss: float

    def flat(self) -> dict[str, float]:
        """All numbers by name, an interval as `auc`, `auc_low`, `auc_high`: for the registry and for JSON."""
        found: dict[str, float] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Interval):
                ends = {f"{each.name}_low": value.low, f"{each.name}_high": value.high}
                found |= {each.name: value.value, **ends}
            else:
                found[each.name] = value
        return found


@dataclass(frozen=True)
class CrossValidation:
    """Out-of-fold results of the model and of its baselines, on the same folds.

    `predictions`: customer_id, as_of, defaulted, repeat, fold, and p_default by competitor name, one row per
    sample row and repeat. `metrics` by competitor. `gains`: AUC of the model minus that of each baseline,
    paired. Every estimate and interval end is the mean over repeats: repeating steadies the estimate, but the
    customers stay the same, so it does not narrow the interval.
    """

    predictions: pd.DataFrame
    metrics: dict[str, Metrics]
    gains: dict[str, Interval]


def measure(
    defaulted: ArrayLike, p_default: ArrayLike, customer_id: ArrayLike, *, repeats: int = 200, seed: int = 0
) -> Metrics:
    """Metrics of probabilities of default, arrays of shape (rows,); `repeats` of what is drawn at random.

    Raises:
        SampleError: one class only.
    """
    y, p = np.asarray(defaulted, dtype=np.float64), np.asarray(p_default, dtype=np.float64)
    area = auc_interval(y, p, groups=customer_id)
    return Metrics(
        n=y.size,
        bads=int(y.sum()),
        default_rate=float(y.mean()),
        auc=area,
        gini=Interval(2 * area.value - 1, 2 * area.low - 1, 2 * area.high - 1),
        ks=ks_interval(y, p, groups=customer_id, repeats=repeats, seed=seed),
        brier=brier_interval(y, p, groups=customer_id),
        ece=ece(y, p),
        ece_by_chance=ece_by_chance(p, repeats=repeats, seed=seed),
        log_loss=log_loss(y, p),
    )


def measure_parts(model: CreditModel, sample: pd.DataFrame, *, repeats: int = 200) -> dict[str, Metrics]:
    """Metrics on each part of the sample that holds both classes; only `oot` judges the model.

    Raises:
        ModelError: the model is not calibrated, or the sample lacks a feature.
    """
    found: dict[str, Metrics] = {}
    for part in sorted(sample["part"].unique()):
        rows = np.flatnonzero(sample["part"] == part)
        told = sample[["defaulted", "customer_id"]].iloc[rows]
        if 2 <= told["defaulted"].sum() <= len(rows) - 2:
            p = np.concatenate([model.p_default(sample.iloc[some]) for some in _chunks(rows)])
            found[str(part)] = measure(told["defaulted"], p, told["customer_id"], repeats=repeats)
    return found


def _chunks(rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Places of rows, so many together as may be copied at once."""
    return np.array_split(rows, max(-(-len(rows) // _CHUNK), 1))


def repeated_grouped_cv(
    sample: pd.DataFrame,
    features: Sequence[Trainable],
    settings: TrainingSettings,
    *,
    subsets: Mapping[str, Sequence[str]] | None = None,
    repeats: int | None = None,
    folds: int = 5,
    seed: int = 0,
    tick: Tick = silent,
) -> CrossValidation:
    """Cross-validate `train` beside logistic regressions and LightGBM on subsets of features.

    `sample` has customer_id, as_of, defaulted (0 or 1) and a column per feature. `repeats` None: three, but one where
    there are 2,000 bads, as the split then hardly moves the estimate. `subsets` names baselines, such as
    {"demographics only": [...feature names]}; empty subsets are left out. Ticks as `validation`, per fit.

    Raises:
        SampleError: too few bads or goods for the folds.
    """
    many = sample["defaulted"].sum() >= MANY_BADS  # one cross-validation is then as good as several
    repeats = repeats or settings.repeats or (1 if many else 3)
    work = partial(_judge_fold, sample, features, settings, subsets or {}, folds, seed)
    steps = [(repeat, held_out) for repeat in range(repeats) for held_out in range(folds)]
    workers = settings.threads if sample.memory_usage(deep=False).sum() <= _SHARED else 1
    if workers > 1:  # a fit is too small to keep several threads busy; a worker has one
        work = partial(_judge_fold, sample, features, replace(settings, threads=1), subsets or {}, folds, seed)
    tick("validation", 0, len(steps))
    found: dict[tuple[int, int], pd.DataFrame] = {}
    for step, part in spread(work, steps, min(workers, len(steps))):
        found[step] = part
        tick("validation", len(found), len(steps))
    predictions = pd.concat([found[step] for step in steps], ignore_index=True)
    return _summed_up(predictions, [str(name) for name in predictions if name not in _SHOWN])


#: Columns of predictions that are of no competitor.
_SHOWN = ("customer_id", "as_of", "defaulted", "repeat", "fold")
#: A sample of at most so many bytes is handed to other processes, each of which holds it.
_SHARED = 200_000_000


def _judge_fold(
    sample: pd.DataFrame,
    features: Sequence[Trainable],
    settings: TrainingSettings,
    subsets: Mapping[str, Sequence[str]],
    folds: int,
    seed: int,
    step: tuple[int, int],
) -> tuple[tuple[int, int], pd.DataFrame]:
    """What each competitor, having learnt from the other folds of a repeat, thinks of the rows of one."""
    repeat, held_out = step
    fold = customer_folds(sample["customer_id"], sample["defaulted"], folds=folds, seed=seed + repeat)
    learnt, seen = sample[fold != held_out], sample[fold == held_out]
    shown = seen[["customer_id", "as_of", "defaulted"]].assign(repeat=repeat, fold=held_out)
    predictors = _predictors(features, settings, subsets)
    return step, shown.assign(**{name: fit(learnt, seen) for name, fit in predictors.items()})


def _predictors(
    features: Sequence[Trainable], settings: TrainingSettings, subsets: Mapping[str, Sequence[str]]
) -> dict[str, Predictor]:
    found: dict[str, Predictor] = {
        MODEL: _boosted(features, settings),
        LOGISTIC: logistic(features, ranks=False),
        LOGISTIC_RANKS: logistic(features, ranks=True),
    }
    for name, wanted in subsets.items():
        chosen = [feature for feature in features if feature.name in set(wanted)]
        if chosen:
            found[name] = _boosted(chosen, settings)
    return found


def _boosted(features: Sequence[Trainable], settings: TrainingSettings) -> Predictor:
    def predict(learnt: pd.DataFrame, seen: pd.DataFrame) -> Floats:
        try:
            return train(learnt, features, settings).p_default(seen)
        except SampleError:  # nothing learnt that ranks: everybody gets the base rate
            return np.full(len(seen), learnt["defaulted"].mean())

    return predict


def logistic(features: Sequence[Trainable], *, ranks: bool) -> Predictor:
    """A baseline: the logistic regression on what is known at all where it learns."""

    def predict(learnt: pd.DataFrame, seen: pd.DataFrame) -> Floats:
        known = [feature for feature in features if learnt[feature.name].notna().any()]
        pipeline = logistic_regression(known, ranks=ranks).fit(learnt, learnt["defaulted"])
        rows = np.arange(len(seen))
        return np.concatenate([pipeline.predict_proba(seen.iloc[some])[:, 1] for some in _chunks(rows)])

    return predict


def logistic_regression(features: Sequence[Trainable], *, ranks: bool) -> Any:
    """An unfitted scikit-learn pipeline: impute, scale, one-hot, fit with an L2 penalty.

    Unknown numbers become the median, with an indicator beside them; rare and unseen categories are one. With
    `ranks`, numbers are first spread to a normal shape by rank: amounts are skewed, and this makes the baseline
    a good deal harder to beat.
    """
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

    numbers = [feature.name for feature in features if feature.value_type != "category"]
    categories = [feature.name for feature in features if feature.value_type == "category"]
    shape = QuantileTransformer(n_quantiles=100, output_distribution="normal", random_state=0)
    impute = SimpleImputer(add_indicator=True, strategy="median", keep_empty_features=True)
    prepare = [shape, impute, StandardScaler()] if ranks else [impute, StandardScaler()]
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20)
    # Column by column: all at once would hold the whole sample five times over, a gigabyte each at 400,000 rows.
    columns = [(make_pipeline(*prepare), [name]) for name in numbers]
    return make_pipeline(
        make_column_transformer(*columns, (encode, categories)), LogisticRegression(C=0.1, max_iter=2000)
    )


def _summed_up(predictions: pd.DataFrame, names: list[str]) -> CrossValidation:
    by_repeat = [rows for _, rows in predictions.groupby("repeat")]
    metrics = {
        name: _mean_metrics([measure(rows["defaulted"], rows[name], rows["customer_id"]) for rows in by_repeat])
        for name in names
    }
    gains = {
        name: _mean_interval(
            [
                auc_difference(rows["defaulted"], rows[MODEL], rows[name], groups=rows["customer_id"])
                for rows in by_repeat
            ]
        )
        for name in names
        if name != MODEL
    }
    return CrossValidation(predictions, metrics, gains)


def _mean_metrics(repeats: list[Metrics]) -> Metrics:
    means: dict[str, Any] = {}
    for each in fields(Metrics):
        values = [getattr(metrics, each.name) for metrics in repeats]
        if isinstance(values[0], Interval):
            means[each.name] = _mean_interval(values)
        elif isinstance(values[0], float):
            means[each.name] = float(np.mean(values))
    return replace(repeats[0], **means)


def _mean_interval(intervals: list[Interval]) -> Interval:
    value, low, high = np.mean([(each.value, each.low, each.high) for each in intervals], axis=0)
    return Interval(float(value), float(low), float(high))
