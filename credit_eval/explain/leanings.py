"""Which way a feature leans: whether the model takes its higher values for riskier or for safer, as seen on a sample.

A feature whose declaration claims no direction may still have one in the model. A reason must not name a value that
the model takes for better than typical, so the leaning is kept beside the typical value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_eval.language.typical import Leaning

Floats = npt.NDArray[np.float64]

#: Rank correlation (Spearman) of value and contribution from which on a feature leans.
CLEAR = 0.5


def leanings(matrix: Floats, contributions: Floats) -> list[Leaning]:
    """Leaning of each column of `matrix` (n, f; NaN = unknown) by its contributions (n, f) in log-odds.

    >>> x = np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0], [np.nan, 5.0]])
    >>> leanings(x, np.array([[0.1, 0.3], [0.2, 0.2], [0.4, 0.4], [0.9, 0.3]]))
    [1, 0]
    """
    ranked = [pd.DataFrame(part).where(~np.isnan(matrix)).rank() for part in (matrix, contributions)]
    with np.errstate(invalid="ignore", divide="ignore"):  # a column of one value correlates with nothing
        together = ranked[0].corrwith(ranked[1]).fillna(0.0)
    return [1 if rho >= CLEAR else -1 if rho <= -CLEAR else 0 for rho in together]
