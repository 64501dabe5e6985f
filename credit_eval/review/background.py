"""What stands behind one decision: the policy's path, events in time, similar customers, columns that nothing reads.

All of it is told as it was known when the decision was made, and nothing of it is kept.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import IntegrityError
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.feature import Dimension
from credit_eval.language.words import Jurisdiction, Language
from credit_eval.models.model import CreditModel
from credit_eval.policy.decide import constraints, decide
from credit_eval.policy.facts import money
from credit_eval.policy.settings import Policy
from credit_eval.policy.words import CONSTRAINTS
from credit_eval.replay import job_of
from credit_eval.review.words import INPUTS, TABLE_NAMES
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.tables import TABLES
from credit_eval.scoring.inputs import policy_inputs
from credit_eval.scoring.lookup import Decided
from credit_eval.scoring.sealed import Scored
from credit_eval.study import Study

#: Events of one table that are shown, and features by which customers are compared.
_MOST_EVENTS, _MOST_COMPARED, SIMILAR = 12, 16, 6
_MEMORY = "400MB"
_KEYS = ("customer_id", "as_of")


@dataclass(frozen=True)
class Step:
    """A constraint of the policy in words, the largest limit that it allows (None: any), and whether it bound."""

    name: str
    allows: str | None
    binds: bool


@dataclass(frozen=True)
class Path:
    """How the limit came about: what the policy looked at, and what each constraint allowed.

    `proposed`: the limit that waits for a person to agree; None: nothing does.
    """

    inputs: list[tuple[str, str]]
    steps: list[Step]
    proposed: str | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened: when, in which table, and its columns as they were known."""

    at: datetime
    table: str
    columns: list[tuple[str, str]]


@dataclass(frozen=True)
class Similar:
    """A customer whom the model sees alike: how far apart in log-odds over the features compared, and the decision."""

    customer_id: str
    distance: float
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Unread:
    """A column of the profile that the model does not read."""

    side: str
    title: str
    value: str


def policy_path(
    study: Study, run: Scored, model: CreditModel, found: Decided, profile: pd.DataFrame, language: Language
) -> Path:
    """How the policy came to a limit.

    Args:
        study: of the data set.
        run: that decided.
        model: of the run.
        found: the decision.
        profile: its row of the profiles that were scored.
        language: of the words.

    Raises:
        ReplayError: what was decided cannot be made again here, so nothing is told of how.
        IntegrityError: the policy comes to another limit now.
    """
    said, row = run.manifest, found.row
    job = job_of(study, said, model)
    members = profile[list(_KEYS)]
    with study.dataset.reading(), study.engine() as engine, study.file_of(members) as path:
        job = replace(job, standing=study.standing_of(engine, path, run.heard))
    inputs = policy_inputs(
        profile,
        pd.DataFrame({"p_default": [row["p_default"]]}, index=profile.index),
        job.standing_of(profile),
        job.catalogue.roles,
        revolving=job.revolving,
        assume_no_debt=job.assume_no_debt,
        policy=job.policy,
    )
    again = decide(inputs, job.policy, calibrated=True, losses=job.losses, wordless=True).iloc[0]
    if row["decided_by"] != "no_reason" and not _same(again, row):
        raise IntegrityError(
            "the policy comes to another limit than was decided",
            expected=f"{row['limit_new']:,.2f}, bound by {row['limit_bound_by']}",
            received=f"{again['limit_new']:,.2f}, bound by {again['limit_bound_by']}",
            todo="`credit-eval replay` tells what is other than it was",
        )
    allowed = constraints(inputs, job.policy, job.losses).iloc[0]
    currency, bound = job.currency, str(row["limit_bound_by"])
    steps = [
        Step(
            CONSTRAINTS[str(name)].in_(language),
            None if math.isinf(value) else money(float(value), currency, language),
            name == bound,
        )
        for name, value in allowed.items()
    ]
    if bound not in allowed.index:
        steps.append(Step(CONSTRAINTS[bound].in_(language), money(float(row["limit_new"]), currency, language), True))
    proposed = None
    if row["decision"] == "refer":
        limit = decide(inputs, _unasked(job.policy), calibrated=True, losses=job.losses, wordless=True)["limit_new"]
        proposed = money(float(limit.iloc[0]), currency, language)
    return Path(_inputs(inputs.iloc[0], currency, language), steps, proposed)


def events(
    study: Study, customer: str, as_of: datetime, currency: str, language: Language, jurisdiction: Jurisdiction
) -> list[Event]:
    """The last events of each table that were known before a date, latest first.

    Args:
        study: of the data set.
        customer: whose.
        as_of: of the decision.
        currency: of amounts.
        language: of the tables' names.
        jurisdiction: what it bars from credit decisions is shown to nobody.
    """
    found: list[Event] = []
    barred, hidden = barred_in(jurisdiction)
    with study.dataset.reading(), study.engine() as engine:
        for name in [one for one in study.dataset.tables if one not in barred]:
            known = "coalesce(known_at, occurred_at)" if study.dataset.has(name, "known_at") else "occurred_at"
            rows = engine.arrow(
                f"FROM {parquet(study.dataset.paths(name))} WHERE customer_id = ? AND {known} < ? "
                f"ORDER BY occurred_at DESC LIMIT {_MOST_EVENTS}",
                [customer, as_of],
            ).to_pylist()
            found += [_event(name, row, as_of, language, hidden) for row in rows]
    return sorted(found, key=lambda one: one.at, reverse=True)


def barred_in(jurisdiction: Jurisdiction) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """What a jurisdiction bars from credit decisions: whole tables, and columns of others that serve nothing lawful.

    Args:
        jurisdiction: of the run.

    Returns:
        names of tables; table and column. Columns that are kept for audits alone are among them everywhere.
    """
    lawful, names = CATALOGUE.lawful_in(jurisdiction)
    reads = {
        one.name: {(table, column) for table, some in one.needs.items() for column in some}
        for one in CATALOGUE.features
    }
    kept = set[tuple[str, str]]().union(*(reads[one.name] for one in lawful.features))
    barred = set[tuple[str, str]]().union(*(reads[name] for name in names)) - kept
    audited = {(table.name, column.name) for table in TABLES.values() for column in table.columns if column.audit_only}
    tables = {table for table, _ in barred} - {table for table, _ in kept}
    return frozenset(tables), frozenset(barred | audited)


def similar(run: Scored, found: Decided) -> list[Similar]:
    """The customers of a run whom the model sees most alike, over the features that moved this one most.

    Args:
        run: that was scored.
        found: the decision.

    Returns:
        nearest first; the distance is that of their contributions.

    Raises:
        IntegrityError: the run was changed.
    """
    compared = sorted(found.seen, key=lambda one: -abs(one.contribution))[:_MOST_COMPARED]
    compared = [one for one in compared if one.contribution]
    away = " + ".join(f'("{one.feature.name}" - {one.contribution!r}) ** 2' for one in compared) or "0"
    customer = str(found.row["customer_id"])
    with DuckDB(memory=_MEMORY) as engine:
        near = engine.rows(
            f"SELECT customer_id, as_of, sqrt({away}) AS apart FROM {parquet(run.contributions)} "
            f"WHERE customer_id <> ? ORDER BY apart, customer_id, as_of LIMIT {SIMILAR}",
            [customer],
        )
        if not near:
            return []
        who = ", ".join("?" for _ in near)
        rows = engine.arrow(
            f"FROM {parquet(run.parts)} WHERE customer_id IN ({who})", [customer_id for customer_id, _, _ in near]
        ).to_pylist()
    by_key = {(row["customer_id"], row["as_of"]): row for row in rows}
    return [Similar(who, float(apart), by_key[who, as_of]) for who, as_of, apart in near]


def unread(
    declared: Catalogue, profile: pd.DataFrame, used: Sequence[str], currency: str, language: Language
) -> list[Unread]:
    """The columns of a profile that no tree asks for, by their side.

    Args:
        declared: all features, as the profiles have them.
        profile: a row.
        used: names of the features that a tree asks for.
        currency: of amounts.
        language: of the words.
    """
    features = [one for one in declared.features if one.name not in set(used)]
    row = profile.iloc[0]
    order = {side: place for place, side in enumerate(Dimension)}
    return [
        Unread(
            one.dimension.in_words(language),
            one.title_in(language),
            one.show(_plain(row[one.name]), currency, language),
        )
        for one in sorted(features, key=lambda one: order[one.dimension])
    ]


def _unasked(policy: Policy) -> Policy:
    """The same policy, but that nobody has to be asked."""
    never = policy.refer.model_copy(
        update={"p_default_above": None, "capacity_unknown": False, "cured_within_days": 0.0}
    )
    rules = tuple(rule for rule in policy.rules if rule.then != "refer")
    return policy.model_copy(update={"refer": never, "rules": rules})


def _same(again: pd.Series[Any], row: Mapping[str, Any]) -> bool:
    return bool(again["limit_new"] == row["limit_new"] and again["limit_bound_by"] == row["limit_bound_by"])


def _inputs(row: pd.Series[Any], currency: str, language: Language) -> list[tuple[str, str]]:
    return [
        (text.in_(language), _shown(row[name], kind, currency, language))
        for name, (text, kind) in INPUTS.items()
        if name in row.index
    ]


def _shown(value: Any, kind: str, currency: str, language: Language) -> str:
    if isinstance(value, (bool, np.bool_)):
        return {"en": ("no", "yes"), "zh": ("否", "是")}[language][int(value)]
    if value is None or value != value:
        return "–"
    if kind == "money":
        return money(round(float(value), 2), currency, language)
    return f"{value:.1%}" if kind == "share" else f"{value:,.0f}"


def _event(
    table: str, row: Mapping[str, Any], as_of: datetime, language: Language, hidden: Collection[tuple[str, str]]
) -> Event:
    """An event as it was known then: what was revealed later is left out."""
    later = {
        column
        for reveal in TABLES[table].reveals
        for column in (*reveal.columns, reveal.by)
        if row.get(reveal.by) is None or row[reveal.by] >= as_of
    }
    left_out = {"customer_id", "occurred_at", "known_at", *later}
    said = [
        (name, _cell(value))
        for name, value in row.items()
        if name not in left_out and (table, name) not in hidden and value is not None
    ]
    name = TABLE_NAMES[table].in_(language) if table in TABLE_NAMES else table
    return Event(row["occurred_at"], name, said)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
    return f"{value:,.2f}".removesuffix(".00") if isinstance(value, float) else str(value)


def _plain(value: Any) -> object:
    return value.item() if isinstance(value, np.generic) else value
