"""A flat file from mapping to decisions: trained, validated, explained and decided on like any other data set."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import credit_eval as ce
from credit_eval import stages
from credit_eval.core.files import read_json
from credit_eval.models.model import CreditModel
from credit_eval.models.registry import load_champion
from credit_eval.scoring.run import COLUMNS
from credit_eval.study import Study
from tests.flat_file import FlatFile, loans

ROWS = 1_200


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A flat file whose last tenth has no label yet, trained and scored."""
    flat = FlatFile(tmp_path_factory.mktemp("study"), loans(ROWS, labelled=0.9))
    flat.load()
    made = ce.open("loans", root=flat.folder, policy="default")
    stages.run_all(made, promote_anyway="a test")
    return made


@pytest.fixture(scope="module")
def champion(study: Study) -> CreditModel:
    return load_champion(study.paths.models, study.name)[0]


def test_it_is_judged_out_of_time_by_the_windows_of_its_labels(study: Study) -> None:
    found = study.validation()
    assert found.split == "time"
    assert found.definition.window_days == 90
    assert found.metrics["auc"] > 0.6
    assert found.features_absent == {}


def test_the_model_reads_its_columns_and_never_the_group(study: Study, champion: CreditModel) -> None:
    assert set(champion.features) == {"age", "checking", "months", "sum", "income", "bureau", "bureau_says"}
    assert "sex" not in study.features


def test_those_without_a_label_are_decided_on(study: Study) -> None:
    (run,) = study.runs()
    scored = study.results(run).scored
    assert run.label == "cohort=unlabelled"
    assert len(scored) == ROWS // 10
    assert tuple(scored) == COLUMNS
    assert read_json(study.results(run).folder / "manifest.json")["revolving"] is False


def test_the_policy_reads_roles(study: Study) -> None:
    inputs = study.results().inputs().set_index("customer_id")
    given = loans(ROWS, labelled=0.9).set_index("Loan").loc[inputs.index]
    assert inputs["requested"].tolist() == given["Sum"].astype(float).tolist()
    share = study.policy.affordability.income_share
    assert inputs["capacity"].to_numpy() == pytest.approx(given["Income"].to_numpy() * share)


def test_reasons_speak_of_its_columns(study: Study) -> None:
    scored = study.results().scored
    told = scored["reason_text_1"].dropna()
    assert told.str.contains("loan runs|late payment|current account|[Ii]ncome|Age|[Aa]mount").all()
    assert len(told) > 5
    family = scored.loc[scored["reason_code_1"] == "R_LATE_PAYMENTS_ELSEWHERE", "reason_text_1"]
    assert family.str.startswith("Months since the last late payment elsewhere").all()
    assert len(family) > 0


def test_higher_is_safer_and_riskier_are_held_by_the_trees(study: Study, champion: CreditModel) -> None:
    rows = study.results().profiles
    for name, sign in {"months": 1, "income": -1}.items():
        steps = [champion.p_default(rows.assign(**{name: value})) for value in sorted(rows[name].unique())[::10]]
        moves = pd.DataFrame(steps).diff().dropna() * sign
        assert (moves >= -1e-12).all(axis=None)


def test_the_report_tells_of_the_flat_table(study: Study) -> None:
    page = study.paths.report(study.name, study.latest().label).read_text()
    assert "flat table" in page
    assert "late payments elsewhere" in page
    assert "since the source does not provide" not in page


def test_events_and_columns_stand_in_one_study(tmp_path: Path) -> None:
    flat = FlatFile(tmp_path)
    flat.load(whole=flat.with_orders())
    study = ce.open("loans", root=flat.folder, policy="default")
    sample = study.sample()
    assert {"orders_placed_amount_sum_30d", "months"} <= set(sample.X().columns)
    assert len(sample.frame) == 600
    assert sample.split.kind == "time"
    assert "accounts" in set(" ".join(study.provided.absent.values()).split())
