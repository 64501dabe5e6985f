"""One customer of a scored run: the decision, the profile it was made of, and how much each feature moved it.

A scored file's parts are ranges of customers, and each part of the profiles and of the contributions has the same
rows in the same order. So one group of rows of each is read, whatever the number of customers: the footers of the
scored parts say which may hold the customer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.errors import CohortError, IntegrityError
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.feature import Feature
from credit_eval.language.typical import Typical
from credit_eval.profiles.store import Profiles
from credit_eval.scoring.records import rows
from credit_eval.scoring.sealed import CONTRIBUTIONS, open_scored

_KEYS = ("customer_id", "as_of")


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
        base: base value of the contributions; with all of them it gives the log-odds.
        log_odds: the model's raw log-odds of default.
    """

    row: dict[str, Any]
    seen: tuple[Seen, ...]
    manifest: Mapping[str, Any]
    base: float
    log_odds: float


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
        IntegrityError: files of the run or its profiles were changed.
        CohortError: the customer is not in the run.
    """
    run = open_scored(scored)
    of_run = run.profiles(profiles)
    path, first, n = _place(run.parts, customer, run.called)
    of_model = {name: Typical(**told) for name, told in run.manifest["typical"].items()}
    (moved,) = run.read([f"{CONTRIBUTIONS}/{path.name}"])
    of_run.check(path.name)
    told = _rows(path, first, n)
    seen = _rows(profiles / path.name, first, n, ["customer_id", "as_of", *of_model])
    contributions = _rows(moved, first, n)
    if any([row[key] for row in told] != [row[key] for row in part] for part in (seen, contributions) for key in _KEYS):
        raise IntegrityError(
            f"the parts of the run {run.called} are not of the same customers",
            todo="score it anew, with --replace",
        )
    features = features_of(of_run, set(of_model))
    return [
        Decided(row, _seen(features, of_model, values, by), run.manifest, by["base_value"], by["log_odds"])
        for row, values, by in zip(told, seen, contributions, strict=True)
    ]


def profile_of(scored: Path, profiles: Path, customer: str) -> pa.Table:
    """The rows of the profiles that a run scored of a customer, whole, in the order of as_of.

    Args:
        scored: directory of the run.
        profiles: directory of the profiles that were scored.
        customer: its id.

    Returns:
        a row per decision, all features.

    Raises:
        SourceError, IntegrityError, CohortError: as `decided`.
    """
    run = open_scored(scored)
    of_run = run.profiles(profiles)
    path, first, n = _place(run.parts, customer, run.called)
    of_run.check(path.name)
    return pa.concat_tables(rows([profiles / path.name], first, n))


def _seen(
    features: Catalogue, typical: dict[str, Typical], values: dict[str, Any], moved: dict[str, Any]
) -> tuple[Seen, ...]:
    found = [Seen(f, values[f.name], typical[f.name], float(moved.get(f.name, 0.0))) for f in features.features]
    return tuple(sorted(found, key=lambda one: -one.contribution))


def places(parts: Sequence[Path], customer: str, called: str) -> list[int]:
    """Where the rows of a customer stand in a run, counted over all its parts.

    Raises:
        CohortError: the customer is not in the run.
    """
    path, first, n = _place(parts, customer, called)
    before = sum(pq.ParquetFile(part).metadata.num_rows for part in parts[: list(parts).index(path)])
    return list(range(before + first, before + first + n))


def _place(parts: Sequence[Path], customer: str, called: str) -> tuple[Path, int, int]:
    """The part that holds a customer, and there the first of its rows and how many follow."""
    for path in parts:
        file, before = pq.ParquetFile(path), 0
        found = [0, 0]
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group)
            if _may_hold(rows, customer):
                who = file.read_row_group(group, columns=["customer_id"])["customer_id"].to_pylist()
                if customer in who:  # a customer's rows follow each other, from one group into the next at most
                    found = [found[0] if found[1] else before + who.index(customer), found[1] + who.count(customer)]
            before += rows.num_rows
        if found[1]:
            return path, found[0], found[1]
    raise CohortError(f"no such customer in {called}", received=customer, todo="check the identifier")


def _may_hold(group: Any, customer: str) -> bool:
    """Whether a row group may hold a customer, by what its footer says of the first column."""
    told = group.column(0).statistics
    return told is None or not told.has_min_max or told.min <= customer <= told.max


def _rows(path: Path, first: int, n: int, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """Rows `first` to `first + n` of a part; none where there are not so many."""
    return [row for some in rows([path], first, n, columns) for row in some.to_pylist()]


def features_of(profiles: Profiles, names: set[str]) -> Catalogue:
    """The features that the model read, as they were declared when the profiles were built."""
    return Catalogue(tuple(one for one in profiles.catalogue.features if one.name in names))
