"""Files that are damaged or may not be read: each command says which, with its own code, at once and in words."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trained import trained_loans

DROPS_RIGHTS = shutil.which("setpriv")
#: What root may do though a file says otherwise is given up, so that its rights count in a container, too.
AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
RUN = "data/scored/loans/cohort=unlabelled"
#: File, the command that reads it, its code where it may not be read, and where it is damaged.
CASES = [
    ("settings.yaml", "score", 10, 10),
    ("data/raw/loans/dataset.json", "score", 18, 19),
    ("data/raw/loans/flat.parquet", "score", 18, 19),
    (f"{RUN}/manifest.json", "report", 18, 19),
    (f"{RUN}/part-00000.parquet", "report", 18, 19),
    (f"{RUN}/contributions/part-00000.parquet", "report", 18, 19),
    ("data/profiles/loans/cohort=unlabelled/profiles.json", "report", 18, 19),
    ("data/ledger/decisions.sqlite", "score", 18, 19),
    ("models/mlflow.db", "score", 18, 15),
    ("models/history/loans.jsonl", "history", 18, 19),
    ("model.json", "score", 18, 19),
    ("booster.txt", "score", 18, 19),
    ("record.json", "report", 18, 19),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a champion and a scored run."""
    root = trained_loans(tmp_path_factory.mktemp("made")).folder
    (root / "settings.yaml").write_text("datasets: {loans: {policy: default}}\n")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "root"))


def found(root: Path, name: str) -> Path:
    return root / name if "/" in name or name == "settings.yaml" else next(root.rglob(name))


def command(root: Path, what: str) -> list[str]:
    said = {"history": ["registry", "history", "loans"]}.get(what, [what, "loans"])
    return [sys.executable, "-m", "credit_eval", "--root", str(root), *said]


def told(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    began = time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    assert time.monotonic() - began < 60  # it was two minutes for a registry
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize(("name", "what", "unread", "damaged"), CASES)
def test_a_file_that_is_damaged_is_told_with_its_name(
    root: Path, name: str, what: str, unread: int, damaged: int
) -> None:
    path = found(root, name)
    content = bytearray(path.read_bytes())
    begin = 0 if name.endswith(".db") else len(content) // 3  # pages that nobody reads may say anything
    content[begin : begin + 40] = b"\xff\x00{[" * 10
    path.write_bytes(content)
    done = told(command(root, what))
    assert done.returncode == damaged, done.stderr
    assert path.name in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not DROPS_RIGHTS, reason="no setpriv on this machine: apt-get install util-linux")
@pytest.mark.parametrize(("name", "what", "unread", "damaged"), CASES)
def test_a_file_that_may_not_be_read_is_told_with_its_name(
    root: Path, name: str, what: str, unread: int, damaged: int
) -> None:
    path = found(root, name)
    path.chmod(0)
    done = told([*AS_ANYBODY, *command(root, what)])
    assert done.returncode == unread, done.stderr
    assert path.name in done.stderr or path.name == "mlflow.db"


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.6, 1.2, 2.0, 3.0])
def test_ctrl_c_leaves_with_130_and_one_line(root: Path, after: float) -> None:
    child = subprocess.Popen(
        [*command(root, "score"), "--replace"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(after)
    child.send_signal(signal.SIGINT)
    said = child.communicate(timeout=60)[1]
    # A shell says 130 of both: CPython ends itself by the signal where it came during an `exec` of some import.
    assert child.returncode in (0, 130, -signal.SIGINT), said
    assert "Traceback" not in said
    if child.returncode != 0:
        assert said.strip().splitlines()[-1].startswith("interrupted")
        assert len(said.strip().splitlines()) == 1
    assert told(command(root, "score")).returncode == 0
