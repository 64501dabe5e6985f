"""The validation of a version in force: everything a validator asks, as one page that prints, and as numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd

from credit_eval.challenger import grades_of, growing
from credit_eval.champions import is_made_of_these
from credit_eval.core.errors import ModelError
from credit_eval.core.files import write_json
from credit_eval.models.evidence import rows_of
from credit_eval.models.model import CreditModel
from credit_eval.models.record import Record
from credit_eval.models.registry import find_version, load_version
from credit_eval.models.training import TrainingSettings, as_many_trees
from credit_eval.report.validation_page import write_validation
from credit_eval.samples.sample import Sample
from credit_eval.samples.split import customer_folds
from credit_eval.study import Study
from credit_eval.study.publishing import audited
from credit_eval.validation.findings import Findings, find
from credit_eval.validation.subject import Subject, joined

#: Where no time splits the sample, trees that learnt from all but one of so many customers are asked what can only be
#: asked of trees.
_FIFTHS = 5


def validate(study: Study) -> tuple[Path, Findings]:
    """Validate the champion on its own data; writes `validation.html` and `validation.json` beside the reports.

    Takes as long as a few trainings: the judged trees are grown anew, and by other seeds.

    Args:
        study: whose champion.

    Returns:
        the page, and what was found.

    Raises:
        ModelError: the champion was made of other data, by other code or under other settings.
        SourceError: there is no champion, or it kept nothing.
        IntegrityError: what it kept is not what was registered, or is of other rows.
    """
    record = study.validation()
    if not is_made_of_these(study, record):
        raise ModelError(
            f"version {record.model_version} of {study.name} was made of other data, by other code or other settings",
            expected="the data, code and settings that it was trained with, which are what can be validated",
            received="others",
            todo=f"train anew, `credit-eval train {study.name}`, or go back to what it was trained with",
        )
    version = find_version(study.paths.models, study.name, record.model_version)
    assert version is not None, "whose record was read"
    sample = study.draw_sample()
    study.tick("validating", 0, 3)
    rows = joined(rows_of(version), sample.frame)
    taught, tested = _apart(record, rows, study.settings.sample.seed)
    regrow = partial(_regrown, taught, sample, record, growing(study, grades_of(study.policy)))
    champion = load_version(study.paths.models, version)
    subject = Subject(
        record=record,
        rows=rows,
        judged=regrow(0),
        champion=champion,
        features=sample.profiles.catalogue.features,
        days_past_due=_late(study, rows),
        tested=tested,
        groups=dict(audited(study, rows)),
        threshold=study.policy.restriction.threshold,
    )
    study.tick("validating", 1, 3)
    found = find(subject, regrow, {name: told[0] for name, told in champion.metadata["typical"].items()})
    study.tick("validating", 2, 3)
    target = study.paths.reports(study.name) / "validation.html"
    write_validation(found, record, study.dataset.info, target)
    write_json(target.with_suffix(".json"), found.plain())
    study.tick("validating", 3, 3)
    return target, found


def _late(study: Study, rows: pd.DataFrame) -> pd.Series[float]:
    """Days past due of each row when it was observed; 0 where nobody tells."""
    keys = rows[["customer_id", "as_of"]]
    standing = study.standing(keys)[["customer_id", "as_of", "days_past_due"]]
    late = keys.merge(standing, on=["customer_id", "as_of"], how="left")["days_past_due"]
    return late.fillna(0.0).set_axis(rows.index)


def _apart(record: Record, rows: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows that teach the trees which are asked, and rows on which they are."""
    if record.split == "time":
        return rows[rows["part"] == "fit"], rows[rows["part"] == "oot"]
    aside = customer_folds(rows["customer_id"], rows["defaulted"], folds=_FIFTHS, seed=seed) == 0
    return rows[~aside], rows[aside]


def _regrown(
    taught: pd.DataFrame, sample: Sample, record: Record, settings: TrainingSettings, shift: int
) -> CreditModel:
    """The judged trees again, with `shift` added to the seed: same rows, same number, same calibration."""
    settings = replace(settings, seed=settings.seed + shift)
    ranking = as_many_trees(taught, sample.profiles.catalogue.features, settings, record.rounds)
    return replace(ranking, calibration=record.judged_calibration)
