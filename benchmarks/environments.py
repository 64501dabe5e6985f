"""The environments of programs that need one of their own, beside the project's."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def python(program: str, needs: Mapping[str, Sequence[str]], work: Path, tell: Callable[[str], object]) -> str:
    """The interpreter of a program: of an environment with what it needs, made the first time; else the project's."""
    if program not in needs:
        return sys.executable
    place = work / "environments" / program
    if not (place / "installed").exists():
        tell(f"installing {', '.join(needs[program])} …")
        venv.create(place, with_pip=True, clear=True)
        pip = [place / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *needs[program]], check=True)
        (place / "installed").touch()
    return str(place / "bin/python")
