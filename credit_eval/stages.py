"""The chain, stage by stage: functions of a study, and of a run where something is scored.

Each stage reads what the one before wrote and writes its own output atomically, so any of them can be run again
alone: the champion and its validation, the scored file, the report.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from credit_eval.core.errors import ModelError, SourceError
from credit_eval.core.files import exclusive, sha256_json, write_json
from credit_eval.core.machine import threads
from credit_eval.core.runs import Run
from credit_eval.explain.contributions import contributions
from credit_eval.explain.leanings import leanings
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.typical import Leaning, Typical
from credit_eval.models.model import CreditModel, GradeScale
from credit_eval.models.promotion import check_promotion, check_reason, objections
from credit_eval.models.record import Judged, Record, judged_by_cross_validation, judged_out_of_time
from credit_eval.models.registry import load_champion, register
from credit_eval.models.restriction import Stopped, what_it_adds
from credit_eval.models.training import TrainingSettings, train_cross_fitted
from credit_eval.models.training import train as train_by_time
from credit_eval.policy.settings import Policy
from credit_eval.profiles.population import typical_values
from credit_eval.profiles.store import Profiles
from credit_eval.report.build import write_report
from credit_eval.report.summary import Summary, summarise
from credit_eval.samples.exposure import Compared, Exposure
from credit_eval.samples.split import Split
from credit_eval.scoring.memory import record
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


def _train(study: Study, grades: GradeScale, promote_anyway: str | None) -> Record:
    sample = study.draw_sample()
    features = sample.profiles.catalogue
    settings = TrainingSettings(seed=study.settings.sample.seed, grades=grades, threads=threads())
    model, judged = _trained(study, sample.split, features, settings)
    overruled = check_promotion(study.name, objections(judged.metrics, judged.gains), promote_anyway)
    importance, leanings = _importance(model, sample.frame)
    exposure, compared = _exposure(study, sample.split)
    stopped = _restriction(study, model, sample.split)
    told_of = {"typical": _typical(sample.profiles, leanings), "exposure": asdict(exposure) if exposure else None}
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
    if split.kind == "time":
        model = train_by_time(split.frame, features.features, settings, tick=study.tick)
        return model, judged_out_of_time(model, split.frame, features.features, tick=study.tick)
    model = train_cross_fitted(split.frame, features.features, settings, tick=study.tick)
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


def _identity(study: Study) -> str:
    """Changes when anything does that a champion is made from."""
    settings = study.settings
    chosen = settings.default.model_dump() | settings.sample.model_dump() | settings.loss.model_dump()
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


def score(study: Study, run: Run, *, replace: bool = False) -> Path:
    """Profiles, scores, reasons and decisions of everyone with an account at a date, or of a brought cohort.

    The same run again changes nothing and is not made again. What was decided is appended to the ledger, also of a run
    that was killed before it came to that.

    Raises:
        CohortError: an `as_of` outside the data, no such cohort, or nobody to score.
        ModelError: no champion, or one that asks for features that the data do not give.
    """
    if run.as_of:
        study.dataset.check_as_of(run.as_of)
    study.check_decidable(run)
    target, chosen, policy = study.paths.scored(study.name, run.label), study.chosen, study.policy
    model, version = load_champion(study.paths.models, study.name)
    _check_features(study, model)
    with study.engine() as engine:
        members = study.members(engine, run.label, [run.as_of] if run.as_of else [])
        job = Job(
            dataset=study.name,
            cohort=run.label,
            data_fingerprint=study.dataset.fingerprint,
            catalogue=study.catalogue,
            model=model,
            model_version=version,
            policy=policy,
            typical={name: Typical(*told) for name, told in model.metadata["typical"].items()},
            currency=study.dataset.info.currency,
            revolving=chosen.revolving,
            assume_no_debt=chosen.assume_no_debt,
            jurisdiction=chosen.jurisdiction,
            definition=study.definition,
            standing=study.standing_of(engine, members),
        )
        if not replace and already_done(job, target):
            record(study.ledger, target, job.standing, policy.restriction.way_out)
            return target
        profiles = study.build_profiles(run.label, members)
    score_profiles(job, profiles, target, replace=replace, tick=study.tick)
    record(study.ledger, target, job.standing, policy.restriction.way_out)
    return target


def _check_features(study: Study, model: CreditModel) -> None:
    barred = sorted(set(model.features) - set(study.features))
    if barred:
        raise ModelError(
            f"the champion of {study.name} asks for {len(barred)} features that its profiles do not have",
            expected=f"features that the data give and that are lawful in {study.chosen.jurisdiction!r}",
            received=", ".join(barred[:3]) + (", …" if len(barred) > 3 else ""),
            todo=f"train again: `credit-eval train {study.name}`",
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
