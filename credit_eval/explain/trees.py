"""LightGBM's trees, walked by `woodelf` with LightGBM's own rules and summed in double precision.

`woodelf` (path-dependent WOODELF) gives the same Shapley values as LightGBM's `pred_contrib`, many rows at a
time. Measured on version 0.4.8, its own loader differs from LightGBM in three places, and this module mends them:

* categorical splits are refused: here a node holds the set of categories that go left;
* `zero_as_missing` is read as a plain comparison (wrong by whole log-odds): here zero takes the default branch;
* everything is summed in float32 (up to 2e-5 on 100 trees, more than the explanation law allows): here in float64.

Monotone constraints, path smoothing and `missing_type` NaN or none need nothing special: they only move numbers
that stand in the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from woodelf.core.cube_metric import ShapleyValues
from woodelf.core.path_to_s_vectors.lts_recursive_p2s import LTSRecursivePathToSVectors
from woodelf.core.path_to_s_vectors.woodelf_p2s import HighDepthWoodelfPathToSVectors
from woodelf.core.trees.decision_trees_ensemble import DecisionTreeNode
from woodelf.high_depth_woodelf import woodelf_for_high_depth_single_tree
from woodelf.woodelf_sparse import sparse_path_dependent_single_tree

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: LightGBM's `decision_type`: bit 0 categorical, bit 1 missing goes left, bits 2 and 3 what counts as missing.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO = 0, 1

#: Nearer to zero than this is zero for LightGBM (a float32 constant compared with doubles).
_ZERO = float(np.float32(1e-35))

#: Up to this depth tables over all 2^depth patterns are cheapest; deeper trees go by the patterns that occur.
_DENSE_DEPTH = 10


@dataclass(frozen=True)
class NumberRule:
    """Left if value <= threshold; missing values go by LightGBM's `missing_type` and `default_left`.

    >>> NumberRule(0.5, default_left=True, missing=2)(np.array([0.5, 0.6, np.nan]))
    array([ True, False,  True])
    >>> NumberRule(0.5, default_left=False, missing=1)(np.array([0.4, 0.0, np.nan]))
    array([ True, False, False])
    >>> NumberRule(-1.0, default_left=True, missing=0)(np.array([-2.0, np.nan]))  # no missing seen: NaN is 0
    array([ True, False])
    """

    threshold: float
    default_left: bool
    missing: int

    def __call__(self, values: Floats) -> Bools:
        """Which of the values go left."""
        if self.missing == _MISSING_ZERO:
            absent = (np.abs(values) <= _ZERO) | np.isnan(values)
            return np.where(absent, self.default_left, values <= self.threshold)
        nan_left = self.threshold >= 0 if self.missing == _MISSING_NONE else self.default_left
        return ~(values > self.threshold) if nan_left else values <= self.threshold


@dataclass(frozen=True)
class CategoryRule:
    """Left if the category (a whole number from 0) is in the split's set; missing, negative, unseen go right.

    >>> CategoryRule(np.array([False, True, False]))(np.array([1.0, 2.0, 7.0, np.nan, -1.0]))
    array([ True, False, False, False, False])
    """

    left: Bools

    def __call__(self, values: Floats) -> Bools:
        """Which of the values go left."""
        known = (values > -1) & (values < len(self.left))
        codes = np.where(known, values, 0).astype(np.int64)
        return known & self.left[codes]


class _Node(DecisionTreeNode):  # type: ignore[misc]
    """A node that asks a rule where to go; `woodelf` needs nothing else of it."""

    rule: NumberRule | CategoryRule | None = None

    def shall_go_left(self, row: pd.DataFrame, GPU: bool = False) -> pd.Series:
        assert self.rule is not None
        return pd.Series(self.rule(row[self.feature_name].to_numpy()), index=row.index)


class _DenseInDouble(HighDepthWoodelfPathToSVectors):  # type: ignore[misc]
    """`woodelf`'s tables over all patterns, without its casts to float32."""

    def _build_matrices(self) -> None:
        for depth in range(self.max_depth + 1):
            cubes = self.map_patterns_to_cube(list(range(depth)))
            table = self.build_patterns_to_values_sparse_matrix(cubes, self.metric, path_length=depth)
            self.matrices_frs_subsets[depth] = list(table)
            self.matrices[depth] = np.array(list(table.values()), dtype=np.float64).T

    @staticmethod
    def compute_f_from_covers(covers: Floats) -> Floats:
        """Share of the training rows behind every pattern: the product over features of cover or 1 - cover."""
        shares = np.ones(1)
        for cover in covers:
            shares = np.outer(shares, [1 - cover, cover]).ravel()
        return shares


class _SparseInDouble(LTSRecursivePathToSVectors):  # type: ignore[misc]
    """`woodelf`'s linear TreeSHAP over the patterns that occur, without its cast to float32."""

    def get_path_dependent_s_matrix(
        self,
        features_in_path: list[int],
        consumer_patterns: npt.NDArray[Any],
        covers: Floats,
        w: float,
        w_neighbor: float | None = None,
    ) -> dict[int, Floats]:
        """One row per pattern and one column per feature of the path, as a mapping from feature to column."""
        columns = self._get_s_matrix(covers, consumer_patterns, w, w_neighbor)
        return {feature: columns[:, i] for i, feature in enumerate(features_in_path)}


class Forest:
    """The trees of one booster, ready to explain rows.

    Args:
        text: what `booster.model_to_string()` returns.
        n_features: number of columns of every matrix to come.

    Attributes:
        unsupported: why these trees cannot be walked here, or None.
    """

    def __init__(self, text: str, n_features: int) -> None:
        self.n_features = n_features
        self.unsupported = _unsupported(text)
        self._trees = [] if self.unsupported else [tree for tree in _trees(text) if not tree.is_leaf()]
        depth = min(max((tree.depth for tree in self._trees), default=0), n_features)
        self._dense = _DenseInDouble(ShapleyValues(), min(depth, _DENSE_DEPTH))
        self._sparse = _SparseInDouble(ShapleyValues(), depth)

    def shapley(self, matrix: Floats) -> Floats:
        """Contributions in raw log-odds, (n, n_features) float64, of the rows of a float64 matrix of that shape."""
        data = pd.DataFrame(np.asfortranarray(matrix), copy=False)
        found: dict[int, Floats] = {}
        for tree in self._trees:
            self._add(tree, data, found)
        values = np.zeros(matrix.shape)
        for feature, column in found.items():
            values[:, feature] = column
        return values

    def _add(self, tree: DecisionTreeNode, data: pd.DataFrame, found: dict[int, Floats]) -> None:
        """Add one tree's contributions. The route depends on the tree alone, so chunking changes no bits."""
        if min(tree.depth, self.n_features) <= _DENSE_DEPTH:
            woodelf_for_high_depth_single_tree(tree, data, None, found, self._dense)
        else:
            sparse_path_dependent_single_tree(tree, data, found, self._sparse, False, True)


def _unsupported(text: str) -> str | None:
    head = text.partition("\nTree=")[0]
    return "the booster averages its trees" if "\naverage_output" in head else None


def _trees(text: str) -> Iterator[DecisionTreeNode]:
    for block in text.partition("\nend of trees")[0].split("\nTree=")[1:]:
        yield _tree(dict(line.split("=", 1) for line in block.splitlines()[1:] if "=" in line))


def _numbers(fields: dict[str, str], name: str, dtype: type) -> npt.NDArray[Any]:
    return np.array(fields.get(name, "").split(), dtype=dtype)


def _tree(fields: dict[str, str]) -> DecisionTreeNode:
    """Root of one tree. LightGBM names inner nodes 0, 1, … and leaves ~0, ~1, …"""
    nodes = {~leaf: node for leaf, node in enumerate(_leaves(fields))}
    n_inner = len(nodes) - 1
    counts = _numbers(fields, "internal_count", np.int64)
    features = _numbers(fields, "split_feature", np.int64)
    rules = _rules(fields)
    for i in range(n_inner):
        nodes[i] = _Node(int(features[i]), 0.0, None, None, index=i, cover=float(counts[i]))
        nodes[i].rule = rules[i]
    for side in ("left", "right"):
        for i, child in enumerate(_numbers(fields, f"{side}_child", np.int64)[:n_inner]):
            setattr(nodes[i], side, nodes[int(child)])
            nodes[int(child)].parent = nodes[i]
    root = nodes[0] if n_inner else nodes[~0]
    root.depth = root.get_depth()
    return root


def _leaves(fields: dict[str, str]) -> list[_Node]:
    values, counts = _numbers(fields, "leaf_value", np.float64), _numbers(fields, "leaf_count", np.float64)
    first = int(fields["num_leaves"]) - 1
    if len(values) == 1:
        return [_Node(None, values[0], None, None, index=0)]
    return [
        _Node(None, value, None, None, index=first + i, cover=float(count))
        for i, (value, count) in enumerate(zip(values, counts, strict=True))
    ]


def _rules(fields: dict[str, str]) -> list[NumberRule | CategoryRule]:
    bounds, words = _numbers(fields, "cat_boundaries", np.int64), _numbers(fields, "cat_threshold", np.uint32)
    rules: list[NumberRule | CategoryRule] = []
    for kind, threshold in zip(
        _numbers(fields, "decision_type", np.int64), _numbers(fields, "threshold", np.float64), strict=True
    ):
        if kind & _CATEGORICAL:
            start, stop = bounds[int(threshold)], bounds[int(threshold) + 1]
            rules.append(CategoryRule(_bits(words[start:stop])))
        else:
            rules.append(NumberRule(float(threshold), bool(kind & _DEFAULT_LEFT), int(kind) >> 2 & 3))
    return rules


def _bits(words: npt.NDArray[np.uint32]) -> Bools:
    """Bits of 32-bit words, lowest first.

    >>> np.flatnonzero(_bits(np.array([82], dtype=np.uint32))).tolist()
    [1, 4, 6]
    """
    return np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little").astype(bool)
