"""The chain, stage by stage: functions of a study, and of a run where something is scored.

Each stage reads what the one before wrote and writes its own output atomically, so any of them can be run again
alone: the champion and its validation, the scored file, the report.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd

from credit_eval.champions import choose
from credit_eval.champions import compare_versions as compare_versions
from credit_eval.champions import train as train
from credit_eval.champions import tune as tune
from credit_eval.core.errors import ModelError, SourceError, StorageError
from credit_eval.core.runs import Run
from credit_eval.core.seals import sha256_file
from credit_eval.core.stage_log import stage, tell
from credit_eval.engine.ranks import Standing
from credit_eval.ingest.incoming import rows_as_file
from credit_eval.language.typical import Typical
from credit_eval.language.words import Language
from credit_eval.models.history import read_history
from credit_eval.models.model import CreditModel
from credit_eval.models.record import Record
from credit_eval.models.registry import load_champion
from credit_eval.models.registry_anchors import anchor
from credit_eval.profiles.build import build_profiles
from credit_eval.report.build import write_chinese, write_report
from credit_eval.report.paper_page import paper_part
from credit_eval.report.summary import Summary, summarise
from credit_eval.scoring.memory import record
from credit_eval.scoring.overrides import entries_of_people
from credit_eval.scoring.reading import read_scored
from credit_eval.scoring.replaced import check_recorded, keep_replaced
from credit_eval.scoring.run import Job, already_done
from credit_eval.scoring.run import score as score_profiles
from credit_eval.scoring.sealed import MANIFEST, is_scored, open_scored
from credit_eval.study import Study
from credit_eval.study.papering import paper_of

_ROWS_FOR_IMPORTANCE = 2_000


@dataclass(frozen=True)
class Done:
    """A finished chain: the champion's record, a summary per scored run, and a challenger that was refused."""

    validation: Record
    summaries: dict[Run, Summary]
    seconds: float
    refused: Record | None = None


def run_all(study: Study, *, run: Run | None = None, replace: bool = False, promote_anyway: str | None = None) -> Done:
    """Train unless the champion is of these very data, score, report, and sum up; `run` instead of `study.runs()`.

    A challenger that is refused leaves the champion to decide, and is told.
    """
    started = time.monotonic()
    runs = [run] if run else study.runs()
    for one in runs:
        study.check_decidable(one)  # before the minutes that training takes
    chosen = choose(study, promote_anyway=promote_anyway)
    done: dict[Run, Summary] = {}
    for one in runs:
        scored = score(study, one, replace=replace)
        report(study, one)
        done[one] = summarise(scored)
    return Done(chosen.champion, done, time.monotonic() - started, chosen.refused)


# From a champion to decisions ------------------------------------------------------------------------------


def score(study: Study, run: Run, *, model_of: str | None = None, replace: bool = False) -> Path:
    """Profiles, scores, reasons and decisions of everyone with an account at a date, or of a brought cohort.

    `model_of`: a data set whose champion decides, in place of its own. The same run again changes nothing and is not
    made again. What was decided is appended to the ledger, also of a run
    that was killed before it came to that.

    Raises:
        CohortError: an `as_of` outside the data, no such cohort, or nobody to score.
        ModelError: no champion, or one that asks for features that the data do not give.
    """
    with stage("score", dataset=study.name, run=run.label) as told:
        target, fresh = _scored(study, run, model_of, replace=replace)
        told |= {"fresh": fresh, **open_scored(target).counted}
        return target


def _scored(study: Study, run: Run, model_of: str | None, *, replace: bool) -> tuple[Path, bool]:
    """The scored directory, and whether it was made now."""
    if run.as_of:
        study.dataset.check_as_of(run.as_of)
    study.check_decidable(run)
    target, way_out = study.paths.scored(study.name, run.label), study.policy.restriction.way_out
    with study.engine() as engine:
        members = study.members(engine, run.label, [run.as_of] if run.as_of else [])
        heard = _heard(study, target, replace=replace)
        job = _job(study, run, study.standing_of(engine, members, heard), model_of, heard)
        if not replace and already_done(job, target):
            check_recorded(study.ledger, open_scored(target))
            _record(study, target, job, way_out)
            return target, False
        standings = _standings(job.model) if run.file else None  # a few strangers are no population to stand in
        profiles = study.build_profiles(run.label, members, standings)
    replaced = keep_replaced(target, study.paths.replaced(study.name, run.label), _recorded(study, run))
    score_profiles(job, profiles, target, replace=replace, replaced=replaced, tick=study.tick)
    _record(study, target, job, way_out)
    return target, True


def score_file(
    study: Study,
    source: Path,
    *,
    name: str | None = None,
    as_of: datetime | None = None,
    model_of: str | None = None,
    replace: bool = False,
) -> Path:
    """Score and decide on people nobody has seen: the rows of a flat file, or the events in a folder.

    They are read as the mapping of the data set says, and lie under `file=NAME` afterwards, the same contract as any
    scored file.

    Args:
        study: whose mapping, policy and champion serve.
        source: the file or the folder.
        name: of the run; None: the source's own name.
        as_of: of events, up to when they are complete, and looked at; None: the midnight after the last one.
        model_of: a data set whose champion decides, in place of its own.
        replace: write anew what is there.

    Returns:
        the scored directory.

    Raises:
        SourceError: a column or a file is missing; all are named.
        ModelError: features that the champion asks for cannot be built, or are another thing here.
    """
    called = name or re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-") or "file"
    with study.incoming(source, called, as_of) as people:
        return score(people, Run(file=called), model_of=model_of, replace=replace)


def decide_rows(study: Study, lines: Sequence[str], *, model_of: str | None = None) -> list[dict[str, object]]:
    """Decide on rows of JSON, one object a line, and keep nothing: no file, no entry in the ledger.

    Args:
        study: whose mapping, policy and champion serve.
        lines: objects of the flat file's own columns.
        model_of: a data set whose champion decides, in place of its own.

    Returns:
        per row what a scored file says, and `profile`, what the model saw.

    Raises:
        SourceError: a line that is no row, or lacks columns.
        ModelError: as `score_file`.
    """
    with study.scratch() as folder:
        source, ids = rows_as_file(lines, study.dataset.info, folder)
        with study.incoming(source, "rows") as people, people.engine() as engine:
            run = Run(file="rows")
            people.check_decidable(run)
            members = people.members(engine, run.label, [])
            job = _job(people, run, people.standing_of(engine, members), model_of)
            profiles = build_profiles(
                people.dataset, members, people.provided, folder / "profiles", standings=_standings(job.model)
            )
            scored = read_scored(score_profiles(job, profiles, folder / "scored"))
            seen = profiles.frame().set_index(["customer_id", "as_of"])[list(job.model.features)]
            rows = scored.astype(object).where(scored.notna(), None).to_dict("records")
            told = seen.astype(object).where(seen.notna(), None).to_dict("records")
            decided = [row | {"profile": one} for row, one in zip(rows, told, strict=True)]
            return sorted(decided, key=lambda row: ids.index(str(row["customer_id"])))


def _heard(study: Study, target: Path, *, replace: bool) -> int:
    """How much of what people decided a run hears: all there is; as much as before, where it is there already.

    So a run that is asked for once more is the same run, whatever people decided since.
    """
    if is_scored(target) and not replace:
        return open_scored(target).heard
    return len(entries_of_people(study.ledger.log(study.name)))


def _standings(model: CreditModel) -> dict[str, Standing]:
    """The population in which people of a file are ranked: that which the model learnt from."""
    return {name: Standing(**told) for name, told in model.metadata.get("standings", {}).items()}


def _record(study: Study, target: Path, job: Job, way_out: float) -> None:
    """Append a run to the ledger, without its decisions if its rows are of nobody who could be met again."""
    moves = read_history(study.paths.models, study.name) if job.model_of == study.name else []
    record(study.ledger, target, job.standing, way_out, moves, nobody=study.dataset.info.anonymous)
    head = study.ledger.log(study.name).head_of(sha256_file(target / MANIFEST))
    where, label = study.ledger.shown, f"{study.name}/{job.cohort}"
    try:
        anchor(study.paths.models, job.model_of, job.model_version, where, label, str(head))
    except StorageError as error:  # who scores may have no right to write where models are: the ledger has it all
        tell("anchor", dataset=study.name, run=job.cohort, failed=error.problem)


def _recorded(study: Study, run: Run) -> str | None:
    return study.ledger.manifest(study.name, run.label)


def _job(study: Study, run: Run, standing: pd.DataFrame, model_of: str | None, heard: int = 0) -> Job:
    chosen = study.chosen
    model, version = load_champion(study.paths.models, model_of or study.name)
    _check_features(study, model, model_of or study.name)
    said = model.metadata.get("taught_until")
    at = run.as_of or study.dataset.info.known_until
    study.policy.check_calibrated(datetime.fromisoformat(said) if said else None, at)
    return Job(
        dataset=study.name,
        cohort=run.label,
        data_fingerprint=study.dataset.fingerprint,
        catalogue=study.catalogue,
        model=model,
        model_of=model_of or study.name,
        model_version=version,
        policy=study.policy,
        typical={name: Typical(*told) for name, told in model.metadata["typical"].items()},
        currency=study.dataset.info.currency,
        revolving=chosen.revolving,
        assume_no_debt=chosen.assume_no_debt,
        jurisdiction=chosen.jurisdiction,
        definition=study.definition,
        standing=standing,
        refuse_unknown=chosen.unknown == "refuse",
        language=chosen.language,
        heard=heard,
    )


def _check_features(study: Study, model: CreditModel, model_of: str) -> None:
    """Refuse a champion whose features cannot be built here, or mean another thing; all of them are named."""
    here = study.catalogue.meanings
    absent = [name for name in model.features if name not in here]
    meanings = model.metadata.get("meanings", {})
    other = [name for name in model.features if name in here and meanings.get(name, here[name]) != here[name]]
    if absent or other:
        told = [f"not there: {', '.join(absent)}"] if absent else []
        told += [f"of another meaning or unit: {', '.join(other)}"] if other else []
        raise ModelError(
            f"the champion of {model_of} asks for features that {study.name} does not give: {len(absent) + len(other)}",
            expected=f"all {len(model.features)} of its features, lawful in {study.chosen.jurisdiction!r}",
            received="; ".join(told),
            todo=f"train a champion of its own: `credit-eval train {study.name}`",
        )


def report(study: Study, run: Run, language: Language | None = None) -> Path:
    """The static HTML report of a scored run, beside the champion's validation; and its Chinese edition, if asked for.

    `language`: of the edition that is returned; None: the data set's.

    Raises:
        SourceError: nothing is scored under this label, or the champion was never validated.
        IntegrityError: a file of the scored run is missing or was changed since.
    """
    with stage("report", dataset=study.name, run=run.label):
        return _reported(study, run, language)


def _reported(study: Study, run: Run, language: Language | None) -> Path:
    name, label = study.name, run.label
    scored = study.paths.scored(name, label)
    if not is_scored(scored):
        raise SourceError(f"no report of {name} {label} yet", todo=f"run `credit-eval score {name}` first")
    validation = study.validation()
    found = open_scored(scored)
    check_recorded(study.ledger, found)
    found.check()
    study.tick("report", 0, 1)
    target, profiles, info = study.paths.report(name, label), study.profiles_at(label), study.dataset.info
    told = partial(paper_part, *paper_of(study, run), judged_on=validation.judged_on, currency=info.currency)
    front = told(language="en")
    write_report(scored, validation, info, target, profiles=profiles, catalogue=study.catalogue, front=front)
    if (language or study.chosen.language) == "zh":
        english, target = target.name, study.paths.report(name, label, "zh")
        write_chinese(scored, validation, info, target, told(language="zh"), english)
    study.tick("report", 1, 1)
    return target
