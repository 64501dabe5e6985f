"""The batch run. Profiles stream in part by part; for each part the run writes a scored file and, beside it, the
contributions it was explained with. A manifest closes the directory, and the whole directory appears at once.

    data/scored/<dataset>/as_of=2026-07-01/
        part-00000.parquet              one row per customer, the columns of `COLUMNS`
        contributions/part-00000.parquet    base value, log-odds and a contribution per feature
        manifest.json                   what went in, what came out, and the hashes of both
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval import __version__
from credit_eval.core.clock import utc_now
from credit_eval.core.errors import IntegrityError, OutputExistsError
from credit_eval.core.files import atomic_directory, read_json, sha256_file, write_json
from credit_eval.core.progress import Tick, silent
from credit_eval.explain.contributions import Contributions, check_sums, contributions
from credit_eval.explain.reasons import reason_codes
from credit_eval.models.model import CreditModel
from credit_eval.policy.decide import decide
from credit_eval.policy.settings import Policy
from credit_eval.profiles.store import Profiles
from credit_eval.scoring.inputs import policy_inputs

#: The public contract of the scored file, in order.
COLUMNS = (
    "customer_id",
    "as_of",
    "p_default",
    "score",
    "grade",
    "decision",
    "limit_previous",
    "limit_new",
    "limit_bound_by",
    "apr",
    "max_installments",
    *(f"reason_{what}_{rank}" for what in ("code", "text") for rank in (1, 2, 3, 4)),
    "policy_reason",
    "model_version",
    "policy_version",
)
ADVERSE = ("restrict", "decline", "reduce")


@dataclass(frozen=True)
class Job:
    """Everything a scored file depends on."""

    profiles: Profiles
    model: CreditModel
    model_version: int
    policy: Policy
    typical: dict[str, Any]
    currency: str
    revolving: bool
    in_default: frozenset[str] = frozenset()
    seed: int = 0

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two runs the same run."""
        return {
            "dataset": self.profiles.info.dataset,
            "cohort": self.profiles.info.cohort,
            "data_fingerprint": self.profiles.info.data_fingerprint,
            "catalogue_fingerprint": self.profiles.info.catalogue_fingerprint,
            "model_version": self.model_version,
            "model_fingerprint": self.model.fingerprint,
            "policy_name": self.policy.name,
            "policy_version": self.policy.policy_version,
            "code_version": __version__,
            "seed": self.seed,
        }


@dataclass
class _Tally:
    rows: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)


def score(job: Job, target: Path, *, replace: bool = False, tick: Tick = silent) -> Path:
    """Score all profiles of the job into `target`; returns it.

    A run whose identity is the one already there changes nothing.

    Raises:
        OutputExistsError: `target` holds another run and `replace` is false.
        ModelError: the profiles lack a feature of the model, or the model is not calibrated.
        IntegrityError: contributions that do not add up, or an adverse decision without a reason.
    """
    if not replace and _already_done(job, target):
        return target
    started = utc_now()
    with atomic_directory(target, replace=replace) as building:
        (building / "contributions").mkdir()
        tally, parts = _Tally(), job.profiles.parts
        for number, profiles in enumerate(job.profiles.frames()):
            _score_part(job, profiles, building, number, tally)
            tick("scoring", number + 1, len(parts))
        _check_complete(job, tally)
        write_json(building / "manifest.json", _manifest(job, building, tally, started))
    return target


def _already_done(job: Job, target: Path) -> bool:
    manifest = target / "manifest.json"
    if not manifest.exists():
        return False
    there = read_json(manifest)
    changed = sorted(key for key, value in job.identity.items() if there.get(key) != value)
    if changed:
        raise OutputExistsError(
            f"{target.parent.name}/{target.name} is scored already, by another run",
            expected="the same " + ", ".join(changed),
            received="; ".join(f"{key} was {there.get(key)!s:.20}" for key in changed),
            todo="say --replace (make: REPLACE=1) to score it anew; the scored file there was not touched",
        )
    return True


def _score_part(job: Job, profiles: pd.DataFrame, building: Path, number: int, tally: _Tally) -> None:
    scores = job.model.score_frame(profiles)
    explained = contributions(job.model.booster, job.model.matrix(profiles))
    check_sums(explained)
    frame = _scored_frame(job, profiles, scores, explained)
    _check_reasons(frame)
    name = f"part-{number:05}.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), building / name, compression="zstd")
    pq.write_table(_contribution_table(job, profiles, explained), building / "contributions" / name, compression="zstd")
    tally.rows += len(frame)
    tally.decisions.update(frame["decision"].tolist())
    tally.methods[explained.method] += len(frame)


def _scored_frame(job: Job, profiles: pd.DataFrame, scores: pd.DataFrame, explained: Contributions) -> pd.DataFrame:
    inputs = policy_inputs(profiles, scores, revolving=job.revolving)
    inputs["in_default"] = profiles["customer_id"].isin(job.in_default)
    decisions = decide(inputs, job.policy, calibrated=job.model.is_calibrated).drop(columns="customer_id")
    features = [job.profiles.catalogue[name] for name in job.model.features]
    reasons = reason_codes(explained.values, profiles, features, job.typical, currency=job.currency)
    keys, previous = profiles[["customer_id", "as_of"]], inputs[["limit_previous"]]
    frame = pd.concat([keys, scores[["p_default", "score"]], previous, decisions, reasons], axis=1)
    frame["model_version"] = f"{job.profiles.info.dataset}/{job.model_version}"
    frame["policy_version"] = f"{job.policy.name}/{job.policy.policy_version}"
    return frame.loc[:, list(COLUMNS)]


def _contribution_table(job: Job, profiles: pd.DataFrame, explained: Contributions) -> pa.Table:
    columns = {
        "customer_id": pa.array(profiles["customer_id"], pa.string()),
        "as_of": pa.array(profiles["as_of"], pa.timestamp("us")),
        "base_value": pa.array(np.full(len(profiles), explained.base)),
        "log_odds": pa.array(explained.log_odds),
    }
    for place, name in enumerate(job.model.features):
        columns[name] = pa.array(explained.values[:, place])
    return pa.table(columns)


def _check_reasons(frame: pd.DataFrame) -> None:
    """An adverse decision says why: by the model, by the policy, or both."""
    adverse = frame["decision"].isin(ADVERSE)
    silent_rows = frame[adverse & frame["policy_reason"].isna() & frame["reason_code_1"].isna()]
    if len(silent_rows):
        raise IntegrityError(
            "an adverse decision without a reason",
            expected="a reason of the model or of the policy",
            rows=silent_rows["customer_id"].head(3).tolist(),
            n_rows=len(silent_rows),
        )


def _check_complete(job: Job, tally: _Tally) -> None:
    if tally.rows != job.profiles.info.rows:
        raise IntegrityError(
            "the run lost or gained customers",
            expected=f"{job.profiles.info.rows:,} rows, as in the profiles",
            received=f"{tally.rows:,}",
        )


def _manifest(job: Job, building: Path, tally: _Tally, started: datetime) -> dict[str, Any]:
    files = sorted(path.relative_to(building).as_posix() for path in building.rglob("*.parquet"))
    return job.identity | {
        "rows": tally.rows,
        "decisions": dict(sorted(tally.decisions.items())),
        "explained_by": dict(sorted(tally.methods.items())),
        "features_absent": job.profiles.info.absent,
        "calibrated_on": job.model.calibrated().calibrated_on,
        "files": {name: sha256_file(building / name) for name in files},
        "started": started,
        "finished": utc_now(),
    }
