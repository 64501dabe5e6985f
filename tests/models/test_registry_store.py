"""The registry killed, damaged, full, moved and edited: what is champion stays so, and what is wrong is told."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
import warnings
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from crowning import crowned
from killing import arm, in_child
from lending_sample import FEATURES, lending_sample

from credit_eval.core import files
from credit_eval.core.errors import IntegrityError, ModelError, StorageError
from credit_eval.models.history import read_history
from credit_eval.models.registry import champion_uri, load_champion, promote, register
from credit_eval.models.registry_store import read_store, write_store
from credit_eval.models.training import TrainingSettings, train

SAMPLE = lending_sample(customers=400)


@pytest.fixture(scope="module")
def model():
    return train(SAMPLE, FEATURES, TrainingSettings(num_iterations=10, folds=3))


@pytest.fixture(scope="module")
def one_champion(model, tmp_path_factory):
    """A store with one champion, to be copied."""
    store = tmp_path_factory.mktemp("home") / "models"
    crowned(model, store, dataset="demo", params={}, metrics={})
    return store


@pytest.fixture
def store(one_champion, tmp_path):
    """A copy of it: a store that was moved."""
    return Path(shutil.copytree(one_champion, tmp_path / "moved" / "models"))


def bytes_below(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def said_by(store: Path, statement: str, *values: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(store / "mlflow.db")) as database, database:
        return database.execute(statement, values).fetchall()


def test_a_kill_at_any_moment_of_the_first_registration_leaves_a_registry_that_works(model, tmp_path):
    from mlflow.store.db import utils

    steps = [(Path, "replace"), (Path, "mkdir"), (files, "_flush_file"), (utils, "_upgrade_db")]
    first = partial(crowned, model, dataset="demo", params={}, metrics={})
    moment, killed = 0, True
    while killed:
        store = tmp_path / str(moment) / "models"

        def armed(store=store, moment=moment) -> None:
            arm(steps, moment)
            first(store=store)

        killed = in_child(armed)
        assert first(store=store) >= 1
        assert load_champion(store, "demo")[0].fingerprint == model.fingerprint
        assert not list(store.glob(".mlflow.db*"))
        moment += 3
    assert moment > 15


def test_a_half_made_database_is_recognised_and_told_what_to_do_with(model, tmp_path):
    said_by_hand = "CREATE TABLE experiments (experiment_id INTEGER, artifact_location TEXT)"
    said_by(tmp_path, said_by_hand)
    before = bytes_below(tmp_path)
    for use in (load_champion, partial(crowned, model, params={}, metrics={})):
        with pytest.raises(ModelError, match="half made") as error:
            use(store=tmp_path, dataset="demo")
        assert "move the file away and train again" in str(error.value)
    assert bytes_below(tmp_path) == before


def test_a_file_that_is_no_database_is_told_of(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ModelError, match="registry cannot be used"):
        load_champion(tmp_path, "demo")


def filled(disk: Path) -> Path:
    """A file that leaves 100 KiB."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"\0" * (shutil.disk_usage(disk).free - 100 * 1024))
    return ballast


def test_a_disk_full_while_the_registry_is_made_is_told_of_and_leaves_nothing_half(model, small_disk):
    ballast, store = filled(small_disk), small_disk / "models"
    with pytest.raises(StorageError, match=r"disk is full|No space left|I/O error"):
        crowned(model, store, dataset="demo", params={}, metrics={})
    ballast.unlink()
    assert crowned(model, store, dataset="demo", params={}, metrics={}) == 1
    assert load_champion(store, "demo")[1] == 1


def test_a_disk_full_while_a_model_is_written_is_told_of_and_leaves_the_champion(model, small_disk, tmp_path):
    store, large = small_disk / "models", tmp_path / "report.html"
    large.write_bytes(b"x" * 200_000)
    crowned(model, store, dataset="demo", params={}, metrics={})
    ballast = filled(small_disk)
    with pytest.raises(StorageError, match="No space left"):
        crowned(model, store, dataset="demo", params={}, metrics={}, artifacts=[large])
    assert load_champion(store, "demo")[1] == 1
    ballast.unlink()
    crowned(model, store, dataset="demo", params={}, metrics={}, artifacts=[large])
    assert load_champion(store, "demo")[1] == 2


def test_a_moved_store_takes_its_next_model_to_where_it_lies_now(model, one_champion, store):
    old = bytes_below(one_champion)
    assert crowned(model, store, dataset="demo", params={}, metrics={}) == 2
    assert bytes_below(one_champion) == old
    hidden = one_champion.rename(one_champion.with_name("gone"))
    try:
        assert load_champion(store, "demo")[1] == 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow import MlflowClient

            uri = champion_uri(store, "demo")[0]
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            for version in ("1", "2"):
                found = client.get_model_version("credit_eval-demo", version)
                assert found.source.startswith(store.resolve().as_uri())
                assert client.list_artifacts(found.run_id)
    finally:
        hidden.rename(one_champion)


def edited(store: Path, name: str, change) -> None:
    (path,) = store.rglob(name)
    path.write_text(change(path.read_text()))


def other_intercept(text: str) -> str:
    described = json.loads(text)
    described["calibration"]["intercept"] -= 3
    return json.dumps(described)


@pytest.mark.parametrize(
    ("name", "change"),
    [("model.json", other_intercept), ("booster.txt", lambda text: text.replace("leaf_value=-", "leaf_value=", 1))],
)
def test_a_champion_whose_files_were_edited_scores_nobody(store, name, change):
    edited(store, name, change)
    with pytest.raises(IntegrityError, match="not what was registered"):
        load_champion(store, "demo")


def test_a_champion_outside_the_store_is_not_loaded(one_champion, store):
    place = one_champion / said_by(store, "SELECT value FROM model_version_tags WHERE key = 'place'")[0][0]
    said_by(store, "UPDATE model_version_tags SET value = ? WHERE key = 'place'", str(place))
    with pytest.raises(IntegrityError, match="outside its store"):
        load_champion(store, "demo")


def test_a_champion_that_cannot_be_read_back_never_gets_the_alias(model, store, monkeypatch):
    from credit_eval.models.model import CreditModel

    def damaged(self, directory: Path) -> None:
        save(self, directory)
        edited(directory, "model.json", other_intercept)

    save = CreditModel.save
    monkeypatch.setattr(CreditModel, "save", damaged)
    with pytest.raises(IntegrityError, match="not what was registered"):
        crowned(model, store, dataset="demo", params={}, metrics={})
    monkeypatch.undo()
    assert load_champion(store, "demo")[1] == 1


def test_a_registry_that_another_program_holds_is_told_within_seconds(one_champion):
    with closing(sqlite3.connect(one_champion / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(StorageError, match="locked") as refused:
            load_champion(one_champion, "demo")
        assert "end what else uses it" in str(refused.value)
        assert time.monotonic() - began < 10  # three seconds of patience, and a slow machine
    load_champion(one_champion, "demo")


def test_a_run_that_was_killed_is_closed_as_killed_by_the_next(model, store):
    with write_store(store) as client:
        (experiment,) = [one for one in client.search_experiments() if one.name == "demo"]
        killed = client.create_run(experiment.experiment_id).info.run_id
    crowned(model, store, dataset="demo", params={}, metrics={})
    with read_store(store) as client:
        assert client.get_run(killed).info.status == "KILLED"
        states = {run.info.status for run in client.search_runs([experiment.experiment_id])}
    assert states == {"KILLED", "FINISHED"}


def test_a_promotion_killed_between_its_line_and_its_alias_is_finished_by_the_next(model, store, monkeypatch):
    from mlflow import MlflowClient

    before = read_history(store, "demo")
    made = register(model, store, dataset="demo", params={}, metrics={})

    def killed(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", killed)
    with pytest.raises(KeyboardInterrupt):
        promote(store, "demo", made, why="nothing spoke against it")
    monkeypatch.undo()
    assert load_champion(store, "demo")[1] != made
    promote(store, "demo", made, why="nothing spoke against it")
    assert load_champion(store, "demo")[1] == made
    assert [move.version for move in read_history(store, "demo")] == [*(move.version for move in before), made]


def test_what_sqlalchemy_refuses_is_told_in_words_and_no_traceback_is_logged(one_champion, capfd):
    from sqlalchemy import event
    from sqlalchemy.exc import OperationalError

    with write_store(one_champion) as client:
        engine = client._get_registry_client().store.engine

    def full(*_):
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    event.listen(engine, "before_cursor_execute", full)
    try:
        with pytest.raises(StorageError, match="disk is full"), write_store(one_champion) as client:
            client._get_registry_client().store.get_registered_model("credit_eval-demo")
    finally:
        event.remove(engine, "before_cursor_execute", full)
    assert "Traceback" not in "".join(capfd.readouterr())
    load_champion(one_champion, "demo")
