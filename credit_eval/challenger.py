"""A challenger in the making: from a sample to a model, its record, and what it said of the rows that judged it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from credit_eval.core.code import training_code
from credit_eval.core.machine import threads
from credit_eval.core.seals import sha256_json
from credit_eval.core.statistics import ratio_interval
from credit_eval.explain.contributions import contributions
from credit_eval.explain.leanings import leanings
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.typical import Leaning
from credit_eval.models.comparison import Comparison, can_tell, compare, said_by_both, said_since
from credit_eval.models.evidence import rows_of
from credit_eval.models.model import CreditModel, GradeScale
from credit_eval.models.promotion import beside_the_champion, calibrated, objections
from credit_eval.models.record import (
    Judged,
    Record,
    Refitted,
    judged_by_cross_validation,
    judged_out_of_time,
    judging,
)
from credit_eval.models.registry import (
    ROWS_FILE,
    find_version,
    load_version,
)
from credit_eval.models.restriction import Stopped, what_it_adds
from credit_eval.models.training import Grown, TrainingSettings, grow, refit, to_central_tendency
from credit_eval.policy.settings import Policy
from credit_eval.profiles.population import typical_values
from credit_eval.profiles.store import Profiles
from credit_eval.samples.exposure import Compared, Exposure
from credit_eval.samples.sample import Sample
from credit_eval.samples.split import Split
from credit_eval.study import Study

_ROWS_FOR_IMPORTANCE = 2_000
_ROWS_OF_PROBE = 20


@dataclass(frozen=True)
class Made:
    """A challenger with all that is known of it.

    Attributes:
        model: that would decide.
        record: what was measured.
        rows: what the judged models said of the rows that judged them.
        said: what `model` says of the sample, by customer_id and as_of: by it a later version of this program shows
            that it is the same model still.
        probe: a few rows of the sample, by which a model that was read back is held against the one that was made.
    """

    model: CreditModel
    record: Record
    rows: pd.DataFrame
    said: pd.DataFrame
    probe: pd.DataFrame


def made(study: Study, sample: Sample, grades: GradeScale) -> Made:
    """A challenger of a sample."""
    features, settings = sample.profiles.catalogue, growing(study, grades)
    grown, judged, rows = _judged(study, sample.split, features, settings)
    model, refitted = _refitted(grown, rows, sample, features, settings)
    if settings.central_tendency is not None:
        model = to_central_tendency(model, sample.frame, settings.central_tendency)
    importance, leaning = _importance(model, sample.frame)
    exposure, exposure_compared = _exposure(study, sample.split)
    compared = _compared(study, rows, sample)
    model = replace(model, metadata=dict(model.metadata) | _remembered(sample, model, leaning, exposure, refitted))
    record = Record(
        **vars(judged),
        dataset=study.name,
        identity=identity_of(study),
        split=sample.split.kind,
        why=sample.why,
        definition=study.definition,
        label_source=study.dataset.info.label_source,
        rows_by_part={str(part): int(n) for part, n in sample.frame["part"].value_counts().items()},
        left_out=sample.left_out.by_reason,
        drawn=sample.left_out.drawn,
        n_features=len(features.features),
        features_absent=sample.profiles.info.absent,
        rounds=model.booster.num_trees(),
        calibration=model.calibrated(),
        judged_calibration=grown.model.calibrated(),
        importance=importance,
        exposure=exposure,
        exposure_compared=exposure_compared,
        restriction=_restriction(study, rows, sample),
        objections=_spoken_against(judged, judging(rows), compared),
        compared=compared,
        refitted=refitted,
    )
    return Made(model, record, rows, said_of(model, sample), sample.frame.head(_ROWS_OF_PROBE))


def said_of(model: CreditModel, sample: Sample) -> pd.DataFrame:
    """What a model says of a sample: customer_id, as_of, p_default."""
    keys = sample.frame[["customer_id", "as_of"]].reset_index(drop=True)
    return keys.assign(p_default=model.p_default(sample.frame))


def _spoken_against(judged: Judged, rows: pd.DataFrame, compared: Comparison | None) -> list[str]:
    came = asdict(ratio_interval(rows["defaulted"], rows["p_default"], groups=rows["customer_id"]))
    found = [*objections(judged.metrics, judged.gains), *calibrated(came)]
    return found + (beside_the_champion(compared) if compared else [])


def _judged(
    study: Study, split: Split, features: Catalogue, settings: TrainingSettings
) -> tuple[Grown, Judged, pd.DataFrame]:
    taught = split.frame[split.frame["part"] == "fit"] if split.kind == "time" else split.frame
    grown = grow(taught, features.features, settings, tick=study.tick)
    if split.kind == "time":
        return grown, *judged_out_of_time(grown, split.frame, features.features, tick=study.tick)
    demographics = [feature.name for feature in features.features if feature.tables == {"customers"}]
    return grown, *judged_by_cross_validation(
        split.frame, features.features, settings, demographics=demographics, tick=study.tick
    )


def _refitted(
    grown: Grown, rows: pd.DataFrame, sample: Sample, features: Catalogue, settings: TrainingSettings
) -> tuple[CreditModel, Refitted | None]:
    """The judged model grown again on every row; itself where it has seen them all, or where settings say so."""
    if sample.split.kind != "time" or not settings.refit:
        return grown.model, None
    taught = sample.frame["part"] == "fit"
    model = refit(grown, taught, sample.frame, features.features, settings)
    judged, p = judging(rows), model.p_default(sample.rows("oot"))
    correlation = float(judged["p_default"].corr(pd.Series(p, index=judged.index), method="spearman"))
    return model, Refitted(len(sample.frame), correlation, float(judged["p_default"].mean()), float(p.mean()))


def _compared(study: Study, rows: pd.DataFrame, sample: Sample) -> Comparison | None:
    """The challenger beside the champion in force, on rows that taught neither; None where there are too few."""
    champion = find_version(study.paths.models, study.name)
    if champion is None or ROWS_FILE not in champion.hashed:
        return None
    judged = judging(rows)
    both = said_by_both(judged, rows_of(champion))
    if not can_tell(both):
        model = load_version(study.paths.models, champion)
        if set(model.features) <= set(sample.frame.columns):
            both = said_since(judged, model, lambda after: sample.frame.loc[after[after].index])
    if not can_tell(both):
        return None
    return compare(both, against=champion.number, threshold=study.policy.restriction.threshold)


def _remembered(
    sample: Sample,
    model: CreditModel,
    leaning: Mapping[str, Leaning],
    exposure: Exposure | None,
    refitted: Refitted | None,
) -> dict[str, object]:
    """What a champion knows of the people it learnt from."""
    catalogue, frame = sample.profiles.catalogue, sample.frame
    taught = frame if refitted or sample.split.kind != "time" else frame[frame["part"] == "fit"]
    return {
        "typical": _typical(sample.profiles, leaning),
        "exposure": asdict(exposure) if exposure else None,
        "meanings": {name: meaning for name, meaning in catalogue.meanings.items() if name in model.features},
        "standings": {name: told for name, told in sample.profiles.info.standings.items() if name in model.features},
        "taught_until": str(taught["label_known_at"].max()),
    }


def _exposure(study: Study, split: Split) -> tuple[Exposure | None, list[Compared]]:
    """CCF and LGD of all defaults; and where time splits them, those of earlier ones beside what later ones brought."""
    bads = split.frame.loc[split.frame["defaulted"] == 1, ["customer_id", "as_of", "part"]]
    found = study.measure_exposure(bads)
    if found is None or split.kind != "time":
        return found, []
    later = bads["part"] == "oot"
    return found, study.compare_exposure(bads[~later & (bads["part"] != "gap")], bads[later])


def _restriction(study: Study, rows: pd.DataFrame, sample: Sample) -> list[Stopped]:
    """What the restriction adds to a plain rule of days past due, on the rows that judge the model out of time."""
    if sample.split.kind != "time":
        return []
    judged, p, keys = sample.rows("oot"), judging(rows)["p_default"], ["customer_id", "as_of"]
    limit = study.catalogue.roles.get("limit")
    observed = judged[keys].assign(p_default=p, defaulted=judged["defaulted"], limit=judged.get(limit, np.nan))
    drawn = study.defaults(judged.loc[judged["defaulted"] == 1, keys])
    drawn = drawn.assign(drawn_since=drawn["ead"] - drawn["owed"])[[*keys, "drawn_since"]]
    found = observed.merge(study.standing(judged), on=keys).merge(drawn, on=keys, how="left")
    return what_it_adds(found.fillna({"drawn_since": 0.0}), study.policy.restriction.threshold)


def growing(study: Study, grades: GradeScale) -> TrainingSettings:
    """How the trees of a data set are grown."""
    chosen = study.settings.training_of(study.name)
    return TrainingSettings(**chosen, seed=study.settings.sample.seed, grades=grades, threads=threads())


def identity_of(study: Study) -> str:
    """Changes when anything does that a champion is made from."""
    settings = study.settings
    chosen = settings.default.model_dump() | settings.sample.model_dump() | settings.loss.model_dump()
    chosen |= {"training": settings.training_of(study.name)}
    grades = asdict(grades_of(study.policy))
    return sha256_json([study.dataset.fingerprint, study.catalogue.fingerprint, chosen, grades, training_code()])


def grades_of(policy: Policy) -> GradeScale:
    """The policy's grades are the model's master scale, so that a grade means one thing."""
    bounds = tuple(grade.up_to for grade in policy.grades[:-1])
    return GradeScale(bounds, tuple(grade.grade for grade in policy.grades))


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
