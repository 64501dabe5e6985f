"""One customer of a scored run: the decision, the profile it was made of, and how much each feature moved it.

A scored file's parts are ranges of customers, and each part of the profiles and of the contributions is of the same
range. So one part of each is read, whatever the number of customers: the footers of the scored parts say which.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from credit_eval.core.errors import CohortError, SourceError
from credit_eval.core.files import read_json
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.feature import Feature
from credit_eval.language.stored import restored
from credit_eval.language.typical import Typical

_KEYS = ("customer_id", "as_of", "base_value", "log_odds")


@dataclass(frozen=True)
class Seen:
    """A feature of one customer: its value, what is typical, and its contribution in log-odds of default."""

    feature: Feature
    value: object
    typical: Typical
    contribution: float


@dataclass(frozen=True)
class Decided:
    """One customer of a run.

    Attributes:
        row: of the scored file, by its columns.
        seen: the features that the model read, the one that raised the risk most first.
        manifest: of the run.
    """

    row: dict[str, Any]
    seen: tuple[Seen, ...]
    manifest: dict[str, Any]


def decided(scored: Path, profiles: Path, customer: str) -> list[Decided]:
    """Every decision of a run on a customer, in the order of as_of; mostly one.

    Args:
        scored: directory of the run.
        profiles: directory of the profiles that were scored.
        customer: its id.

    Returns:
        at least one.

    Raises:
        SourceError: nothing is scored there, or the profiles are gone or of another run.
        CohortError: the customer is not in the run.
    """
    if not (scored / "manifest.json").exists():
        raise SourceError(f"nothing is scored at {scored.name}", todo="score first: `credit-eval score`")
    manifest = read_json(scored / "manifest.json")
    name, rows = _scored(scored, customer)
    of_model = {name: Typical(**told) for name, told in manifest["typical"].items()}
    contributions = _rows(scored / "contributions" / name, customer)
    seen = _rows(profiles / name, customer, list(of_model))
    if len(seen) != len(rows) or len(contributions) != len(rows):
        raise SourceError(
            f"the profiles at {profiles.name} are not those of the run {scored.name}",
            expected="the profiles that were scored",
            todo="score it anew, with --replace",
        )
    features = _features(profiles, set(of_model))
    return [
        Decided(row, _seen(features, of_model, values, moved), manifest)
        for row, values, moved in zip(rows, seen, contributions, strict=True)
    ]


def _seen(
    features: Catalogue, typical: dict[str, Typical], values: dict[str, Any], moved: dict[str, Any]
) -> tuple[Seen, ...]:
    found = [Seen(f, values[f.name], typical[f.name], float(moved[f.name])) for f in features.features]
    return tuple(sorted(found, key=lambda one: -one.contribution))


def _scored(scored: Path, customer: str) -> tuple[str, list[dict[str, Any]]]:
    """The name of the part that holds a customer, and the rows there."""
    for path in sorted(scored.glob("part-*.parquet")):
        if _may_hold(path, customer) and (rows := _rows(path, customer)):
            return path.name, rows
    raise CohortError(
        f"no such customer in {scored.name} of {scored.parent.name}", received=customer, todo="check the identifier"
    )


def _may_hold(path: Path, customer: str) -> bool:
    footer = pq.read_metadata(path)
    column = footer.schema.names.index("customer_id")
    told = [footer.row_group(n).column(column).statistics for n in range(footer.num_row_groups)]
    return any(one is None or not one.has_min_max or one.min <= customer <= one.max for one in told)


def _rows(path: Path, customer: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """A customer's rows of a part, in the order of as_of; first who, then the columns of these rows alone."""
    file = pq.ParquetFile(path)
    found: list[dict[str, Any]] = []
    for group in range(file.num_row_groups):
        who = file.read_row_group(group, columns=["customer_id"])["customer_id"].to_pylist()
        if customer in who:  # a customer's rows follow each other
            table = file.read_row_group(group, columns=columns and ["customer_id", "as_of", *columns])
            found += table.slice(who.index(customer), who.count(customer)).to_pylist()
    return sorted(found, key=lambda row: row["as_of"])


def _features(profiles: Path, names: set[str]) -> Catalogue:
    """The features that the model read, as they were declared when the profiles were built."""
    told = read_json(profiles / "profiles.json")
    return Catalogue(restored([one for one in told["declared"] if one["named"]["name"] in names]))
