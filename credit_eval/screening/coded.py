"""A column of a sample as codes: the known values' places in order, so that it is sorted once and then only counted.

>>> column = coded("amount", "number", pd.Series([20.0, None, 10.0, 20.0]))
>>> column.codes.tolist(), column.values.tolist()
([1, -1, 0, 1], [10.0, 20.0])
>>> column.bins().tolist()  # the unknown row in a bin of its own, the last
[1, 2, 0, 1]
>>> column.at(np.array([True, True, False, True])).codes.tolist()
[0, -1, 0]
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from credit_eval.core.errors import SampleError
from credit_eval.core.odds import Floats

Ints = NDArray[np.int64]
Truths = NDArray[np.bool_]

BINS = 10
MOST_CATEGORIES = 20  # those beyond share a bin: rare ones would each look like a discovery


class Declared(Protocol):
    """What is needed of a feature to read its column."""

    @property
    def name(self) -> str:
        """Its column."""

    @property
    def value_type(self) -> str:
        """`number` or `category`."""


@dataclass(frozen=True)
class Coded:
    """`codes`, (rows,): a known value's place among `values`, the distinct ones in order; -1 where unknown."""

    value_type: str
    codes: Ints
    values: NDArray[Any]

    @property
    def known(self) -> Truths:
        """Which rows have a value."""
        return self.codes >= 0

    @property
    def is_constant(self) -> bool:
        """Whether all rows are alike; to be unknown is to be unlike what is known."""
        return len(self.values) + (not self.known.all()) <= 1

    @property
    def fingerprint(self) -> str:
        """The same for two columns if and only if they hold the same values in the same rows."""
        texts = "\0".join(map(str, self.values)).encode() if self.value_type == "category" else self.values.tobytes()
        return sha256(self.value_type.encode() + texts + self.codes.tobytes()).hexdigest()

    def at(self, rows: Truths) -> Coded:
        """The column at some of its rows (a mask), values that are not there forgotten."""
        codes = self.codes[rows]
        there = self._counts(codes) > 0
        places = np.append(np.cumsum(there) - 1, -1)
        return Coded(self.value_type, places[codes], self.values[there])

    def bins(self, among: Truths | None = None) -> Ints:
        """A bin per row, made from the rows `among` (a mask; all if not given), what is unknown in the last.

        Numbers fall into ten bins as equal in size as ties allow, or one per value if there are ten or fewer; of
        categories the 20 commonest have a bin each and the rest another. Numbers that are not `among` those the bins
        are made from go to the nearest bin, or well outside of them to a bin below or above.
        """
        counts = self._counts(self.codes if among is None else self.codes[among])
        bin_of = _commonest(counts) if self.value_type == "category" else _near(self.values, counts)
        unknown = int(bin_of.max(initial=-1)) + 1
        return np.append(bin_of, unknown)[self.codes]

    def standard_ranks(self) -> NDArray[np.float32]:
        """Midranks of the known rows, mean 0 and length 1 over all rows; 0 where unknown, or if all are equal."""
        counts = self._counts(self.codes)
        midranks = np.cumsum(counts) - (counts - 1) / 2 - (counts.sum() + 1) / 2
        ranks = np.append(midranks, 0.0)[self.codes]
        length = float(np.linalg.norm(ranks))
        return (ranks / length if length else ranks).astype(np.float32)

    def _counts(self, codes: Ints) -> Ints:
        return np.bincount(codes[codes >= 0], minlength=len(self.values))


def coded(name: str, value_type: str, column: pd.Series[Any]) -> Coded:
    """Code a column of numbers (NaN or None: unknown) or of texts.

    Raises:
        SampleError: an infinite number.
    """
    if value_type == "category":
        codes, texts = pd.factorize(column, sort=True)
        return Coded("category", codes.astype(np.int64), np.asarray(texts, dtype=object))
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse_infinite(name, numbers)
    codes, values = pd.factorize(numbers, sort=True)
    return Coded("number", codes.astype(np.int64), values + 0.0)  # -0.0 is 0.0


def _refuse_infinite(name: str, numbers: Floats) -> None:
    endless = np.isinf(numbers)
    if endless.any():
        raise SampleError(
            f"{name} holds infinite numbers",
            expected="numbers, or unknown",
            received=str(numbers[endless][0]),
            n_rows=int(endless.sum()),
            todo="let the feature say what a division by nothing means",
        )


def _tenths(counts: Ints) -> Ints:
    """Bin of each value by the middle of its place among all."""
    if counts.size <= BINS:
        return np.arange(counts.size)
    middle = (np.cumsum(counts) - counts / 2) / counts.sum()
    return _without_holes((middle * BINS).astype(np.int64))


def _near(values: Floats, counts: Ints) -> Ints:
    """Bin of each value in order, made from those that have a count; the others go to the nearest, or outside."""
    there = counts > 0
    if not there.any():
        return np.zeros(counts.size, dtype=np.int64)
    found = np.empty(counts.size, dtype=np.int64)
    found[there] = _tenths(counts[there]) + 1
    found[~there] = np.searchsorted(_edges(values[there], found[there]), values[~there])
    return _without_holes(found)


def _edges(values: Floats, bins: Ints) -> Floats:
    """Half-way between neighbouring bins, and as far beyond the outermost values as their bin's neighbour is near.

    A value that many share (as ranks of those who have none do) may so shift a little and not leave its bin.
    """
    first = np.flatnonzero(np.diff(bins, prepend=0))
    low, high = values[first], values[np.append(first[1:], bins.size) - 1]
    reach = np.diff((low + high) / 2) / 2 if low.size > 1 else np.zeros(1)
    return np.concatenate([low[:1] - reach[0], (high[:-1] + low[1:]) / 2, high[-1:] + reach[-1]])


def _without_holes(bins: Ints) -> Ints:
    """The same bins numbered from 0 on."""
    return np.asarray(np.cumsum(np.bincount(bins) > 0) - 1)[bins]


def _commonest(counts: Ints) -> Ints:
    place = np.empty(counts.size, dtype=np.int64)
    place[np.argsort(-counts, kind="stable")] = np.arange(counts.size)
    return np.minimum(place, MOST_CATEGORIES)
