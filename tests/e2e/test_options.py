"""What is said before a command: where the project is, for whom to print, and what this is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from world import World

from credit_eval import __version__


def called(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "credit_eval", *arguments],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
    )


def test_the_version(tmp_path: Path) -> None:
    assert called("--version", cwd=tmp_path).stdout == f"credit-eval {__version__}\n"


@pytest.mark.parametrize("way", ["option", "environment", "a folder below"])
def test_the_project_is_found_from_elsewhere(world: World, tmp_path: Path, way: str) -> None:
    before = ["--root", str(world.root)] if way == "option" else []
    environment = {"CREDIT_EVAL_ROOT": str(world.root)} if way == "environment" else {}
    cwd = world.root / "data" / "raw" if way == "a folder below" else tmp_path
    done = called(*before, "datasets", cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("simulated (CNY")


def test_results_for_programs(world: World) -> None:
    listed = json.loads(called("--json", "datasets", cwd=world.root).stdout)
    assert [info["name"] for info in listed] == ["simulated"]
    again = called("--json", "run", "simulated", cwd=world.root)
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert set(told) == {"validation", "refused", "runs"}
    (summary,) = told["runs"].values()
    assert sum(summary["decisions"].values()) == summary["customers"]
    scored = json.loads(called("--json", "score", "simulated", cwd=world.root).stdout)
    assert Path(scored["scored"]).is_dir()
    assert Path(scored["scored"]).is_absolute()


def test_quiet_prints_errors_only(world: World) -> None:
    done = called("--quiet", "score", "simulated", cwd=world.root)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    refused = called("-q", "score", "nowhere", cwd=world.root)
    assert refused.returncode == 10
    assert refused.stdout == ""
    assert "no data set" in refused.stderr
