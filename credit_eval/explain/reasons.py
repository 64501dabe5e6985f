"""Reason codes: what raised this customer's risk most, in at most four sentences.

Features of one reason family are counted together, so that "late in 30 days" and "late in 90 days" do not use up
two of four places. A family counts only if its sum raises the risk. Its sentence speaks of the feature that
raised it most among those that can be told, and names the customer's value beside the typical one.

What can be told is a fact about the customer that is worse than typical (`tellable`): not a value that is unknown,
equal or better, not what the lender did, and not that nothing stands in the lender's own books. Where that leaves a
customer without a reason, the largest contribution that can be told is one, whatever its family; and where nothing can
be told since little is known, that is the reason. A customer who is like everybody, of a population that is risky as a
whole, is told the typical value that raises the risk most.

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
from credit_eval.language.reasons import LENDERS_ACTS, LITTLE_KNOWN, little_known
from credit_eval.language.typical import Typical
from credit_eval.language.words import Language, Unit, seen_apart

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: What stands in the lender's own books: that nothing does is no act of the customer.
_BOOKS = frozenset({"accounts", "repayments"})
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

    @property
    def direction(self) -> int:
        """+1 where a higher value may only raise the risk, -1 only lower it, 0 where nothing is claimed."""

    @property
    def unit(self) -> Unit:
        """Unit of the value."""

    @property
    def tables(self) -> frozenset[str]:
        """Tables it is made of."""

    def sentence(self, value: object, typical: Typical, currency: str = "", language: Language = "en") -> str:
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
    typical: Mapping[str, Typical],
    *,
    currency: str = "",
    language: Language = "en",
) -> pd.DataFrame:
    """The families that raise each customer's risk most and can be told, highest first, ties in order of their code.

    Args:
        values: contributions (n, f) in log-odds, columns in the order of `features`.
        profiles: n rows with a column per feature, as a person would read them (categories as text).
        typical: per feature name what is typical of everybody.
        currency: written after amounts of money.
        language: of the sentences.

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
    of_group = np.array([codes.index(feature.reason) for feature in features], dtype=np.int64)
    told = _that_can_be_told(values, profiles, features, typical)
    largest = _largest(told, of_group, len(codes))
    chosen = _chosen(sums, largest)
    bare = np.flatnonzero(chosen[:, 0] < 0)
    little = _little_known(bare, profiles, features, typical, language)
    alike = np.setdiff1d(bare, list(little))
    told[alike] = _that_can_be_told(values[alike], profiles.iloc[alike], features, typical, typical_too=True)
    chosen[alike, 0] = _ranked(_largest(told[alike], of_group, len(codes)))[:, 0]
    leading = _leading(told, chosen, of_group)
    texts = _texts(leading, profiles, features, typical, currency, language)
    names = np.array([*codes, None], dtype=object)[chosen]  # group -1, no reason, reads the last one
    for row, text in little.items():
        names[row, 0], texts[row, 0] = LITTLE_KNOWN, text
    columns = {f"reason_code_{k + 1}": names[:, k] for k in range(TOP)}
    columns |= {f"reason_text_{k + 1}": texts[:, k] for k in range(TOP)}
    return pd.DataFrame(columns, index=profiles.index, dtype=object)


def tellable(feature: Explained, values: pd.Series[Any], typical: Typical, *, typical_too: bool = False) -> Bools:
    """Whether a value may be named as a reason, shape (n,): known, the customer's own, and worse than typical.

    With `typical_too`, not better than that.
    """
    if feature.reason in LENDERS_ACTS:
        return np.zeros(len(values), dtype=bool)
    if feature.unit == "category":
        known = values.notna().to_numpy()
        return np.asarray(known & (typical_too | (values.to_numpy(dtype=object) != typical.value)))
    number = values.to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~np.isnan(number)
    nothing = (number == 0) & (feature.tables <= _BOOKS) & (feature.unit in ("count", "money", "number"))
    return np.asarray(known & ~nothing & _worse(feature, number, typical, typical_too=typical_too))


def _worse(feature: Explained, number: Floats, typical: Typical, *, typical_too: bool) -> Bools:
    """Whether numbers are worse than typical by what can be seen; where most have none, than the best there is."""
    leaning = feature.direction or typical.leaning
    if typical.value is None:
        best = {1: number <= 0, -1: (number >= 1) & (feature.unit == "share")}
        return ~best.get(leaning, np.zeros(len(number), dtype=bool))
    usual = float(typical.value)
    apart = np.abs(number - usual) > seen_apart(usual, feature.unit)
    return np.where(apart, leaning * (number - usual) >= 0, typical_too)


def _that_can_be_told(
    values: Floats,
    profiles: pd.DataFrame,
    features: Sequence[Explained],
    typical: Mapping[str, Typical],
    *,
    typical_too: bool = False,
) -> Floats:
    """Contributions, rounded, of what can be told and raises the risk; minus infinity elsewhere."""
    told = np.round(values, _DECIMALS)
    raises = (told > 0).any(axis=0)
    told[:, ~raises] = -np.inf
    for j in np.flatnonzero(raises):
        feature = features[int(j)]
        fine = tellable(feature, profiles[feature.name], typical[feature.name], typical_too=typical_too)
        told[~fine | (told[:, j] <= 0), j] = -np.inf
    return told


def _largest(told: Floats, of_group: Ints, groups: int) -> Floats:
    """The largest of each group's contributions that can be told, (n, groups)."""
    largest = np.full((len(told), groups), -np.inf)
    for group in range(groups):
        largest[:, group] = told[:, of_group == group].max(axis=1, initial=-np.inf)
    return largest


def _chosen(sums: Floats, largest: Floats) -> Ints:
    """Groups of each row by their sums; where none is left, the one with the largest contribution that can be told."""
    chosen = _ranked(np.where(np.isfinite(largest), sums, -np.inf))
    bare = chosen[:, 0] < 0
    chosen[bare, 0] = _ranked(largest[bare])[:, 0]
    return chosen


def _little_known(
    rows: Ints,
    profiles: pd.DataFrame,
    features: Sequence[Explained],
    typical: Mapping[str, Typical],
    language: Language,
) -> dict[int, str]:
    """Of some rows those of whom less is known than is typical, and the sentence that says so."""
    usual = round(sum(1 - typical[feature.name].without for feature in features))
    known = profiles[[feature.name for feature in features]].iloc[rows].notna().sum(axis=1).to_numpy()
    return {
        int(row): little_known(int(n), usual, len(features), language)
        for row, n in zip(rows[known < usual], known[known < usual], strict=True)
    }


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


def _leading(told: Floats, chosen: Ints, group_of: Ints) -> Ints:
    """For every chosen group its feature with the largest contribution to tell (the first of equals); -1 for none."""
    leading = np.full(chosen.shape, -1, dtype=np.int64)
    for group in range(group_of.max(initial=-1) + 1):
        members = np.flatnonzero(group_of == group)
        rows, ranks = np.nonzero(chosen == group)
        leading[rows, ranks] = members[told[np.ix_(rows, members)].argmax(axis=1)]
    return leading


def _texts(
    leading: Ints,
    profiles: pd.DataFrame,
    features: Sequence[Explained],
    typical: Mapping[str, Typical],
    currency: str,
    language: Language,
) -> npt.NDArray[Any]:
    """Sentences of the leading features, (n, TOP); each distinct value of a feature is put into words once."""
    texts = np.full(leading.shape, None, dtype=object)
    for j, feature in enumerate(features):
        rows, ranks = np.nonzero(leading == j)
        if not len(rows):
            continue
        which, distinct = pd.factorize(profiles[feature.name].to_numpy()[rows], use_na_sentinel=False)
        said = [feature.sentence(_plain(value), typical[feature.name], currency, language) for value in distinct]
        texts[rows, ranks] = np.array(said, dtype=object)[which]
    return texts


def _plain(value: Any) -> object:
    """The value without numpy's wrapping; None for what is missing."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
