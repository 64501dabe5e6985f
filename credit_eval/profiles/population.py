"""What is typical of everybody whose profiles there are."""

from __future__ import annotations

from collections import Counter

import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_eval.language.typical import Typical
from credit_eval.profiles.store import Profiles

#: Columns read at once: memory is these, whatever the number of features.
_COLUMNS = 16


def typical_values(profiles: Profiles) -> dict[str, Typical]:
    """Per feature what is typical of all profiles, a few columns at a time."""
    features = profiles.catalogue.features
    found: dict[str, Typical] = {}
    for start in range(0, len(features), _COLUMNS):
        some = features[start : start + _COLUMNS]
        columns = pq.read_table(profiles.parts, columns=[feature.name for feature in some])
        for feature in some:
            column = columns[feature.name]
            if feature.value_type == "number":
                found[feature.name] = Typical.of_numbers(column.cast("float64").to_numpy())
            else:
                counted = {row["values"]: row["counts"] for row in pc.value_counts(column.cast("string")).to_pylist()}
                without = counted.pop(None, 0)
                found[feature.name] = Typical.of_counts(Counter(counted), without)
    return found
