"""The ten lines of an analyst, from the front door to decisions, on a small simulated world."""

from __future__ import annotations

import doctest
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from numpy.testing import assert_allclose
from world import SETTINGS

import credit_eval as ce
from credit_eval import stages
from credit_eval.cli import app
from credit_eval.core.errors import (
    CohortError,
    DeclarationError,
    IntegrityError,
    OutputExistsError,
    PolicyError,
    SampleError,
    SourceError,
)
from credit_eval.ingest.simulator.run import simulate
from credit_eval.language.reasons import LITTLE_KNOWN
from credit_eval.models.record import judging
from credit_eval.policy.decide import is_adverse
from credit_eval.policy.facts import as_facts
from credit_eval.policy.facts import told as tell_facts
from credit_eval.policy.settings import DEFAULT_POLICY
from credit_eval.profiles.store import open_profiles
from credit_eval.report.letters import Lender, letters
from credit_eval.scoring.decision import in_language
from credit_eval.scoring.lookup import decided
from credit_eval.scoring.sealed import open_scored, seal_scored
from credit_eval.study.backtesting import backtested
from credit_eval.study.offering import offered
from credit_eval.study.papering import paper_of

PAGE = Path(__file__).parents[1] / "docs" / "door.md"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    simulate(root / "data" / "raw", root / "data" / "truth", customers=900, months=18, seed=4, name="simulated")
    (root / "settings.yaml").write_text(SETTINGS)
    return root


@pytest.fixture(scope="module")
def study(root: Path) -> ce.Study:
    study = ce.open("simulated", root=root, policy="default")
    stages.run_all(study, promote_anyway="a test")
    return study


@pytest.fixture(scope="module")
def sample(study: ce.Study) -> ce.Sample:
    return study.sample()


def test_events_of_a_few_strangers_are_scored_as_in_the_whole(study: ce.Study, tmp_path: Path) -> None:
    night = study.results()
    some = night.scored["customer_id"].iloc[::60].tolist()
    for table in study.dataset.tables:
        rows = pd.read_parquet(study.dataset.path(table))
        rows[rows["customer_id"].isin(some)].to_parquet(tmp_path / f"{table}.parquet")
    end = study.dataset.info.known_until
    target = stages.score_file(study, tmp_path, name="strangers", as_of=end)
    scored, there = ce.read_scored(target).set_index("customer_id"), night.scored.set_index("customer_id")
    assert sorted(scored.index) == sorted(some)
    assert list(scored) == list(there)
    ours = open_profiles(study.profiles_at("file=strangers")).frame().set_index("customer_id")
    theirs = night.profiles.set_index("customer_id").loc[ours.index]
    ranks = [name for name in ours if name.endswith("_rank")]
    pd.testing.assert_frame_equal(ours.drop(columns=ranks), theirs.drop(columns=ranks))
    assert len(ranks) == 3
    assert ((ours[ranks] - theirs[ranks]).abs() < 0.12).all(
        axis=None
    )  # told among the people whom the model learnt from
    assert_allclose(scored["p_default"], there.loc[scored.index, "p_default"], atol=0.05)


def test_a_folder_without_the_files_is_told_their_names(study: ce.Study, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nothing to score") as error:
        stages.score_file(study, tmp_path, name="nobody")
    assert "customers.csv" in str(error.value)


def test_the_door_is_light_and_has_every_name_that_it_promises() -> None:
    code = "import sys, credit_eval as ce; print(sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'pandas'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    assert all(getattr(ce, name).__doc__ for name in ce.__all__)
    assert ce.__doc__ is not None
    assert [name for name in ce.__all__ if name not in ce.__doc__] == []
    assert set(ce.__all__) <= set(dir(ce))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ce.nonsense  # type: ignore[attr-defined]


def test_ten_lines(study: ce.Study, sample: ce.Sample) -> None:
    model = ce.DefaultModel(n_estimators=60, cv=3).fit(*sample.part("fit"))
    p = model.predict_proba(sample.X("oot"))[:, 1]
    told = ce.auc_interval(sample.y("oot"), p, groups=sample.groups("oot"))
    assert 0.6 < told.low < told.value < told.high < 1
    explained = model.explain(sample.X("oot").head(20))
    assert type(explained).__name__ == "Explanation"
    assert explained.shape == (20, len(study.features))
    decided = study.decide(p, sample.rows("oot"))
    assert (decided["decision"].isin(["restrict", "decline"]) >= (p > 0.5)).all()
    assert decided.index.equals(sample.rows("oot").index)


def test_the_page_of_the_door_is_true(study: ce.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.paths.root)
    tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried.attempted > 15
    assert tried.failed == 0


def test_a_sample_is_whole_and_its_parts_are_what_they_are(sample: ce.Sample, study: ce.Study) -> None:
    parts = sample.frame["part"].unique()
    X, y, groups = sample.part("oot")
    assert (X.index.equals(y.index), y.index.equals(groups.index)) == (True, True)
    assert set(groups) == set(sample.rows("oot")["customer_id"])
    assert sum(len(sample.X(part)) for part in parts) == len(sample.X()) == len(sample.y()) == len(sample.groups())
    assert list(sample.X().columns) == list(study.features)
    assert sample.rows("oot")["as_of"].min() > sample.rows("fit")["as_of"].max()
    with pytest.raises(SampleError, match="no such part"):
        sample.X("test")


@pytest.mark.parametrize("of", ["study", "sample", "model", "credit model"])
def test_everything_says_what_it_is_in_a_line(study: ce.Study, sample: ce.Sample, of: str) -> None:
    champion = study.champion()
    said = repr({"study": study, "sample": sample, "model": champion, "credit model": champion.model_}[of])
    assert "\n" not in said
    assert len(said) < 200


def test_a_scored_run_is_read_and_its_contributions_add_up(study: ce.Study) -> None:
    night = study.results()
    scored, moved = night.scored, night.contributions
    folder = study.paths.scored("simulated", study.latest().label)
    assert scored.equals(ce.read_scored(folder))
    assert moved.equals(ce.read_contributions(folder))
    features = moved.columns.difference(["customer_id", "as_of", "base_value", "log_odds"])
    assert_allclose(moved[features].sum(axis=1) + moved["base_value"], moved["log_odds"], atol=1e-5)
    champion = study.champion()
    p = champion.predict_proba(study.results().profiles[champion.feature_names_in_])[:, 1]
    assert_allclose(p, scored["p_default"], rtol=1e-12)
    with pytest.raises(SourceError, match="nothing is scored at"):
        ce.read_scored(study.paths.root)


def test_what_if_under_the_same_policy_is_what_was_decided(study: ce.Study) -> None:
    again, scored = study.what_if(study.policy), study.results().scored
    for column in ("decision", "limit_previous", "limit_new", "limit_bound_by", "apr", "policy_reason", "decided_by"):
        pd.testing.assert_series_equal(again[column], scored[column], check_names=False)


def test_what_if_restricts_more_at_a_lower_threshold_and_refuses_what_cannot_be(study: ce.Study) -> None:
    stricter = study.what_if(study.policy.with_(threshold=0.2))
    assert (stricter["decision"] == "restrict").sum() > (study.results().scored["decision"] == "restrict").sum()
    with pytest.raises(PolicyError, match="no such setting"):
        study.policy.with_(treshold=0.2)
    with pytest.raises(PolicyError, match="a policy that cannot be: restriction, threshold"):
        study.policy.with_(threshold=1.5)
    assert study.policy.with_(threshold=0.2).policy_version != study.policy.policy_version


def test_questions_in_sql_and_profiles_of_a_customer(study: ce.Study) -> None:
    counted = study.query("SELECT count(*) AS n FROM orders WHERE customer_id = ?", ["C0000003"])
    assert counted["n"].item() >= 0
    sides = study.profile(study.results().scored["customer_id"][0], study.dataset.info.known_until)
    assert set(sides) == set(ce.Dimension)
    with pytest.raises(CohortError):
        study.profile("C0000003", study.dataset.info.known_from.replace(year=1999))


def test_features_of_ones_own_come_in_as_a_catalogue(root: Path) -> None:
    night = ce.Keep("at_night", ce.column("outcome").equals("failed"), "payments failed")
    mine = ce.Feature(ce.count("payments", night, days=90), ce.Dimension.BEHAVIOUR, 0, "R_FAILED_PAYMENTS")
    study = ce.open("simulated", root=root, policy="default", catalogue=ce.Catalogue((mine,)))
    assert study.features == ("payments_at_night_count_90d",)
    assert list(study.sample().X().columns) == ["payments_at_night_count_90d"]


def test_what_cannot_be_opened_says_so(root: Path, study: ce.Study) -> None:
    with pytest.raises(SourceError, match="no data set"):
        ce.open("nowhere", root=root)
    (root / "settings.yaml").write_text("{}")
    with pytest.raises(SourceError, match="so no policy is in force"):
        _ = ce.open("simulated", root=root).policy
    (root / "settings.yaml").write_text(SETTINGS)
    with pytest.raises(DeclarationError, match="lacks what"):
        ce.open("simulated", root=root, strict=True)


def test_policies_are_held_against_past_outcomes(
    study: ce.Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged, sample = study.judged(), study.sample()
    found = backtested(study, [study.policy, study.policy.with_(threshold=0.3)])
    oot = judged[judged["part"] == "oot"]
    one, other = found.outcomes
    assert (one.n, one.bads) == (len(oot), oot["defaulted"].sum())
    assert other.stopped.value > one.stopped.value
    rows = sample.rows("oot").merge(oot[["customer_id", "as_of", "p_default"]], on=["customer_id", "as_of"])
    decided = study.decide(rows["p_default"], rows)
    assert one.stopped.value == pytest.approx(decided["decision"].isin(["restrict", "decline"]).mean())
    assert one.expected_loss == pytest.approx(decided["expected_loss"].sum())
    every = backtested(study, [study.policy, study.policy], every_month=True)
    assert every.outcomes[0].n == len(judged)
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text(DEFAULT_POLICY.read_text().replace("threshold: 0.50", "threshold: 0.30"))
    asked = ["--root", str(study.paths.root), "backtest", "default", str(stricter), "--dataset", "simulated"]
    app(asked, standalone_mode=False)
    out = capsys.readouterr().out
    assert f"{len(oot):,} observations" in out
    assert "the second beside the first: default rate of who is not stopped -" in out
    assert "such a base rate and AUC give -" in out


def test_a_customer_is_offered_plans_within_the_decision(study: ce.Study, capsys: pytest.CaptureFixture[str]) -> None:
    night = study.results()
    inputs = night.inputs().set_index("customer_id")
    scored = night.scored.set_index("customer_id")
    free = scored["limit_new"] - inputs["balance"].reindex(scored.index)
    able = (scored["max_installments"] >= 3) & (free >= 30) & (inputs["capacity"].reindex(scored.index) > 40)
    customer = scored.index[able][0]
    found = offered(study, customer, "30")
    assert found.why_none is None
    assert found.grade == scored.loc[customer, "grade"]
    assert all(len(plan.lines) <= scored.loc[customer, "max_installments"] for plan in found.plans)
    assert {plan.rate for plan in found.plans} == {scored.loc[customer, "apr"]}
    assert {len(plan.lines) for plan in found.plans} <= set(study.policy.plans)
    stopped = scored.index[scored["max_installments"] == 0][0]
    assert offered(study, stopped, "30").why_none == "the decision gives no new instalment credit"
    assert "more than the" in (offered(study, customer, "1000000").why_none or "")
    for amount in ("0", "-1", "1.001", "many", "inf"):
        with pytest.raises(PolicyError, match="an amount that is none"):
            offered(study, customer, amount)
    with pytest.raises(CohortError, match="nobody is not in"):
        offered(study, "nobody", "30")
    app(["--root", str(study.paths.root), "offer", str(customer), "--amount", "30"], standalone_mode=False)
    assert "in all" in capsys.readouterr().out


def test_reasons_are_told_in_chinese_of_the_same_features(study: ce.Study, capsys: pytest.CaptureFixture[str]) -> None:
    night = study.results()
    told = night.scored[night.scored["reason_code_1"].notna()].head(15)
    for customer in told["customer_id"]:
        (found,) = decided(night.folder, study.profiles_at(night.run.label), customer)
        chinese, english = in_language(found, "zh"), in_language(found, "en")
        assert english.row == found.row
        for place in range(1, 5):
            code, text = found.row[f"reason_code_{place}"], chinese.row[f"reason_text_{place}"]
            assert chinese.row[f"reason_code_{place}"] == code
            family = [one for one in found.seen if one.feature.reason == code]
            said = {one.feature.sentence(one.value, one.typical, "CNY", "zh") for one in family}
            assert text is None or text in said or code == LITTLE_KNOWN
    app(
        ["--root", str(study.paths.root), "explain", told["customer_id"].iloc[0], "--lang", "zh"],
        standalone_mode=False,
    )
    assert "：" in capsys.readouterr().out
    with pytest.raises(SourceError, match="no word of this language"):
        app(["--root", str(study.paths.root), "explain", "x", "--lang", "fr"], standalone_mode=False)


def test_a_run_may_be_told_in_chinese(study: ce.Study) -> None:
    chosen = study.settings.of("simulated", policy="default").model_copy(update={"language": "zh"})
    settings = study.settings.model_copy(update={"datasets": {"simulated": chosen}})
    told = replace(study, settings=settings, policy_named=None)
    english = study.results().scored
    with pytest.raises(OutputExistsError, match="language"):
        stages.score(told, study.latest())
    try:
        stages.score(told, study.latest(), replace=True)
        chinese = study.results().scored
        texts, codes = [[f"reason_{kind}_{place}" for place in range(1, 5)] for kind in ("text", "code")]
        words = [*texts, "policy_reason"]
        pd.testing.assert_frame_equal(chinese.drop(columns=words), english.drop(columns=words))
        assert chinese[codes].equals(english[codes])
        assert chinese["reason_text_1"].dropna().str.contains("：").all()
        retold = [tell_facts(as_facts(facts), "CNY", "zh") for facts in english["policy_facts"]]
        assert chinese["policy_reason"].tolist() == retold
    finally:
        stages.score(study, study.latest(), replace=True)


def test_a_policy_in_another_currency_is_not_held_against_them(study: ce.Study) -> None:
    with pytest.raises(PolicyError, match="in another currency than those of data set"):
        backtested(study, [study.policy, study.policy.model_copy(update={"currency": "EUR"})])


LENDER = Lender("Shop & Co. <credit>", "1 Road", "call 555", "the agency")


@pytest.mark.parametrize("jurisdiction", ["us", "eu", "cn"])
def test_every_adverse_decision_has_a_letter_in_both_languages(
    study: ce.Study, tmp_path: Path, jurisdiction: str
) -> None:
    night = study.results()
    scored, profiles = tmp_path / night.run.label, study.profiles_at(night.run.label)
    shutil.copytree(night.folder, scored)
    with pytest.raises(PolicyError, match="no letter is written for this jurisdiction"):
        next(letters(scored, profiles, LENDER))
    seal_scored(scored, {**open_scored(scored).manifest, "jurisdiction": jurisdiction})
    due = night.scored[is_adverse(night.scored)].set_index("customer_id")
    by_language = {lang: list(letters(scored, profiles, LENDER, language=lang)) for lang in ("en", "zh")}
    for found in by_language.values():
        assert {letter.customer_id for letter in found} <= set(due.index)
        assert len(found) == (due["limit_bound_by"] != "still_restricted").sum()
        assert "Shop &amp; Co. &lt;credit&gt;" in found[0].html
        assert "the agency" in found[0].html
    for english, chinese in zip(*by_language.values(), strict=True):
        row = due.loc[english.customer_id]
        texts = [row[f"reason_text_{n}"] for n in range(1, 5) if isinstance(row[f"reason_text_{n}"], str)]
        assert list(english.reasons) == texts or row["decided_by"] != "score"
        assert len(chinese.reasons) == len(english.reasons)
        assert re.search("[\u4e00-\u9fff]", chinese.reasons[0])
    one = by_language["zh"][0]
    (alone,) = letters(scored, profiles, LENDER, language="zh", customer=one.customer_id)
    assert alone == one
    fine = night.scored.loc[~is_adverse(night.scored), "customer_id"].iloc[0]
    with pytest.raises(CohortError, match="no letter is due"):
        next(letters(scored, profiles, LENDER, customer=fine))
    part = next(scored.glob("part-*.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="not what its manifest says"):
        next(letters(scored, profiles, LENDER))


def test_letters_are_written_by_who_is_named(study: ce.Study, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="who writes the letters"):
        app(["--root", str(study.paths.root), "letters"], standalone_mode=False)


def test_the_report_begins_with_the_committee_paper_in_both_languages(study: ce.Study) -> None:
    chinese = stages.report(study, study.latest(), "zh")
    english = study.paths.report(study.name, study.latest().label)
    assert chinese.name == f"{study.latest().label}.zh.html"
    pages = {"en": english.read_text(encoding="utf-8"), "zh": chinese.read_text(encoding="utf-8")}
    found, signed = paper_of(study, study.latest())
    assert found.customers == len(study.results().scored)
    assert found.adverse == is_adverse(study.results().scored).sum()
    assert found.numbers["free_risky"][1] == 0
    assert {row["attribute"] for row in found.fair} == {"sex"}
    assert sum(row["n"] for row in found.bands["all"]) == len(judging(study.judged()))
    assert signed.policy is not None
    assert signed.author is None
    for wanted in (
        "The money, before and after",
        "Who moves",
        "sex: largest difference",
        "This policy is not published",
    ):
        assert wanted in pages["en"]
    for wanted in ("资金：调整前后", "变动情况", "性别：最大差异", "该政策未发布"):
        assert wanted in pages["zh"]


def test_segments_of_a_backtest_may_be_by_a_feature_with_categories(study: ce.Study) -> None:
    told = study.backtest(study.policy, study.policy.with_(threshold=0.3), by=["customers_region_last"])
    kinds = {segment.by for segment in told.segments}
    assert kinds >= {"arrears", "grade", "customers_region_last"}
    with pytest.raises(DeclarationError, match="has no categories"):
        study.backtest(study.policy, study.policy, by=["customers_age_last"])


def test_data_that_were_changed_since_they_were_imported_are_not_read(root: Path, tmp_path: Path) -> None:
    for name in ("settings.yaml", "data/raw"):
        source, target = root / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    ce.open("simulated", root=tmp_path, policy="default")
    for path in sorted((tmp_path / "data/raw/simulated").glob("*.parquet")):
        whole = path.read_bytes()
        for place in (5, len(whole) // 2, len(whole) - 6):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            with pytest.raises(IntegrityError, match="is not what was imported") as caught:
                ce.open("simulated", root=tmp_path, policy="default")
            assert caught.value.rows == (path.name,)
            assert caught.value.exit_code == 19
        path.write_bytes(whole)
    late = tmp_path / "data/raw/simulated/repayments.parquet"
    rows = pd.read_parquet(late)
    rows.assign(paid_at=rows["due_at"], paid_amount=rows["due_amount"]).to_parquet(late, index=False)
    with pytest.raises(IntegrityError, match="repayments"):
        ce.open("simulated", root=tmp_path, policy="default")
