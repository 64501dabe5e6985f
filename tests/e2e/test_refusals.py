"""Bad input: a clear error, an exit code of its family, and nothing lost. (Imports have tests of their own.)"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from world import World, bytes_of

from credit_eval.core.seals import read_sealed, sha256_file, write_sealed
from credit_eval.settings import Paths

pytestmark = pytest.mark.xdist_group("world")
Refused = Callable[..., str]


def test_as_of_after_the_data_end(refused: Refused) -> None:
    said = refused(12, "score", "simulated", "--as-of", "2027-01-01")
    assert "as_of <= 2026-07-01" in said


def test_as_of_that_is_no_date(refused: Refused) -> None:
    assert "YYYY-MM-DD" in refused(12, "score", "simulated", "--as-of", "yesterday")


def test_as_of_before_the_data_begin(refused: Refused) -> None:
    assert "before the beginning" in refused(12, "score", "simulated", "--as-of", "2024-01-01")


def test_a_cohort_that_is_not_there(refused: Refused) -> None:
    assert "no cohort" in refused(12, "score", "simulated", "--cohort", "train")


def test_a_data_set_that_is_not_there(refused: Refused) -> None:
    assert "credit-eval import" in refused(10, "run", "nowhere")


def test_a_customer_nobody_knows(refused: Refused) -> None:
    assert "nobody-42" in refused(12, "profile", "nobody-42")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("treshold: 0.5", "treshold"), ("restriction: {threshold: 1.5}", "less than 1")],
    ids=["unknown key", "threshold of 1.5"],
)
def test_a_policy_that_cannot_be(world: World, refused: Refused, text: str, wanted: str) -> None:
    from credit_eval.policy.settings import DEFAULT_POLICY

    body = DEFAULT_POLICY.read_text()
    cut = body.index("restriction:"), body.index("expected_loss:")
    (world.root / "broken.yaml").write_text(body[: cut[0]] + text + "\n" + body[cut[1] :])
    with world.settings("datasets: {simulated: {policy: broken.yaml}}"):
        said = refused(16, "score", "simulated", "--replace")
    assert wanted in said
    assert "line " in said


def test_a_setting_nobody_knows(world: World, refused: Refused) -> None:
    with world.settings("sampel: {seed: 1}"):
        assert "sampel" in refused(10, "score", "simulated")


def test_a_scored_directory_that_exists_already(world: World, refused: Refused) -> None:
    for text, named in (
        ("{default: {days_past_due: 30}, datasets: {simulated: {policy: default}}}", "definition"),
        ("datasets: {simulated: {policy: default, assume_no_debt: true}}", "assume_no_debt"),
    ):
        with world.settings(text):
            said = refused(17, "score", "simulated")
        assert "--replace" in said
        assert named in said


def test_a_scored_directory_that_was_tampered_with(world: World) -> None:
    part = world.scored / "part-00000.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        done = world.run("score", "simulated")
    finally:
        part.write_bytes(whole)
    assert done.returncode == 19, done.stderr
    assert "part-00000.parquet" in done.stderr


def test_a_batch_that_does_not_observe_at_midnight(refused: Refused) -> None:
    assert "midnight" in refused(12, "score", "simulated", "--as-of", "2026-06-15T18:00")


def test_no_champion_yet(world: World, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(world.root / "data")
    done = World(tmp_path).run("score", "simulated", "--policy", "default")
    assert done.returncode == 15
    assert "no champion" in done.stderr


def test_one_class_only(world: World, tmp_path: Path) -> None:
    """Everybody pays the day a line falls due: nobody defaults, so nothing can be learnt."""
    raw = tmp_path / "data/raw/simulated"
    shutil.copytree(world.root / "data/raw/simulated", raw)
    lines = pd.read_parquet(raw / "repayments.parquet")
    lines["paid_at"] = lines["paid_known_at"] = lines["due_at"]
    lines.to_parquet(raw / "repayments.parquet", coerce_timestamps="us")
    described = read_sealed(raw / "dataset.json")
    described["hashes"]["repayments.parquet"] = sha256_file(raw / "repayments.parquet")
    write_sealed(raw / "dataset.json", described)
    done = World(tmp_path).run("train", "simulated", "--policy", "default")
    assert done.returncode == 14, done.stderr
    assert "one class" in done.stderr


def test_a_model_asked_to_score_profiles_that_lack_a_feature(world: World, tmp_path: Path) -> None:
    """The same source, without its payments table: features are absent, loudly, and the champion refuses."""
    shutil.copytree(world.root / "data/raw/simulated", tmp_path / "data/raw/simulated")
    (tmp_path / "models").symlink_to(world.root / "models")
    described = tmp_path / "data/raw/simulated/dataset.json"
    content = read_sealed(described)
    del content["columns"]["payments"]
    write_sealed(described, content)
    done = World(tmp_path).run("score", "simulated", "--policy", "default")
    assert done.returncode == 15, done.stderr
    assert "payments_" in done.stderr
    assert list((tmp_path / "data/scored").rglob("*.parquet")) == []


def test_a_kill_at_any_moment_leaves_the_old_output_or_the_new(world: World) -> None:
    script = Path(__file__).with_name("kill_points.py")
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=world.root,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": tests, "OMP_NUM_THREADS": "1"},
    )
    shutil.rmtree(world.root / "kill", ignore_errors=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= 12


def test_a_full_disk_leaves_the_old_output_whole(world: World, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk (root): " + mounted.stderr.decode().strip())
    try:
        for name in ("raw", "cohorts", "profiles", "reports"):
            (tmp_path / "data").mkdir(exist_ok=True)
            (tmp_path / "data" / name).symlink_to(world.root / "data" / name)
        (tmp_path / "models").symlink_to(world.root / "models")
        (tmp_path / "data/scored").symlink_to(disk)
        shutil.copytree(world.scored.parent, disk / "simulated")
        target = disk / "simulated" / world.scored.name
        before = bytes_of(target)
        _fill(disk, leave=100_000)
        done = World(tmp_path).run("score", "simulated", "--replace", "--policy", "default")
        assert done.returncode == 18, (done.returncode, done.stderr)
        assert "make room" in done.stderr
        assert bytes_of(target) == before
        assert os.listdir(disk / "simulated") == [world.scored.name]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def _fill(disk: Path, *, leave: int) -> None:
    free = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(b"\0" * (free - leave))


def test_a_second_training_of_the_same_data_set_is_refused_before_it_trains(world: World, refused: Refused) -> None:
    from credit_eval.core.locks import exclusive

    with exclusive(Paths(root=world.root).training("simulated"), wait=False):
        assert "training on simulated right now" in refused(17, "train", "simulated")


def test_a_project_that_was_copied_trains_and_scores_where_it_lies(world: World, tmp_path: Path) -> None:
    copied = World(Path(shutil.copytree(world.root, tmp_path / "copy")))
    before = bytes_of(world.root)
    for arguments in (["train", "simulated"], ["score", "simulated", "--replace"]):
        done = copied.run(*arguments)
        assert done.returncode == 0, done.stderr
    assert bytes_of(world.root) == before


@pytest.mark.parametrize("text", [None, "{}", "datasets: {other: {policy: default}}"])
def test_a_data_set_that_no_policy_is_named_for_is_neither_trained_nor_scored(
    world: World, refused: Refused, text: str | None
) -> None:
    before = bytes_of(world.root / "models")
    with world.settings(text):
        for command in ("train", "score", "run"):
            said = refused(10, command, "simulated")
            assert "no policy is in force" in said
            assert "--policy default" in said
        named = world.run("score", "simulated", "--policy", "default")
    assert named.returncode == 0, named.stderr
    assert "policy default 2026-1+" in named.stdout
    assert "units of 1, jurisdiction any" in named.stdout
    assert bytes_of(world.root / "models") == before


def test_a_data_set_named_without_a_policy_is_refused(world: World, refused: Refused) -> None:
    with world.settings("datasets: {simulated: {jurisdiction: eu}}"):
        assert "datasets.simulated.policy field required" in refused(10, "score", "simulated")


def test_no_report_of_a_run_that_lacks_a_part(world: World, refused: Refused) -> None:
    part = world.scored / "part-00000.parquet"
    hidden = part.rename(world.root / "hidden")
    try:
        assert "part-00000.parquet" in refused(19, "report", "simulated")
    finally:
        hidden.rename(part)
    added = world.scored / "part-00099.parquet"
    shutil.copy(part, added)
    try:
        assert "part-00099.parquet" in refused(19, "report", "simulated")
    finally:
        added.unlink()
