"""Who teaches, and who judges.

Split by time, where the data last long enough. Months run from left to right, a performance window of four:

    month        1   2   3   4   5   6   7   8   9  10
    part         fit ──────────────►   gap ────►  oot oot
    its window   └─ ends, and its label is known, by the first oot as_of

Every row that may teach does: how many trees to grow, and how to calibrate them, is found by cross-validation within
the part `fit`, no customer in two folds (`models.training`). Where time is too short, all rows are `fit`, and
cross-validation judges as well.

>>> customer_folds(["ann", "bob", "cem", "dee", "ann"], [0, 1, 0, 1, 0], folds=2, seed=1).tolist()
[0, 0, 1, 1, 0]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from credit_eval.core.errors import SampleError

#: Bads and goods without which nothing is judged, and nothing is learnt out of time.
MIN_BADS, MIN_TO_LEARN = 10, 50


@dataclass(frozen=True)
class Split:
    """A sample with its column `part`, how it was split, and why, in a sentence for the report."""

    frame: pd.DataFrame
    kind: Literal["time", "grouped"]
    why: str


def choose_split(frame: pd.DataFrame, *, window_days: int, oot_snapshots: int = 2) -> Split:
    """Split by time where that leaves enough to learn from and enough to judge by, else by customer.

    `frame` has customer_id, as_of, label_known_at and defaulted (0 or 1), one row per customer and as_of.

    Raises:
        SampleError: one class only, or fewer than 10 bads or goods in all.
    """
    check_labels(frame["defaulted"])
    by_time = split_by_time(frame, window_days=window_days, oot_snapshots=oot_snapshots)
    needed = {"fit": ("learn from", MIN_TO_LEARN), "oot": ("judge by", MIN_BADS)}
    short_of = [
        f"fewer than {n} bads or goods are left to {what}"
        for part, (what, n) in needed.items()
        if _fewest(by_time.loc[by_time["part"] == part, "defaulted"]) < n
    ]
    if not short_of:
        oot = by_time.loc[by_time["part"] == "oot", "as_of"]
        why = (
            f"Judged out of time, on {oot.min():%Y-%m-%d} to {oot.max():%Y-%m-%d}; what it learnt from was "
            f"observed {window_days} days or more before: its windows had ended and its labels were known by then."
        )
        return Split(by_time, "time", why)
    span = (frame["as_of"].max() - frame["as_of"].min()).days
    lacks = (
        f"the sample spans {span} days, and where windows of {window_days} days must have ended, and labels be known, "
        f"before the dates it is judged on, {' and '.join(short_of)}"
        if span
        else "all rows are of one date"
    )
    why = f"Not judged out of time: {lacks}. Judged instead by cross-validation grouped by customer."
    return Split(frame.assign(part="fit"), "grouped", why)


def split_by_time(frame: pd.DataFrame, *, window_days: int, oot_snapshots: int = 2) -> pd.DataFrame:
    """Add `part`: fit, gap (in no use) or oot.

    A snapshot is a calendar month of as_of, since customers may each have an as_of of their own. The latest
    `oot_snapshots` of them are oot. What is `fit` lies `window_days` or more before the first oot as_of, and its
    labels (`label_known_at`) were known by then: whoever had trained on that day could have had every one.
    """
    month = frame["as_of"].dt.to_period("M")
    latest = month.drop_duplicates().sort_values().iloc[-oot_snapshots:]
    oot = month.isin(latest)
    first_oot = frame.loc[oot, "as_of"].min()
    observed = frame["as_of"] <= first_oot - pd.Timedelta(days=window_days)
    learnable = observed & (frame["label_known_at"] <= first_oot)
    return frame.assign(part=np.where(oot, "oot", np.where(learnable, "fit", "gap")))


def customer_folds(customer_id: ArrayLike, defaulted: ArrayLike, *, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each row, from 0: a customer is in one fold, and customers with a bad row are dealt out evenly.

    Depends on the set of customers and the seed, not on the order of rows.

    Raises:
        SampleError: fewer customers with (or without) a bad row than folds.
    """
    customers, which = np.unique(np.asarray(customer_id, dtype=str), return_inverse=True)
    with_bad = np.bincount(which, weights=np.asarray(defaulted, dtype=float)) > 0
    rng = np.random.default_rng(seed)
    fold = np.empty(customers.size, dtype=np.int64)
    for members in (np.flatnonzero(with_bad), np.flatnonzero(~with_bad)):
        if members.size < folds:
            raise SampleError(
                "too few customers for cross-validation",
                expected=f"{folds} customers with and {folds} without a bad, one for each fold",
                received=str(members.size),
            )
        fold[rng.permutation(members)] = np.arange(members.size) % folds
    return fold[which]


def check_labels(defaulted: pd.Series[int], *, left_out: Mapping[str, int] | None = None) -> None:
    """Refuse labels that nothing can be learnt from; `left_out` says how many rows have none, by why.

    Raises:
        SampleError: no rows, one class only, or fewer than 10 bads or goods.
    """
    bads = int(defaulted.sum())
    goods = len(defaulted) - bads
    if min(bads, goods) >= MIN_BADS:
        return
    one_class = min(bads, goods) == 0
    raise SampleError(
        "one class only in the labels" if one_class else "too few bads or goods to learn from",
        expected=f"at least {MIN_BADS} bads and {MIN_BADS} goods",
        received=f"{bads:,} bads and {goods:,} goods"
        + "".join(f"; left out: {n:,} as {why}" for why, n in sorted((left_out or {}).items())),
        todo="take a longer history, a wider cohort or an earlier default definition",
    )


def _fewest(defaulted: pd.Series[int]) -> int:
    bads = int(defaulted.sum())
    return min(bads, len(defaulted) - bads)
