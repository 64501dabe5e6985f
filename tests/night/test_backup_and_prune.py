"""A copy from which everything can be put back, byte for byte; and room for the next nights."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from credit_eval import stages
from credit_eval.core.errors import IntegrityError, OutputExistsError, SourceError
from credit_eval.night import backup as copies
from credit_eval.night.backup import backup, restore
from credit_eval.night.prune import prune
from credit_eval.scoring.reading import read_scored
from credit_eval.settings import Paths, Settings
from credit_eval.verify import verify
from tests.flat_file import loans
from tests.trained import opened, trained_loans
from tests.world import bytes_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a champion and two scored runs."""
    flat = trained_loans(tmp_path_factory.mktemp("made"))
    study = opened(flat.folder)
    stages.score_file(study, flat.write(loans(50, seed=5, labelled=0.0), "new.csv"))
    stages.score(study, study.runs()[0], replace=True)
    return flat.folder


def kept(root: Path) -> dict[str, bytes]:
    found = {name: content for top in ("data", "models") for name, content in _under(root, top).items()}
    return {name: content for name, content in found.items() if not name.startswith(("data/scratch", "data/locks"))}


def _under(root: Path, top: str) -> dict[str, bytes]:
    return {f"{top}/{name}": content for name, content in bytes_of(root / top).items()}


def test_what_was_copied_is_put_back_and_goes_on_elsewhere(made: Path, tmp_path: Path) -> None:
    copied = backup(Paths(root=made), tmp_path / "a.tar")
    found = restore(tmp_path / "a.tar", tmp_path / "elsewhere")
    assert copied.files == found.files == len(kept(made))
    assert kept(tmp_path / "elsewhere") == kept(made)
    assert [path.name for path in (tmp_path / "elsewhere").iterdir() if path.name.startswith(".")] == []
    study = opened(tmp_path / "elsewhere")
    assert not [one for one in verify(study.paths, Settings(), "loans") if one.wrong]
    assert stages.run_all(study, promote_anyway="a test").validation.model_version == 1
    stages.score(study, study.runs()[0], replace=True)
    assert read_scored(study.results().folder).equals(read_scored(opened(made).results().folder))


def test_a_trained_project_that_was_copied_trains_scores_and_shows_where_it_lies(made: Path, tmp_path: Path) -> None:
    """Case 05: nothing is written to, or read from, the place that it was copied from."""
    root = Path(shutil.copytree(made, tmp_path / "copy"))
    before = bytes_of(made)
    hidden = made.rename(made.with_name("moved away"))
    try:
        study = opened(root)
        stages.train(study, promote_anyway="another")
        stages.score(study, study.runs()[0], replace=True)
        stages.report(study, study.runs()[0])
        uri = f"sqlite:///{root / 'models' / 'mlflow.db'}"
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        for version in client.search_model_versions("name = 'credit_eval-loans'"):
            assert str(root) in version.source
            listed = {item.path for item in client.list_artifacts(version.run_id)}
            assert {"model", "record.json", "judged.parquet", "said.parquet"} <= listed
    finally:
        hidden.rename(made)
    assert bytes_of(made) == before


def test_nothing_is_put_over_what_is_there_and_no_backup_over_another(made: Path, tmp_path: Path) -> None:
    backup(Paths(root=made), tmp_path / "a.tar")
    with pytest.raises(OutputExistsError, match="never overwritten"):
        backup(Paths(root=made), tmp_path / "a.tar")
    with pytest.raises(OutputExistsError, match="holds something already"):
        restore(tmp_path / "a.tar", made)
    with pytest.raises(SourceError, match="no file"):
        restore(tmp_path / "b.tar", tmp_path / "new")


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in np.random.default_rng(3).integers(2_000, len(content) - 2_000, 5):
        content[place] ^= 4
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _with_more(path: Path) -> None:
    with tarfile.open(path, "a") as tar:
        tar.add(__file__, "data/raw/loans/more.parquet")


@pytest.mark.parametrize("hurt", [_flipped, _cut, _with_more])
def test_a_damaged_backup_puts_nothing_back(made: Path, tmp_path: Path, hurt: Callable[[Path], None]) -> None:
    backup(Paths(root=made), tmp_path / "a.tar")
    hurt(tmp_path / "a.tar")
    with pytest.raises(IntegrityError):
        restore(tmp_path / "a.tar", tmp_path / "new")
    assert list((tmp_path / "new").rglob("*")) == []


def test_a_restore_that_was_killed_can_be_run_again(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(Paths(root=made), tmp_path / "a.tar")
    moved, replaced = [], Path.replace

    def killed(path: Path, target: Path) -> Path:
        if len(moved) == 4:
            raise KeyboardInterrupt
        moved.append(path.name)
        return replaced(path, target)

    with monkeypatch.context() as broken:
        broken.setattr(copies.Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(tmp_path / "a.tar", tmp_path / "new")
    assert kept(tmp_path / "new") != kept(made)
    restore(tmp_path / "a.tar", tmp_path / "new")
    assert kept(tmp_path / "new") == kept(made)


def test_the_last_runs_stay_and_the_ledger_keeps_all(made: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(made, tmp_path / "root"))
    paths, before = Paths(root=root), kept(root)
    (root / "data/scored/loans/.as_of=2020-01-01.0000abcd.building").mkdir()
    would = prune(paths, "loans", keep=1, dry=True)
    assert {**kept(root)} == before
    done = prune(paths, "loans", keep=1)
    assert done == would
    gone = {name for name in before if name not in kept(root)}
    assert {name.split("/")[3] for name in gone} == {"file=new"}
    assert {name.split("/")[1] for name in gone} == {"profiles", "scored"}
    assert done.bytes == sum(len(before[name]) for name in gone)
    study = opened(root)
    assert len(study.ledger.history("loans", "L00003")) + len(study.ledger.history("loans", "L00899")) >= 1
    assert not [one for one in verify(paths, Settings(), "loans") if one.wrong]
    assert prune(paths, "loans", keep=5).removed == ()
    with pytest.raises(SourceError, match="nothing would be left"):
        prune(paths, "loans", keep=0)
