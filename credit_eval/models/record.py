"""What training measured, as one plain record: for the registry, the report and the summary.

A model is judged on rows that taught it nothing: out of time where the data last long enough, otherwise by
repeated cross-validation grouped by customer. Beside it stand its baselines, on the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from credit_eval.core.progress import Tick, silent
from credit_eval.core.statistics import auc_difference, reliability
from credit_eval.models.model import CreditModel
from credit_eval.models.training import Trainable, TrainingSettings
from credit_eval.models.validation import (
    LOGISTIC,
    LOGISTIC_RANKS,
    MODEL,
    logistic,
    measure,
    measure_parts,
    repeated_grouped_cv,
)

Record = dict[str, Any]
DEMOGRAPHICS = "lightgbm on demographics alone"
_CURVE_POINTS = 101


def judged_out_of_time(
    model: CreditModel, sample: pd.DataFrame, features: Sequence[Trainable], *, tick: Tick = silent
) -> Record:
    """The model on the part `oot`, beside logistic regressions fitted on what taught the trees.

    Ticks as `validation`, per model judged.
    """
    taught, oot = sample[sample["part"].isin(("fit", "stop"))], sample[sample["part"] == "oot"]
    p = model.p_default(oot)
    baselines, gains = {}, {}
    for step, (name, ranks) in enumerate(((LOGISTIC, False), (LOGISTIC_RANKS, True))):
        tick("validation", step, 3)
        theirs = logistic(features, ranks=ranks)(taught, oot)
        baselines[name] = measure(oot["defaulted"], theirs, oot["customer_id"]).flat()
        gains[name] = asdict(auc_difference(oot["defaulted"], p, theirs, groups=oot["customer_id"]))
    tick("validation", 2, 3)
    by_part = {part: metrics.flat() for part, metrics in measure_parts(model, sample).items()}
    tick("validation", 3, 3)
    return {
        "judged_on": "out-of-time snapshots",
        "metrics": by_part["oot"],
        "metrics_by_part": by_part,
        "baselines": baselines,
        "gains": gains,
    } | _curves(oot["defaulted"], p)


def judged_by_cross_validation(
    sample: pd.DataFrame,
    features: Sequence[Trainable],
    settings: TrainingSettings,
    *,
    demographics: Sequence[str],
    tick: Tick = silent,
) -> Record:
    """Out-of-fold metrics, each the mean over repeats; curves from the first repeat."""
    subsets = {DEMOGRAPHICS: demographics} if demographics else {}
    judged = repeated_grouped_cv(sample, features, settings, subsets=subsets, seed=settings.seed, tick=tick)
    first = judged.predictions[judged.predictions["repeat"] == 0]
    return {
        "judged_on": "cross-validation grouped by customer",
        "metrics": judged.metrics[MODEL].flat(),
        "baselines": {name: found.flat() for name, found in judged.metrics.items() if name != MODEL},
        "gains": {name: asdict(gain) for name, gain in judged.gains.items()},
    } | _curves(first["defaulted"], first[MODEL])


def _curves(defaulted: ArrayLike, p_default: ArrayLike) -> Record:
    """Points of two pictures: predicted against observed by decile, and who is caught from the riskiest down."""
    y, p = np.asarray(defaulted, dtype=np.float64), np.asarray(p_default, dtype=np.float64)
    bins = reliability(y, p)
    caught = np.linspace(0, y.size, _CURVE_POINTS).astype(int)
    order = np.argsort(-p, kind="stable")
    return {
        "reliability": [
            {"n": int(n), "predicted": float(predicted), "observed": float(observed)}
            for n, predicted, observed in zip(bins.n, bins.predicted, bins.observed, strict=True)
        ],
        "capture": [
            {"share": float(k / y.size), "bads": _share(y, order[:k]), "goods": _share(1 - y, order[:k])}
            for k in caught
        ],
    }


def _share(flags: np.ndarray[Any, np.dtype[np.float64]], rows: np.ndarray[Any, np.dtype[np.int64]]) -> float:
    return float(flags[rows].sum() / flags.sum())
