"""How well one column tells bads from goods, alone: its information value, its AUC, and whether it knows too much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from credit_eval.core.errors import SampleError
from credit_eval.core.odds import Floats, information_value, woe
from credit_eval.core.statistics import Interval, auc, auc_interval
from credit_eval.samples.split import customer_folds
from credit_eval.screening.coded import Coded, Ints, Truths

#: What people call an IV below each bound; the words are Siddiqi's, Credit Risk Scorecards (2006), chapter 6, who has
#: what lies above 0.5 checked for knowing too much. A convention: honest features of how somebody repays exceed it.
STRENGTHS = {0.02: "unpredictive", 0.1: "weak", 0.3: "medium", 0.5: "strong", np.inf: "to be checked"}

_NOTHING = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Labels:
    """The rows that teach: who defaulted (0 or 1), whose rows they are, and which half says what is risky; (rows,)."""

    defaulted: Floats
    customer: Ints
    says: Truths

    @property
    def judges(self) -> Truths:
        """The other half, of other customers, on which it is judged whether that is so."""
        return ~self.says


def labels_of(rows: pd.DataFrame) -> Labels:
    """The labels of `rows` (customer_id, defaulted), customers with and without a bad dealt evenly to the halves.

    Raises:
        SampleError: fewer than two customers with a bad, or without.
    """
    defaulted = rows["defaulted"].to_numpy(dtype=np.float64)
    says = customer_folds(rows["customer_id"], defaulted, folds=2, seed=0) == 0
    return Labels(defaulted, pd.factorize(rows["customer_id"])[0].astype(np.int64), says)


def iv_of(bins: Ints, labels: Labels) -> tuple[float, float]:
    """Information value of a column by the bin of each row, and what chance alone would make of it."""
    bad = labels.defaulted
    bads, goods = np.bincount(bins, weights=bad), np.bincount(bins, weights=1 - bad)
    used = bads + goods > 0
    found = information_value(goods[used], bads[used])
    return found, by_chance(int(used.sum()), goods.sum(), bads.sum())


def by_chance(bins: int, n_one: float, n_other: float) -> float:
    """Mean IV or PSI of two samples drawn from one distribution: (bins - 1) · (1 / n_one + 1 / n_other).

    Rows are taken to be independent; several of one customer make chance somewhat stronger.
    Source: Yurdakul, Statistical Properties of Population Stability Index (2018).
    """
    return (bins - 1) * (1 / n_one + 1 / n_other)


def strength_of(iv: float) -> str:
    """What people call such an IV.

    >>> strength_of(0.2)
    'medium'
    """
    return next(word for bound, word in STRENGTHS.items() if iv < bound)


def auc_of(column: Coded, labels: Labels) -> Interval:
    """AUC with its interval over the rows where the column is known, not folded; NaN where nothing can be said.

    Values of a category have no order: they take that of their bads in one half of the customers, and are judged on
    the other half.
    """
    if column.value_type == "number":
        return _area(column.codes.astype(np.float64), column.known, labels)
    return _area(_risk(column.codes, labels), column.known & labels.judges, labels)


def is_too_good(area: Interval, bins: Ints, labels: Labels, too_good: float) -> bool:
    """Whether the lower end of an AUC is above `too_good`: the folded `area` of a column, or that of its bins.

    Bins are ordered by their bads in one half and judged on the other. Being unknown is a bin too, and the riskiest
    bin may lie in the middle, so this also finds what no order of the values does.
    """
    if area.low > too_good:
        return True
    risk, judges = _risk(bins, labels), labels.judges
    # The interval takes ten times as long, and most columns come nowhere near.
    near = auc(labels.defaulted[judges], risk[judges]) > too_good
    return near and _area(risk, judges, labels).low > too_good


def folded(area: Interval) -> Interval:
    """The AUC of whichever direction is the right one: 0.5 is none."""
    return area if not area.value < 0.5 else Interval(1 - area.value, 1 - area.high, 1 - area.low)


def _area(score: Floats, rows: Truths, labels: Labels) -> Interval:
    try:
        return auc_interval(labels.defaulted[rows], score[rows], groups=labels.customer[rows])
    except SampleError:  # one class, or one customer of a class, where the column is known
        return _NOTHING


def _risk(codes: Ints, labels: Labels) -> Floats:
    """Minus the weight of evidence of each row's code, as one half says; 0 for codes that it lacks, and for -1."""
    learns, n = labels.says & (codes >= 0), int(codes.max(initial=-1)) + 1
    seen, bad = codes[learns], labels.defaulted[learns]
    bads, goods = np.bincount(seen, weights=bad, minlength=n), np.bincount(seen, weights=1 - bad, minlength=n)
    risk = np.where(bads + goods > 0, -woe(goods, bads), 0.0)
    return np.append(risk, 0.0)[codes]
