"""Who becomes champion, who stays challenger, and what a person decided stays decided."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import credit_eval as ce
from credit_eval import challenger, champions, stages
from credit_eval.cli import app
from credit_eval.core.errors import IntegrityError, ModelError, PolicyError, SampleError, SourceError
from credit_eval.models.comparison import compare, said_by_both
from credit_eval.models.evidence import record_of, rows_of
from credit_eval.models.promotion import beside_the_champion
from credit_eval.models.record import judging
from credit_eval.models.registry import CHALLENGER, demote, find_version, history, load_champion, promote, register
from credit_eval.policy.settings import DEFAULT_POLICY
from credit_eval.study import Study
from credit_eval.validate import validate
from tests.flat_file import FlatFile, loans

SAID = {"why": "it frightened us", "by": "Ana"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a champion, version 1, trained and scored."""
    flat = FlatFile(tmp_path_factory.mktemp("made"), loans(1_200, labelled=0.9))
    flat.load()
    stages.run_all(opened(flat.folder))
    return flat.folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "root"))


def opened(root: Path, **training: object) -> Study:
    study = ce.open("loans", root=root, policy="default")
    chosen = study.settings.training.model_copy(update=training)
    return replace(study, settings=study.settings.model_copy(update={"training": chosen}))


def number(study: Study) -> int:
    return load_champion(study.paths.models, study.name)[1]


def test_the_champion_brings_its_record_and_the_rows_that_judged_it(root: Path) -> None:
    study = opened(root)
    found, rows = study.validation(), study.judged()
    oot = rows[rows["part"] == "oot"]
    assert (found.model_version, found.objections, found.compared) == (1, [], None)
    assert ce.auc_interval(oot["defaulted"], oot["p_default"], groups=oot["customer_id"]).value == found.metrics["auc"]
    assert rows["part"].value_counts().to_dict() == found.rows_by_part
    assert found.refitted is not None
    assert found.refitted.rows == sum(found.rows_by_part.values())
    assert found.refitted.rank_correlation > 0.9
    (move,) = history(study.paths.models, study.name)
    assert move.why == "nothing spoke against it: judged on out-of-time snapshots, compared with nobody"


def test_what_was_judged_can_be_what_decides(root: Path) -> None:
    study = opened(root, refit=False)
    found = champions.train(study)
    assert found.refitted is None
    sample, rows = study.sample(), study.judged()
    p = study.champion().model_.p_default(sample.rows("oot"))
    assert p.tolist() == rows.loc[rows["part"] == "oot", "p_default"].tolist()


def test_a_central_tendency_is_a_recorded_step(root: Path) -> None:
    study = opened(root, central_tendency=0.2)
    found, sample = champions.train(study), study.sample()
    assert study.champion().model_.p_default(sample.frame).mean() == pytest.approx(0.2, abs=1e-9)
    assert "to a central tendency of 20.00%" in found.calibration.calibrated_on
    assert study.judged()["p_default"].mean() > 0.25  # what is judged is what the data say


def test_a_policy_may_ask_for_a_calibration_of_late(root: Path) -> None:
    study, end = opened(root), datetime(2026, 6, 1)
    asks = study.policy.model_copy(update={"calibrated_within_days": 30})
    study.policy.check_calibrated(None, end)
    asks.check_calibrated(datetime(2026, 5, 2), end)
    for known in (datetime(2026, 5, 1, 23), None):
        with pytest.raises(PolicyError, match="asks for a model that was calibrated within 30 days"):
            asks.check_calibrated(known, end)
    model, version = load_champion(study.paths.models, study.name)
    old = replace(model, metadata=dict(model.metadata) | {"taught_until": "2020-01-01 00:00:00"})
    promote(
        study.paths.models,
        study.name,
        register(old, study.paths.models, dataset="loans", params={}, metrics={}),
        **SAID,
    )
    asking = study.paths.root / "asking.yaml"
    asking.write_text(DEFAULT_POLICY.read_text() + "\ncalibrated_within_days: 30\n")
    strict = ce.open("loans", root=root, policy="asking.yaml")
    with pytest.raises(PolicyError, match="labels known until 2020-01-01"):
        stages.score(strict, strict.runs()[0], replace=True)
    promote(study.paths.models, study.name, version, **SAID)


def test_the_same_made_of_the_same_is_no_new_version(root: Path) -> None:
    study = opened(root)
    assert champions.choose(study).champion.model_version == 1
    assert champions.train(study).model_version == 1
    assert len(history(study.paths.models, study.name)) == 1


def test_a_challenger_that_is_not_worse_takes_over_and_says_so(root: Path) -> None:
    study = opened(root, learning_rate=0.08)
    found = champions.train(study)
    assert found.compared is not None
    assert (found.model_version, found.compared.against, number(study)) == (2, 1, 2)
    assert found.compared.n == found.rows_by_part["oot"]
    assert history(study.paths.models, study.name)[-1].why.endswith("not worse than version 1")
    backward = champions.compare_versions(study, 1, 2)
    assert backward.gain_auc["value"] == pytest.approx(-found.compared.gain_auc["value"])


def test_a_worse_challenger_stays_one_and_the_champion_decides(root: Path) -> None:
    study = opened(root, num_iterations=1, num_leaves=2, feature_fraction=0.15)
    with pytest.raises(ModelError, match="version 2, trained on loans, does not become champion: "):
        champions.train(study)
    assert number(study) == 1
    refused = record_of(study.paths.models, study.name, CHALLENGER)
    assert refused is not None
    assert refused.objections != []
    done = stages.run_all(study, replace=True)
    assert (done.validation.model_version, number(study)) == (1, 1)
    assert done.refused is not None
    assert done.refused.model_version == 2  # not trained again for every night
    assert champions.compare_versions(study).gain_auc["value"] < 0
    promote(study.paths.models, study.name, 2, why="a trial", by="Ana")
    told = study.validation()
    assert told.promoted_anyway is not None
    assert (told.promoted_anyway.why, told.promoted_anyway.objections) == ("a trial", refused.objections)


def test_what_a_person_took_down_does_not_come_back_by_itself(root: Path) -> None:
    champions.train(opened(root, learning_rate=0.08))
    study = opened(root, learning_rate=0.08)
    demote(study.paths.models, study.name, **SAID)
    with pytest.raises(ModelError):
        champions.train(opened(root, num_iterations=1, num_leaves=2, feature_fraction=0.15))  # another challenger
    chosen = champions.choose(study)
    assert record_of(study.paths.models, study.name, 4) is None  # the very model of version 2 is no new version
    challenger = find_version(study.paths.models, study.name, CHALLENGER)
    assert challenger is not None
    assert challenger.number == 2
    assert (chosen.champion.model_version, number(study)) == (1, 1)
    assert chosen.refused is not None
    assert "it was champion as version 2, until on" in chosen.refused.objections[-1]
    assert "it frightened us" in chosen.refused.objections[-1]
    assert champions.train(study, promote_anyway="we are calm again").model_version == 2


def test_a_model_that_another_replaced_by_itself_may_come_back(root: Path) -> None:
    champions.train(opened(root, learning_rate=0.08))  # nobody decided that: it was not worse
    found = champions.choose(opened(root))
    assert found.refused is None
    assert found.champion.model_version == number(opened(root)) == 1
    told = history(opened(root).paths.models, "loans")[-1]
    assert (told.what, told.before) == ("promoted", 2)
    assert told.why.endswith("not worse than version 2")


def test_an_objection_to_an_earlier_champion_counts_no_more(root: Path) -> None:
    study = opened(root)
    found = study.validation()
    rows = judging(study.judged())
    better = rows.assign(p_default=rows["defaulted"] * 0.9 + 0.05)
    worse = compare(said_by_both(rows, better), against=9, threshold=0.5)
    old = replace(found, objections=["it is old", *beside_the_champion(worse)], compared=worse, model_version=2)
    assert len(old.objections) == 3
    assert champions._objections(study, old) == ["it is old"]


def test_comparing_with_itself_with_nobody_or_with_a_stranger_is_refused(root: Path) -> None:
    study = opened(root)
    with pytest.raises(ModelError, match="both the challenger and the champion"):
        champions.compare_versions(study)
    with pytest.raises(ModelError, match="no version 9"):
        champions.compare_versions(study, 9)
    with pytest.raises(SourceError, match="no such version"):
        study.judged(9)


def test_versions_of_other_data_are_not_compared(root: Path, tmp_path: Path) -> None:
    other = FlatFile(tmp_path / "other", loans(1_200, labelled=0.9, seed=5))
    other.load()
    shutil.rmtree(root / "data/raw/loans")
    shutil.copytree(other.folder / "data/raw/loans", root / "data/raw/loans")
    study = opened(root)
    assert champions.train(study).compared is None
    with pytest.raises(SampleError, match="too few rows that taught neither"):
        champions.compare_versions(study, 2, 1)


def test_a_record_or_rows_that_were_edited_are_refused(root: Path) -> None:
    study = opened(root)
    version = find_version(study.paths.models, study.name)
    assert version is not None
    record = version.files / "record.json"
    record.write_text(record.read_text().replace('"auc": 0.', '"auc": 0.9'))
    rows = rows_of(version).assign(p_default=0.5)
    rows.to_parquet(version.files / "judged.parquet")
    for read in (study.validation, study.judged):
        with pytest.raises(IntegrityError, match="not what was registered"):
            read()


def test_rows_that_judged_hold_no_features(root: Path) -> None:
    assert list(opened(root).judged()) == ["customer_id", "as_of", "defaulted", "part", "p_default"]
    assert isinstance(opened(root).judged()["as_of"].iloc[0], pd.Timestamp)


def test_new_code_keeps_the_champion_if_it_says_the_same_and_trains_otherwise(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = opened(root)
    monkeypatch.setattr(challenger, "training_code", lambda: "a later version")
    assert not champions.is_made_of_these(study, study.validation())
    with pytest.raises(ModelError, match="made of other data, by other code"):
        validate(study)
    with pytest.raises(ModelError, match="by somebody"):
        champions.keep(study, why=" ", by="Ana")
    kept = champions.keep(study, why="numpy was upgraded", by="Ana")
    assert (kept.what, kept.version, kept.before) == ("kept", 1, 1)
    assert stages.run_all(study).validation.model_version == 1
    assert number(study) == 1
    assert find_version(study.paths.models, study.name, 2) is None
    validate(study)
    monkeypatch.setattr(challenger, "training_code", lambda: "a much later version")
    assert not champions.is_made_of_these(study, study.validation())
    assert [move.what for move in history(study.paths.models, study.name)] == ["promoted", "kept"]


def test_a_move_is_in_the_ledgers_log_as_soon_as_it_is_made(root: Path) -> None:
    study = opened(root)

    def kinds() -> list[str]:
        return [said["kind"] for said in study.ledger.log("loans").read()]

    assert kinds() == ["champion", "batch"]
    champions.keep(study, **SAID)
    assert kinds() == ["champion", "batch", "champion"]
    ledger = Path(study.ledger.place)
    content = ledger.read_bytes()
    ledger.write_bytes(b"lost")
    champions.keep(study, **SAID)  # a ledger that cannot be used keeps no champion from deciding
    ledger.write_bytes(content)
    assert kinds() == ["champion", "batch", "champion"]
    result = CliRunner().invoke(
        app, ["--root", str(root), "registry", "promote", "loans", "1", "--why", "still he", "--by", "Ana"]
    )
    assert result.exit_code == 0, result.output
    assert kinds() == ["champion", "batch", *["champion"] * (len(history(study.paths.models, "loans")) - 1)]
    entries = [said for said in study.ledger.log("loans").read() if said["kind"] == "champion"]
    assert [said["what"] for said in entries] == [move.what for move in history(study.paths.models, "loans")]
    study.ledger.check_log("loans", [])


def test_code_that_gives_other_numbers_keeps_nobody(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, drawn = opened(root), Study.draw_sample

    def other(self: Study) -> ce.Sample:
        sample = drawn(self)
        frame = sample.frame.assign(months=42 - sample.frame["months"])
        return replace(sample, split=replace(sample.split, frame=frame))

    monkeypatch.setattr(challenger, "training_code", lambda: "a later version")
    monkeypatch.setattr(Study, "draw_sample", other)
    with pytest.raises(ModelError, match="does not say what it said") as refused:
        champions.keep(study, why="numpy was upgraded", by="Ana")
    assert int(refused.value.n_rows or 0) > 100
    assert not champions.is_made_of_these(study, study.validation())
