"""Profiles with their labels, in memory once: all numbers in one matrix, whose columns the frame's columns are.

A frame of a million rows and three hundred columns is three gigabytes, and whatever merges, copies or converts it
makes it twice or three times that. So the rows to keep are known before the first part is read, and every part is
written into its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.errors import IntegrityError
from credit_eval.profiles.store import Profiles

_KEYS = ["customer_id", "as_of"]


def labelled(profiles: Profiles, labels: pd.DataFrame) -> pd.DataFrame:
    """Profiles of the members that can be judged: keys, defaulted, label_known_at, and a column per feature.

    `labels` is what `label_cohort` returns for the very members that the profiles are of, in their order.

    Raises:
        IntegrityError: the two are not of the same members.
    """
    judged = labels["exclusion"].isna().to_numpy()
    numbers = [feature.name for feature in profiles.catalogue.features if feature.value_type == "number"]
    texts = [feature.name for feature in profiles.catalogue.features if feature.value_type == "category"]
    matrix = np.empty((int(judged.sum()), len(numbers)))
    kept: dict[str, list[pa.ChunkedArray]] = {name: [] for name in texts}
    start = row = 0
    for path in profiles.parts:
        part = pq.read_table(path)
        stop = start + part.num_rows
        _check_members(part, labels.iloc[start:stop])
        mask = judged[start:stop]
        some = part.filter(pa.array(mask))
        for j, name in enumerate(numbers):
            matrix[row : row + some.num_rows, j] = _doubles(some[name])
        for name in texts:
            kept[name].append(some[name].cast(pa.string()))
        start, row = stop, row + some.num_rows
    if start != len(labels):
        raise _other_members(f"{len(labels):,} members", f"{start:,} profiles")
    return _frame(labels[judged], matrix, numbers, kept)


def _frame(
    labels: pd.DataFrame, matrix: npt.NDArray[np.float64], numbers: list[str], texts: dict[str, list[pa.ChunkedArray]]
) -> pd.DataFrame:
    keys = labels[[*_KEYS, "defaulted", "label_known_at"]].reset_index(drop=True).astype({"defaulted": "int8"})
    categories = {
        name: pa.chunked_array([chunk for one in parts for chunk in one.chunks], pa.string()).to_pandas()
        for name, parts in texts.items()
    }
    columns = pd.DataFrame(matrix, columns=numbers, copy=False)
    return pd.concat([keys, columns, pd.DataFrame(categories, index=keys.index)], axis=1)


def _doubles(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    return np.asarray(column.cast(pa.float64()).to_numpy())


def _check_members(part: pa.Table, labels: pd.DataFrame) -> None:
    customers = pa.array(labels["customer_id"], pa.string())
    as_ofs = pa.array(labels["as_of"], pa.timestamp("us"))
    same = part["customer_id"].cast(pa.string()).equals(pa.chunked_array([customers])) and part["as_of"].cast(
        pa.timestamp("us")
    ).equals(pa.chunked_array([as_ofs]))
    if not same:
        raise _other_members("profiles of the members that were labelled, in their order", "others")


def _other_members(expected: str, received: str) -> IntegrityError:
    return IntegrityError(
        "profiles and labels are not of the same members", expected=expected, received=received, todo="train again"
    )
