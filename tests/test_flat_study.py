"""A flat file from mapping to decisions: trained, validated, explained and decided on like any other data set."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import credit_eval as ce
from credit_eval import stages
from credit_eval.core.errors import CohortError, IntegrityError, ModelError, SourceError
from credit_eval.core.files import read_json
from credit_eval.core.runs import Run
from credit_eval.ingest.mapping import import_mapping
from credit_eval.models.model import CreditModel
from credit_eval.models.registry import load_champion
from credit_eval.profiles.store import describe_profiles, open_profiles
from credit_eval.scoring.decision import as_json, tell_decision
from credit_eval.scoring.lookup import decided
from credit_eval.scoring.run import COLUMNS
from credit_eval.settings import DatasetSettings, load_settings
from credit_eval.study import Study
from credit_eval.study.publishing import replay
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


# One decision ---------------------------------------------------------------------------------------------


def test_one_decision_is_looked_up_with_its_profile_and_contributions(study: Study) -> None:
    night = study.results()
    (found,) = decided(night.folder, study.profiles_at(night.run.label), "L01100")
    there = night.scored.set_index("customer_id").loc["L01100"]
    assert {name: found.row[name] for name in ("p_default", "decision", "limit_new")} == dict(
        there[["p_default", "decision", "limit_new"]]
    )
    profile = night.profiles.set_index("customer_id").loc["L01100"]
    assert {one.feature.name for one in found.seen} == set(study.champion().feature_names_in_)
    for one in found.seen:
        same = profile[one.feature.name]
        assert one.value == same or (pd.isna(one.value) and pd.isna(same))
    moved = night.contributions.set_index("customer_id").loc["L01100"]
    total = sum(one.contribution for one in found.seen)
    assert total + moved["base_value"] == pytest.approx(moved["log_odds"], abs=1e-5)
    assert [one.contribution for one in found.seen] == sorted((one.contribution for one in found.seen), reverse=True)


def test_a_decision_is_told_to_a_person_and_to_a_program(study: Study) -> None:
    night, lines = study.results(), list[str]()
    row = night.scored[night.scored["reason_text_1"].notna()].iloc[0]
    (found,) = decided(night.folder, study.profiles_at(night.run.label), row["customer_id"])
    tell_decision(found, lambda *parts: lines.append("".join(p if isinstance(p, str) else p[0] for p in parts)))
    text = "\n".join(lines)
    for told in (row["customer_id"], row["decision"], row["reason_text_1"], row["policy_reason"], "typical: "):
        assert told in text
    assert set(as_json(found)) == {*COLUMNS, "profile"}


def test_who_is_not_there_and_profiles_of_another_run_are_told(study: Study, tmp_path: Path) -> None:
    night = study.results()
    with pytest.raises(CohortError, match="no such customer in loans/cohort=unlabelled"):
        decided(night.folder, study.profiles_at(night.run.label), "L00001")
    for path in study.profiles_at(night.run.label).glob("*"):
        shutil.copy(path, tmp_path)
    few = night.profiles.iloc[:3].to_parquet
    few(tmp_path / "part-00000.parquet")
    with pytest.raises(IntegrityError, match="are not what was built"):
        decided(night.folder, tmp_path, "L01100")
    describe_profiles(tmp_path, open_profiles(tmp_path).info)
    with pytest.raises(SourceError, match="are not those of the run"):
        decided(night.folder, tmp_path, "L01100")
    with pytest.raises(SourceError, match="nothing is scored"):
        decided(tmp_path, tmp_path, "L01100")


def test_a_profile_is_told_beside_what_the_champion_knows(study: Study) -> None:
    lines = {
        line.name: line for side in study.profile("L01100", study.dataset.info.known_until).values() for line in side
    }
    given = loans(ROWS, labelled=0.9).set_index("Loan").loc["L01100"]
    assert lines["months"].value == str(given["Months"])
    assert lines["income"].value == f"{given['Income']:,} EUR"
    assert lines["age"].usual.startswith("typical: ")


def test_lines_are_decided_by_the_limit_and_the_debt_of_the_file(tmp_path: Path) -> None:
    flat = FlatFile(tmp_path, loans(200).assign(Owed=lambda f: f["Age"] * 3.0, Year=lambda f: f["Income"] * 12))
    columns = {
        "income": None,
        "sum": {"from": "Sum", "unit": "money", "role": "limit"},
        "owed": {"from": "Owed", "unit": "money", "role": "debt"},
        "a_year": {"from": "Year", "unit": "money", "role": "annual_income"},
    }
    dataset = flat.load(columns=columns)
    study = ce.open("loans", root=flat.folder, policy="default")
    profiles = study.observe(pd.read_parquet(dataset.cohort_path("rows")))
    inputs, given = study.inputs(np.full(200, 0.05), profiles).set_index("customer_id"), loans(200).set_index("Loan")
    assert study.chosen.revolving
    assert not study.chosen.assume_no_debt
    assert inputs["limit_previous"].tolist() == given["Sum"].astype(float).tolist()
    assert inputs["balance"].tolist() == (given["Age"] * 3.0).tolist()
    share = study.policy.affordability.income_share
    assert inputs["capacity"].to_numpy() == pytest.approx(given["Income"].to_numpy() * share)
    decided = study.decide(np.full(200, 0.05), profiles)
    assert set(decided["decision"]) <= {"approve", "hold", "reduce"}
    assert (decided["limit_new"] >= np.minimum(inputs["balance"], inputs["limit_previous"]).to_numpy()).all()


def test_social_columns_are_barred_in_the_eu(tmp_path: Path) -> None:
    flat = FlatFile(tmp_path, loans(300).assign(Friends=lambda f: f["Age"] % 13))
    flat.load(columns={"friends": {"from": "Friends", "unit": "count", "social": "true"}})
    said = "datasets: {loans: {policy: default, jurisdiction: eu}}"
    assert "friends" in ce.open("loans", root=flat.folder).features
    (flat.folder / "settings.yaml").write_text(said)
    assert "friends" not in ce.open("loans", root=flat.folder).features


def test_groups_of_the_file_are_looked_at_when_a_policy_is_published(study: Study) -> None:
    night = study.results()
    found = replay(night, study.policy.with_(threshold=0.3)).groups["sex"]
    given = loans(ROWS, labelled=0.9).set_index("Loan").loc[night.scored["customer_id"], "Sex"]
    adverse = night.scored["decision"].isin(["restrict", "decline", "reduce"]).to_numpy()
    assert set(found) == {"f", "m"}
    for group, shares in found.items():
        mine = (given == group).to_numpy()
        assert (shares["before"].value, shares["before"].n) == (adverse[mine].mean(), mine.sum())


# People nobody has seen -----------------------------------------------------------------------------------


def _strangers(study: Study, into: Path, **changes: object) -> pd.DataFrame:
    """Those without a label, as a file of the same columns but for the label and the group."""
    given = loans(ROWS, labelled=0.9).query("Bad == ''").drop(columns=["Bad", "Sex"]).assign(**changes)
    given.to_csv(into / "new.csv", index=False)
    return given


def test_rows_of_a_file_are_decided_on_as_if_they_had_been_imported(study: Study, tmp_path: Path) -> None:
    _strangers(study, tmp_path)
    target = stages.score_file(study, tmp_path / "new.csv")
    scored, there = ce.read_scored(target), study.results().scored
    assert target.name == "file=new"
    assert tuple(scored) == COLUMNS
    pd.testing.assert_frame_equal(scored, there)
    assert stages.score_file(study, tmp_path / "new.csv") == target  # once more changes nothing
    assert study.latest().label == "cohort=unlabelled"  # the data set's own customers
    assert "has changed" not in stages.report(study, Run(file="new")).read_text()


def test_a_line_of_json_is_decided_on_and_nothing_is_kept(study: Study, tmp_path: Path) -> None:
    given, there = _strangers(study, tmp_path), study.results().scored
    before = study.ledger.history(study.name, "L01100")
    lines = given.iloc[[20, 7]].to_json(orient="records", lines=True).splitlines()
    rows = stages.decide_rows(study, lines)
    assert [row["customer_id"] for row in rows] == ["L01100", "L01087"]  # as they were asked
    for row in rows:
        (same,) = there[there["customer_id"] == row["customer_id"]].replace({np.nan: None}).to_dict("records")
        assert {name: row[name] for name in ("p_default", "decision", "limit_new", "reason_text_1")} == {
            name: same[name] for name in ("p_default", "decision", "limit_new", "reason_text_1")
        }
        assert row["profile"]["months"] in (6, 12, 24, 36)
        assert "sex" not in row["profile"]
    assert not (study.paths.all_scored(study.name) / "file=rows").exists()
    pd.testing.assert_frame_equal(study.ledger.history(study.name, "L01100"), before)


def test_what_a_file_lacks_is_told_in_full(study: Study, tmp_path: Path) -> None:
    _strangers(study, tmp_path).drop(columns=["Age", "Income"]).to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(SourceError, match="lacks the columns 'Age', 'Income'"):
        stages.score_file(study, tmp_path / "new.csv", name="lacking")
    with pytest.raises(SourceError, match="line 2 is no row"):
        stages.decide_rows(study, ['{"Loan": "a"}', "[1]"])
    with pytest.raises(SourceError, match="line 1 is no JSON"):
        stages.decide_rows(study, ["Loan: a"])
    with pytest.raises(SourceError, match="no rows to score"):
        stages.decide_rows(study, [""])


def test_a_category_nobody_has_seen_is_unknown_and_counted(study: Study, tmp_path: Path) -> None:
    _strangers(study, tmp_path, Checking="overdrawn")
    target = stages.score_file(study, tmp_path / "new.csv", name="unseen")
    manifest = read_json(target / "manifest.json")
    assert manifest["never_seen"] == {"checking overdrawn": ROWS // 10}
    assert manifest["never_seen_unknown"] == {}
    page = stages.report(study, Run(file="unseen")).read_text()
    assert "categories that the model has never seen" in page
    assert "checking overdrawn" in page


def test_another_data_sets_champion_serves_where_its_features_mean_the_same(study: Study, tmp_path: Path) -> None:
    flat = FlatFile(tmp_path, loans(100, seed=5))
    others = ce.open("loans", root=study.paths.root, policy="default")
    for name, columns in (("other", {}), ("apart", {"months": {"from": "Months", "unit": "days"}, "age": None})):
        import_mapping(flat.mapping(columns=columns, whole={"dataset": name}), study.paths.raw, replace=True)
        others = ce.open(name, root=study.paths.root, policy="default")
        if name == "other":
            scored = ce.read_scored(stages.score(others, others.runs()[0], model_of="loans"))
            assert scored["model_version"].str.startswith("loans/").all()
            assert len(scored) == 100
            expected = study.champion().predict_proba(
                others.results().profiles[list(study.champion().feature_names_in_)]
            )
            assert scored["p_default"].to_numpy() == pytest.approx(expected[:, 1])
        else:
            with pytest.raises(ModelError, match="does not give: 2") as error:
                stages.score(others, others.runs()[0], model_of="loans")
            assert "not there: age" in str(error.value)
            assert "another meaning or unit: months" in str(error.value)


def test_rows_without_an_id_leave_no_trace_in_the_ledger(tmp_path: Path) -> None:
    flat = FlatFile(tmp_path, loans(ROWS))
    flat.load(id=None)
    study = ce.open("loans", root=flat.folder, policy="default")
    stages.run_all(study, promote_anyway="a test")
    assert study.ledger.history("loans", "2").empty


# Settings -------------------------------------------------------------------------------------------------


def test_unknown_that_never_was_is_refused_where_the_settings_say_so(study: Study, tmp_path: Path) -> None:
    _strangers(study, tmp_path, Checking="overdrawn")
    strict = DatasetSettings(policy=Path("default"), unknown="refuse")
    refusing = replace(study, settings=study.settings.model_copy(update={"datasets": {"loans": strict}}))
    with pytest.raises(ModelError, match="features are unknown that were known of everybody") as error:
        stages.score_file(refusing, tmp_path / "new.csv", name="refused")
    assert f"checking 'overdrawn' (of {ROWS // 10})" in str(error.value)
    assert not (study.paths.all_scored("loans") / "file=refused").exists()
    _strangers(study, tmp_path)
    assert stages.score_file(refusing, tmp_path / "new.csv", name="known").exists()


def test_trees_are_grown_as_the_settings_of_the_data_set_say(tmp_path: Path) -> None:
    flat = FlatFile(tmp_path, loans(ROWS))
    flat.load()
    said = "training: {num_leaves: 5, folds: 3}\n"
    said += "datasets: {loans: {policy: default, training: {num_iterations: 7, monotone: no}}}"
    (flat.folder / "settings.yaml").write_text(said)
    study = ce.open("loans", root=flat.folder)
    stages.train(study, promote_anyway="a test")
    champion = load_champion(study.paths.models, "loans")[0]
    grown = champion.metadata["settings"]
    assert (grown["num_leaves"], grown["num_iterations"], grown["folds"], grown["monotone"]) == (5, 7, 3, False)
    trees = champion.booster.dump_model()["tree_info"]
    assert len(trees) <= 7
    assert max(tree["num_leaves"] for tree in trees) <= 5
    (told,) = re.findall(r"\[monotone_constraints: (.*)\]", champion.booster_text)
    assert set(told.split(",")) == {"0"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("training: {num_leaves: 1}", "line 1: training.num_leaves"),
        ("training: {leaves: 9}", "line 1: training.leaves extra"),
        ("datasets:\n  loans:\n    policy: default\n    unknown: ignore", "line 4: datasets.loans.unknown"),
    ],
)
def test_settings_that_are_none_are_told_with_their_line(tmp_path: Path, said: str, told: str) -> None:
    (tmp_path / "settings.yaml").write_text(said)
    with pytest.raises(SourceError) as error:
        load_settings(tmp_path / "settings.yaml")
    assert told in str(error.value)


def test_a_search_for_settings_is_judged_and_written_and_changes_nothing(study: Study) -> None:
    before = load_champion(study.paths.models, study.name)
    found = stages.tune(study, trials=2)
    told = read_json(study.paths.reports(study.name) / "tuning.json")
    assert told["auc"] == found.auc
    assert len(told["trials"]) == 2
    assert found.judged_on.startswith("out of time")
    assert load_champion(study.paths.models, study.name)[1] == before[1]
