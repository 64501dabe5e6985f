"""Who was champion when: every move is told with its reason, an earlier champion can come back, nobody is lost."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from lending_sample import FEATURES, lending_sample

from credit_eval.cli import app
from credit_eval.core.errors import IntegrityError, ModelError
from credit_eval.models import registry
from credit_eval.models.history import champion_at, read_history
from credit_eval.models.model import CreditModel
from credit_eval.models.registry import demote, history, load_champion, promote, register
from credit_eval.models.training import TrainingSettings, train

SAID = {"why": "scores fell", "by": "Ana"}


def trained(seed: int) -> CreditModel:
    sample = lending_sample(customers=400, seed=seed)
    return train(sample, FEATURES, TrainingSettings(num_iterations=8, folds=3))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which three models became champion, one after the other."""
    store = tmp_path_factory.mktemp("three") / "models"
    for seed in range(3):
        made = register(trained(seed), store, dataset="demo", params={}, metrics={"auc": 0.7 + seed / 100})
        promote(store, "demo", made, why=f"number {seed}")
    return store


@pytest.fixture
def store(three: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(three, tmp_path / "models"))


def champion(store: Path) -> int:
    return load_champion(store, "demo")[1]


def test_every_promotion_is_a_move(store: Path) -> None:
    told = history(store, "demo")
    assert [(move.what, move.version, move.before) for move in told] == [
        ("promoted", 1, None),
        ("promoted", 2, 1),
        ("promoted", 3, 2),
    ]
    assert [move.why for move in told] == ["number 0", "number 1", "number 2"]
    assert told[1].auc == 0.71
    assert all(move.by for move in told)


def test_a_champion_is_taken_down_for_the_one_before_and_not_put_back_by_the_next(store: Path) -> None:
    assert demote(store, "demo", **SAID).version == 2 == champion(store)
    assert demote(store, "demo", **SAID).version == 1 == champion(store)
    with pytest.raises(ModelError, match="no earlier champion"):
        demote(store, "demo", **SAID)
    assert champion(store) == 1
    assert [(move.what, move.by) for move in history(store, "demo")[-2:]] == [("demoted", "Ana")] * 2


def test_any_version_can_be_chosen_and_is_verified_before(store: Path) -> None:
    move = promote(store, "demo", 1, **SAID)
    assert (move.what, move.before, move.by) == ("chosen", 3, "Ana")
    assert champion(store) == 1
    with pytest.raises(ModelError, match="no version 9"):
        promote(store, "demo", 9, **SAID)
    for path in store.glob("artifacts/*/artifacts/model/data/credit_model/booster.txt"):
        path.write_text(path.read_text().replace("leaf_value=", "leaf_value=0"))
    lines = len(read_history(store, "demo"))
    with pytest.raises((IntegrityError, ModelError)):
        promote(store, "demo", 2, **SAID)
    assert len(read_history(store, "demo")) == lines


@pytest.mark.parametrize("said", [{"why": " ", "by": "Ana"}, {"why": "because", "by": ""}])
def test_nobody_moves_a_champion_without_a_reason_and_a_name(store: Path, said: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="for a reason, by somebody"):
        demote(store, "demo", **said)
    assert champion(store) == 3


def test_who_was_champion_on_a_date(store: Path) -> None:
    told = history(store, "demo")
    first = datetime.fromisoformat(told[0].at)
    assert champion_at(told, first - timedelta(seconds=1)) is None
    assert champion_at(told, datetime.fromisoformat(told[-1].at)) == 3


def test_a_move_past_us_is_told(store: Path) -> None:
    with registry.write_store(store) as client:
        client.set_registered_model_alias("credit_eval-demo", "champion", "1")
    told = history(store, "demo")
    assert (told[-1].what, told[-1].version, told[-1].before) == ("moved", 1, 3)


def test_a_kill_between_the_line_and_the_alias_leaves_a_champion_and_says_so(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("mlflow.MlflowClient.set_registered_model_alias", killed)
        with pytest.raises(KeyboardInterrupt):
            demote(store, "demo", **SAID)
    assert champion(store) == 3
    assert [(move.what, move.version) for move in history(store, "demo")[-2:]] == [("demoted", 2), ("moved", 3)]


def test_a_damaged_history_is_told(store: Path) -> None:
    place = store / "history" / "demo.jsonl"
    place.write_text(place.read_text().replace('"version": 2', '"version": 1'))
    with pytest.raises(IntegrityError, match=r"history/demo\.jsonl is damaged"):
        history(store, "demo")
    assert champion(store) == 3


def test_what_a_kill_left_of_a_line_is_no_line(store: Path) -> None:
    place, told = store / "history" / "demo.jsonl", history(store, "demo")
    with place.open("a") as file:
        file.write('{"at": "2026-01-01"')
    assert history(store, "demo") == told
    moved = demote(store, "demo", **SAID)
    assert history(store, "demo") == [*told, moved]


def test_a_store_without_a_champion_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no champion"):
        history(tmp_path, "demo")


def test_the_command_line_tells_it(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(store.parent)]
    app([*root, "registry", "history", "demo"], standalone_mode=False)
    app([*root, "registry", "demote", "demo", "--why", "scores fell", "--by", "Ana"], standalone_mode=False)
    app([*root, "registry", "history", "demo", "--at", "2000-01-01"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "promoted version 3 (before: 2), AUC 0.720" in out
    assert "champion of demo: version 2, it was 3" in out
    assert "demo had no champion then" in out
