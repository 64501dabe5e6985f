"""The chain, stage by stage: functions of a study, and of a run where something is scored.

Each stage reads what the one before wrote and writes its own output atomically, so any of them can be run again
alone: the champion and its validation, the scored file, the report.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from credit_eval.core.errors import ModelError, SourceError
from credit_eval.core.files import exclusive, sha256_json, write_json
from credit_eval.core.machine import threads
from credit_eval.core.runs import Run
from credit_eval.engine.ranks import Standing
from credit_eval.explain.contributions import contributions
from credit_eval.explain.leanings import leanings
from credit_eval.ingest.incoming import rows_as_file
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.typical import Leaning, Typical
from credit_eval.models.model import CreditModel, GradeScale
from credit_eval.models.promotion import check_promotion, check_reason, objections
from credit_eval.models.record import Judged, Record, judged_by_cross_validation, judged_out_of_time
from credit_eval.models.registry import load_champion, register
from credit_eval.models.restriction import Stopped, what_it_adds
from credit_eval.models.training import TrainingSettings
from credit_eval.models.training import train as grow
from credit_eval.models.tuning import Tuned
from credit_eval.models.tuning import tune as search
from credit_eval.policy.settings import Policy
from credit_eval.profiles.build import build_profiles
from credit_eval.profiles.population import typical_values
from credit_eval.profiles.store import Profiles
from credit_eval.report.build import write_report
from credit_eval.report.summary import Summary, summarise
from credit_eval.samples.exposure import Compared, Exposure
from credit_eval.samples.split import Split
from credit_eval.scoring.memory import record
from credit_eval.scoring.reading import read_scored
from credit_eval.scoring.run import Job, already_done, check_whole, code_fingerprint
from credit_eval.scoring.run import score as score_profiles
from credit_eval.study import Study

_ROWS_FOR_IMPORTANCE = 2_000


@dataclass(frozen=True)
class Done:
    """A finished chain: what validation measured, and a summary per scored run."""

    validation: Record
    summaries: dict[Run, Summary]
    seconds: float


def run_all(study: Study, *, run: Run | None = None, replace: bool = False, promote_anyway: str | None = None) -> Done:
    """Train unless the champion is of these very data, score, report, and sum up; `run` instead of `study.runs()`."""
    started = time.monotonic()
    runs = [run] if run else study.runs()
    for one in runs:
        study.check_decidable(one)  # before the minutes that training takes
    validation = _still_valid(study) or train(study, promote_anyway=promote_anyway)
    done: dict[Run, Summary] = {}
    for one in runs:
        scored = score(study, one, replace=replace)
        report(study, one)
        done[one] = summarise(scored)
    return Done(validation, done, time.monotonic() - started)


# From a sample to a champion -------------------------------------------------------------------------------


def train(study: Study, *, promote_anyway: str | None = None) -> Record:
    """Train, validate and register the champion; returns what was measured.

    `promote_anyway`: why a model with objections (`models.promotion`) shall decide all the same; is recorded.

    Raises:
        OutputExistsError: another process is training on this data set; told before anything is trained.
        ModelError: the model is not shown to rank, or is shown to rank worse than a baseline.
    """
    check_reason(promote_anyway)
    grades = _grades(study.policy)  # so that nothing is made where no policy is named
    with exclusive(study.paths.validation(study.name).parent, wait=False, doing=f"training on {study.name}"):
        return _train(study, grades, promote_anyway)


def tune(study: Study, *, seconds: float | None = None, trials: int | None = None, rows: int = 60_000) -> Tuned:
    """Search for how to grow the trees of a data set, judged on rows that the search never saw; changes nothing.

    Args:
        study: whose sample is searched on, beginning with its settings.
        seconds: after which no trial begins.
        trials: at most; so many give the same on every machine.
        rows: of the search at most.

    Returns:
        what was found, also written to `tuning.json` beside the validation.

    Raises:
        SampleError: too few bads or goods, or no bound is said.
    """
    sample = study.draw_sample()
    grown = _growing(study, _grades(study.policy))
    by_time = sample.split.kind == "time"
    frame, features = sample.frame, sample.profiles.catalogue.features
    found = search(frame, features, grown, by_time=by_time, seconds=seconds, trials=trials, rows=rows, tick=study.tick)
    write_json(study.paths.validation(study.name).with_name("tuning.json"), asdict(found))
    return found


def _train(study: Study, grades: GradeScale, promote_anyway: str | None) -> Record:
    sample = study.draw_sample()
    features = sample.profiles.catalogue
    settings = _growing(study, grades)
    model, judged = _trained(study, sample.split, features, settings)
    overruled = check_promotion(study.name, objections(judged.metrics, judged.gains), promote_anyway)
    importance, leanings = _importance(model, sample.frame)
    exposure, compared = _exposure(study, sample.split)
    stopped = _restriction(study, model, sample.split)
    meanings = {name: meaning for name, meaning in features.meanings.items() if name in model.features}
    told_of = {
        "typical": _typical(sample.profiles, leanings),
        "exposure": asdict(exposure) if exposure else None,
        "meanings": meanings,
        "standings": {name: told for name, told in sample.profiles.info.standings.items() if name in model.features},
    }
    model = replace(model, metadata=dict(model.metadata) | told_of)
    study.tick("registering", 0, 1)
    told = {
        "split": sample.split.kind,
        "definition": study.definition,
        "n_features": len(features.features),
        "rounds": model.booster.num_trees(),
        "label_source": study.dataset.info.label_source,
    }
    version = register(
        model,
        study.paths.models,
        dataset=study.name,
        params=_grown(settings) | told | {"definition": asdict(study.definition)},
        metrics=judged.metrics,
        tags={"promoted_anyway": promote_anyway} if overruled and promote_anyway else {},
        why=promote_anyway if overruled and promote_anyway else f"nothing spoke against it, {judged.judged_on}",
    )
    study.tick("registering", 1, 1)
    found = Record(
        **vars(judged),
        **told,
        dataset=study.name,
        model_version=version,
        identity=_identity(study),
        why=sample.why,
        rows_by_part={str(part): int(n) for part, n in sample.frame["part"].value_counts().items()},
        left_out=sample.left_out.by_reason,
        drawn=sample.left_out.drawn,
        features_absent=sample.profiles.info.absent,
        calibration=model.calibrated(),
        importance=importance,
        exposure=exposure,
        exposure_compared=compared,
        restriction=stopped,
        promoted_anyway=overruled,
    )
    write_json(study.paths.validation(study.name), asdict(found))
    return found


def _trained(study: Study, split: Split, features: Catalogue, settings: TrainingSettings) -> tuple[CreditModel, Judged]:
    taught = split.frame[split.frame["part"] == "fit"] if split.kind == "time" else split.frame
    model = grow(taught, features.features, settings, tick=study.tick)
    if split.kind == "time":
        return model, judged_out_of_time(model, split.frame, features.features, tick=study.tick)
    demographics = [feature.name for feature in features.features if feature.tables == {"customers"}]
    return model, judged_by_cross_validation(
        split.frame, features.features, settings, demographics=demographics, tick=study.tick
    )


def _exposure(study: Study, split: Split) -> tuple[Exposure | None, list[Compared]]:
    """CCF and LGD of all defaults; and where time splits them, those of earlier ones beside what later ones brought."""
    bads = split.frame.loc[split.frame["defaulted"] == 1, ["customer_id", "as_of", "part"]]
    found = study.measure_exposure(bads)
    if found is None or split.kind != "time":
        return found, []
    later = bads["part"] == "oot"
    return found, study.compare_exposure(bads[~later & (bads["part"] != "gap")], bads[later])


def _restriction(study: Study, model: CreditModel, split: Split) -> list[Stopped]:
    """What the restriction adds to a plain rule of days past due, on the rows that judge the model out of time."""
    judged = split.frame[split.frame["part"] == "oot"]
    if judged.empty:
        return []
    keys, limit = ["customer_id", "as_of"], study.catalogue.roles.get("limit")
    observed = judged[keys].assign(
        p_default=model.p_default(judged),
        defaulted=judged["defaulted"],
        limit=judged.get(limit, np.nan),
    )
    drawn = study.defaults(judged.loc[judged["defaulted"] == 1, keys])
    drawn = drawn.assign(drawn_since=drawn["ead"] - drawn["owed"])[[*keys, "drawn_since"]]
    found = observed.merge(study.standing(judged), on=keys).merge(drawn, on=keys, how="left")
    return what_it_adds(found.fillna({"drawn_since": 0.0}), study.policy.restriction.threshold)


def _growing(study: Study, grades: GradeScale) -> TrainingSettings:
    """How the trees of a data set are grown."""
    chosen = study.settings.training_of(study.name)
    return TrainingSettings(**chosen, seed=study.settings.sample.seed, grades=grades, threads=threads())


def _identity(study: Study) -> str:
    """Changes when anything does that a champion is made from."""
    settings = study.settings
    chosen = settings.default.model_dump() | settings.sample.model_dump() | settings.loss.model_dump()
    chosen |= {"training": settings.training_of(study.name)}
    grades = asdict(_grades(study.policy))
    return sha256_json([study.dataset.fingerprint, study.catalogue.fingerprint, chosen, grades, code_fingerprint()])


def _still_valid(study: Study) -> Record | None:
    """The last validation, if it is of the champion in force and of what would be trained now."""
    try:
        found = study.validation()
        _, version = load_champion(study.paths.models, study.name)
    except (ModelError, SourceError):
        return None
    return found if (found.identity, found.model_version) == (_identity(study), version) else None


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
    if run.as_of:
        study.dataset.check_as_of(run.as_of)
    study.check_decidable(run)
    target, way_out = study.paths.scored(study.name, run.label), study.policy.restriction.way_out
    with study.engine() as engine:
        members = study.members(engine, run.label, [run.as_of] if run.as_of else [])
        job = _job(study, run, study.standing_of(engine, members), model_of)
        if not replace and already_done(job, target):
            _record(study, target, job, way_out)
            return target
        standings = _standings(job.model) if run.file else None  # a few strangers are no population to stand in
        profiles = study.build_profiles(run.label, members, standings)
    score_profiles(job, profiles, target, replace=replace, tick=study.tick)
    _record(study, target, job, way_out)
    return target


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
    with TemporaryDirectory(prefix="credit_eval_") as scratch:
        folder = Path(scratch)
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


def _standings(model: CreditModel) -> dict[str, Standing]:
    """The population in which people of a file are ranked: that which the model learnt from."""
    return {name: Standing(**told) for name, told in model.metadata.get("standings", {}).items()}


def _record(study: Study, target: Path, job: Job, way_out: float) -> None:
    """Append a run to the ledger, unless its rows are of nobody who could be met again."""
    if not study.dataset.info.anonymous:
        record(study.ledger, target, job.standing, way_out)


def _job(study: Study, run: Run, standing: pd.DataFrame, model_of: str | None) -> Job:
    chosen = study.chosen
    model, version = load_champion(study.paths.models, model_of or study.name)
    _check_features(study, model, model_of or study.name)
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


def report(study: Study, run: Run) -> Path:
    """The static HTML report of a scored run, beside the champion's validation.

    Raises:
        SourceError: nothing is scored under this label, or the champion was never validated.
        IntegrityError: a file of the scored run is missing or was changed since.
    """
    name, label = study.name, run.label
    scored, validation = study.paths.scored(name, label), study.paths.validation(name)
    for needed, todo in ((scored / "manifest.json", "score"), (validation, "train")):
        if not needed.exists():
            raise SourceError(f"no report of {name} {label} yet", todo=f"run `credit-eval {todo} {name}` first")
    check_whole(scored)
    study.tick("report", 0, 1)
    target, profiles = study.paths.report(name, label), study.profiles_at(label)
    write_report(scored, study.validation(), study.dataset.info, target, profiles=profiles, catalogue=study.catalogue)
    study.tick("report", 1, 1)
    return target


def _grades(policy: Policy) -> GradeScale:
    """The policy's grades are the model's master scale, so that a grade means one thing."""
    bounds = tuple(grade.up_to for grade in policy.grades[:-1])
    return GradeScale(bounds, tuple(grade.grade for grade in policy.grades))


def _grown(settings: TrainingSettings) -> dict[str, object]:
    """How the trees were grown, for the registry."""
    return {name: value for name, value in asdict(settings).items() if name not in ("scale", "grades", "threads")}


def _importance(model: CreditModel, sample: pd.DataFrame) -> tuple[dict[str, float], dict[str, Leaning]]:
    """Mean absolute contribution per feature in log-odds, largest first, and its leaning; on up to 2,000 rows."""
    rows = sample.sample(min(len(sample), _ROWS_FOR_IMPORTANCE), random_state=0)
    matrix = model.matrix(rows)
    explained = contributions(model.booster, matrix).values
    found = np.abs(explained).mean(axis=0)
    ranked = sorted(zip(model.features, found.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    leaning = leanings(matrix, explained)
    return dict(ranked), {column.name: leaning[j] for j, column in enumerate(model.inputs) if not column.categories}


def _typical(profiles: Profiles, leanings: Mapping[str, Leaning]) -> dict[str, tuple[float | str | None, float, int]]:
    """What is typical of each feature, as the model's record holds it."""
    found = typical_values(profiles)
    return {name: (told.value, told.without, leanings.get(name, 0)) for name, told in found.items()}
