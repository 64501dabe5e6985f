"""The registry: MLflow on an embedded SQLite file, one registered model a data set, with two aliases.

The `challenger` is the last one that was trained; the `champion` decides. A version keeps its record and what it said
of the rows that judged it, so whoever becomes champion, sooner or later, brings the proof along.

MLflow is told where everything is by arguments, never by its global settings, so two stores can be open at once
and a notebook's own tracking is left alone.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from credit_eval.core.errors import IntegrityError, ModelError
from credit_eval.core.seals import check_files, hashes_of, sha256_file
from credit_eval.models.history import Move, append_move, check_said, earlier_champion, moved, read_history
from credit_eval.models.model import MODEL_FILES, CreditModel
from credit_eval.models.registry_store import (
    artifact_root,
    database_uri,
    has_store,
    read_store,
    write_store,
)

CHAMPION, CHALLENGER = "champion", "challenger"
_MODEL, _SAVED = "model", "credit_model"
#: Files of a version's run: the record (`models.record`), the rows that judged it, and what it says of its sample.
RECORD_FILE, ROWS_FILE, SAID_FILE = "record.json", "judged.parquet", "said.parquet"
_HASH = "sha256."
_OTHER = "the model's files are not what was registered"
_PUT_BACK = "put the files back as they were or train again, and find out who changed them"


def register(
    model: CreditModel,
    store: Path,
    *,
    dataset: str,
    params: Mapping[str, object],
    metrics: Mapping[str, float],
    artifacts: Sequence[Path] = (),
    tags: Mapping[str, str] | None = None,
) -> int:
    """Log a run with its parameters, metrics and files, register its model as challenger; returns the version.

    The run goes to the experiment `dataset`, the version to the registered model `credit_eval-<dataset>`.
    Metrics that are not finite are left out, since the store cannot hold them. `tags` are kept with the version. It
    is registered only when it was read back from below this store and is the same model.

    Raises:
        ModelError: the model is not calibrated, or the registry is damaged.
        IntegrityError: what was read back is another model; the champion is who it was.
        StorageError: the disk refused; the champion is who it was.
    """
    model.calibrated()
    with write_store(store) as client:
        experiment = _experiment(client, store, dataset)
        _close_killed(client, experiment)
        run = client.create_run(experiment).info
        _log(client, run.run_id, params, metrics)
        for path in artifacts:
            client.log_artifact(run.run_id, str(path))
        with tempfile.TemporaryDirectory() as scratch:
            _write_pyfunc(model, Path(scratch) / _MODEL)
            client.log_artifacts(run.run_id, str(Path(scratch) / _MODEL), _MODEL)
        client.set_terminated(run.run_id)
        hashes = {hash_tag(path.name): sha256_file(path) for path in artifacts}
        made = _new_version(client, store, model, dataset, run, hashes | dict(tags or {}))
        client.set_registered_model_alias(registered_name(dataset), CHALLENGER, str(made))
        return made


def load_champion(store: Path, dataset: str) -> tuple[CreditModel, int]:
    """The champion of a data set and its version; works from any working directory.

    Raises:
        ModelError: there is no champion, its files are gone, or the registry is damaged.
        IntegrityError: its files are not what was registered, or lie outside the store.
    """
    if not has_store(store):
        raise _no_champion(dataset)
    with read_store(store) as client:
        version = _champion_version(client, dataset)
    return _registered(store, version.tags), int(version.version)


@dataclass(frozen=True)
class Version:
    """A registered version: its number, its model's fingerprint, its tags, and where its files lie."""

    number: int
    fingerprint: str
    tags: Mapping[str, str]
    files: Path

    @property
    def hashed(self) -> set[str]:
        """Names of the files beside the model whose hash was registered with it."""
        return {name.removeprefix(_HASH) for name in self.tags if name.startswith(_HASH)}


def hash_tag(name: str) -> str:
    """The tag of a version that holds the SHA-256 of a file of its run."""
    return f"{_HASH}{name}"


def find_version(store: Path, dataset: str, which: int | str = CHAMPION) -> Version | None:
    """A version by number or alias; None where there is none.

    Raises:
        ModelError: the registry is damaged.
        IntegrityError: it names files outside its store.
    """
    from mlflow.exceptions import MlflowException

    if not has_store(store):
        return None
    with read_store(store) as client:
        try:
            found = (
                client.get_model_version(registered_name(dataset), str(which))
                if isinstance(which, int)
                else client.get_model_version_by_alias(registered_name(dataset), which)
            )
        except MlflowException:
            return None
    return _version(store, found)


def versions(store: Path, dataset: str) -> list[Version]:
    """Every version of a data set's model, in order.

    Raises:
        ModelError: the registry is damaged.
        IntegrityError: it names files outside its store.
    """
    if not has_store(store):
        return []
    with read_store(store) as client:
        found = client.search_model_versions(f"name = '{registered_name(dataset)}'")
    return sorted((_version(store, one) for one in found), key=lambda version: version.number)


def check_version(store: Path, version: Version) -> None:
    """Hold the files of a version, its model's and those beside it, against what was registered.

    Raises:
        ModelError: its files are gone.
        IntegrityError: they are not what was registered.
    """
    _registered(store, version.tags)
    beside = {name: version.tags[hash_tag(name)] for name in version.hashed - {*MODEL_FILES}}
    check_files(version.files, beside, _OTHER, _PUT_BACK)


def datasets_with_champions(store: Path) -> list[str]:
    """Names of the data sets that have a champion, sorted.

    Raises:
        ModelError: the registry is damaged.
    """
    if not has_store(store):
        return []
    with read_store(store) as client:
        found = client.search_registered_models()
    prefix = registered_name("")
    named = [each.name.removeprefix(prefix) for each in found if CHAMPION in each.aliases]
    return sorted(named)


def load_version(store: Path, version: Version) -> CreditModel:
    """The model of a version.

    Raises:
        ModelError: its files are gone.
        IntegrityError: they are not what was registered.
    """
    return _registered(store, version.tags)


def history(store: Path, dataset: str) -> list[Move]:
    """Every move of a data set's champion in order; an alias that was moved past us is told last.

    Raises:
        ModelError: there is no champion, or the registry is damaged.
        IntegrityError: the history is.
    """
    if not has_store(store):
        raise _no_champion(dataset)
    with read_store(store) as client:
        champion = int(_champion_version(client, dataset).version)
    told = read_history(store, dataset)
    if told and told[-1].version == champion:
        return told
    before = told[-1].version if told else None
    return [*told, moved("moved", champion, before, "the alias was found here", by="unknown")]


def demote(store: Path, dataset: str, *, why: str, by: str) -> Move:
    """Make the champion before the present one champion again.

    Raises:
        ModelError: there is none, or nobody says why or who; the champion is who it was.
        IntegrityError: the earlier champion's files are not what was registered.
    """
    check_said(why, by)
    told = history(store, dataset)
    champion = told[-1].version
    earlier = earlier_champion(told, champion, dataset)
    with write_store(store) as client:
        return _move(client, store, dataset, moved("demoted", earlier, champion, why, by))


def promote(store: Path, dataset: str, version: int, *, why: str, by: str | None = None) -> Move:
    """Make a registered version champion: somebody's choice; `by` None: nobody's, nothing spoke against it.

    Raises:
        ModelError: there is no such version, or nobody says why or who; the champion is who it was.
        IntegrityError: its files are not what was registered.
    """
    check_said(why, "its runner" if by is None else by)
    with write_store(store) as client:
        move = moved("chosen" if by else "promoted", version, _champion_or_none(client, dataset), why, by)
        return _move(client, store, dataset, move)


def keep_champion(store: Path, dataset: str, version: Version, identity: str, *, why: str, by: str) -> Move:
    """Write down that a champion counts as made of something else than it was made of (`champions.keep`)."""
    with write_store(store) as client:
        move = moved("kept", version.number, version.number, why, by)
        return _move(client, store, dataset, replace(move, identity=identity))


def make_challenger(store: Path, dataset: str, version: int) -> None:
    """Let the alias `challenger` lead to a version that training brought again."""
    with write_store(store) as client:
        client.set_registered_model_alias(registered_name(dataset), CHALLENGER, str(version))


def champion_uri(store: Path, dataset: str) -> tuple[str, str]:
    """For people who want MLflow itself: (tracking and registry URI, model URI for `mlflow.pyfunc.load_model`).

    Raises:
        ModelError, StorageError: the registry is damaged, or cannot be written where it was moved.
    """
    if has_store(store):
        with write_store(store):
            pass  # whose paths now lead to where it lies
    return database_uri(store), f"models:/{registered_name(dataset)}@{CHAMPION}"


def registered_name(dataset: str) -> str:
    """Name of a data set's registered model.

    >>> registered_name("xente")
    'credit_eval-xente'
    """
    return f"credit_eval-{dataset}"


def _log(client: Any, run_id: str, params: Mapping[str, object], metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items() if math.isfinite(value)],
        params=[Param(name, str(value)) for name, value in params.items()],
    )


def _write_pyfunc(model: CreditModel, target: Path) -> None:
    import mlflow.pyfunc

    with tempfile.TemporaryDirectory() as scratch:
        model.save(Path(scratch) / _SAVED)
        mlflow.pyfunc.save_model(
            str(target),
            loader_module="credit_eval.models.pyfunc",
            data_path=str(Path(scratch) / _SAVED),
            signature=_signature(model),
            pip_requirements=["credit-eval"],
        )


def _signature(model: CreditModel) -> Any:
    """Inputs and outputs. MLflow knows no categories, so a category is a text here and a code in the model.

    No input is marked as required: the model itself names what is missing, and says what to do.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = [
        ColSpec(DataType.string if column.categories else DataType.double, column.name, required=False)
        for column in model.inputs
    ]
    outputs = [("p_default", DataType.double), ("score", DataType.long), ("grade", DataType.string)]
    return ModelSignature(Schema(inputs), Schema([ColSpec(type, name) for name, type in outputs]))


def _experiment(client: Any, store: Path, dataset: str) -> str:
    found = client.get_experiment_by_name(dataset)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(dataset, artifact_root(store)))


def _close_killed(client: Any, experiment: str) -> None:
    """End the runs that were killed before they could; whoever calls has the store alone, so none of them lives."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        client.set_terminated(run.info.run_id, "KILLED")


def _move(client: Any, store: Path, dataset: str, move: Move) -> Move:
    """Let the alias lead to another version, which is read back first; the line is written before.

    A move that was written down and then killed is finished, not written down once more.
    """
    from mlflow.exceptions import MlflowException

    name = registered_name(dataset)
    try:
        version = client.get_model_version(name, str(move.version))
    except MlflowException:
        raise ModelError(
            f"data set {dataset} has no version {move.version}",
            expected="a version that was registered",
            todo="`credit-eval registry history` lists them; the champion is who it was",
        ) from None
    _registered(store, version.tags)
    told = replace(move, auc=client.get_run(version.run_id).data.metrics.get("auc"))
    begun = read_history(store, dataset)[-1:]
    if begun and replace(told, at=begun[0].at) == begun[0]:
        told = begun[0]
    else:
        append_move(store, dataset, told)
    client.set_registered_model_alias(name, CHAMPION, version.version)
    return told


def _version(store: Path, found: Any) -> Version:
    if not {"place", "fingerprint"} <= set(found.tags):
        raise IntegrityError("the registry does not say where a version lies", todo=_PUT_BACK)
    files = _inside(store, found.tags["place"]).parents[2]
    return Version(int(found.version), found.tags["fingerprint"], dict(found.tags), files)


def _champion_or_none(client: Any, dataset: str) -> int | None:
    try:
        return int(_champion_version(client, dataset).version)
    except ModelError:
        return None


def _new_version(client: Any, store: Path, model: CreditModel, dataset: str, run: Any, tags: Mapping[str, str]) -> int:
    name = registered_name(dataset)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    place = f"artifacts/{run.run_id}/artifacts/{_MODEL}/data/{_SAVED}"
    of_model = {hash_tag(file): seal for file, seal in hashes_of(_inside(store, place)).items()}
    said = {"fingerprint": model.fingerprint, "place": place} | of_model | dict(tags)
    _registered(store, said)
    version = client.create_model_version(name, f"{run.artifact_uri}/{_MODEL}", run.run_id, tags=said)
    return int(version.version)


def _registered(store: Path, tags: Mapping[str, str]) -> CreditModel:
    """The model that a version's tags lead to, if it is the one that was registered.

    The bytes are looked at before anything is made of them: LightGBM ends the process on a text that is none.
    """
    place = _inside(store, tags["place"])
    sealed = {file: tags[hash_tag(file)] for file in MODEL_FILES if hash_tag(file) in tags}
    if len(sealed) < len(MODEL_FILES):
        raise ModelError(
            "this version was registered by an earlier version of this program", todo="train again: `credit-eval train`"
        )
    if not place.is_dir():
        raise ModelError("the files of this version are gone", todo="put models/artifacts back, or train again")
    check_files(place, sealed, _OTHER, _PUT_BACK)
    model = CreditModel.load(place)
    if model.fingerprint != tags["fingerprint"]:
        raise IntegrityError(_OTHER, expected="the fingerprint in the registry", todo=_PUT_BACK)
    return model


def _inside(store: Path, place: str) -> Path:
    root = store.resolve()
    if not (root / place).resolve().is_relative_to(root):
        raise IntegrityError(
            "the registry names a model outside its store",
            expected="a place below models/artifacts",
            received="another place",
            todo="train again, and find out who changed models/mlflow.db",
        )
    return root / place


def _champion_version(client: Any, dataset: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(registered_name(dataset), CHAMPION)
    except MlflowException:
        raise _no_champion(dataset) from None


def _no_champion(dataset: str) -> ModelError:
    return ModelError(
        f"no champion for data set {dataset}",
        expected=f"a version of {registered_name(dataset)} with the alias {CHAMPION}",
        received="none in this store",
        todo=f"train one with `make train DATASET={dataset}`",
    )
