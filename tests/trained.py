"""A small project with a champion and a scored run, from a flat file of made-up loans."""

from __future__ import annotations

from pathlib import Path

import credit_eval as ce
from credit_eval import stages
from credit_eval.study import Study
from tests.flat_file import FlatFile, loans


def opened(root: Path) -> Study:
    """The study of the loans under this root."""
    return ce.open("loans", root=root, policy="default")


def trained_loans(folder: Path, settings: str = "") -> FlatFile:
    """900 loans, the tenth part without a label yet: imported, trained, scored and reported."""
    flat = FlatFile(folder, loans(900, labelled=0.9))
    if settings:
        (flat.folder / "settings.yaml").write_text(settings)
    flat.load()
    stages.run_all(opened(flat.folder), promote_anyway="a test")
    return flat
