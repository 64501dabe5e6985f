"""Contributions of all trees of a model by tables, for many rows.

What a row is owed by a leaf depends only on whether it goes on at each feature of the leaf's path. Leaves that lie side
by side ask much the same questions, so they share a table: an entry for every combination of answers, and in it what
each feature is owed by all leaves of the table together. A row is then explained by one look-up a table.

    rows -> cells of each feature (`cells`) -> entry of each table -> sum of what stands there (`kernel`)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from credit_eval.core.machine import threads
from credit_eval.explain import kernel
from credit_eval.explain.cells import Cells, cells_of
from credit_eval.explain.trees import Bools, Floats, Ints, Path, Rule, Step, read_trees, unsupported

#: Most entries of a table that leaves share: a column of it stays in a processor's first cache (measured: 256 and 4,096
#: are no faster). A leaf with a long path may have a table of more; beyond that it is worked out row by row.
ENTRIES, ALONE = 2**10, 2**12
#: Rows that go through all tables together.
BLOCK = 4096
#: Measured on one core: a look-up or a sum; and how many of them finding a cell takes, and making a column.
_SECONDS_OF_A_SUM, _OF_A_CELL, _OF_A_COLUMN = 1.2e-9, 12, 6
_MOST_CELLS = 2**16 - 1


@dataclass(frozen=True)
class _Leaf:
    """A leaf with the features of its path, each once: which of its cells go on, and which share of rows did."""

    value: float
    features: tuple[int, ...]
    goes_on: tuple[Bools, ...]
    shares: Floats


@dataclass
class _Table:
    """Leaves that share a table: by feature the class of every cell, and how many classes there are."""

    leaves: list[_Leaf] = field(default_factory=list)
    classes: dict[int, Ints] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)

    def take(self, leaf: _Leaf, most: int) -> bool:
        """Take one more leaf, unless the table would have too many entries."""
        classes, sizes = dict(self.classes), dict(self.sizes)
        for feature, goes_on in zip(leaf.features, leaf.goes_on, strict=True):
            known = classes.get(feature)
            labels = np.zeros(len(goes_on), np.int64) if known is None else known
            classes[feature], sizes[feature] = kernel.refined(labels, goes_on)
            if math.prod(sizes.values()) > most:
                return False
        self.classes, self.sizes = classes, sizes
        self.leaves.append(leaf)
        return True

    @property
    def entries(self) -> int:
        """How many combinations of classes there are."""
        return math.prod(self.sizes.values())

    def owed(self) -> Floats:
        """What each feature is owed, (features, entries)."""
        table = np.zeros((len(self.sizes), self.entries))
        place = {feature: k for k, feature in enumerate(self.sizes)}
        sizes = np.array(list(self.sizes.values()), np.int64)
        for leaf in self.leaves:
            goes_on = np.zeros((len(leaf.features), int(sizes.max())), bool)
            for i, (feature, on) in enumerate(zip(leaf.features, leaf.goes_on, strict=True)):
                goes_on[i, self.classes[feature]] = on
            places = np.array([place[feature] for feature in leaf.features], np.int64)
            kernel.add_leaf(table, sizes, leaf.value, places, goes_on, leaf.shares, *_nodes(len(places)))
        return table

    def steps(self) -> list[npt.NDArray[np.uint16]]:
        """By feature, what each of its cells adds to the number of the entry."""
        before = np.cumprod([1, *self.sizes.values()])[:-1]
        return [(classes * step).astype(np.uint16) for classes, step in zip(self.classes.values(), before, strict=True)]


class _Encoding(NamedTuple):
    """What `kernel.encode` reads."""

    columns: Ints
    firsts: Ints
    thresholds: Floats
    categories: Ints
    zero_apart: Bools


class _FlatTables(NamedTuple):
    """What `kernel.add_tables` reads."""

    groups: Ints
    features: Ints
    steps_at: Ints
    steps: npt.NDArray[np.uint16]
    table_at: Ints
    tables: Floats


class _FlatLeaves(NamedTuple):
    """What `kernel.add_leaves` reads."""

    leaves: Ints
    features: Ints
    cells_at: Ints
    goes_on: Bools
    shares: Floats
    values: Floats
    nodes_at: Ints
    nodes: Floats
    weights: Floats


class Forest:
    """The trees of one booster, ready to explain rows.

    Args:
        text: what `booster.model_to_string()` returns.
        n_features: number of columns of every matrix to come.

    Attributes:
        unsupported: why these trees cannot be explained here, or None.
    """

    def __init__(self, text: str, n_features: int) -> None:
        self.n_features = n_features
        paths = [] if unsupported(text) else [path for tree in read_trees(text) for path in tree.paths()]
        self._cells = _cells(paths)
        self.unsupported = unsupported(text) or _too_many(self._cells)
        if not self.unsupported:
            leaves = _leaves(paths, self._cells)
            self._alone = [leaf for leaf in leaves if 2 ** len(leaf.features) > ALONE]
            self._tables = _shared([leaf for leaf in leaves if 2 ** len(leaf.features) <= ALONE])
            place = {feature: u for u, feature in enumerate(self._cells)}
            self._encoding = _encoding(self._cells)
            self._of_tables, self._of_leaves = _flat_tables(self._tables, place), _flat_leaves(self._alone, place)

    def __str__(self) -> str:
        entries = sum(table.entries * len(table.sizes) for table in self._tables)
        alone = f" and {len(self._alone):,} leaves one by one" if self._alone else ""
        return f"{len(self._tables):,} tables of {entries * 8 / 1e6:,.1f} MB{alone}"

    def seconds(self, rows: int) -> float:
        """About how long so many rows take, by what sums, cells and columns were measured to take."""
        sums = 2 * sum(len(table.sizes) for table in self._tables) + sum(
            len(leaf.features) ** 2 for leaf in self._alone
        )
        work = sums + _OF_A_CELL * len(self._cells) + _OF_A_COLUMN * self.n_features
        return rows * work * _SECONDS_OF_A_SUM / threads()

    def shapley(self, matrix: Floats) -> Floats:
        """Contributions in raw log-odds, (n, n_features) float64, of the rows of a float64 matrix of that shape.

        Columns lie one after the other in memory; what no tree uses is 0.
        """
        found = np.zeros((self.n_features, len(matrix)))
        matrix = np.ascontiguousarray(matrix)
        with ThreadPoolExecutor(threads()) as pool:
            list(pool.map(lambda start: self._add(matrix, start, found), range(0, len(matrix), BLOCK)))
        return found.T

    def _add(self, matrix: Floats, start: int, found: Floats) -> None:
        """Explain one block of rows. What is added to a row, and in which order, depends on the trees alone."""
        stop = min(start + BLOCK, len(matrix))
        codes = np.empty((len(self._cells), stop - start), np.uint16)
        kernel.encode(matrix, start, stop, *self._encoding, codes)
        kernel.add_tables(codes, start, stop - start, *self._of_tables, self._encoding[0], found)
        kernel.add_leaves(codes, start, stop - start, *self._of_leaves, self._encoding[0], found)


def _encoding(cells: dict[int, Cells]) -> _Encoding:
    thresholds = [one.thresholds for one in cells.values()]
    return _Encoding(
        np.array(list(cells), np.int64),
        _ends([len(some) for some in thresholds]),
        _flat(thresholds, np.float64),
        np.array([one.categories for one in cells.values()], np.int64),
        np.array([one.zero_apart for one in cells.values()], bool),
    )


def _flat_tables(tables: list[_Table], place: dict[int, int]) -> _FlatTables:
    steps = [step for table in tables for step in table.steps()]
    owed = [column for table in tables for column in table.owed()]
    return _FlatTables(
        _ends([len(table.sizes) for table in tables]),
        np.array([place[feature] for table in tables for feature in table.sizes], np.int64),
        _ends([len(some) for some in steps]),
        _flat(steps, np.uint16),
        _ends([len(some) for some in owed]),
        _flat(owed, np.float64),
    )


def _flat_leaves(leaves: list[_Leaf], place: dict[int, int]) -> _FlatLeaves:
    goes_on = [on for leaf in leaves for on in leaf.goes_on]
    nodes = [_nodes(len(leaf.features)) for leaf in leaves]
    return _FlatLeaves(
        _ends([len(leaf.features) for leaf in leaves]),
        np.array([place[feature] for leaf in leaves for feature in leaf.features], np.int64),
        _ends([len(on) for on in goes_on]),
        _flat(goes_on, bool),
        _flat([leaf.shares for leaf in leaves], np.float64),
        np.array([leaf.value for leaf in leaves], np.float64),
        _ends([len(at) for at, _ in nodes]),
        _flat([at for at, _ in nodes], np.float64),
        _flat([weights for _, weights in nodes], np.float64),
    )


def _flat(parts: Sequence[npt.NDArray[Any]], dtype: type) -> npt.NDArray[Any]:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)


def _ends(lengths: Sequence[int]) -> Ints:
    """Where each part begins and the last one ends, when they lie one after the other."""
    return np.concatenate([[0], np.cumsum(np.array(lengths, np.int64))]).astype(np.int64)


@lru_cache
def _nodes(n: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1], exact for polynomials of degree n - 1."""
    nodes, weights = np.polynomial.legendre.leggauss((n + 1) // 2)
    return (nodes + 1) / 2, weights / 2


def _cells(paths: Sequence[Path]) -> dict[int, Cells]:
    rules: dict[int, dict[int, Rule]] = {}
    for path in paths:
        for step in path.steps:
            rules.setdefault(step.feature, {})[id(step.rule)] = step.rule
    return {feature: cells_of(list(rules[feature].values())) for feature in sorted(rules)}


def _too_many(cells: dict[int, Cells]) -> str | None:
    most = max((len(one.representatives) for one in cells.values()), default=0)
    return f"a feature has {most:,} cells" if most > _MOST_CELLS else None


def _leaves(paths: Sequence[Path], cells: dict[int, Cells]) -> list[_Leaf]:
    values = {feature: one.representatives for feature, one in cells.items()}
    answers: dict[tuple[int, int], Bools] = {}

    def goes_on(step: Step) -> Bools:
        key = id(step.rule), step.feature  # each split is asked once: two leaves or more lie behind it
        if key not in answers:
            answers[key] = step.rule(values[step.feature])
        return answers[key] if step.left else ~answers[key]

    return [_leaf(path, goes_on) for path in paths]


def _leaf(path: Path, goes_on: Callable[[Step], Bools]) -> _Leaf:
    on: dict[int, Bools] = {}
    share: dict[int, float] = {}
    for step in path.steps:
        here = goes_on(step)
        on[step.feature] = on[step.feature] & here if step.feature in on else here
        share[step.feature] = share.get(step.feature, 1.0) * step.share
    return _Leaf(path.value, tuple(on), tuple(on.values()), np.array(list(share.values())))


def _shared(leaves: Sequence[_Leaf]) -> list[_Table]:
    """Tables of leaves that follow each other, each as large as may be."""
    tables: list[_Table] = []
    for leaf in leaves:
        if not (tables and tables[-1].take(leaf, ENTRIES)):
            tables.append(_Table())
            tables[-1].take(leaf, ALONE)
    return tables
