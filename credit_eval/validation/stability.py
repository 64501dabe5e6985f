"""Whether the people who are scored, and their grades, stay what they were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from credit_eval.core.statistics import psi
from credit_eval.models.model import GradeScale
from credit_eval.validation.subject import Declared, Subject

_BINS = 10
#: A feature's column of bins that holds what is unknown.
_UNKNOWN = "unknown"


def bound(bins: int, before: int, now: int, level: float = 0.95) -> float:
    """PSI that chance alone stays below in 95 of 100 pairs of samples of one population, of `before` and `now` rows.

    PSI is then about χ² with bins - 1 degrees of freedom, times 1 / before + 1 / now. Source: Yurdakul and Naranjo
    (2020). It takes rows as independent: several of one customer move further.

    >>> round(bound(10, 1_000, 1_000), 4)
    0.0338
    """
    from scipy.stats import chi2

    return float(chi2.ppf(level, bins - 1) * (1 / before + 1 / now))


def score_psi(rows: pd.DataFrame) -> pd.DataFrame:
    """PSI of p_default by month against the first month, in tenths of the first; with what chance stays below."""
    months = rows["as_of"].dt.strftime("%Y-%m")
    first = rows.loc[months == months.min(), "p_default"].to_numpy()
    edges = np.unique(np.quantile(first, np.linspace(0, 1, _BINS + 1)[1:-1]))
    before = _counts(first, edges)
    found = []
    for month in sorted(months.unique())[1:]:
        now = _counts(rows.loc[months == month, "p_default"].to_numpy(), edges)
        told = {"month": month, "n": int(now.sum()), "psi": psi(before, now)}
        found.append(told | {"by_chance": bound(len(edges) + 1, int(before.sum()), int(now.sum()))})
    return pd.DataFrame(found, columns=["month", "n", "psi", "by_chance"])


def feature_psi(subject: Subject, *, top: int = 20) -> pd.DataFrame:
    """PSI of the features that move the score most (also called CSI), development against the rows that judge.

    Empty where both are the same rows.
    """
    columns = ["feature", "importance", "psi", "by_chance", "unknown_before", "unknown_now"]
    before, now = subject.development, subject.part("oot")
    if now.empty:
        return pd.DataFrame(columns=columns)
    declared = {feature.name: feature for feature in subject.features}
    moves = subject.record.importance
    strongest = [name for name in sorted(moves, key=lambda name: (-moves[name], name))[:top] if name in declared]
    found = []
    for name in strongest:
        then, since = coded(declared[name], before[name], before[name]), coded(declared[name], before[name], now[name])
        bins = sorted(set(then) | set(since))
        counts = [np.array([(some == one).sum() for one in bins], dtype=np.float64) for some in (then, since)]
        found.append(
            {
                "feature": declared[name].title,
                "importance": subject.record.importance[name],
                "psi": psi(*counts),
                "by_chance": bound(max(len(bins), 2), len(then), len(since)),
                "unknown_before": float(before[name].isna().mean()),
                "unknown_now": float(now[name].isna().mean()),
            }
        )
    return pd.DataFrame(found, columns=columns)


def coded(
    feature: Declared, reference: pd.Series[float], values: pd.Series[float]
) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """The bin of each value: a tenth of what is known of the reference, a category, or that it is unknown."""
    unknown = values.isna().to_numpy()
    if feature.value_type == "category":
        names = values.fillna(_UNKNOWN).to_numpy().astype(str)
    else:
        known = reference.dropna().to_numpy()
        edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if known.size else np.empty(0)
        names = np.searchsorted(edges, values.to_numpy(), side="left").astype(str)
    return np.where(unknown, _UNKNOWN, names)


def migration(rows: pd.DataFrame, grades: GradeScale) -> pd.DataFrame:
    """Customers seen in two months running: n by grade before (rows) and after (columns), over all pairs of months."""
    told = rows[["customer_id"]].assign(
        grade=grades.grade(rows["p_default"]), month=rows["as_of"].dt.year * 12 + rows["as_of"].dt.month
    )
    told = told.drop_duplicates(["customer_id", "month"], keep="last")
    after = told.assign(month=told["month"] - 1)
    pairs = told.merge(after, on=["customer_id", "month"], suffixes=("_before", "_after"))
    table = pd.crosstab(pairs["grade_before"], pairs["grade_after"])
    return table.reindex(index=list(grades.labels), columns=list(grades.labels), fill_value=0)


def stays(table: pd.DataFrame) -> dict[str, float]:
    """Of a migration matrix: share that keep their grade, that move by one, that move further."""
    counts = table.to_numpy(dtype=np.float64)
    apart = np.abs(np.subtract.outer(np.arange(len(table)), np.arange(len(table))))
    total = counts.sum()
    shares: Sequence[float] = [
        float(counts[mask].sum() / total) if total else np.nan for mask in (apart == 0, apart == 1, apart > 1)
    ]
    return dict(zip(("same", "by one", "further"), shares, strict=True))


def _counts(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], edges: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1).astype(np.float64)
