"""The second pass: what is known only when the whole cohort's values are.

Somebody who is scored alone has no cohort to stand in: a `Standing` keeps what the ranks of a cohort were, and tells
where a value would have stood in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
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


#: Points that a standing is told by, where there are more different values.
POINTS = 500


@dataclass(frozen=True)
class Standing:
    """Where values stood in a cohort: `ranks` of `values`, which rise; between two of them it is in between.

    >>> standing = Standing.of(np.array([1.0, 1.0, 3.0, 7.0]), np.array([0.25, 0.25, 0.625, 0.875]))
    >>> standing.ranks_of(np.array([0.0, 1.0, 2.0, 9.0, np.nan])).tolist()
    [0.0, 0.25, 0.4375, 1.0, nan]
    """

    values: tuple[float, ...]
    ranks: tuple[float, ...]

    @classmethod
    def of(cls, values: Array, ranks: Array) -> Self:
        """Of the values of one cohort and their ranks; unknown ones are left out."""
        known = ~np.isnan(values)
        distinct, first = np.unique(values[known], return_index=True)
        places = np.unique(np.linspace(0, len(distinct) - 1, min(POINTS, len(distinct))).astype(np.intp))
        some = places if len(distinct) else np.array([], dtype=np.intp)
        return cls(tuple(distinct[some].tolist()), tuple(ranks[known][first][some].tolist()))

    def ranks_of(self, values: Array) -> Array:
        """Where these would have stood: 0 below everybody, 1 above, NaN where unknown."""
        if not self.values:
            return np.full(len(values), np.nan)
        found: Array = np.interp(values, self.values, self.ranks, left=0.0, right=1.0)
        return np.where(np.isnan(values), np.nan, found)
