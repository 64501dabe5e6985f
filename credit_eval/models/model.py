"""A credit model: everything needed to turn a profile into a probability, points and a grade.

    profile ──matrix──► numbers ──booster──► log-odds ──calibration──► p_default ──scale──► score
                                                                             └────grades──► grade

It travels as text: the booster in LightGBM's own format, the rest as JSON. Nothing is pickled. Numbers go to
the booster as float64 all the way: as float32 a value can fall on the other side of a split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from credit_eval.core.errors import ModelError
from credit_eval.core.odds import Floats, ScoreScale, probability

#: Rows that are scored at once.
_CHUNK = 50_000
_BOOSTER, _DESCRIPTION = MODEL_FILES = ("booster.txt", "model.json")


@dataclass(frozen=True)
class Input:
    """A column the model reads; `categories` are the values it knows, None for a number.

    `always_known`: of every row that the model learnt from, so what unknown means was not to be learnt from any.
    """

    name: str
    categories: tuple[str, ...] | None = None
    always_known: bool = False

    def numbers(self, column: pd.Series[Any]) -> Floats:
        """The column as float64: a category as its place in `categories`, unknown or unseen as NaN."""
        if self.categories is not None:
            column = column.map({category: float(place) for place, category in enumerate(self.categories)})
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


@dataclass(frozen=True)
class Calibration:
    """p_default = 1 / (1 + exp(-(intercept + slope · log-odds))) (Platt 1999), slope > 0.

    Fitted on `n` rows with `bads` bads that the trees have not seen; `calibrated_on` says which.
    """

    intercept: float
    slope: float
    n: int
    bads: int
    calibrated_on: str

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise ModelError(
                "a calibration that turns the ranking round", expected="slope > 0", received=f"{self.slope}"
            )

    def p_default(self, log_odds: ArrayLike) -> Floats:
        """Probabilities of default of raw log-odds, same shape."""
        return probability(self.intercept + self.slope * np.asarray(log_odds, dtype=np.float64))


@dataclass(frozen=True)
class GradeScale:
    """The master scale: grade k is p_default <= bounds[k], the last grade everything above the last bound.

    The default's last bound is 0.50: grade H is the customers who are restricted, and nobody else.

    >>> GradeScale().grade([0.001, 0.5, 0.500001]).tolist()
    ['A', 'G', 'H']
    """

    bounds: tuple[float, ...] = (0.005, 0.01, 0.02, 0.05, 0.10, 0.20, 0.50)
    labels: tuple[str, ...] = ("A", "B", "C", "D", "E", "F", "G", "H")

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in pairwise((0.0, *self.bounds, 1.0)))
        if not rising or len(self.labels) != len(self.bounds) + 1:
            raise ModelError(
                "a grade scale that is none",
                expected="rising bounds within (0, 1), and one label more than bounds",
                received=f"bounds {self.bounds}, labels {self.labels}",
            )

    def grade(self, p_default: ArrayLike) -> NDArray[np.str_]:
        """Grades of probabilities of default, same shape."""
        return np.array(self.labels)[np.searchsorted(self.bounds, p_default, side="left")]


@dataclass(frozen=True)
class CreditModel:
    """A booster with its inputs (in order), its calibration, its score scale and its grades.

    `metadata` is JSON-like: how the model came about. `calibration` is None for a model that ranks but knows
    no probabilities; such a model has log-odds and nothing further.
    """

    booster_text: str
    inputs: tuple[Input, ...]
    calibration: Calibration | None = None
    scale: ScoreScale = field(default_factory=ScoreScale)
    grades: GradeScale = field(default_factory=GradeScale)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        rounds, on = self.metadata.get("rounds", "?"), self.calibration.calibrated_on if self.calibration else "nothing"
        return f"CreditModel({len(self.inputs)} features, {rounds} trees, calibrated on {on})"

    @cached_property
    def booster(self) -> lgb.Booster:
        """LightGBM's own object, read from the text that is saved: what is scored is what is stored."""
        return lgb.Booster(model_str=self.booster_text)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns read, in the booster's order."""
        return tuple(column.name for column in self.inputs)

    @property
    def is_calibrated(self) -> bool:
        """Whether its probabilities mean anything."""
        return self.calibration is not None

    def matrix(self, profiles: pd.DataFrame) -> Floats:
        """Profiles as float64, shape (rows, features), C-contiguous; unknown values and categories are NaN.

        Raises:
            ModelError: the profiles lack a feature, or hold text where a number belongs.
        """
        missing = [name for name in self.features if name not in profiles.columns]
        if missing:
            raise ModelError(
                "the profiles lack features of this model",
                expected=f"{len(self.features)} features",
                received=f"without {', '.join(missing[:5])}" + (", …" if len(missing) > 5 else ""),
                todo="build the profiles with the features the model was trained on, or train it anew",
            )
        matrix = np.empty((len(profiles), len(self.inputs)), dtype=np.float64)
        for place, column in enumerate(self.inputs):
            matrix[:, place] = _numbers(column, profiles[column.name])
        return matrix

    def log_odds(self, profiles: pd.DataFrame) -> Floats:
        """Raw, uncalibrated log-odds of default (the booster's margin), shape (rows,), some rows at a time."""
        found = np.empty(len(profiles))
        for start in range(0, len(profiles), _CHUNK):
            some = slice(start, start + _CHUNK)
            found[some] = self.booster.predict(self.matrix(profiles.iloc[some]), raw_score=True)
        return found

    def p_default(self, profiles: pd.DataFrame) -> Floats:
        """Calibrated probabilities of default, shape (rows,).

        Raises:
            ModelError: the model is not calibrated.
        """
        return self.calibrated().p_default(self.log_odds(profiles))

    def calibrated(self) -> Calibration:
        """The calibration.

        Raises:
            ModelError: there is none.
        """
        if self.calibration is None:
            raise ModelError(
                "the model is not calibrated, so its scores are no probabilities", todo="calibrate it first"
            )
        return self.calibration

    def score_frame(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """p_default (float), score (whole points, higher is safer) and grade, with the index of `profiles`.

        Raises:
            ModelError: the model is not calibrated, or the profiles lack a feature.
        """
        return self.scored(self.log_odds(profiles), profiles.index)

    def scored(self, log_odds: Floats, index: pd.Index[Any]) -> pd.DataFrame:
        """What `score_frame` gives of rows whose raw log-odds (n,) are known.

        Raises:
            ModelError: the model is not calibrated.
        """
        p = self.calibrated().p_default(log_odds)
        columns = {"p_default": p, "score": self.scale.whole_points(p), "grade": self.grades.grade(p)}
        return pd.DataFrame(columns, index=index)

    @cached_property
    def used(self) -> tuple[str, ...]:
        """The features that a tree asks for, in the booster's order; the others move nobody."""
        splits = self.booster.feature_importance("split")
        return tuple(name for name, n in zip(self.features, splits, strict=True) if n)

    def never_seen_unknown(self, profiles: pd.DataFrame) -> dict[str, int]:
        """By feature, profiles of which it is unknown though it was known of every row in training."""
        always = [column.name for column in self.inputs if column.always_known]
        unknown = profiles[always].isna().sum()
        return {str(name): int(n) for name, n in unknown[unknown > 0].items()}

    def never_seen(self, profiles: pd.DataFrame) -> dict[tuple[str, str], int]:
        """By feature and category, profiles with a category that no row in training had; it counts as unknown."""
        found: dict[tuple[str, str], int] = {}
        for column in self.inputs:
            if column.categories is not None:
                counted = profiles[column.name].value_counts()
                new = counted[~counted.index.isin(column.categories)]
                found |= {(column.name, str(category)): int(n) for category, n in new.items() if n}
        return found

    @property
    def fingerprint(self) -> str:
        """Changes when anything does that could change a score: a SHA-256, metadata left aside."""
        described = {key: value for key, value in self._description().items() if key != "metadata"}
        return hashlib.sha256((self.booster_text + json.dumps(described, sort_keys=True)).encode()).hexdigest()

    def save(self, directory: Path) -> None:
        """Write the model into an existing or new directory as text."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / _BOOSTER).write_text(self.booster_text, encoding="utf-8")
        text = json.dumps(self._description(), indent=2, ensure_ascii=False, default=str)
        (directory / _DESCRIPTION).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, directory: Path) -> CreditModel:
        """Read what `save` wrote.

        Raises:
            ModelError: there is no complete model here, or it is damaged, or of another version.
        """
        if not (directory / _BOOSTER).exists() or not (directory / _DESCRIPTION).exists():
            raise ModelError(
                "no model in this directory",
                expected=f"{_BOOSTER} and {_DESCRIPTION}",
                received=f"directory {directory.name}",
                todo="train one first",
            )
        try:
            return cls._of(directory, json.loads((directory / _DESCRIPTION).read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                "the model's description is damaged, or of another version",
                expected=f"what this version writes into {_DESCRIPTION}",
                received=f"{type(error).__name__}: {error}",
                todo="train again",
            ) from None

    @classmethod
    def _of(cls, directory: Path, described: Mapping[str, Any]) -> CreditModel:
        return cls(
            booster_text=(directory / _BOOSTER).read_text(encoding="utf-8"),
            inputs=tuple(
                Input(name, None if categories is None else tuple(categories), always_known)
                for name, categories, always_known in described["inputs"]
            ),
            calibration=Calibration(**described["calibration"]) if described["calibration"] else None,
            scale=ScoreScale(**described["scale"]),
            grades=GradeScale(*(tuple(values) for values in described["grades"])),
            metadata=described["metadata"],
        )

    def _description(self) -> dict[str, Any]:
        return {
            "inputs": [[column.name, column.categories, column.always_known] for column in self.inputs],
            "calibration": asdict(self.calibration) if self.calibration else None,
            "scale": asdict(self.scale),
            "grades": [self.grades.bounds, self.grades.labels],
            "metadata": dict(self.metadata),
        }


def _numbers(column: Input, values: pd.Series[Any]) -> Floats:
    try:
        return column.numbers(values)
    except (TypeError, ValueError):
        raise ModelError(
            f"feature {column.name} holds something other than numbers",
            expected="numbers, NaN where unknown",
            received=f"a column of {values.dtype}",
        ) from None
