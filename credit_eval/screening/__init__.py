"""What an analyst wants to know of features before they are used: strength, stability, likeness, leaks.

screen              a table of all of it, a row per feature
select              which features would be kept, and why the others are dropped
rank_correlation    which features rank customers alike
psi_by_month        which move with time
moves_after_as_of   which know the future
"""

from __future__ import annotations

from credit_eval.screening.correlation import rank_correlation
from credit_eval.screening.leakage import moves_after_as_of
from credit_eval.screening.stability import psi_by_month
from credit_eval.screening.table import screen, select

__all__ = ["moves_after_as_of", "psi_by_month", "rank_correlation", "screen", "select"]
