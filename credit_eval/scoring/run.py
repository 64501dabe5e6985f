"""The batch run. Profiles stream in part by part; for each part the run writes a scored file and, beside it, the
contributions it was explained with. A manifest closes the directory, and the whole directory appears at once.

    data/scored/<dataset>/as_of=2026-07-01/
        part-00000.parquet              one row per customer, the columns of `COLUMNS`
        contributions/part-00000.parquet    base value, log-odds and a contribution per feature that a tree asks for
        records.merkle                      the Merkle tree over all decisions (`scoring.records`)
        manifest.json                       what went in, what came out, and the hashes of both
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import credit_eval
from credit_eval.core.clock import utc_now
from credit_eval.core.code import deciding_code, library_versions
from credit_eval.core.errors import IntegrityError, ModelError, OutputExistsError
from credit_eval.core.files import atomic_directory
from credit_eval.core.machine import cores
from credit_eval.core.merkle import Hash
from credit_eval.core.progress import Tick, silent
from credit_eval.core.seals import sha256_file, sha256_json
from credit_eval.core.stage_log import tell
from credit_eval.engine.base import ROWS_PER_GROUP
from credit_eval.engine.workers import spread
from credit_eval.explain.contributions import Contributions, as_stored, check_sums, contributions, planned
from credit_eval.explain.reasons import reason_codes
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.typical import Typical
from credit_eval.language.words import Language
from credit_eval.models.model import CreditModel
from credit_eval.policy.decide import BY_SCORE, decide, is_adverse
from credit_eval.policy.losses import Losses, losses
from credit_eval.policy.settings import Policy
from credit_eval.profiles.store import DESCRIBED, Profiles
from credit_eval.samples.definition import DefaultDefinition
from credit_eval.samples.exposure import exposure_of
from credit_eval.scoring.inputs import policy_inputs
from credit_eval.scoring.records import leaf_hashes, write_tree
from credit_eval.scoring.sealed import is_scored, open_scored, seal_scored

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
    "decided_by",
    "expected_loss",
    "profit",
    "profit_below",
    "profit_above",
    "policy_facts",
    "apr_previous",
    "balance",
    "exposure",
    "revenue",
    "exposure_before",
    "expected_loss_before",
    "revenue_before",
    "profit_before",
)

#: Categories that no model has seen are told, so many.
MOST_UNSEEN = 50
#: Fewer are scored by one process.
_ROWS_PER_PROCESS = 150_000


@dataclass(frozen=True)
class Job:
    """Everything a scored file depends on.

    `cohort` is the run's label. `model_of`: the data set whose champion decides, mostly its own. `typical` comes from
    the model's training sample, so no reason sentence knows the future. `standing` has a row per member of the cohort
    (`samples.standing`), by `definition`; what people decided is among it, the first `heard` entries of that.
    """

    dataset: str
    cohort: str
    data_fingerprint: str
    catalogue: Catalogue
    model: CreditModel
    model_of: str
    model_version: int
    policy: Policy
    typical: Mapping[str, Typical]
    currency: str
    revolving: bool
    assume_no_debt: bool
    jurisdiction: str
    definition: DefaultDefinition
    standing: pd.DataFrame
    refuse_unknown: bool = False
    language: Language = "en"
    heard: int = 0

    def standing_of(self, profiles: pd.DataFrame) -> pd.DataFrame:
        """Where the customers of a part stand, from the first to the last of them."""
        who = self._sorted_standing["customer_id"].to_numpy(dtype=object)
        first = np.searchsorted(who, profiles["customer_id"].min(), side="left")
        return self._sorted_standing.iloc[first : np.searchsorted(who, profiles["customer_id"].max(), side="right")]

    @cached_property
    def _sorted_standing(self) -> pd.DataFrame:
        return self.standing.sort_values("customer_id", ignore_index=True)

    @property
    def losses(self) -> Losses:
        """LGD and CCF: those that the champion came with, else those that the policy assumes."""
        return losses(self.policy, exposure_of(self.model.metadata), window_days=self.definition.window_days)

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two runs the same run: the same identity gives byte for byte the same decisions."""
        return {
            "dataset": self.dataset,
            "cohort": self.cohort,
            "data_fingerprint": self.data_fingerprint,
            "catalogue_fingerprint": self.catalogue.fingerprint,
            "model_of": self.model_of,
            "model_version": self.model_version,
            "model_fingerprint": self.model.fingerprint,
            "policy_name": self.policy.name,
            "policy_version": self.policy.policy_version,
            "losses": asdict(self.losses),
            "currency": self.currency,
            "revolving": self.revolving,
            "assume_no_debt": self.assume_no_debt,
            "jurisdiction": self.jurisdiction,
            "language": self.language,
            "definition": asdict(self.definition),
            "typical_fingerprint": sha256_json({name: asdict(told) for name, told in self.typical.items()}),
            "standing_fingerprint": hash_of_frame(self.standing),
            "code_version": credit_eval.__version__,
            "code": deciding_code(),
            "libraries": library_versions(),
        }


def hash_of_frame(frame: pd.DataFrame) -> str:
    """A hash of a frame's values in their order, the same in every process."""
    return hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()


@dataclass
class _Tally:
    """What is counted of a part, or of all; `leaves`: hashes of its records."""

    number: int = 0
    rows: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    unseen: Counter[tuple[str, str]] = field(default_factory=Counter)
    leaves: list[Hash] = field(default_factory=list)


def already_done(job: Job, target: Path) -> bool:
    """Whether this very run lies at `target`, whole.

    Raises:
        OutputExistsError: another run does.
        IntegrityError: this run does, but a file is missing or was changed since.
    """
    if not is_scored(target):
        return False
    found = open_scored(target)
    there = found.manifest
    changed = sorted(key for key, value in job.identity.items() if there.get(key) != value)
    if changed:
        raise OutputExistsError(
            f"{target.parent.name}/{target.name} is scored already, by another run",
            expected="the same " + ", ".join(changed),
            received="; ".join(f"{key} was {there.get(key)!s:.60}" for key in changed),
            todo="say --replace (make: REPLACE=1) to score it anew; the scored file there was not touched",
        )
    found.check()
    return True


def score(
    job: Job,
    profiles: Profiles,
    target: Path,
    *,
    replace: bool = False,
    replaced: Sequence[str] = (),
    tick: Tick = silent,
) -> Path:
    """Score all profiles into `target`; returns it. `replaced`: hashes of the manifests of what lay there before.

    Raises:
        OutputExistsError: `target` is taken and `replace` is false.
        ModelError: the profiles lack a feature of the model, the model is not calibrated, or features are unknown that
            never were in training and the settings refuse that.
        IntegrityError: profiles of other data or features than the job's, contributions that do not add up, or an
            adverse decision without a reason.
    """
    _check_profiles(job, profiles)
    started, rows = utc_now(), profiles.info.rows
    tell("plan", rows=rows, **planned(job.model.booster, len(job.model.features), rows))
    with atomic_directory(target, replace=replace) as building:
        (building / "contributions").mkdir()
        parts = profiles.parts
        tallies: list[_Tally] = []
        work = partial(_score_part, job, parts, building)
        for done in spread(work, range(len(parts)), _workers(profiles.info.rows)):
            tallies.append(done)
            tick("scoring", len(tallies), len(parts))
        tally = _together(tallies)
        _check_complete(profiles, tally)
        _check_unknown(job, tally)
        tree = write_tree(building, tally.leaves)
        seal_scored(building, _manifest(job, profiles, tally, started) | {"replaced": list(replaced), "tree": tree})
    return target


def _check_profiles(job: Job, profiles: Profiles) -> None:
    expected = (job.data_fingerprint, job.catalogue.fingerprint)
    received = (profiles.info.data_fingerprint, profiles.info.catalogue_fingerprint)
    if expected != received:
        raise IntegrityError(
            "these profiles were built from other data or other features than this run's",
            todo="build the profiles anew",
        )


def _workers(rows: int) -> int:
    """Processes that are worth their start: measured, two are no faster than one at 166,000 rows."""
    return max(1, min(cores(), rows // _ROWS_PER_PROCESS))


def _together(tallies: Sequence[_Tally]) -> _Tally:
    """What all parts come to, in the order of the parts."""
    found = _Tally()
    for one in sorted(tallies, key=lambda one: one.number):
        found.rows += one.rows
        found.decisions.update(one.decisions)
        found.methods.update(one.methods)
        found.unknown.update(one.unknown)
        found.unseen.update(one.unseen)
        found.leaves += one.leaves
    return found


def _score_part(job: Job, parts: Sequence[Path], building: Path, number: int) -> _Tally:
    """Score one part and write it, in whichever process."""
    profiles = pq.read_table(parts[number]).to_pandas()
    frame, explained = decided_rows(job, profiles)
    name = f"part-{number:05}.parquet"
    decided = pa.Table.from_pandas(frame, preserve_index=False)
    _write(decided, building / name)
    _write(_contribution_table(job, profiles, explained), building / "contributions" / name, numbers=job.model.used)
    return _Tally(
        number,
        len(frame),
        Counter(frame["decision"].tolist()),
        Counter({explained.method: len(frame)}),
        Counter(job.model.never_seen_unknown(profiles)),
        Counter(job.model.never_seen(profiles)),
        leaf_hashes(decided),
    )


def decided_rows(job: Job, profiles: pd.DataFrame) -> tuple[pd.DataFrame, Contributions]:
    """Decisions on profiles, the columns of `COLUMNS`, and the contributions that they are explained by.

    Raises:
        ModelError, PolicyError, IntegrityError: as `score`.
    """
    matrix = job.model.matrix(profiles)
    log_odds = job.model.booster.predict(matrix, raw_score=True)
    scores = job.model.scored(log_odds, profiles.index)
    explained = as_stored(contributions(job.model.booster, matrix, log_odds=log_odds))
    check_sums(explained)
    frame = _scored_frame(job, profiles, scores, explained)
    _check_reasons(frame)
    return frame, explained


def _write(rows: pa.Table, path: Path, *, numbers: Sequence[str] = ()) -> None:
    """Write a part. `numbers`: columns of which hardly two values are the same; their bytes are packed by place."""
    dictionary = [name for name in rows.column_names if name not in numbers]
    encoding: dict[str, str] = dict.fromkeys(numbers, "BYTE_STREAM_SPLIT")
    pq.write_table(
        rows,
        path,
        compression="zstd",
        row_group_size=ROWS_PER_GROUP,
        use_dictionary=dictionary,
        column_encoding=encoding or None,
    )


def _scored_frame(job: Job, profiles: pd.DataFrame, scores: pd.DataFrame, explained: Contributions) -> pd.DataFrame:
    inputs = policy_inputs(
        profiles,
        scores,
        job.standing_of(profiles),
        job.catalogue.roles,
        revolving=job.revolving,
        assume_no_debt=job.assume_no_debt,
        policy=job.policy,
    )
    rules: dict[str, Any] = {"calibrated": job.model.is_calibrated, "losses": job.losses}
    by_score = _by_score(decide(inputs, job.policy, **rules, wordless=True))
    reasons = _reasons(job, profiles, explained, by_score)
    untold = by_score & reasons["reason_code_1"].isna().to_numpy()
    decisions = decide(inputs, job.policy, **rules, untold=untold, language=job.language, currency=job.currency)
    decisions = decisions.drop(columns="customer_id")
    keys, previous = profiles[["customer_id", "as_of"]], inputs[["limit_previous"]]
    reasons.loc[~_by_score(decisions), :] = None
    frame = pd.concat([keys, scores[["p_default", "score"]], previous, decisions, reasons], axis=1)
    frame["model_version"] = f"{job.model_of}/{job.model_version}"
    frame["policy_version"] = f"{job.policy.name}/{job.policy.policy_version}"
    return frame.loc[:, list(COLUMNS)]


def _by_score(decisions: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Of whom the score decided, or made the rate dearer. Elsewhere what raised the risk is no reason for anything."""
    return (decisions["decided_by"].eq(BY_SCORE) | decisions["dearer_by_score"]).to_numpy(dtype=bool)


def _reasons(job: Job, profiles: pd.DataFrame, explained: Contributions, wanted: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Reasons of some rows, (n,); None for the others."""
    rows = np.flatnonzero(wanted)
    told = reason_codes(
        explained.values[rows],
        profiles.iloc[rows],
        [job.catalogue[name] for name in job.model.features],
        job.typical,
        currency=job.currency,
        language=job.language,
    )
    columns = {}
    for name in told.columns:
        column = np.full(len(profiles), None, dtype=object)
        column[rows] = told[name].to_numpy()
        columns[name] = column
    return pd.DataFrame(columns, index=profiles.index, dtype=object)


def _contribution_table(job: Job, profiles: pd.DataFrame, explained: Contributions) -> pa.Table:
    columns = {
        "customer_id": pa.array(profiles["customer_id"], pa.string()),
        "as_of": pa.array(profiles["as_of"], pa.timestamp("us")),
        "base_value": pa.array(np.full(len(profiles), explained.base)),
        "log_odds": pa.array(explained.log_odds),
    }
    places = {name: place for place, name in enumerate(job.model.features)}
    return pa.table(
        columns | {name: pa.array(explained.values[:, places[name]], pa.float32()) for name in job.model.used}
    )


def _check_reasons(frame: pd.DataFrame) -> None:
    """An adverse decision says which rule bound; where the score decided, also what raised the risk."""
    adverse = is_adverse(frame)
    by_score = frame["decided_by"] == BY_SCORE
    unexplained = adverse & ((frame["policy_reason"] == "") | (by_score & frame["reason_code_1"].isna()))
    if unexplained.any():
        raise IntegrityError(
            "an adverse decision without a reason",
            expected="a policy reason, and where the score decided a reason of the model",
            rows=frame.loc[unexplained, "customer_id"].head(3).tolist(),
            n_rows=int(unexplained.sum()),
        )


def _check_complete(profiles: Profiles, tally: _Tally) -> None:
    if tally.rows != profiles.info.rows:
        raise IntegrityError(
            "the run lost or gained customers",
            expected=f"{profiles.info.rows:,} rows, as in the profiles",
            received=f"{tally.rows:,}",
        )


def _check_unknown(job: Job, tally: _Tally) -> None:
    if not job.refuse_unknown or not (tally.unknown or tally.unseen):
        return
    told = [f"{name} unknown (of {n:,})" for name, n in tally.unknown.most_common()]
    told += [f"{name} {category!r} (of {n:,})" for (name, category), n in tally.unseen.most_common()]
    raise ModelError(
        "features are unknown that were known of everybody whom the model learnt from, or hold what it never saw",
        expected="values that it knows; settings.yaml says `unknown: refuse` of this data set",
        received=", ".join(told[:8]) + (f", and {len(told) - 8} more" if len(told) > 8 else ""),
        n_rows=max([*tally.unknown.values(), *tally.unseen.values()]),
        todo="find out whether the data still bring them; `unknown: warn` scores all the same, and says so",
    )


def _manifest(job: Job, profiles: Profiles, tally: _Tally, started: datetime) -> dict[str, Any]:
    return job.identity | {
        "rows": tally.rows,
        "decisions": dict(sorted(tally.decisions.items())),
        "explained_by": dict(sorted(tally.methods.items())),
        "features_absent": profiles.info.absent,
        "never_seen_unknown": dict(tally.unknown.most_common()),
        "never_seen": {f"{name} {category}": n for (name, category), n in tally.unseen.most_common(MOST_UNSEEN)},
        "typical": {name: asdict(told) for name, told in job.typical.items() if name in job.model.features},
        "policy": job.policy.model_dump(mode="json"),
        "calibrated_on": job.model.calibrated().calibrated_on,
        "profiles": sha256_file(profiles.root / DESCRIBED),
        "heard": job.heard,
        "started": started,
        "finished": utc_now(),
    }
