"""How far features move from month to month: the first month of a sample against each later one, by PSI.

No label is read, so all months may be looked at. A feature may move because customers do, because the world does, or
because it grows with the age of the data ("ever" counts, days since the first event): the number does not say which.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from credit_eval.core.odds import Floats
from credit_eval.core.statistics import psi
from credit_eval.screening.coded import Coded, Declared, Ints, coded
from credit_eval.screening.strength import by_chance


def months_of(frame: pd.DataFrame) -> tuple[Ints, pd.PeriodIndex]:
    """The calendar month of each row's `as_of` as a number from 0, and the months."""
    numbers, months = pd.factorize(frame["as_of"].dt.to_period("M"), sort=True)
    return numbers.astype(np.int64), pd.PeriodIndex(months)


def psi_by_month(frame: pd.DataFrame, features: Sequence[Declared]) -> pd.DataFrame:
    """PSI against the first month: a row per feature, a column (the month of `as_of`) per later month.

    Args:
        frame: a row per observation with its `as_of`.
        features: name, value_type, direction, dimension and tables of each; a `Feature` has them.

    Returns:
        (f, months - 1).

    Raises:
        SampleError: an infinite number.
    """
    month, months = months_of(frame)
    found = [_psi(_counts(coded(each.name, each.value_type, frame[each.name]), month)) for each in features]
    names = [each.name for each in features]
    return pd.DataFrame(np.reshape(found, (len(names), len(months) - 1)), index=names, columns=months[1:])


def worst_month(column: Coded, month: Ints) -> tuple[float, int | None, float]:
    """The highest PSI, the month it is of, and what chance alone would make of it; NaN where all is one month."""
    counts = _counts(column, month)
    found = _psi(counts)
    if not found.size:
        return np.nan, None, np.nan
    worst = int(found.argmax()) + 1
    used = int((counts[0] + counts[worst] > 0).sum())
    return float(found[worst - 1]), worst, by_chance(used, counts[0].sum(), counts[worst].sum())


def _counts(column: Coded, month: Ints) -> Ints:
    """Rows per month and bin; bins are made from month 0, and what is unknown is one of them."""
    bins = column.bins(month == 0)
    shape = (int(month.max()) + 1, int(bins.max()) + 1)
    return np.bincount(month * shape[1] + bins, minlength=shape[0] * shape[1]).reshape(shape)


def _psi(counts: Ints) -> Floats:
    return np.array([psi(counts[0], later) for later in counts[1:]])
