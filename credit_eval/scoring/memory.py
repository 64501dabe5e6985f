"""What a run remembers of the runs before it: its ledger beside where customers stand, and what it leaves there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from credit_eval.core.errors import CreditEvalError, IntegrityError
from credit_eval.core.seals import sha256_file
from credit_eval.core.stage_log import tell
from credit_eval.models.history import Move
from credit_eval.policy.settings import Policy, Restriction
from credit_eval.samples.definition import account_known_at
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset
from credit_eval.scoring.ledger import Ledger, Recorded
from credit_eval.scoring.sealed import MANIFEST, open_scored

_KEYS = ["customer_id", "as_of"]
_SCORED = [*_KEYS, "p_default", "decision", "limit_previous", "limit_new", "limit_bound_by", "apr"]


def remembered(standing: pd.DataFrame, state: pd.DataFrame) -> pd.DataFrame:
    """Where customers stand, and what the ledger says of them: was_restricted (bool), days_below and apr_previous."""
    found = standing.merge(state[[*_KEYS, "was_restricted", "days_below", "apr_previous"]], on=_KEYS, how="left")
    restricted = found["was_restricted"].astype("boolean").fillna(False).astype(bool)
    numbers = {name: found[name].astype("float64") for name in ("days_below", "apr_previous")}
    return found.assign(was_restricted=restricted, **numbers)


def check_limits(engine: DuckDB, dataset: Dataset, state: pd.DataFrame) -> None:
    """Refuse a ledger whose decisions began with other limits than the accounts say were known then.

    Raises:
        IntegrityError: they differ; accounts of the past were changed, or the ledger is of other data.
    """
    told = state.dropna(subset="limit_before")
    if told.empty or not dataset.has("accounts", "credit_limit"):
        return
    engine.register("told", told[["customer_id", "decided_at", "limit_before"]])
    apart = engine.rows(
        f"""SELECT customer_id, decided_at, any_value(limit_before), arg_max_null(credit_limit::DOUBLE, occurred_at)
            FROM told JOIN (SELECT customer_id, occurred_at, credit_limit, {account_known_at(dataset)} AS known
                            FROM {parquet(dataset.paths("accounts"))}) USING (customer_id)
            WHERE known < decided_at GROUP BY customer_id, decided_at
            HAVING abs(coalesce(arg_max_null(credit_limit::DOUBLE, occurred_at), -1) - any_value(limit_before)) > 0.005
            ORDER BY customer_id"""
    )
    if apart:
        customer, decided_at, before, limit = apart[0]
        raise IntegrityError(
            "the ledger contradicts the accounts",
            expected=f"the limit that the decision of {decided_at:%Y-%m-%d} on {customer} began with, {before:,.2f}",
            received=f"{limit:,.2f} in the accounts known by then" if limit is not None else "none known by then",
            rows=[row[0] for row in apart[:3]],
            n_rows=len(apart),
            todo="find out who changed the past; import the accounts as they were, or begin a ledger of its own",
        )


def record(
    ledger: Ledger,
    scored: Path,
    state: pd.DataFrame,
    way_out: float,
    moves: Sequence[Move] = (),
    *,
    nobody: bool = False,
) -> bool:
    """Append a scored directory to the ledger, unless it is there.

    `state`: what is remembered of its members. `moves`: of the champion that decided, so far. `nobody`: they are not to
    be remembered, but that there was a run.
    """
    opened = open_scored(scored)
    manifest = opened.manifest
    run = Recorded(
        dataset=manifest["dataset"],
        label=manifest["cohort"],
        manifest=sha256_file(scored / MANIFEST),
        policy_version=f"{manifest['policy_name']}/{manifest['policy_version']}",
        model_version=str(manifest["model_version"]),
        root=manifest["tree"]["root"],
        rows=manifest["tree"]["size"],
        said={name: manifest[name] for name in ("model_of", "model_fingerprint", "data_fingerprint", "code_version")},
    )
    frame = pd.concat(pd.read_parquet(path, columns=_SCORED) for path in opened.parts).reset_index(drop=True)
    frame = _without_people(frame, state, Policy.model_validate(manifest["policy"]).restriction)
    return ledger.record(
        run, frame.iloc[: 0 if nobody else None], state, way_out, _as_entries(moves, manifest["model_of"])
    )


def log_moves(ledger: Ledger, dataset: str, moves: Sequence[Move]) -> None:
    """Put the moves of a champion into the ledger's log, as soon as they were made.

    A ledger that cannot be used keeps no champion from deciding: the next move or batch puts down what is lacking, and
    that this one did not is told on the stages' log.
    """
    try:
        ledger.log_moves(dataset, _as_entries(moves, dataset))
    except CreditEvalError as error:
        tell("ledger", dataset=dataset, failed=error.problem)


def _as_entries(moves: Sequence[Move], model_of: str) -> list[dict[str, object]]:
    return [asdict(move) | {"model_of": model_of} for move in moves]


def _without_people(scored: pd.DataFrame, state: pd.DataFrame, said: Restriction) -> pd.DataFrame:
    """What bound, where a person lifted a restriction: it is remembered, and holds again once the override ended."""
    lifted = scored["limit_bound_by"] == "override"
    if not lifted.any():
        return scored
    before = scored[_KEYS].merge(state[[*_KEYS, "was_restricted", "days_below"]], on=_KEYS, how="left")
    out = (scored["p_default"] < said.way_out) & (before["days_below"] >= said.days_below)
    still = before["was_restricted"].eq(True) & ~out
    stays = lifted & ((scored["p_default"] > said.threshold) | still)
    return scored.assign(limit_bound_by=scored["limit_bound_by"].mask(stays, "still_restricted"))
