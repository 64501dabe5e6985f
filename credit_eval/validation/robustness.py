"""What becomes of a version under other seeds, when a feed stops, and in harder times."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from credit_eval.core.odds import log_odds, probability, shift_to_mean
from credit_eval.core.statistics import auc, auc_difference
from credit_eval.models.model import CreditModel
from credit_eval.validation.subject import Subject


def other_seeds(subject: Subject, regrow: Callable[[int], CreditModel], seeds: Sequence[int]) -> pd.DataFrame:
    """The same recipe with other seeds on the same rows, beside the judged trees, on the rows that judge.

    Of each: AUC, rank correlation with what was judged, mean distance of the probabilities, share of the rows that lie
    on the other side of the threshold. `regrow` grows and calibrates the trees of the part `fit` by a seed.
    """
    rows, found = subject.tested, []
    before = pd.Series(subject.judged.p_default(rows), index=rows.index)
    for seed in seeds:
        p = pd.Series(regrow(seed).p_default(rows), index=rows.index)
        found.append(
            {
                "seed": seed,
                "auc": auc(rows["defaulted"], p),
                "rank_correlation": float(before.corr(p, method="spearman")),
                "mean_distance": float((p - before).abs().mean()),
                "other_side": float(((p > subject.threshold) != (before > subject.threshold)).mean()),
            }
        )
    return pd.DataFrame(found, columns=["seed", "auc", "rank_correlation", "mean_distance", "other_side"])


def without_a_feed(subject: Subject) -> pd.DataFrame:
    """Each table in turn stops: all its features unknown on the rows that judge. AUC lost (paired), mean prediction.

    Features that read several tables are unknown as soon as one of them is.
    """
    rows, found = subject.tested, []
    before = subject.judged.p_default(rows)
    used = set(subject.judged.features)
    tables = sorted({table for feature in subject.features if feature.name in used for table in feature.tables})
    for table in tables:
        lost = [feature.name for feature in subject.features if table in feature.tables and feature.name in used]
        p = subject.judged.p_default(rows.assign(**dict.fromkeys(lost, np.nan)))
        change = auc_difference(rows["defaulted"], p, before, groups=rows["customer_id"])
        found.append(
            {
                "table": table,
                "features": len(lost),
                "auc": auc(rows["defaulted"], p),
                "change": change.value,
                "change_low": change.low,
                "change_high": change.high,
                "predicted": float(p.mean()),
                "predicted_before": float(before.mean()),
            }
        )
    columns = ["table", "features", "auc", "change", "change_low", "change_high", "predicted", "predicted_before"]
    return pd.DataFrame(found, columns=columns)


def harder_times(rows: pd.DataFrame, threshold: float, factors: Sequence[float] = (1.0, 1.5, 2.0, 3.0)) -> pd.DataFrame:
    """Everybody's odds rise until so many times as many default: mean prediction, share above the threshold.

    A shift of the base rate at an unchanged ranking (Saerens, Latinne and Decaestecker 2002); a crisis that hits some
    people harder than others is not in it.
    """
    x, mean, found = log_odds(rows["p_default"].to_numpy()), float(rows["p_default"].mean()), []
    for factor in factors:
        shifted = probability(x + shift_to_mean(x, min(factor * mean, 0.999)))
        told = {"factor": factor, "predicted": float(shifted.mean())}
        found.append(told | {"above": float((shifted > threshold).mean())})
    return pd.DataFrame(found)
