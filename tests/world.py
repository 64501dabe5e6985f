"""A project root in which the command line is run as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

AS_OF = "2026-07-01"
SETTINGS = "datasets: {simulated: {policy: default}}\n"


@dataclass(frozen=True)
class World:
    """A project root with a finished run of 2,000 simulated customers."""

    root: Path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in this root, with these variables set beside those there are."""
        return subprocess.run(
            [sys.executable, "-m", "credit_eval.cli", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONWARNINGS": "default", "COLUMNS": "200"} | environment,
        )

    @contextmanager
    def settings(self, text: str | None) -> Iterator[None]:
        """Other settings for a while; None: no file."""
        path = self.root / "settings.yaml"
        before = path.read_text()
        path.unlink() if text is None else path.write_text(text + "\n")
        try:
            yield
        finally:
            path.write_text(before)

    @property
    def scored(self) -> Path:
        return self.root / "data/scored/simulated" / f"as_of={AS_OF}"


def bytes_of(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}
