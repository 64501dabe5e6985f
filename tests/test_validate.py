"""The validation of a champion: made of its own data, as a page and as numbers, or refused; its card and inventory."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from world import SETTINGS

import credit_eval as ce
from credit_eval import champions, stages
from credit_eval.cli import app
from credit_eval.core.errors import ModelError, SourceError
from credit_eval.ingest.simulator.run import simulate
from credit_eval.study import Study
from credit_eval.validate import validate
from credit_eval.validation.findings import Findings, checks
from tests.flat_file import FlatFile, loans


class Page(HTMLParser):
    """Checks that what is opened is closed, and gathers text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br", "path", "use", "image", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Nothing to close."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "use", "image", "circle"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data.strip())


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Loans with dates: judged out of time."""
    made = FlatFile(tmp_path_factory.mktemp("dated"), loans(1_500))
    made.load()
    study = ce.open("loans", root=made.folder, policy="default")
    champions.train(study, promote_anyway="a test")
    return study


@pytest.fixture(scope="module")
def found(flat: Study) -> Findings:
    return validate(flat)[1]


def test_the_judged_probabilities_come_out_again(flat: Study, found: Findings) -> None:
    assert found.reproduced == 0.0
    record = flat.validation()
    assert found.parts.set_index("what").loc["out of time", "auc"] == record.metrics["auc"]
    assert (found.version, found.identity) == (record.model_version, record.identity)
    assert found.proof.holds
    assert found.proof.features == 3


def test_groups_of_a_flat_table_are_audited_and_never_read(found: Findings) -> None:
    assert set(found.groups["attribute"]) == {"sex"}
    assert set(found.groups["group"]) == {"f", "m"}


def test_the_page_is_whole_and_says_what_the_numbers_say(flat: Study, found: Findings) -> None:
    text = (flat.paths.reports("loans") / "validation.html").read_text()
    page = Page(text)
    said = " ".join(page.said)
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    for check in checks(found, flat.validation()):
        assert check.what in page.said
        assert check.text in page.said
    assert f"{found.overall['came']:.2f}" in said
    assert "The data tell no attribute" not in said


def test_the_numbers_lie_beside_the_page(flat: Study, found: Findings) -> None:
    told = json.loads((flat.paths.reports("loans") / "validation.json").read_text())
    assert [row["auc"] for row in told["parts"]] == pytest.approx(found.parts["auc"].tolist())
    assert told["proof"]["against"] == []
    assert told["brier"]["score"] == found.brier.score


def test_a_validation_of_other_settings_is_refused(flat: Study) -> None:
    chosen = flat.settings.training.model_copy(update={"learning_rate": 0.2})
    other = replace(flat, settings=flat.settings.model_copy(update={"training": chosen}))
    with pytest.raises(ModelError, match="made of other data, by other code or other settings"):
        validate(other)


def test_what_a_central_tendency_moved_is_judged_where_it_was(flat: Study, tmp_path: Path) -> None:
    root = Path(shutil.copytree(flat.paths.root, tmp_path / "root"))
    training = "{refit: false, central_tendency: 0.2}"
    (root / "settings.yaml").write_text(f"datasets: {{loans: {{policy: default}}}}\ntraining: {training}\n")
    study = ce.open("loans", root=root)
    champions.train(study, promote_anyway="a test")
    assert validate(study)[1].reproduced == 0.0


def test_nothing_is_validated_without_a_champion(tmp_path: Path) -> None:
    made = FlatFile(tmp_path)
    made.load()
    with pytest.raises(SourceError, match="no champion of loans"):
        validate(ce.open("loans", root=made.folder, policy="default"))


def test_what_time_does_not_split_is_validated_too(tmp_path: Path) -> None:
    made = FlatFile(tmp_path, loans(900).drop(columns="Asked"))
    made.load(as_of=None)
    study = ce.open("loans", root=made.folder, policy="default")
    champions.train(study, promote_anyway="a test")
    target, found = validate(study)
    assert found.reproduced is None
    assert found.feature_psi.empty
    assert found.calibrations.empty
    assert len(found.parts) == 1
    assert not {"It lasts", "It can be made again"} & {check.what for check in checks(found, study.validation())}
    assert "It is not judged out of time" in target.read_text()


@pytest.mark.slow
def test_events_are_validated_with_and_without_arrears(tmp_path: Path) -> None:
    simulate(
        tmp_path / "data" / "raw", tmp_path / "data" / "truth", customers=1_500, months=18, seed=4, name="simulated"
    )
    (tmp_path / "settings.yaml").write_text(SETTINGS)
    study = ce.open("simulated", root=tmp_path, policy="default")
    stages.train(study, promote_anyway="a test")
    _, found = validate(study)
    assert found.reproduced == 0.0
    arrears = found.arrears.set_index("what")
    assert arrears.loc["nothing late", "auc"] < arrears.loc["all", "auc"]
    assert found.rules["gain_low"].min() > 0
    assert "sex" in set(found.groups["attribute"])
    feeds = found.feeds.set_index("table")["change"]
    assert feeds.idxmin() == "repayments"
    assert found.migration.to_numpy().sum() > 1_000


def test_the_command_line_tells_it(flat: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(shutil.copytree(flat.paths.root, tmp_path / "root"))
    said = "datasets: {loans: {policy: default, owner: Ana, purpose: small loans, not_for: jobs}}\n"
    (root / "settings.yaml").write_text(said)
    asked = ["--root", str(root)]
    app([*asked, "validate", "loans"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "holds         It can be made again" in out
    assert "validation.html" in out
    app([*asked, "registry", "card", "loans"], standalone_mode=False)
    card = capsys.readouterr().out
    assert card.startswith("# loans, version 1\n")
    assert "- Owner: Ana.\n- Purpose: small loans.\n- Not for: jobs.\n" in card
    assert f"AUC {flat.validation().metrics['auc']:.3f}" in card
    app([*asked, "registry", "inventory"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "loans 1 since 20" in out
    assert "owner: Ana; purpose: small loans" in out
