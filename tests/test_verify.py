"""`verify` finds any changed file of a project, says which, and goes on with the others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from credit_eval import stages
from credit_eval.core.errors import IntegrityError, SourceError
from credit_eval.core.files import atomic_directory, link_files, read_json
from credit_eval.core.seals import sha256_file
from credit_eval.models.history import read_history
from credit_eval.scoring.sealed import open_scored, seal_scored
from credit_eval.settings import Paths, Settings
from credit_eval.verify import Looked, verify
from tests.trained import opened, trained_loans


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a champion and a scored run, made twice."""
    root = trained_loans(tmp_path_factory.mktemp("made")).folder
    study = opened(root)
    stages.score(study, study.runs()[0], replace=True)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "root"))


def looked(root: Path) -> list[Looked]:
    return verify(Paths(root=root), Settings(), "loans")


def test_what_nobody_changed_holds_and_everything_is_named(made: Path) -> None:
    found = looked(made)
    assert [one for one in found if one.wrong] == []
    kinds = {one.what.split(" ")[0] for one in found}
    assert kinds == {"data", "profiles", "scored", "replaced", "ledger", "log", "model", "history"}
    raw = sum(1 for path in (made / "data/raw/loans").rglob("*") if path.is_file())
    assert next(one.files for one in found if one.what == "data set loans") == raw


def test_a_flipped_bit_in_any_file_is_found_and_the_rest_is_looked_at_all_the_same(root: Path) -> None:
    whole, rng = looked(root), np.random.default_rng(1)
    folders = [root / "data" / kind for kind in ("raw", "profiles", "scored", "replaced", "ledger")]
    folders += [root / "models" / kind for kind in ("artifacts", "history")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files = [path for path in files if path.suffix != ".yaml" and path.name not in ("MLmodel", "requirements.txt")]
    assert {path.suffix for path in files} >= {".parquet", ".json", ".jsonl", ".txt", ".sqlite", ".seal"}
    for path in files:
        content = path.read_bytes()
        for place in rng.integers(0, len(content), 3):
            damaged = bytearray(content)
            damaged[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(damaged)
            found = looked(root)
            assert any(one.wrong for one in found) or _says_the_same(path, content), (path, place)
            assert len(found) >= len(whole) - 2
        path.write_bytes(content)
    assert not any(one.wrong for one in looked(root))


def _says_the_same(path: Path, content: bytes) -> bool:
    """White space of a JSON file became another white space."""
    if path.suffix not in (".json", ".seal"):
        return False
    now = read_json(path)
    path.write_bytes(content)
    return bool(now == read_json(path))


def test_a_run_that_was_edited_and_sealed_anew_is_not_what_the_ledger_recorded(root: Path) -> None:
    study = opened(root)
    run = study.runs()[0]
    scored = study.paths.scored("loans", run.label)
    seal_scored(scored, {**open_scored(scored).manifest, "rows": 1})
    (wrong,) = [one for one in looked(root) if one.wrong]
    assert "is not the run that the ledger recorded" in str(wrong.wrong)
    for use in (stages.report, stages.score):
        with pytest.raises(IntegrityError, match="not the run that the ledger recorded"):
            use(study, run)
    stages.score(study, run, replace=True)
    stages.report(study, run)
    assert not any(one.wrong for one in looked(root))


def test_what_was_replaced_is_kept_and_named(root: Path) -> None:
    study = opened(root)
    run = study.runs()[0]
    scored = study.paths.scored("loans", run.label)
    before, content = sha256_file(scored / "manifest.json"), (scored / "part-00000.parquet").read_bytes()
    stages.score(study, run, replace=True)
    assert open_scored(scored).manifest["replaced"][-1] == before
    kept = study.paths.replaced("loans", run.label) / before[:12]
    assert (kept / "part-00000.parquet").read_bytes() == content
    open_scored(kept).check()


def test_a_run_that_replaced_another_and_was_killed_before_the_ledger_is_recorded_by_the_next(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = opened(root)
    run = study.runs()[0]
    with monkeypatch.context() as broken:
        broken.setattr(stages, "_record", lambda *_: None)
        for _ in range(2):
            stages.score(study, run, replace=True)
    here = sha256_file(study.paths.scored("loans", run.label) / "manifest.json")
    assert study.ledger.manifest("loans", run.label) != here
    stages.score(study, run)
    assert study.ledger.manifest("loans", run.label) == here


def test_damage_of_the_registry_is_told_and_the_rest_looked_at(root: Path) -> None:
    database = root / "models" / "mlflow.db"
    database.write_bytes(database.read_bytes()[:5_000])
    found = looked(root)
    assert [one.what for one in found if one.wrong] == ["model registry"]
    assert read_history(root / "models", "loans")


def test_data_that_were_replaced_since_they_were_opened_are_told_and_not_mixed(root: Path) -> None:
    study, again = opened(root), opened(root)
    run = study.runs()[0]
    with atomic_directory(study.dataset.root, replace=True) as building:
        link_files(study.dataset.root, building)
    for use in (
        lambda: study.sample(),
        lambda: stages.score(study, run, replace=True),
        lambda: again.query("SELECT 1"),
    ):
        with pytest.raises(SourceError, match="was replaced, or grew, since it was opened"):
            use()
    stages.score(opened(root), run)


def test_nobody_else_may_read_what_is_about_customers(made: Path) -> None:
    """Every file below data and models lies in a folder that only its user may open, or is closed itself."""
    files = [path for top in ("data", "models") for path in (made / top).rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"said.parquet", "mlflow.db", "decisions.sqlite", "part-00000.parquet"}
    for path in files:
        chain = [path, *(one for one in path.parents if one.is_relative_to(made) and one != made)]
        assert any(one.stat().st_mode & 0o077 == 0 for one in chain), path.relative_to(made)
        assert path.stat().st_mode & 0o077 == 0 or "artifacts" in path.parts, path.relative_to(made)
