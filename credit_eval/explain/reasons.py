"""Reason codes: what raised this customer's risk most, in at most four sentences.

Features of one reason family are counted together, so that "late in 30 days" and "late in 90 days" do not use up
two of four places. A family counts only if its sum raises the risk. Its sentence speaks of the feature that
raised it most, and names the customer's value beside the one most customers have.

>>> import numpy as np
>>> codes, sums = group_contributions(np.array([[0.5, -0.25, 1.0]]), ["R_LATE", "R_ORDERS", "R_LATE"])
>>> codes, sums.tolist()
(['R_LATE', 'R_ORDERS'], [[1.5, -0.25]])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from credit_eval.core.errors import IntegrityError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Reasons given per customer.
TOP = 4
#: Contributions are ranked to this many decimals of log-odds: what differs by less is a tie, whatever computed it.
_DECIMALS = 9


class Explained(Protocol):
    """What a reason needs of a feature; `features.language.Feature` has it."""

    @property
    def name(self) -> str:
        """Column of the profile."""

    @property
    def reason(self) -> str:
        """Reason code of its family."""

    def sentence(self, value: object, typical: object, currency: str = "") -> str:
        """The reason text."""


def group_contributions(values: Floats, groups: Sequence[str]) -> tuple[list[str], Floats]:
    """Sum columns of `values` (n, f) by their group (one per column); the row sums stay what they were.

    Returns the groups in alphabetical order and their sums (n, number of groups).
    """
    _check_width(values, len(groups))
    if not len(groups):
        return [], np.zeros((len(values), 0))
    names, of_column = np.unique(np.array(groups, dtype=str), return_inverse=True)
    order = np.argsort(of_column, kind="stable")
    starts = np.searchsorted(of_column[order], np.arange(len(names)))
    return names.tolist(), np.add.reduceat(values[:, order], starts, axis=1)


def reason_codes(
    values: Floats,
    profiles: pd.DataFrame,
    features: Sequence[Explained],
    typical: Mapping[str, object],
    *,
    currency: str = "",
) -> pd.DataFrame:
    """The families that raise each customer's risk most, highest first, ties in order of their code.

    Args:
        values: contributions (n, f) in log-odds, columns in the order of `features`.
        profiles: n rows with a column per feature, as a person would read them (categories as text).
        typical: per feature name the population's median (number) or mode (category); absent means unknown.
        currency: written after amounts of money.

    Returns:
        `reason_code_1` … `reason_code_4`, `reason_text_1` … `reason_text_4` (object; None where there are fewer),
        indexed as `profiles`.

    Raises:
        IntegrityError: `values` and `profiles` or `features` differ in number.
    """
    _check_width(values, len(features))
    if len(values) != len(profiles):
        raise IntegrityError(
            "contributions and profiles differ in rows", expected=f"{len(profiles)}", received=f"{len(values)}"
        )
    codes, sums = group_contributions(values, [feature.reason for feature in features])
    chosen = _ranked(sums)
    leading = _leading(values, chosen, np.array([codes.index(f.reason) for f in features], dtype=np.int64))
    texts = _texts(leading, profiles, features, typical, currency)
    names = np.array([*codes, None], dtype=object)  # group -1, no reason, reads the last one
    columns = {f"reason_code_{k + 1}": names[chosen[:, k]] for k in range(TOP)}
    columns |= {f"reason_text_{k + 1}": texts[:, k] for k in range(TOP)}
    return pd.DataFrame(columns, index=profiles.index, dtype=object)


def _check_width(values: Floats, expected: int) -> None:
    if values.ndim != 2 or values.shape[1] != expected:
        raise IntegrityError(
            "contributions and features differ in number",
            expected=f"{expected} columns",
            received=str(values.shape),
            todo="pass the features in the order of the model's columns",
        )


def _ranked(sums: Floats) -> Ints:
    """Columns of the largest positive sums of each row, (n, TOP); -1 where there are fewer."""
    left = np.round(sums, _DECIMALS)
    chosen = np.full((len(sums), TOP), -1, dtype=np.int64)
    rows = np.arange(len(sums))
    for k in range(min(TOP, sums.shape[1])):
        best = left.argmax(axis=1)
        chosen[:, k] = np.where(left[rows, best] > 0, best, -1)
        left[rows, best] = -np.inf
    return chosen


def _leading(values: Floats, chosen: Ints, group_of: Ints) -> Ints:
    """For every chosen group its feature with the largest contribution (the first of equals); -1 for no group."""
    leading = np.full(chosen.shape, -1, dtype=np.int64)
    for group in range(group_of.max(initial=-1) + 1):
        members = np.flatnonzero(group_of == group)
        rows, ranks = np.nonzero(chosen == group)
        inside = np.round(values[np.ix_(rows, members)], _DECIMALS)
        leading[rows, ranks] = members[inside.argmax(axis=1)]
    return leading


def _texts(
    leading: Ints,
    profiles: pd.DataFrame,
    features: Sequence[Explained],
    typical: Mapping[str, object],
    currency: str,
) -> npt.NDArray[Any]:
    """Sentences of the leading features, (n, TOP); each distinct value of a feature is put into words once."""
    texts = np.full(leading.shape, None, dtype=object)
    for j, feature in enumerate(features):
        rows, ranks = np.nonzero(leading == j)
        if not len(rows):
            continue
        which, distinct = pd.factorize(profiles[feature.name].to_numpy()[rows], use_na_sentinel=False)
        usual = _plain(typical.get(feature.name))
        said = [feature.sentence(_plain(value), usual, currency) for value in distinct]
        texts[rows, ranks] = np.array(said, dtype=object)[which]
    return texts


def _plain(value: Any) -> object:
    """The value without numpy's wrapping; None for what is missing."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
