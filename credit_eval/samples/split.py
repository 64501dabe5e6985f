"""Who teaches, who stops, who calibrates, who judges.

Split by time, where the data last long enough. Months run from left to right, a performance window of four:

    month        1   2   3   4   5   6   7   8   9  10
    part         development ──────►   gap ────►  oot oot
    its window   └─ ends, and its label is known, by the first oot as_of

Customers of the development months are told apart by a hash of their id: 64 % fit the trees, 16 % say when to
stop, 20 % calibrate. A customer is in one of the three only, in whatever month, so none is learnt by heart.

>>> customer_folds(["ann", "bob", "cem", "dee", "ann"], [0, 1, 0, 1, 0], folds=2, seed=1).tolist()
[0, 0, 1, 1, 0]
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from credit_eval.core.errors import SampleError

MIN_BADS = 10
FIT, STOP = 0.64, 0.16  # the rest calibrates


@dataclass(frozen=True)
class Split:
    """A sample with its column `part`, how it was split, and why, in a sentence for the report."""

    frame: pd.DataFrame
    kind: Literal["time", "grouped"]
    why: str


def choose_split(frame: pd.DataFrame, *, window_days: int, oot_snapshots: int = 2, seed: int = 0) -> Split:
    """Split by time where that leaves enough to learn from and enough to judge by, else by customer.

    `frame` has customer_id, as_of, label_known_at and defaulted (0 or 1), one row per customer and as_of.

    Raises:
        SampleError: one class only, or fewer than 10 bads or goods in all.
    """
    check_labels(frame["defaulted"])
    by_time = split_by_time(frame, window_days=window_days, oot_snapshots=oot_snapshots, seed=seed)
    short_of = [what for what, rows in _judged(by_time).items() if _fewest(rows) < MIN_BADS]
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
        f"before the dates it is judged on, fewer than {MIN_BADS} bads or goods are left to "
        + " and to ".join(short_of)
        if span
        else "all rows are of one date"
    )
    why = f"Not judged out of time: {lacks}. Judged instead by cross-validation grouped by customer."
    return Split(grouped_parts(frame, seed=seed), "grouped", why)


def split_by_time(frame: pd.DataFrame, *, window_days: int, oot_snapshots: int = 2, seed: int = 0) -> pd.DataFrame:
    """Add `part`: fit, stop, calibrate, gap (in no use) or oot.

    A snapshot is a calendar month of as_of, since customers may each have an as_of of their own. The latest
    `oot_snapshots` of them are oot. Development lies `window_days` or more before the first oot as_of, and its
    labels (`label_known_at`) were known by then: whoever had trained on that day could have had every one.
    """
    month = frame["as_of"].dt.to_period("M")
    latest = month.drop_duplicates().sort_values().iloc[-oot_snapshots:]
    oot = month.isin(latest)
    first_oot = frame.loc[oot, "as_of"].min()
    observed = frame["as_of"] <= first_oot - pd.Timedelta(days=window_days)
    learnable = observed & (frame["label_known_at"] <= first_oot)
    part = np.where(learnable, _development_part(frame["customer_id"], seed), "gap")
    return frame.assign(part=np.where(oot, "oot", part))


def grouped_parts(frame: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Add `part`: fit, stop or calibrate, each customer in one of them, at whatever time."""
    return frame.assign(part=_development_part(frame["customer_id"], seed))


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


def _development_part(customer_id: pd.Series[str], seed: int) -> NDArray[np.str_]:
    codes, customers = pd.factorize(customer_id)
    place = np.array([_unit_hash(f"{seed}:{customer}") for customer in customers])
    parts = np.select([place < FIT, place < FIT + STOP], ["fit", "stop"], "calibrate")
    return parts[codes]


def _unit_hash(text: str) -> float:
    """A number in [0, 1) that looks random and is the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def _judged(frame: pd.DataFrame) -> dict[str, pd.Series[int]]:
    parts = {"fit": "learn from", "stop": "stop by", "calibrate": "calibrate on", "oot": "judge by"}
    return {what: frame.loc[frame["part"] == part, "defaulted"] for part, what in parts.items()}


def _fewest(defaulted: pd.Series[int]) -> int:
    bads = int(defaulted.sum())
    return min(bads, len(defaulted) - bads)
