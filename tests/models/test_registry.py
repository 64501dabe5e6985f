import os
import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest
from crowning import crowned
from lending_sample import FEATURES, lending_sample

from credit_eval.core.errors import ModelError
from credit_eval.models.registry import champion_uri, load_champion
from credit_eval.models.training import TrainingSettings, train

SAMPLE = lending_sample(customers=400)


@pytest.fixture(scope="module")
def model():
    return train(SAMPLE, FEATURES, TrainingSettings(num_iterations=40, folds=3))


@pytest.fixture(scope="module")
def store(model, tmp_path_factory):
    store = tmp_path_factory.mktemp("home") / "models"
    report = store.parent / "report.html"
    report.write_text("<p>fine</p>")
    params, metrics = {"rows": len(SAMPLE)}, {"auc": 0.7, "log_loss": float("inf")}
    assert crowned(model, store, dataset="demo", params=params, metrics=metrics, artifacts=[report]) == 1
    return store


@pytest.fixture
def by_mlflow(store):
    """The champion as MLflow loads it, from another working directory."""
    here = Path.cwd()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow

        mlflow.set_tracking_uri(champion_uri(store, "demo")[0])
        mlflow.set_registry_uri(champion_uri(store, "demo")[0])
        os.chdir("/")
        yield mlflow.pyfunc.load_model(champion_uri(store, "demo")[1])
        os.chdir(here)
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)


def test_the_champion_is_the_model_registered(model, store, monkeypatch):
    monkeypatch.chdir("/")
    champion, version = load_champion(store, "demo")
    assert version == 1
    assert champion.fingerprint == model.fingerprint
    pd.testing.assert_frame_equal(champion.score_frame(SAMPLE), model.score_frame(SAMPLE), check_exact=True)


def test_mlflow_loads_the_same_model_alone_and_in_a_batch(model, by_mlflow):
    profiles = SAMPLE[list(model.features)].head(40)
    expected = model.score_frame(profiles)
    pd.testing.assert_frame_equal(by_mlflow.predict(profiles), expected, check_exact=True)
    alone = pd.concat([by_mlflow.predict(profiles.iloc[[i]]) for i in range(len(profiles))])
    pd.testing.assert_frame_equal(alone, expected, check_exact=True)


def test_mlflow_knows_the_inputs_and_the_model_names_what_is_missing(model, by_mlflow):
    assert by_mlflow.metadata.get_input_schema().input_names() == list(model.features)
    assert by_mlflow.metadata.get_output_schema().input_names() == ["p_default", "score", "grade"]
    with pytest.raises(ModelError, match="without late_days"):
        by_mlflow.predict(SAMPLE[list(model.features)].drop(columns="late_days"))


def test_a_store_that_was_moved_still_has_its_champion(model, store, tmp_path):
    moved = shutil.copytree(store, tmp_path / "elsewhere")
    hidden = store.rename(store.with_name("gone"))
    try:
        assert load_champion(moved, "demo")[0].fingerprint == model.fingerprint
    finally:
        hidden.rename(store)


def test_the_newest_is_champion_and_data_sets_have_their_own(model, store):
    assert crowned(model, store, dataset="other", params={}, metrics={}) == 1
    assert crowned(model, store, dataset="other", params={}, metrics={}) == 2
    assert load_champion(store, "other")[1] == 2
    assert load_champion(store, "demo")[1] == 1


def test_runs_keep_parameters_metrics_and_files_but_nothing_infinite(store):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        client = MlflowClient(champion_uri(store, "demo")[0])
        (run,) = client.search_runs([client.get_experiment_by_name("demo").experiment_id])
    assert run.data.params == {"rows": str(len(SAMPLE))}
    assert run.data.metrics == {"auc": 0.7}
    assert run.info.status == "FINISHED"
    assert list(store.glob("artifacts/*/artifacts/report.html"))
    assert not list(store.rglob("*.pkl"))


def test_no_champion_is_an_error_that_says_what_to_do(store, tmp_path):
    for place, dataset in ((tmp_path, "demo"), (store, "unheard_of")):
        with pytest.raises(ModelError, match="no champion") as error:
            load_champion(place, dataset)
        assert f"DATASET={dataset}" in str(error.value)
    assert not list(tmp_path.iterdir())
