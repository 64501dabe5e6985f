"""What training measured, as one typed record: for the registry, the report and the summary.

A model is judged on rows that taught it nothing: out of time where the data last long enough, otherwise by
repeated cross-validation grouped by customer. Beside it stand its baselines, on the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pydantic import ConfigDict, TypeAdapter, ValidationError

from credit_eval.core.errors import SourceError
from credit_eval.core.files import read_json
from credit_eval.core.progress import Tick, silent
from credit_eval.core.statistics import auc_difference, reliability
from credit_eval.models.comparison import Comparison
from credit_eval.models.model import Calibration
from credit_eval.models.promotion import Overruled
from credit_eval.models.restriction import Stopped
from credit_eval.models.training import Grown, Trainable, TrainingSettings
from credit_eval.models.validation import (
    LOGISTIC,
    LOGISTIC_RANKS,
    MODEL,
    logistic,
    measure,
    measure_parts,
    repeated_grouped_cv,
)
from credit_eval.samples.cohorts import Drawn
from credit_eval.samples.definition import DefaultDefinition
from credit_eval.samples.exposure import Compared, Exposure

#: Version of the record's format; one of another version is refused, and trained again.
FORMAT = 2
Measured = dict[str, float]
DEMOGRAPHICS = "lightgbm on demographics alone"
_CURVE_POINTS = 101


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How good a model is on rows that taught it nothing, beside its baselines on the same rows.

    Attributes:
        judged_on: what these rows are.
        metrics: `validation.Metrics.flat`: auc, auc_low, auc_high, ks, ece and so on, and the rows n and bads.
        metrics_by_part: the same on each part of a sample split by time.
        baselines: the same of each baseline, by name.
        gains: AUC of the model minus the baseline's: value, low, high (95 %, paired).
        reliability: n, predicted, observed per bin.
        capture: share of rows, riskiest first, and of bads and goods among them.
    """

    judged_on: str
    metrics: Measured
    metrics_by_part: dict[str, Measured] = field(default_factory=dict)
    baselines: dict[str, Measured]
    gains: dict[str, Measured]
    reliability: list[Measured]
    capture: list[Measured]


@dataclass(frozen=True, kw_only=True)
class Record(Judged):
    """What there is to know of a version: how it was made, from what, and how good it is (`validation.json`).

    It lies with the version in the registry; its number, and why it was promoted, are known only after.

    Attributes:
        identity: changes when anything does that the champion was made from.
        split, why: how the sample was split, and why in a sentence.
        rows_by_part, left_out: rows of each part; rows that cannot be judged, by reason.
        drawn: how many customers and rows were drawn from how many.
        features_absent: feature -> the table or column that the source lacks.
        rounds: trees.
        calibration, judged_calibration: of the model that decides, and of the one that was judged.
        importance: mean absolute contribution per feature in log-odds, largest first.
        exposure: CCF and LGD, as measured; None where labels are not made of the repayments.
        restriction: whom the restriction stops of the rows that judge out of time, beside a plain rule.
        exposure_compared: what earlier defaults predict of those that judge, beside what came.
        objections: why it should not decide about people, if anything speaks against it.
        compared: beside the champion that it was trained to replace; None: there was none, or nothing to compare on.
        refitted: what growing it again on all rows changed; None: it is the very model that was judged.
        promoted_anyway: its objections, and why the model is champion all the same.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    format: int = FORMAT
    dataset: str
    model_version: int = 0
    identity: str
    split: Literal["time", "grouped"]
    why: str
    definition: DefaultDefinition
    label_source: str
    rows_by_part: dict[str, int]
    left_out: dict[str, int]
    drawn: Drawn
    n_features: int
    features_absent: dict[str, str]
    rounds: int
    calibration: Calibration
    judged_calibration: Calibration
    importance: dict[str, float]
    exposure: Exposure | None = None
    exposure_compared: list[Compared] = field(default_factory=list)
    restriction: list[Stopped] = field(default_factory=list)
    objections: list[str] = field(default_factory=list)
    compared: Comparison | None = None
    refitted: Refitted | None = None
    promoted_anyway: Overruled | None = None

    def stored(self) -> dict[str, Any]:
        """What is written, before the version has a number."""
        told = asdict(self)
        return {name: value for name, value in told.items() if name not in ("model_version", "promoted_anyway")}

    def of(self, version: int, why: str) -> Record:
        """As the version that it became, promoted for this reason."""
        overruled = Overruled(why, self.objections) if self.objections and why else None
        return replace(self, model_version=version, promoted_anyway=overruled)


@dataclass(frozen=True)
class Refitted:
    """What growing a judged model again on all rows changed, on the rows that had judged it.

    Attributes:
        rows: that taught it.
        rank_correlation: Spearman's, of both models' probabilities.
        mean_before, mean_after: mean p_default by the judged model, and by the one that decides.
    """

    rows: int
    rank_correlation: float
    mean_before: float
    mean_after: float


def read_record(path: Path) -> Record:
    """What training wrote.

    Raises:
        SourceError: it is of another version.
    """
    try:
        return TypeAdapter(Record).validate_python(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        raise SourceError(
            "the validation record is of another version, or was edited",
            expected=f"a record of format {FORMAT}",
            received=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            todo="train again: `credit-eval train`",
        ) from None


def judged_out_of_time(
    grown: Grown, sample: pd.DataFrame, features: Sequence[Trainable], *, tick: Tick = silent
) -> tuple[Judged, pd.DataFrame]:
    """The model on the part `oot`, beside logistic regressions fitted on what taught the trees; and `judged_rows`.

    Ticks as `validation`, per model judged.
    """
    taught, oot = sample[sample["part"] == "fit"], sample[sample["part"] == "oot"]
    p = grown.model.p_default(oot)
    baselines, gains = {}, {}
    for step, (name, ranks) in enumerate(((LOGISTIC, False), (LOGISTIC_RANKS, True))):
        tick("validation", step, 3)
        theirs = logistic(features, ranks=ranks)(taught, oot)
        baselines[name] = measure(oot["defaulted"], theirs, oot["customer_id"]).flat()
        gains[name] = asdict(auc_difference(oot["defaulted"], p, theirs, groups=oot["customer_id"]))
    tick("validation", 2, 3)
    by_part = {part: metrics.flat() for part, metrics in measure_parts(grown.model, sample).items()}
    tick("validation", 3, 3)
    judged = Judged(
        judged_on="out-of-time snapshots",
        metrics=by_part["oot"],
        metrics_by_part=by_part,
        baselines=baselines,
        gains=gains,
        reliability=_reliability(oot["defaulted"], p),
        capture=_capture(oot["defaulted"], p),
    )
    rest = sample[~sample["part"].isin(["fit", "oot"])]
    told = [judged_rows(taught, grown.p_out_of_fold, "fit"), judged_rows(oot, p, "oot")]
    return judged, pd.concat([*told, judged_rows(rest, grown.model.p_default(rest), "gap")] if len(rest) else told)


def judged_rows(rows: pd.DataFrame, p_default: ArrayLike, part: str) -> pd.DataFrame:
    """What a version is judged by and compared by: customer_id, as_of, defaulted, part, p_default.

    Each probability is by trees that learnt nothing from the row, of the part `fit` by those of another fold.
    """
    return rows[["customer_id", "as_of", "defaulted"]].assign(part=part, p_default=np.asarray(p_default))


def judging(rows: pd.DataFrame) -> pd.DataFrame:
    """Of rows with their `part` those that judge a version: out of time where there are such, else all."""
    oot = rows[rows["part"] == "oot"]
    return rows if oot.empty else oot


def judged_by_cross_validation(
    sample: pd.DataFrame,
    features: Sequence[Trainable],
    settings: TrainingSettings,
    *,
    demographics: Sequence[str],
    tick: Tick = silent,
) -> tuple[Judged, pd.DataFrame]:
    """Out-of-fold metrics, each the mean over repeats; curves, and `judged_rows`, from the first repeat."""
    subsets = {DEMOGRAPHICS: demographics} if demographics else {}
    judged = repeated_grouped_cv(sample, features, settings, subsets=subsets, seed=settings.seed, tick=tick)
    first = judged.predictions[judged.predictions["repeat"] == 0]
    found = Judged(
        judged_on="cross-validation grouped by customer",
        metrics=judged.metrics[MODEL].flat(),
        baselines={name: found.flat() for name, found in judged.metrics.items() if name != MODEL},
        gains={name: asdict(gain) for name, gain in judged.gains.items()},
        reliability=_reliability(first["defaulted"], first[MODEL]),
        capture=_capture(first["defaulted"], first[MODEL]),
    )
    return found, judged_rows(first, first[MODEL], "fit")


def _reliability(defaulted: ArrayLike, p_default: ArrayLike) -> list[Measured]:
    """Predicted against observed, by decile."""
    bins = reliability(defaulted, p_default)
    return [
        {"n": int(n), "predicted": float(predicted), "observed": float(observed)}
        for n, predicted, observed in zip(bins.n, bins.predicted, bins.observed, strict=True)
    ]


def _capture(defaulted: ArrayLike, p_default: ArrayLike) -> list[Measured]:
    """Who is caught from the riskiest down."""
    y = np.asarray(defaulted, dtype=np.float64)
    order = np.argsort(-np.asarray(p_default, dtype=np.float64), kind="stable")
    return [
        {"share": float(k / y.size), "bads": _share(y, order[:k]), "goods": _share(1 - y, order[:k])}
        for k in np.linspace(0, y.size, _CURVE_POINTS).astype(int)
    ]


def _share(flags: np.ndarray[Any, np.dtype[np.float64]], rows: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    return float(flags[rows].sum() / flags.sum())
