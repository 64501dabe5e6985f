"""Training: shallow trees, as many as rows that they did not learn from ask for, calibrated on such rows.

Both are taken from cross-validation within the rows that teach, so that every one of them does: the number of trees
is where the held-out loss, averaged over the folds, is least, the calibration is fitted on log-odds that each row got
from a booster which never saw its customer, and then the trees are grown on all rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from credit_eval.core.errors import ModelError, SampleError
from credit_eval.core.odds import Floats, ScoreScale, shift_to_mean
from credit_eval.core.progress import Tick, silent
from credit_eval.models.model import Calibration, CreditModel, GradeScale, Input
from credit_eval.samples.split import check_labels, customer_folds

#: So many rows teach what unknown means, where the share that is hidden would be fewer.
FEW_HIDDEN = 50
#: Bads from which on fewer folds serve as well.
MANY_BADS, _FOLDS, _FEW_FOLDS = 2_000, 5, 3
# : Rows by which bins are chosen. LightGBM copies them as doubles: of its own 200,000, half as much again as a large
# sample.
_FOR_BINS = 50_000
#: Of so few numbers, a second thread waits more than it works: 1.4 CPU seconds for 0.9 on 3,500 rows of 120 features.
_ONE_THREAD = 1_000_000
#: Bins serve every size of leaf.
_FOR_MANY = {"feature_pre_filter": False}
#: Places of rows in a sample.
Rows = NDArray[np.intp]
#: The number of threads is written into a booster's text though it changes nothing in it.
_THREADS = re.compile(r"^\[num_threads: \d+\]\n", re.MULTILINE)


class Trainable(Protocol):
    """What training needs to know of a feature (`features.language.Feature` has it)."""

    @property
    def name(self) -> str:
        """Its column."""

    @property
    def value_type(self) -> str:
        """`number` or `category`."""

    @property
    def direction(self) -> int:
        """+1 where a higher value may only raise the risk, -1 only lower it, 0 either."""


@dataclass(frozen=True)
class TrainingSettings:
    """How trees are grown, by LightGBM's own names. The defaults are for noisy data: many shallow trees, each seeing a
    part.

    `min_data_in_leaf` None means one in a hundred of the rows, but 20 to 200. `folds` None: five, but three where there
    are 2,000 bads or more, as each then holds enough to stop and to calibrate by; `repeats` is how often
    cross-validation that judges is repeated (None: three times, once where there are many bads). `monotone`: trees
    are held to the directions of features. `refit`: once judged out of time, it is grown again on all rows, those that
    judged it included, so that it knows the latest months; without, what decides is what was judged.
    `central_tendency`: a long-run default rate to which the mean probability of what decides is moved
    (`to_central_tendency`). `hidden` is the share of rows in which a number that is known of all of them is hidden
    from the trees, so that they learn what to think where it is unknown: LightGBM would take it for 0, no day
    overdue, say, and the riskiest would look safest. `threads` changes no bit of the result.
    """

    learning_rate: float = 0.08
    max_depth: int = 4
    num_leaves: int = 12
    num_iterations: int = 600
    early_stopping_round: int = 40
    min_data_in_leaf: int | None = None
    max_bin: int = 63
    feature_fraction: float = 0.5
    bagging_fraction: float = 0.8
    lambda_l2: float = 10.0
    hidden: float = 0.01
    monotone: bool = True
    refit: bool = True
    central_tendency: float | None = None
    folds: int | None = None
    repeats: int | None = None
    seed: int = 20260101
    threads: int = 1
    scale: ScoreScale = field(default_factory=ScoreScale)
    grades: GradeScale = field(default_factory=GradeScale)

    def folds_of(self, defaulted: ArrayLike) -> int:
        """Folds of rows with such labels."""
        return self.folds or (_FEW_FOLDS if np.sum(np.asarray(defaulted)) >= MANY_BADS else _FOLDS)


@dataclass(frozen=True)
class Grown:
    """A model, and what it was calibrated by: raw log-odds of each row by a booster that never saw its customer."""

    model: CreditModel
    out_of_fold: Floats

    @property
    def p_out_of_fold(self) -> Floats:
        """Calibrated, shape (rows,)."""
        return self.model.calibrated().p_default(self.out_of_fold)


def train(
    sample: pd.DataFrame,
    features: Sequence[Trainable],
    settings: TrainingSettings,
    *,
    tick: Tick = silent,
) -> CreditModel:
    """As `grow`, the model alone."""
    return grow(sample, features, settings, tick=tick).model


def grow(
    sample: pd.DataFrame,
    features: Sequence[Trainable],
    settings: TrainingSettings,
    *,
    tick: Tick = silent,
) -> Grown:
    """Fit on every row; stop and calibrate by cross-validation grouped by customer.

    `sample` has customer_id, defaulted (0 or 1), and a column per feature. Ticks as `training`, per tree.

    Raises:
        SampleError: too few bads or goods, or out-of-fold log-odds that do not rank.
        ModelError: the sample lacks a feature.
    """
    check_labels(sample["defaulted"])
    everybody = np.arange(len(sample))
    inputs = _inputs(sample, features, everybody)
    folds = settings.folds_of(sample["defaulted"])
    fold = customer_folds(sample["customer_id"], sample["defaulted"], folds=folds, seed=settings.seed)
    parameters, data = _parameters(features, settings, len(sample)), _to_learn_from(sample, inputs, everybody, settings)
    rounds, log_odds = _out_of_fold(sample, inputs, data, fold, parameters, settings, tick)
    ranking = _model(lgb.train(parameters, data, num_boost_round=rounds), rounds, inputs, settings, len(sample))
    tick("training", settings.num_iterations, settings.num_iterations)
    model = _calibrated(ranking, log_odds, sample["defaulted"], f"out of fold, {folds} folds by customer")
    return Grown(model, log_odds)


def refit(
    grown: Grown,
    taught: pd.Series[bool],
    sample: pd.DataFrame,
    features: Sequence[Trainable],
    settings: TrainingSettings,
) -> CreditModel:
    """Grow as many trees again on every row of a sample, once the model was judged on those that had not taught it.

    Calibrated on what the judged model's boosters said of each row that they had not learnt from: out of fold where it
    was taught, and of the rows since.

    Args:
        grown: the judged model, of the rows `taught`, in their order.
        taught: (n,) which rows of the sample those are.
        sample: as for `grow`.
        features: as for `grow`.
        settings: as for `grow`.

    Returns:
        a model that nothing is left to judge: what it is worth is what the judged one was.
    """
    here, log_odds = taught.to_numpy(), np.empty(len(sample))
    ranking = as_many_trees(sample, features, settings, int(grown.model.metadata["rounds"]))
    log_odds[here] = grown.out_of_fold
    log_odds[~here] = grown.model.log_odds(sample[~here])
    on = f"{grown.model.calibrated().calibrated_on}; and {int((~here).sum()):,} rows since, by trees without them"
    return _calibrated(ranking, log_odds, sample["defaulted"], on)


def as_many_trees(
    sample: pd.DataFrame, features: Sequence[Trainable], settings: TrainingSettings, rounds: int
) -> CreditModel:
    """So many trees on every row of a sample (as for `grow`); not calibrated."""
    everybody = np.arange(len(sample))
    inputs = _inputs(sample, features, everybody)
    data = _to_learn_from(sample, inputs, everybody, settings)
    whole = lgb.train(_parameters(features, settings, len(sample)), data, num_boost_round=rounds)
    return _model(whole, rounds, inputs, settings, len(sample))


def to_central_tendency(model: CreditModel, sample: pd.DataFrame, mean: float) -> CreditModel:
    """The model with its log-odds moved by one number, so that its mean probability on a sample is a long-run one.

    Args:
        model: calibrated.
        sample: rows with its features.
        mean: default rate over a whole cycle, as somebody determined it.

    Returns:
        the same ranking; its calibration says by how much it was moved.
    """
    before = model.calibrated()
    shift = shift_to_mean(before.intercept + before.slope * model.log_odds(sample), mean)
    on = f"{before.calibrated_on}; then moved by {shift:+.3f} log-odds to a central tendency of {mean:.2%}"
    calibration = replace(before, intercept=before.intercept + shift, calibrated_on=on)
    return replace(model, calibration=calibration)


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and rows to judge by, binned once for many settings."""

    learnt: lgb.Dataset
    held_out: lgb.Dataset
    rows: int


def fold_of(
    sample: pd.DataFrame, features: Sequence[Trainable], settings: TrainingSettings, learn: Rows, held_out: Rows
) -> Fold:
    """Bin some rows of a sample (as for `train`) to learn from, and others to judge by.

    Raises:
        SampleError: too few bads or goods in one of them.
        ModelError: the sample lacks a feature.
    """
    for rows in (learn, held_out):
        check_labels(sample["defaulted"].iloc[rows])
    inputs = _inputs(sample, features, learn)
    learnt = _to_learn_from(sample, inputs, learn, settings)
    learnt.params |= _parameters(features, settings, len(learn)) | _FOR_MANY
    learnt.construct()
    seen = _dataset(_matrix(sample, inputs, held_out), sample, inputs, held_out, settings, reference=learnt)
    seen.params |= _FOR_MANY
    return Fold(learnt, seen.construct(), len(learn))


def held_out_loss(fold: Fold, features: Sequence[Trainable], settings: TrainingSettings) -> tuple[float, int]:
    """The least log loss on the rows held out, and the number of trees at which it is.

    To nine decimals: LightGBM adds up its metric in the order of threads, though its trees are the same.
    """
    booster = lgb.train(
        _parameters(features, settings, fold.rows) | _FOR_MANY,
        fold.learnt,
        num_boost_round=settings.num_iterations,
        valid_sets=[fold.held_out],
        valid_names=["held out"],
        callbacks=[lgb.early_stopping(settings.early_stopping_round, verbose=False)],
    )
    return round(float(booster.best_score["held out"]["binary_logloss"]), 9), int(booster.best_iteration)


def fit_calibration(log_odds: ArrayLike, defaulted: ArrayLike, *, calibrated_on: str) -> Calibration:
    """Fit intercept and slope by maximum likelihood (Platt 1999).

    Targets are Platt's: (bads + 1) / (bads + 2) for a bad and 1 / (goods + 2) for a good in place of 1 and 0,
    so that a sample which the log-odds separate completely still has a finite slope.

    Raises:
        SampleError: one class only, or log-odds that do not rise with risk.
    """
    x, y = np.asarray(log_odds, dtype=np.float64), np.asarray(defaulted, dtype=np.float64)
    bads, n = int(y.sum()), y.size
    if bads in (0, n):
        raise SampleError("one class only to calibrate on", expected="goods and bads", received=f"{bads} bads of {n}")
    targets = np.where(y == 1, (bads + 1) / (bads + 2), 1 / (n - bads + 2))
    intercept, slope = _maximum_likelihood(x, targets)
    if slope <= 0:
        raise SampleError(
            "the model's log-odds do not rise with risk, so they cannot be calibrated",
            expected="a slope above 0",
            received=f"{slope:.4f} on {n:,} rows with {bads:,} bads",
            todo="bring more data or better features: this model has learnt nothing that holds",
        )
    return Calibration(intercept, slope, n, bads, calibrated_on)


def _maximum_likelihood(x: Floats, targets: Floats) -> tuple[float, float]:
    """Of a logistic regression on targets between 0 and 1: every row is a bad and a good, weighted."""
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    line.fit(np.tile(x, 2)[:, None], np.repeat([1, 0], x.size), np.append(targets, 1 - targets))
    return float(line.intercept_[0]), float(line.coef_[0, 0])


def _inputs(sample: pd.DataFrame, features: Sequence[Trainable], rows: Rows) -> tuple[Input, ...]:
    missing = [feature.name for feature in features if feature.name not in sample.columns]
    if missing or not features:
        raise ModelError(
            "the sample lacks features to train on",
            expected=f"{len(features)} features" if features else "at least one feature",
            received="without " + ", ".join(missing[:5]) if missing else "none",
        )
    return tuple(_input(sample, feature, rows) for feature in features)


def _input(sample: pd.DataFrame, feature: Trainable, rows: Rows) -> Input:
    column = sample[feature.name].iloc[rows]
    known = bool(column.notna().all())
    if feature.value_type != "category":
        return Input(feature.name, None, known)
    return Input(feature.name, tuple(sorted(column.dropna().unique())), known)


def _matrix(sample: pd.DataFrame, inputs: Sequence[Input], rows: Rows) -> Floats:
    matrix = np.empty((len(rows), len(inputs)))
    for place, column in enumerate(inputs):
        matrix[:, place] = column.numbers(sample[column.name].iloc[rows])
    return matrix


def _to_learn_from(
    sample: pd.DataFrame, inputs: Sequence[Input], rows: Rows, settings: TrainingSettings
) -> lgb.Dataset:
    """The rows, in some of which a number is hidden that is known of all; goods and bads alike."""
    matrix = _matrix(sample, inputs, rows)
    by_label = np.argsort(sample["defaulted"].iloc[rows].to_numpy(), kind="stable")
    for place, column in enumerate(inputs):
        if column.always_known and column.categories is None:  # of a category, unknown is none of those it knows
            edges = np.linspace(0, len(rows), _hidden(len(rows), settings) + 1).astype(np.intp)
            one_of_each = np.random.default_rng([settings.seed, place]).integers(edges[:-1], edges[1:])
            matrix[by_label[one_of_each], place] = np.nan
    return _dataset(matrix, sample, inputs, rows, settings)


def _hidden(rows: int, settings: TrainingSettings) -> int:
    """A share of the rows; of few rows up to five times that share, as one learns little from a dozen.

    >>> [_hidden(rows, TrainingSettings()) for rows in (400, 2_000, 100_000)]
    [20, 50, 1000]
    """
    return round(max(settings.hidden * rows, min(5 * settings.hidden * rows, FEW_HIDDEN)))


def _dataset(
    matrix: Floats,
    sample: pd.DataFrame,
    inputs: Sequence[Input],
    rows: Rows,
    settings: TrainingSettings,
    reference: lgb.Dataset | None = None,
) -> lgb.Dataset:
    categorical = [place for place, column in enumerate(inputs) if column.categories is not None]
    return lgb.Dataset(
        matrix,
        label=sample["defaulted"].iloc[rows].to_numpy(dtype=np.float64),
        reference=reference,
        feature_name=[column.name for column in inputs],
        categorical_feature=categorical,
        params={"verbosity": -1, "max_bin": settings.max_bin, "bin_construct_sample_cnt": _FOR_BINS},
    )


def _parameters(features: Sequence[Trainable], settings: TrainingSettings, rows: int) -> dict[str, Any]:
    leaf = settings.min_data_in_leaf or int(np.clip(rows / 100, 20, 200))
    free = {feature.name for feature in features if feature.value_type == "category" or not settings.monotone}
    directions = [0 if feature.name in free else feature.direction for feature in features]
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "learning_rate": settings.learning_rate,
        "max_depth": settings.max_depth,
        "num_leaves": settings.num_leaves,
        "min_data_in_leaf": leaf,
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": settings.lambda_l2,
        "monotone_constraints": directions,
        "monotone_constraints_method": "basic",
        "deterministic": True,
        "force_col_wise": True,  # measured: half the time of row-wise for hundreds of columns, the same trees
        "seed": settings.seed,
        "num_threads": settings.threads if rows * len(features) > _ONE_THREAD else 1,
        "verbosity": -1,
    }


def _out_of_fold(
    sample: pd.DataFrame,
    inputs: Sequence[Input],
    data: lgb.Dataset,
    fold: NDArray[np.int64],
    parameters: dict[str, Any],
    settings: TrainingSettings,
    tick: Tick,
) -> tuple[int, Floats]:
    """The number of trees of least mean held-out loss, and each row's log-odds by the booster without it."""
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(int(fold.max()) + 1)]
    found = lgb.cv(
        parameters,
        data,
        num_boost_round=settings.num_iterations,
        folds=splits,
        callbacks=[
            lgb.early_stopping(settings.early_stopping_round, verbose=False),
            _ticking(tick, settings.num_iterations),
        ],
        return_cvbooster=True,
    )["cvbooster"]
    log_odds = np.empty(fold.size)
    for booster, (_, held_out) in zip(found.boosters, splits, strict=True):
        seen = _matrix(sample, inputs, held_out)
        log_odds[held_out] = booster.predict(seen, raw_score=True, num_iteration=found.best_iteration)
    return found.best_iteration, log_odds


def _ticking(tick: Tick, total: int) -> Any:
    return lambda step: tick("training", step.iteration, total)


def _model(
    booster: lgb.Booster, rounds: int, inputs: tuple[Input, ...], settings: TrainingSettings, rows: int
) -> CreditModel:
    told = {name: value for name, value in asdict(settings).items() if name != "threads"}  # it changes nothing
    return CreditModel(
        booster_text=_THREADS.sub("", booster.model_to_string(num_iteration=rounds)),
        inputs=inputs,
        scale=settings.scale,
        grades=settings.grades,
        metadata={"rounds": rounds, "rows": rows, "settings": told, "lightgbm": lgb.__version__},
    )


def _calibrated(model: CreditModel, log_odds: Floats, defaulted: ArrayLike, on: str) -> CreditModel:
    calibration = fit_calibration(log_odds, defaulted, calibrated_on=on)
    return CreditModel(model.booster_text, model.inputs, calibration, model.scale, model.grades, model.metadata)
