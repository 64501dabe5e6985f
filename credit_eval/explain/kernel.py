"""Compiled loops of contributions: cells of values, tables of leaves, and sums over tables.

The formula (Lundberg and Lee 2017 for the values, Gauss-Legendre for the sum over subsets). A leaf says v to who goes
on at all n features of its path; o_i tells whether a row goes on at feature i, z_i is the share of training rows that
does. Feature i is owed

    v (o_i - z_i) Σ_S |S|! (n - |S| - 1)! / n! Π_{j in S} o_j Π_{j not in S} z_j          (S without i)
  = v (o_i - z_i) ∫_0^1 Π_{j ≠ i} (o_j t + z_j (1 - t)) dt,

since the weight of S is ∫ t^|S| (1 - t)^(n - 1 - |S|) dt. The integrand is a polynomial of degree n - 1, for which
ceil(n / 2) nodes are exact; all terms are positive, so nothing cancels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import types

from credit_eval.core.compiled import compiled, inlined

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint16]

_number, _whole = types.float64, types.int64


def _array(kind: types.Type, dimensions: int) -> types.Array:
    return types.Array(kind, dimensions, "C", readonly=True)


_NUMBERS, _WHOLES, _TRUTHS = _array(types.float64, 1), _array(types.int64, 1), _array(types.boolean, 1)
_CODES, _CELLS = _array(types.uint16, 1), types.Array(types.uint16, 2, "C")
_ROWS, _TABLE = _array(types.float64, 2), types.Array(types.float64, 2, "C")


@inlined
def _owed(
    value: float, on: Bools, shares: Floats, nodes: Floats, weights: Floats, before: Floats, found: Floats
) -> None:
    """Write into `found` (n,) what a leaf owes to each feature of its path; `before` (n,) is room to work in."""
    n = len(shares)
    for i in range(n):
        found[i] = 0.0
    for q in range(len(nodes)):
        t = nodes[q]
        product = 1.0
        for i in range(n):
            before[i] = product
            product *= (t if on[i] else 0.0) + shares[i] * (1.0 - t)
        product = weights[q]
        for i in range(n - 1, -1, -1):
            found[i] += before[i] * product
            product *= (t if on[i] else 0.0) + shares[i] * (1.0 - t)
    for i in range(n):
        found[i] *= value * ((1.0 if on[i] else 0.0) - shares[i])


@compiled(_WHOLES, _TRUTHS)
def refined(labels: Ints, goes_on: Bools) -> tuple[Ints, int]:
    """Classes of cells (from 0, in order of their first cell), told apart by one more leaf; and how many there are."""
    known = np.full(2 * len(labels), -1)
    found, n = np.empty(len(labels), np.int64), 0
    for cell in range(len(labels)):
        key = 2 * labels[cell] + goes_on[cell]
        if known[key] < 0:
            known[key] = n
            n += 1
        found[cell] = known[key]
    return found, n


@compiled(_TABLE, _WHOLES, _number, _WHOLES, _array(types.boolean, 2), _NUMBERS, _NUMBERS, _NUMBERS)
def add_leaf(
    table: Floats,
    sizes: Ints,
    value: float,
    places: Ints,
    goes_on: Bools,
    shares: Floats,
    nodes: Floats,
    weights: Floats,
) -> None:
    """Add what a leaf owes to a table (features, entries).

    An entry is a class of each feature of the table, the first one fastest; `sizes` (features,) says how many there
    are. `places` (n,): which of them are on the leaf's path; `goes_on` (n, classes): whether a class goes on there.
    """
    n = len(places)
    owed = np.empty((1 << n, n))
    on, before = np.empty(n, np.bool_), np.empty(n)
    for pattern in range(1 << n):
        for i in range(n):
            on[i] = (pattern >> i) & 1
        _owed(value, on, shares, nodes, weights, before, owed[pattern])
    bits = np.zeros((len(sizes), goes_on.shape[1]), np.int64)
    for i in range(n):
        for c in range(sizes[places[i]]):
            bits[places[i], c] = (1 if goes_on[i, c] else 0) << i
    for entry in range(table.shape[1]):
        left, pattern = entry, 0
        for f in range(len(sizes)):
            pattern |= bits[f, left % sizes[f]]
            left //= sizes[f]
        for i in range(n):
            table[places[i], entry] += owed[pattern, i]


@compiled(_ROWS, _whole, _whole, _WHOLES, _WHOLES, _NUMBERS, _WHOLES, _TRUTHS, _CELLS, without_lock=True)
def encode(
    matrix: Floats,
    start: int,
    stop: int,
    columns: Ints,
    firsts: Ints,
    thresholds: Floats,
    categories: Ints,
    zero_apart: Bools,
    codes: Codes,
) -> None:
    """Write the cells of rows start … stop into `codes` (features, rows of a block).

    Feature u is column `columns[u]`; its thresholds are `thresholds[firsts[u]:firsts[u + 1]]`.
    """
    zero = np.float64(np.float32(1e-35))
    for u in range(len(columns)):
        first, m, many = firsts[u], firsts[u + 1] - firsts[u], categories[u]
        for row in range(start, stop):
            value = matrix[row, columns[u]]
            if many > 0:
                codes[u, row - start] = np.int64(value) if -1 < value < many else many
            elif np.isnan(value):
                codes[u, row - start] = m + 1
            elif zero_apart[u] and abs(value) <= zero:
                codes[u, row - start] = m + 2
            else:
                low, length = first, m
                while length > 1:
                    half = length >> 1
                    low += half if thresholds[low + half - 1] < value else 0
                    length -= half
                codes[u, row - start] = low - first + (1 if m > 0 and thresholds[low] < value else 0)


@compiled(
    *(_CELLS, _whole, _whole, _WHOLES, _WHOLES, _WHOLES, _CODES, _WHOLES, _NUMBERS, _WHOLES, _TABLE), without_lock=True
)
def add_tables(
    codes: Codes,
    start: int,
    rows: int,
    groups: Ints,
    features: Ints,
    steps_at: Ints,
    steps: Codes,
    table_at: Ints,
    tables: Floats,
    columns: Ints,
    found: Floats,
) -> None:
    """Add to `found` (columns of the matrix, all rows) what the tables owe to the rows of a block.

    Table g has the features `features[groups[g]:groups[g + 1]]`. By feature of a table: `steps[steps_at + cell]` is
    what a cell adds to the entry's number, `tables[table_at + entry]` what is owed.
    """
    entry = np.empty(rows, np.int64)
    for g in range(len(groups) - 1):
        entry[:] = 0
        for k in range(groups[g], groups[g + 1]):
            at, u = steps_at[k], features[k]
            for row in range(rows):
                entry[row] += steps[at + codes[u, row]]
        for k in range(groups[g], groups[g + 1]):
            at, column = table_at[k], columns[features[k]]
            for row in range(rows):
                found[column, start + row] += tables[at + entry[row]]


@compiled(
    *(_CELLS, _whole, _whole, _WHOLES, _WHOLES, _WHOLES, _TRUTHS, _NUMBERS, _NUMBERS, _WHOLES, _NUMBERS, _NUMBERS),
    *(_WHOLES, _TABLE),
    without_lock=True,
)
def add_leaves(
    codes: Codes,
    start: int,
    rows: int,
    leaves: Ints,
    features: Ints,
    cells_at: Ints,
    goes_on: Bools,
    shares: Floats,
    values: Floats,
    nodes_at: Ints,
    nodes: Floats,
    weights: Floats,
    columns: Ints,
    found: Floats,
) -> None:
    """Add to `found` what leaves owe whose paths have too many features for a table.

    Leaf l has the features `features[leaves[l]:leaves[l + 1]]`, and by feature of a leaf `goes_on[cells_at + cell]`.
    """
    for leaf in range(len(leaves) - 1):
        first, n = leaves[leaf], leaves[leaf + 1] - leaves[leaf]
        path = shares[first : first + n]
        some = slice(nodes_at[leaf], nodes_at[leaf + 1])
        on, before, owed = np.empty(n, np.bool_), np.empty(n), np.empty(n)
        for row in range(rows):
            for i in range(n):
                on[i] = goes_on[cells_at[first + i] + codes[features[first + i], row]]
            _owed(values[leaf], on, path, nodes[some], weights[some], before, owed)
            for i in range(n):
                found[columns[features[first + i]], start + row] += owed[i]
