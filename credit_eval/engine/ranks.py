"""The second pass: what is known only when the whole cohort's values are."""

from __future__ import annotations

import pandas as pd

from credit_eval.engine.columns import Array


def ranked(values: Array, as_of: Array) -> Array:
    """Where each value stands among the known ones of its `as_of`: the share below, and half of the share equal.

    Args:
        values: (n,) float64, NaN where unknown.
        as_of: (n,) whole numbers.

    >>> import numpy as np
    >>> ranked(np.array([3.0, 1.0, 1.0, np.nan, 7.0]), np.array([0, 0, 0, 0, 9])).tolist()
    [0.8333333333333334, 0.3333333333333333, 0.3333333333333333, nan, 0.5]
    """
    of_date = pd.Series(values).groupby(as_of)
    shares: Array = ((of_date.rank() - 0.5) / of_date.transform("count")).to_numpy()
    return shares
