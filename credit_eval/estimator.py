"""The model as scikit-learn knows models: get_params, clone, cross_val_score, Pipeline.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> X = rng.normal(size=(600, 3))
>>> y = (rng.random(600) < 1 / (1 + np.exp(2 - 2 * X[:, 0]))).astype(int)
>>> model = DefaultModel(n_estimators=50, random_state=0).fit(X, y)
>>> model.predict_proba(X).shape, model.score(X, y) > 0.7
((600, 2), True)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from credit_eval.core.machine import threads
from credit_eval.core.odds import Floats, log_odds
from credit_eval.explain.contributions import contributions
from credit_eval.explain.explanation import explanation
from credit_eval.models.model import CreditModel
from credit_eval.models.training import TrainingSettings, train


@dataclass(frozen=True)
class _Column:
    """What training and explaining need to know of a column that nobody declared."""

    name: str
    title: str
    value_type: Literal["number", "category"]
    direction: int

    def show(self, value: object, currency: str = "") -> str:
        """A value as a person writes it."""
        return "unknown" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)


#: Parameters, under the names that their users know, and as training calls them.
_SETTINGS = {
    "learning_rate": "learning_rate",
    "max_depth": "max_depth",
    "num_leaves": "num_leaves",
    "n_estimators": "num_iterations",
    "early_stopping_rounds": "early_stopping_round",
    "min_child_samples": "min_data_in_leaf",
    "max_bin": "max_bin",
    "feature_fraction": "feature_fraction",
    "bagging_fraction": "bagging_fraction",
    "reg_lambda": "lambda_l2",
    "cv": "folds",
    "random_state": "seed",
    "n_jobs": "threads",
}


class DefaultModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Probability of default: shallow boosted trees (LightGBM), calibrated on log-odds of rows they had not seen.

    The number of trees is where the loss held out, averaged over `cv` folds, is least; the calibration (Platt 1999) is
    fitted on out-of-fold log-odds; then the trees are grown again on all rows. Rows of one group are in one fold.

    Parameters
    ----------
    learning_rate : float
        Weight of each tree.
    max_depth : int
        Most splits from root to leaf.
    num_leaves : int
        Most leaves of a tree.
    n_estimators : int
        Most trees that are tried.
    early_stopping_rounds : int
        Trees without a lower held-out loss after which no more are tried.
    min_child_samples : int or None
        Least rows in a leaf; None is one in a hundred, but 20 to 200.
    max_bin : int
        Most bins of a column; more seldom find more, and cost time.
    feature_fraction : float
        Share of columns that each tree sees.
    bagging_fraction : float
        Share of rows that each tree sees.
    reg_lambda : float
        L2 penalty on leaves.
    cv : int or None
        Folds; None is five, or three where there are 2,000 bads.
    directions : mapping of str to int, or None
        By column: +1 where a higher value may only raise the risk, -1 only lower it (monotone constraints).
    random_state : int
        Seed; the same seed gives the same trees, whatever `n_jobs`.
    n_jobs : int or None
        Threads; None is one per core, or what OMP_NUM_THREADS says.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels, the good first.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.
    model_ : CreditModel
        The fitted model: what is registered, scored and explained.
    """

    def __init__(
        self,
        learning_rate: float = 0.08,
        max_depth: int = 4,
        num_leaves: int = 12,
        n_estimators: int = 600,
        early_stopping_rounds: int = 40,
        min_child_samples: int | None = None,
        max_bin: int = 63,
        feature_fraction: float = 0.5,
        bagging_fraction: float = 0.8,
        reg_lambda: float = 10.0,
        cv: int | None = None,
        directions: Mapping[str, int] | None = None,
        random_state: int = 20260101,
        n_jobs: int | None = None,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.num_leaves = num_leaves
        self.n_estimators = n_estimators
        self.early_stopping_rounds = early_stopping_rounds
        self.min_child_samples = min_child_samples
        self.max_bin = max_bin
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.reg_lambda = reg_lambda
        self.cv = cv
        self.directions = directions
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit on features X (n, f) and labels y (n,), the second of which, in order, is default.

        Parameters
        ----------
        X : array or DataFrame of shape (n, f)
            Numbers, NaN where unknown; columns of a DataFrame may hold texts, which are categories.
        y : array of shape (n,)
            Two classes.
        groups : array of shape (n,), optional
            Whose each row is; rows of one customer are held out together.

        Raises
        ------
        ValueError
            What scikit-learn refuses; fewer than 10 rows of a class (SampleError); columns that do not rank
            (SampleError).

        Returns
        -------
        the estimator itself.
        """
        frame = self._frame(X, reset=True)
        check_classification_targets(y)
        labels = column_or_1d(y, warn=True)
        check_consistent_length(frame, labels, groups)
        self.classes_, defaulted = np.unique(labels, return_inverse=True)
        self._check_classes(labels)
        sample = frame.assign(defaulted=defaulted)
        sample["customer_id"] = np.arange(len(frame)) if groups is None else np.asarray(groups)
        self.model_ = train(sample, self._columns(frame), self._settings())
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of (no default, default), shape (n, 2).

        Parameters
        ----------
        X : array or DataFrame of shape (n, f)
            The columns it was fitted on.

        Returns
        -------
        (n, 2) float64; each row adds up to 1.
        """
        check_is_fitted(self)
        p = self.model_.p_default(self._frame(X, reset=False))
        return np.column_stack([1 - p, p])

    def decision_function(self, X: Any) -> Floats:
        """Calibrated log-odds of default, shape (n,).

        Parameters
        ----------
        X : array or DataFrame of shape (n, f)
            The columns it was fitted on.

        Returns
        -------
        (n,) log-odds.
        """
        return log_odds(self.predict_proba(X)[:, 1])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier class, shape (n,): default where its probability is strictly above 0.5.

        Parameters
        ----------
        X : array or DataFrame of shape (n, f)
            The columns it was fitted on.

        Returns
        -------
        (n,) labels out of `classes_`.
        """
        above = self.predict_proba(X)[:, 1] > 0.5
        found: NDArray[Any] = self.classes_[above.astype(int)]
        return found

    def explain(self, X: Any) -> Any:
        """A `shap.Explanation` of each row's raw log-odds, exact: base value + contributions = log-odds.

        Its `values` are (n, f); `shap.plots.waterfall` and `beeswarm` take it as it is.

        Parameters
        ----------
        X : array or DataFrame of shape (n, f)
            The columns it was fitted on.

        Returns
        -------
        values (n, f) in log-odds, base values (n,), the data and the names of the columns.
        """
        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        found = contributions(self.model_.booster, self.model_.matrix(frame))
        return explanation(found.values, found.base, frame, self._columns(frame))

    @classmethod
    def of(cls, model: CreditModel) -> DefaultModel:
        """A model that was trained and registered already, with its parameters, ready to predict and explain."""
        told = model.metadata.get("settings", {})
        made = cls(**{ours: told[theirs] for ours, theirs in _SETTINGS.items() if theirs in told})
        made.model_, made.classes_ = model, np.array([0, 1])
        made.feature_names_in_ = np.array(model.features, dtype=object)
        made.n_features_in_ = len(model.features)
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = tags.input_tags.categorical = True
        return tags

    def _settings(self) -> TrainingSettings:
        told = {theirs: getattr(self, ours) for ours, theirs in _SETTINGS.items()}
        return TrainingSettings(**told | {"threads": self.n_jobs or threads()})

    def _frame(self, X: Any, *, reset: bool) -> pd.DataFrame:
        """X as a frame whose columns are named as the booster's."""
        texts = isinstance(X, pd.DataFrame) and any(_type(X[name]) == "category" for name in X.columns)
        if texts:
            validate_data(self, X, reset=reset, skip_check_array=True)
            frame = X.reset_index(drop=True)
        else:
            frame = pd.DataFrame(validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"))
        named: pd.DataFrame = frame.set_axis(self._booster_names(frame.shape[1]), axis=1)
        return named

    def _names(self, n: int) -> list[str]:
        return [str(name) for name in getattr(self, "feature_names_in_", [f"x{place}" for place in range(n)])]

    def _booster_names(self, n: int) -> list[str]:
        """Names as they are where LightGBM can write them, else x0, x1 …"""
        names = self._names(n)
        fine = all(name.isidentifier() for name in names) and not {"defaulted", "customer_id"} & set(names)
        return names if fine else [f"x{place}" for place in range(n)]

    def _columns(self, frame: pd.DataFrame) -> list[_Column]:
        names, directions = self._names(frame.shape[1]), self.directions or {}
        unknown = sorted(set(directions) - set(names))
        if unknown:
            raise ValueError(f"directions of columns that X does not have: {unknown}")
        return [
            _Column(str(column), name, _type(frame[column]), int(directions.get(name, 0)))
            for column, name in zip(frame, names, strict=True)
        ]

    def _check_classes(self, labels: Any) -> None:
        if len(self.classes_) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {type_of_target(labels)}"
            )
        if len(self.classes_) < 2:
            raise ValueError("DefaultModel can't be fitted on one class: y has 1 class, and 2 are needed")


def _type(column: pd.Series[Any]) -> Literal["number", "category"]:
    return "number" if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column) else "category"
