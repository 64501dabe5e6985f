"""Which features say the same: rank correlations, and clusters in which every pair is correlated.

Spearman's correlation is Pearson's of midranks. An unknown value takes the mean rank, so it speaks neither for nor
against: two features that are known for different rows are not correlated, whatever they hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from credit_eval.core.odds import Floats
from credit_eval.screening.coded import Declared, Ints, coded

_ROUNDING = 1e-5  # ranks are multiplied in single precision


def rank_correlation(frame: pd.DataFrame, features: Sequence[Declared]) -> pd.DataFrame:
    """Spearman's correlation of each pair of features that are numbers; 0 with a constant.

    Args:
        frame: a row per observation.
        features: name, value_type, direction, dimension and tables of each; a `Feature` has them.

    Returns:
        (f, f), by name.

    Raises:
        SampleError: an infinite number.
    """
    numbers = [each for each in features if each.value_type == "number"]
    names = [each.name for each in numbers]
    found = correlations([coded(each.name, "number", frame[each.name]).standard_ranks() for each in numbers])
    return pd.DataFrame(found, index=names, columns=names)


def correlations(ranks: Sequence[NDArray[np.float32]]) -> Floats:
    """Pearson's correlations (features, features) of standard ranks, (rows,) each: Spearman's of what is ranked."""
    if not ranks:
        return np.zeros((0, 0))
    side_by_side = np.stack(ranks)
    found: Floats = np.clip(side_by_side @ side_by_side.T, -1, 1).astype(np.float64)
    return found


def clusters(correlation: Floats, at_least: float) -> Ints:
    """Cluster of each feature, numbered from 1 in order; 0 for a feature alone.

    Within a cluster every pair has |correlation| >= `at_least` (complete linkage), so whichever of its features is
    kept stands for all the others. Source: Sørensen (1948).
    """
    if len(correlation) < 2:
        return np.zeros(len(correlation), dtype=np.int64)
    distance = 1 - np.abs(correlation)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    found = fcluster(tree, t=1 - at_least + _ROUNDING, criterion="distance")
    return _numbered(found)


def _numbered(found: Ints) -> Ints:
    """Clusters of two or more from 1 on, in the order of their first features."""
    _, first, which, sizes = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    together = sizes > 1
    number = np.zeros(sizes.size, dtype=np.int64)
    number[together] = first[together].argsort().argsort() + 1
    return number[which]
