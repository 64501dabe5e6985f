"""Whether what a model says of its reasons is true, and stays: checked against the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from credit_eval.explain.contributions import contributions
from credit_eval.validation.subject import Subject

_ROWS = 2_000


@dataclass(frozen=True)
class Told:
    """Of the riskiest rows, of what raised each one's risk most.

    Attributes:
        n: rows looked at.
        true: share whose risk falls when that feature takes its typical value, all else equal.
        falls_by: mean fall of p_default then.
        none: rows whose leading feature has the typical value already, so it cannot be checked.
        pairs: rows of customers seen in two months running.
        stays: share of these whose leading feature is the same.
        among_three: share of these whose leading feature is among the first three of the month before.
    """

    n: int
    true: float
    falls_by: float
    none: int
    pairs: int
    stays: float
    among_three: float


def reasons(subject: Subject, typical: Mapping[str, float | str | None]) -> Told:
    """The leading contribution of up to 2,000 of the riskiest tenth of the rows that judge, by the judged trees."""
    p = pd.Series(subject.judged.p_default(subject.tested), index=subject.tested.index)
    risky = subject.tested[p >= p.quantile(0.9)]
    some = risky.sample(min(len(risky), _ROWS), random_state=0)
    first = _leading(subject, some)[:, 0]
    checked, falls = 0, np.empty(0)
    for place in np.unique(first):
        name = subject.judged.features[place]
        mine = some[first == place]
        usual = typical.get(name)
        value = np.nan if usual is None and mine[name].dtype.kind == "f" else usual
        differs = mine[~_same(mine[name], value)]
        if len(differs):
            fall = subject.judged.p_default(differs) - subject.judged.p_default(differs.assign(**{name: value}))
            checked, falls = checked + len(differs), np.append(falls, fall)
    pairs, stays, among = _stay(subject, risky)
    return Told(
        n=len(some),
        true=float((falls > 0).mean()) if falls.size else np.nan,
        falls_by=float(falls.mean()) if falls.size else np.nan,
        none=len(some) - checked,
        pairs=pairs,
        stays=stays,
        among_three=among,
    )


def _leading(subject: Subject, rows: pd.DataFrame, most: int = 3) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    """Places of the features that raise each row's risk most, (n, most)."""
    found = contributions(subject.judged.booster, subject.judged.matrix(rows)).values
    return np.argsort(-found, axis=1, kind="stable")[:, :most]


def _stay(subject: Subject, risky: pd.DataFrame) -> tuple[int, float, float]:
    keys = risky[["customer_id", "as_of"]].assign(month=risky["as_of"].dt.year * 12 + risky["as_of"].dt.month)
    keys = keys.assign(row=risky.index).drop_duplicates(["customer_id", "month"])
    pairs = keys.merge(keys.assign(month=keys["month"] + 1), on=["customer_id", "month"], suffixes=("_now", "_then"))
    pairs = pairs.head(_ROWS)
    if pairs.empty:
        return 0, np.nan, np.nan
    now = _leading(subject, risky.loc[pairs["row_now"]])[:, 0]
    then = _leading(subject, risky.loc[pairs["row_then"]])
    return len(pairs), float((now == then[:, 0]).mean()), float((now[:, None] == then).any(axis=1).mean())


def _same(values: pd.Series[float], usual: float | str | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if usual is None or usual != usual:
        return values.isna().to_numpy()
    return (values == usual).to_numpy()
