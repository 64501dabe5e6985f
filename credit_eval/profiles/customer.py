"""One customer's profile as a person reads it: five dimensions, each value beside what is typical."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from credit_eval.core.errors import CohortError
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.feature import Dimension
from credit_eval.language.typical import Typical
from credit_eval.profiles.store import Profiles
from credit_eval.schema.duckdb import DuckDB, parquet


@dataclass(frozen=True)
class Line:
    """One feature of one customer, ready to print; `usual` is the typical value with the words before it."""

    name: str
    title: str
    value: str
    typical: str
    usual: str


def by_dimension(
    values: Mapping[str, object], typical: Mapping[str, Typical], catalogue: Catalogue, currency: str
) -> dict[Dimension, list[Line]]:
    """The lines of each dimension, in the catalogue's order; a dimension without data has none."""
    lines: dict[Dimension, list[Line]] = {dimension: [] for dimension in Dimension}
    for feature in catalogue.features:
        common = typical[feature.name]
        value, usual = (feature.show(one, currency) for one in (values[feature.name], common.value))
        line = Line(feature.name, feature.title, value, usual, feature.usual(common, currency))
        lines[feature.dimension].append(line)
    return lines


def one_profile(engine: DuckDB, profiles: Profiles, customer_id: str) -> dict[str, object]:
    """The values of one customer, unknown as None.

    Raises:
        CohortError: the customer is not among the profiles.
    """
    sql = f"SELECT * FROM {parquet(profiles.parts)} WHERE customer_id = ?"
    rows = engine.arrow(sql, [customer_id]).to_pylist()
    if not rows:
        raise CohortError("no such customer", received=customer_id, todo="check the identifier")
    return dict(rows[0])
