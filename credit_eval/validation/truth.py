"""Whether probabilities are true: by grade, decomposed, and beside what another calibration would have made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from credit_eval.core.odds import Floats
from credit_eval.core.statistics import Interval, brier, log_loss, log_loss_gain, ratio_interval
from credit_eval.models.calibrations import beta, isotonic, sigmoid
from credit_eval.models.model import GradeScale
from credit_eval.validation.subject import Subject

#: A test rejects where chance would do as much in fewer than so many of a hundred.
LEVEL = 0.05


@dataclass(frozen=True)
class Brier:
    """The Brier score as resolution, reliability and uncertainty over the grades, and what is lost within them.

    score = reliability - resolution + uncertainty + within. Source: Murphy (1973); the part within bins, Stephenson,
    Coelho and Jolliffe (2008).
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def overall(rows: pd.DataFrame) -> dict[str, float]:
    """Defaults that came for each that was predicted, with its interval by customer; and Spiegelhalter's z.

    z is 0 on average where every probability is true and rows are independent. Source: Spiegelhalter (1986).
    """
    y, p = rows["defaulted"].to_numpy(dtype=np.float64), rows["p_default"].to_numpy()
    came = ratio_interval(y, p, groups=rows["customer_id"])
    z = ((y - p) * (1 - 2 * p)).sum() / np.sqrt(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    return {"came": came.value, "came_low": came.low, "came_high": came.high, "z": float(z), "log_loss": log_loss(y, p)}


def by_grade(rows: pd.DataFrame, grades: GradeScale) -> pd.DataFrame:
    """A row per grade: n, bads, mean prediction, default rate with Jeffreys' interval, and three tests.

    * binomial: how often as many defaults or more would come, were the mean prediction true and rows independent;
    * Jeffreys: the probability that the true rate is at or below what is predicted, given what came (prior Beta(½, ½));
    * clustered: whether the ratio of what came to what was predicted, by customer, holds 1 within 95 %.

    The first two are what supervisors ask for (ECB, Instructions for reporting the validation results of internal
    models, 2019), and are too strict where a customer is seen on several dates; the third is not. A grade without
    rows has none.
    """
    from scipy.stats import beta as beta_law
    from scipy.stats import binom

    found = []
    of = grades.grade(rows["p_default"])
    for label in grades.labels:
        some = rows[of == label]
        n, bads, p = len(some), int(some["defaulted"].sum()), float(some["p_default"].mean())
        told: dict[str, object] = {"grade": label, "n": n, "bads": bads, "predicted": p}
        if n:
            low, high = (float(beta_law.ppf(share, bads + 0.5, n - bads + 0.5)) for share in (0.025, 0.975))
            told |= {
                "rate": bads / n,
                "rate_low": low,
                "rate_high": high,
                "binomial": float(binom.sf(bads - 1, n, p)),
                "jeffreys": float(beta_law.cdf(p, bads + 0.5, n - bads + 0.5)),
                "holds": _holds(some),
            }
        found.append(told)
    columns = ["grade", "n", "bads", "predicted", "rate", "rate_low", "rate_high", "binomial", "jeffreys", "holds"]
    return pd.DataFrame(found, columns=columns)


def decomposed(rows: pd.DataFrame, grades: GradeScale) -> Brier:
    """The Brier score over the grades."""
    y, p = rows["defaulted"].to_numpy(dtype=np.float64), rows["p_default"].to_numpy()
    _, of = np.unique(grades.grade(p), return_inverse=True)
    n = np.bincount(of)
    rate, said, base = np.bincount(of, y) / n, np.bincount(of, p) / n, y.mean()
    reliability = float((n * (said - rate) ** 2).sum() / y.size)
    resolution = float((n * (rate - base) ** 2).sum() / y.size)
    score = brier(y, p)
    uncertainty = float(base * (1 - base))
    return Brier(score, reliability, resolution, uncertainty, score - reliability + resolution - uncertainty)


def beside_other_calibrations(subject: Subject) -> pd.DataFrame:
    """What other calibrations, fitted on the development rows out of fold, would have given out of time.

    Of each: log loss, what came for each predicted, and the paired gain of log loss over the one in use (by customer).
    By arrears: a sigmoid for those with something late, and one for the others. `models.calibrations` has their
    sources.
    """
    fit, oot = subject.development, subject.part("oot")
    if oot.empty:
        return pd.DataFrame(columns=["what", "log_loss", "came", "gain", "gain_low", "gain_high"])
    y, in_use = oot["defaulted"].to_numpy(dtype=np.float64), oot["p_default"].to_numpy()
    found = [_beside("as in use", y, in_use, Interval(0.0, 0.0, 0.0))]
    for what, p in _calibrated(subject, fit, oot).items():
        gain = log_loss_gain(y, p, in_use, groups=oot["customer_id"])
        found.append(_beside(what, y, p, gain))
    return pd.DataFrame(found)


def _calibrated(subject: Subject, fit: pd.DataFrame, oot: pd.DataFrame) -> dict[str, Floats]:
    p, labels, at = fit["p_default"].to_numpy(), fit["defaulted"].to_numpy(), oot["p_default"].to_numpy()
    found = {"beta": beta(p, labels, at), "isotonic": isotonic(p, labels, at)}
    late, late_then = (subject.days_past_due.loc[rows.index].to_numpy() > 0 for rows in (fit, oot))
    if all(0 < labels[mask].sum() < mask.sum() for mask in (late, ~late)):
        parted = np.empty(at.size)
        for here, there in ((late, late_then), (~late, ~late_then)):
            parted[there] = sigmoid(p[here], labels[here], at[there]) if there.any() else 0.0
        found["a sigmoid by arrears"] = parted
    return found


def _beside(what: str, y: Floats, p: Floats, gain: Interval) -> dict[str, object]:
    told = {"what": what, "log_loss": log_loss(y, p), "came": float(y.sum() / p.sum())}
    return told | {"gain": gain.value, "gain_low": gain.low, "gain_high": gain.high}


def _holds(rows: pd.DataFrame) -> bool | None:
    """Whether what came may be what was predicted; None where that cannot be told of a single customer."""
    if rows["customer_id"].nunique() < 2:
        return None
    came = ratio_interval(rows["defaulted"], rows["p_default"], groups=rows["customer_id"])
    if not rows["defaulted"].any():  # no variance to go by: none came where at most three may be missed
        return bool(rows["p_default"].sum() <= -np.log(LEVEL))
    return bool(came.low <= 1 <= came.high)
