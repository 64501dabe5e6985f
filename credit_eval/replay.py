"""A decision made again, from the data, the model and the policy that it was made with, and compared byte for byte.

Nothing of the first time is used but what a decision depends on: the rows known before `as_of`, the registered model,
the policy and the settings as the manifest has them, and the ledger up to that date. Rows that came later are there and
may not matter: that the decision comes out the same shows that none of them did.

What it needs: the data set (appended to, not imported anew), the model's version in the registry, the scored run, and a
program that computes alike. `prune` keeps the first two, and as many runs as it is told to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.canonical import records
from credit_eval.core.code import deciding_code, library_versions
from credit_eval.core.errors import CohortError, ReplayError, SourceError
from credit_eval.core.runs import Run
from credit_eval.language.catalogue import Catalogue, Provided
from credit_eval.language.measures import Rank
from credit_eval.language.typical import Typical
from credit_eval.models.model import CreditModel
from credit_eval.models.registry import find_version, load_version
from credit_eval.policy.settings import Policy
from credit_eval.profiles.build import build_profiles
from credit_eval.samples.definition import DefaultDefinition
from credit_eval.scoring.lookup import places
from credit_eval.scoring.records import prove_record
from credit_eval.scoring.replaced import check_recorded
from credit_eval.scoring.run import Job, decided_rows
from credit_eval.scoring.sealed import Scored, open_scored
from credit_eval.study import Study

_KEYS = ["customer_id", "as_of"]
_KEEP = "keep data, models and runs as long as decisions may be asked for (docs/night.md)"


@dataclass(frozen=True)
class Replayed:
    """A decision as recorded and as made again, both canonical JSON; and what is other than it was then.

    `since`: in phrases, such as that the data have grown; none of it changed the decision if both are the same.
    """

    recorded: str
    again: str
    since: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether they are the same, byte for byte."""
        return self.recorded == self.again

    @property
    def differing(self) -> list[tuple[str, object, object]]:
        """By column what was recorded and what came out, where they differ."""
        one, other = json.loads(self.recorded), json.loads(self.again)
        return [
            (name, one.get(name), other.get(name))
            for name in sorted({*one, *other})
            if one.get(name) != other.get(name)
        ]


def replay(study: Study, run: Run, customer: str) -> list[Replayed]:
    """Make the decisions of a run on a customer again.

    Args:
        study: of the data set.
        run: that decided.
        customer: its id.

    Returns:
        one per decision, in the order of as_of; mostly one.

    Raises:
        ReplayError: the run, or what the decision was made of, is gone.
        IntegrityError: it is there, but is not what it was, or not what the ledger recorded.
        CohortError: the customer is not in the run.
    """
    scored = _run(study, run)
    parts = scored.unread_parts
    told = [
        prove_record(scored.root, parts, scored.manifest["tree"], index, scored.called).record
        for index in places(parts, customer, scored.called)
    ]
    again = [record.decode() for record in records(_again(study, run, scored, customer))]
    if len(told) != len(again):
        raise ReplayError(
            f"{customer} has {len(told)} decisions in {scored.called}, and {len(again)} again", todo=_KEEP
        )
    since = tuple(_since(study, scored))
    return [Replayed(one, other, since) for one, other in zip(told, again, strict=True)]


def _run(study: Study, run: Run) -> Scored:
    if run.file:
        raise ReplayError(
            f"the rows of {run.label} are not kept in the data set",
            expected="a run of people of the data set",
            todo="score the same file again under another name, and compare",
        )
    try:
        found = open_scored(study.paths.scored(study.name, run.label))
    except SourceError as error:
        raise ReplayError(f"no run {run.label} of {study.name} to replay: {error.problem}", todo=_KEEP) from None
    check_recorded(study.ledger, found)
    return found


def _again(study: Study, run: Run, scored: Scored, customer: str) -> pa.Table:
    said = scored.manifest
    job = job_of(study, said)
    default = type(study.settings.default)(**said["definition"])
    study = replace(study, settings=study.settings.model_copy(update={"default": default}))
    with study.scratch() as folder, study.dataset.reading(), study.engine() as engine:
        members = _members(study, run, scored, customer, folder)
        job = replace(job, standing=study.standing_of(engine, members, scored.heard))
        try:
            profiles = build_profiles(study.dataset, members, study.provided, folder / "profiles").frame()
        except CohortError as error:
            raise ReplayError(f"the data no longer hold {customer}: {error.problem}", todo=_KEEP) from None
        profiles = _ranked_among_all(study, scored, profiles, folder)
    frame, _ = decided_rows(job, profiles)
    return pa.Table.from_pandas(frame, preserve_index=False)


def _members(study: Study, run: Run, scored: Scored, customer: str, folder: Path) -> Path:
    """The customer's rows of the cohort, as the run read them."""
    target = folder / "members.parquet"
    if run.as_of:
        rows = pd.DataFrame({"customer_id": [customer], "as_of": pd.Series([run.as_of], dtype="datetime64[us]")})
    else:
        cohort = pd.read_parquet(study.dataset.cohort_path(run.label.partition("=")[2]))
        rows = cohort[cohort["customer_id"] == customer].sort_values("as_of")
    rows.to_parquet(target, index=False)
    return target


def _ranked_among_all(study: Study, scored: Scored, profiles: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Ranks are told among everybody who was scored, so the values that are ranked are built of everybody."""
    ranked = [one for one in study.catalogue.features if isinstance(one.measure, Rank)]
    if not ranked:
        return profiles
    everybody = folder / "everybody.parquet"
    pq.write_table(pa.concat_tables(pq.read_table(part, columns=_KEYS) for part in scored.parts), everybody)
    few = Provided(Catalogue(tuple(ranked)), study.provided.absent)
    found = build_profiles(study.dataset, everybody, few, folder / "ranks").frame()
    names = [one.name for one in ranked]
    return profiles.drop(columns=names).merge(found[[*_KEYS, *names]], on=_KEYS, how="left", validate="one_to_one")


def job_of(study: Study, said: Any, model: CreditModel | None = None) -> Job:
    """What a run was made of, but for where its customers stood, as its manifest names it.

    Args:
        study: of the data set.
        said: the manifest.
        model: that decided, if it is there already; None: it is loaded from the registry.

    Returns:
        the job, with an empty `standing`.

    Raises:
        ReplayError: features, model or policy are not here as they were.
    """
    if study.catalogue.fingerprint != said["catalogue_fingerprint"]:
        raise ReplayError(
            "the features are declared otherwise than they were",
            expected=f"those of version {said['code_version']} of this program, lawful in {said['jurisdiction']}",
            todo="replay with the code that decided: the manifest names its version",
        )
    model = model or _model(study, said)
    policy = Policy.model_validate(said["policy"])
    if policy.policy_version != said["policy_version"]:
        raise ReplayError(
            "the policy in the manifest is read otherwise than it was",
            expected=said["policy_version"],
            received=policy.policy_version,
            todo="replay with the code that decided: the manifest names its version",
        )
    return Job(
        dataset=study.name,
        cohort=said["cohort"],
        data_fingerprint=said["data_fingerprint"],
        catalogue=study.catalogue,
        model=model,
        model_of=said["model_of"],
        model_version=int(said["model_version"]),
        policy=policy,
        typical={name: Typical(*told) for name, told in model.metadata["typical"].items()},
        currency=said["currency"],
        revolving=said["revolving"],
        assume_no_debt=said["assume_no_debt"],
        jurisdiction=said["jurisdiction"],
        definition=DefaultDefinition(**said["definition"]),
        standing=pd.DataFrame(),
        language=said["language"],
    )


def _model(study: Study, said: Any) -> CreditModel:
    version = find_version(study.paths.models, said["model_of"], int(said["model_version"]))
    if version is None or version.fingerprint != said["model_fingerprint"]:
        raise ReplayError(
            f"version {said['model_version']} of the model of {said['model_of']} is not there as it was",
            expected="the version that decided, in models/",
            received="none" if version is None else "another model",
            todo=_KEEP,
        )
    return load_version(study.paths.models, version)


def _since(study: Study, scored: Scored) -> Iterator[str]:
    """What is other than it was when the decision was made."""
    said = scored.manifest
    if study.dataset.fingerprint != said["data_fingerprint"]:
        yield f"the data are others: known until {study.dataset.info.known_until:%Y-%m-%d} now"
    if deciding_code() != said["code"]:
        yield f"the code is another: version {said['code_version']} then"
    now = library_versions()
    yield from (
        f"{name} is {now.get(name, 'not there')}, and was {version}"
        for name, version in said["libraries"].items()
        if now.get(name) != version
    )
