"""Calibrations beside the sigmoid in use: fitted on probabilities and labels, asked about other probabilities.

Sigmoid: Platt (1999). Beta: Kull, Silva Filho and Flach (2017). Isotonic: Zadrozny and Elkan (2002), held within
[½ / n, 1 - ½ / n], since it says 0 where no bad was seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from credit_eval.core.odds import Floats, log_odds


def sigmoid(p: Floats, defaulted: NDArray[np.int64], at: Floats) -> Floats:
    """Intercept and slope on log-odds."""
    return _logistic(log_odds(p)[:, None], defaulted, log_odds(at)[:, None])


def beta(p: Floats, defaulted: NDArray[np.int64], at: Floats) -> Floats:
    """A slope on ln p and another on -ln(1 - p): a sigmoid that may bend either end."""
    return _logistic(_both_ends(p), defaulted, _both_ends(at))


def isotonic(p: Floats, defaulted: NDArray[np.int64], at: Floats) -> Floats:
    """The best of all rising steps."""
    from sklearn.isotonic import IsotonicRegression

    least = 0.5 / p.size
    steps = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    return np.asarray(steps.fit(p, defaulted).predict(at))


def _both_ends(p: Floats) -> Floats:
    return np.column_stack([np.log(p), -np.log1p(-p)])


def _logistic(x: Floats, y: NDArray[np.int64], at: Floats) -> Floats:
    from sklearn.linear_model import LogisticRegression

    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(x, y)
    return np.asarray(line.predict_proba(at)[:, 1])
