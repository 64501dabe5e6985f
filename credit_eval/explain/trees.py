"""LightGBM's trees as they stand in its text format: who goes left at each node, and what each leaf says.

Monotone constraints, path smoothing and the like need nothing special: they only move numbers that stand in the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: LightGBM's `decision_type`: bit 0 categorical, bit 1 missing goes left, bits 2 and 3 what counts as missing.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO = 0, 1

#: Nearer to zero than this is zero for LightGBM (a float32 constant compared with doubles).
ZERO = float(np.float32(1e-35))


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

    @property
    def zero_is_missing(self) -> bool:
        """Whether zero takes the default branch."""
        return self.missing == _MISSING_ZERO

    def __call__(self, values: Floats) -> Bools:
        """Which of the values go left."""
        if self.zero_is_missing:
            absent = (np.abs(values) <= ZERO) | np.isnan(values)
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


Rule = NumberRule | CategoryRule


@dataclass(frozen=True)
class Step:
    """A split on the way to a leaf: who goes on, and the share of the training rows that did."""

    feature: int
    rule: Rule
    left: bool
    share: float


@dataclass(frozen=True)
class Path:
    """The way to a leaf, and the log-odds that it says."""

    value: float
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Tree:
    """One tree. Inner nodes are 0, 1, …, leaves ~0, ~1, …; `children` (2, inner nodes): left, right."""

    features: Ints
    rules: list[Rule]
    children: Ints
    counts: Floats
    leaf_counts: Floats
    values: Floats

    def paths(self) -> Iterator[Path]:
        """Every leaf with the way to it, from left to right; none for a tree without a split."""
        todo: list[tuple[int, tuple[Step, ...]]] = [(0, ())] if len(self.features) else []
        while todo:
            node, steps = todo.pop()
            if node < 0:
                yield Path(float(self.values[~node]), steps)
                continue
            for side in (1, 0):
                child = int(self.children[side, node])
                share = self._count(child) / self.counts[node] if self.counts[node] else np.nan
                step = Step(int(self.features[node]), self.rules[node], side == 0, share)
                todo.append((child, (*steps, step)))

    def _count(self, node: int) -> float:
        return float(self.leaf_counts[~node] if node < 0 else self.counts[node])


def unsupported(text: str) -> str | None:
    """Why the trees of `booster.model_to_string()` are not a plain sum of what their leaves say; None: they are."""
    head = text.partition("\nTree=")[0]
    if "\naverage_output" in head:
        return "the booster averages its trees"
    if "\nis_linear=1" in text:
        return "the leaves hold linear models"
    return None


def read_trees(text: str) -> Iterator[Tree]:
    """The trees that stand in `booster.model_to_string()`, in their order."""
    for block in text.partition("\nend of trees")[0].split("\nTree=")[1:]:
        yield _tree(dict(line.split("=", 1) for line in block.splitlines()[1:] if "=" in line))


def _numbers(fields: dict[str, str], name: str, dtype: type) -> npt.NDArray[Any]:
    return np.array(fields.get(name, "").split(), dtype=dtype)


def _tree(fields: dict[str, str]) -> Tree:
    values = _numbers(fields, "leaf_value", np.float64)
    inner = len(values) - 1
    return Tree(
        features=_numbers(fields, "split_feature", np.int64)[:inner],
        rules=_rules(fields)[:inner],
        children=np.array([_numbers(fields, f"{side}_child", np.int64)[:inner] for side in ("left", "right")]),
        counts=_numbers(fields, "internal_count", np.float64),
        leaf_counts=_numbers(fields, "leaf_count", np.float64),
        values=values,
    )


def _rules(fields: dict[str, str]) -> list[Rule]:
    bounds, words = _numbers(fields, "cat_boundaries", np.int64), _numbers(fields, "cat_threshold", np.uint32)
    rules: list[Rule] = []
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
