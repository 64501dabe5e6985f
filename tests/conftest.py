"""What several test folders share: where the public data sets lie."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Generated examples are the same on every run: what is green stays green, whoever runs it, however loaded the machine.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def public_data() -> Callable[[str], Path]:
    """`public_data("xente")` is the directory of a public data set; the test is skipped where it is missing.

    Looked for in the directory named by CREDIT_EVAL_DATA, else in ../shared/data beside the repository.
    """

    def directory(name: str) -> Path:
        root = Path(os.environ.get("CREDIT_EVAL_DATA", REPOSITORY.parent / "shared" / "data"))
        if not (root / name).is_dir():
            pytest.skip(f"public data set {name} is not at {root} (set CREDIT_EVAL_DATA)")
        return root / name

    return directory


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk (root): " + mounted.stderr.decode().strip())
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
