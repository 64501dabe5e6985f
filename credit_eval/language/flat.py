"""Features of a flat table: its columns as its mapping declares them, with the words that reasons are told in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from credit_eval.language.feature import Dimension, Feature, Named, Role
from credit_eval.language.measures import Given
from credit_eval.language.words import Unit
from credit_eval.schema.flat import FlatColumn, FlatRole

#: What the policy calls the roles of a flat table's columns.
_ROLES: dict[FlatRole, Role] = {
    "income": "income",
    "annual_income": "annual_income",
    "debt": "balance",
    "amount": "requested",
    "limit": "limit",
}


def flat_features(columns: Iterable[FlatColumn]) -> tuple[Feature, ...]:
    """A feature per column.

    >>> (age,) = flat_features([FlatColumn("age", title="age", unit="years", direction=-1)])
    >>> age.name, age.reason, age.tables
    ('age', 'R_AGE', frozenset({'flat'}))
    >>> from credit_eval.language.typical import Typical
    >>> age.sentence(22.0, Typical(35.0, 0.0))
    'Age: 22 years; typical: 35 years'
    """
    return tuple(_feature(column) for column in columns)


def _feature(column: FlatColumn) -> Feature:
    unit: Unit = "category" if column.type == "category" else cast(Unit, column.unit)
    title = column.title or column.name.replace("_", " ")
    return Feature(
        Named(column.name, Given(column.name, column.type), unit, title),
        Dimension(column.dimension),
        column.direction,
        column.reason_code,
        lawful=column.lawful,
        role=_ROLES[column.role] if column.role else None,
        zh=column.zh,
        absent=column.absent,
    )
