"""One customer's profile as a person reads it: five dimensions, each value beside what most customers have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from credit_eval.core.errors import CohortError
from credit_eval.events.engines.duckdb import DuckDB, parquet
from credit_eval.features.language import Catalogue, Dimension
from credit_eval.profiles.store import Profiles


@dataclass(frozen=True)
class Line:
    """One feature of one customer, ready to print; `usual` is the typical value with the words before it."""

    name: str
    title: str
    value: str
    typical: str
    usual: str


def by_dimension(
    values: Mapping[str, object], typical: Mapping[str, object], catalogue: Catalogue, currency: str
) -> dict[Dimension, list[Line]]:
    """The lines of each dimension, in the catalogue's order; a dimension without data has none."""
    lines: dict[Dimension, list[Line]] = {dimension: [] for dimension in Dimension}
    for feature in catalogue.features:
        value, common = (feature.show(of[feature.name], currency) for of in (values, typical))
        lines[feature.dimension].append(Line(feature.name, feature.title, value, common, feature.usual(common)))
    return lines


def one_profile(engine: DuckDB, profiles: Profiles, customer_id: str) -> dict[str, object]:
    """The values of one customer, unknown as None.

    Raises:
        CohortError: the customer is not among the profiles.
    """
    sql = f"SELECT * FROM {parquet(profiles.pattern)} WHERE customer_id = ?"
    rows = engine.arrow(sql, [customer_id]).to_pylist()
    if not rows:
        raise CohortError("no such customer", received=customer_id, todo="check the identifier")
    return dict(rows[0])
