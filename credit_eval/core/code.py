"""Which code and which libraries a number came from: what two runs must have in common to be the same run.

Only code that can change a number counts, so that the words of a report, a lock or a new command neither train a model
again nor make last night's run another one. Of the rooms that compute, everything counts but what is named as idle.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path

import credit_eval
from credit_eval.core.seals import sha256_file, sha256_json

#: Libraries whose version can move a number.
LIBRARIES = (
    "duckdb",
    "lightgbm",
    "llvmlite",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
)
#: What a model is made by, and what decides besides.
TRAINING = ("core", "schema", "language", "engine", "catalogue", "profiles", "samples", "models", "explain")
TRAINING_ALONE = ("study/study.py", "challenger.py")
DECIDING = ("ingest", "policy", "scoring", "settings.py", "stages.py")
#: Modules of these rooms that look after files, words and records, and compute nothing.
IDLE = (
    "core/canonical.py",
    "core/code.py",
    "core/errors.py",
    "core/files.py",
    "core/locks.py",
    "core/merkle.py",
    "core/names.py",
    "core/progress.py",
    "core/seals.py",
    "core/visible.py",
    "models/evidence.py",
    "models/history.py",
    "models/pyfunc.py",
    "models/registry.py",
    "models/registry_anchors.py",
    "models/registry_store.py",
    "policy/backtest.py",
    "profiles/dictionary.py",
    "profiles/store.py",
    "profiles/tables.py",
    "scoring/decision.py",
    "scoring/ledger_seal.py",
    "scoring/log.py",
    "scoring/lookup.py",
    "scoring/proofs.py",
    "scoring/reading.py",
    "scoring/records.py",
    "scoring/replaced.py",
    "scoring/sealed.py",
    "scoring/telling.py",
)


def library_versions() -> dict[str, str]:
    """Versions of the libraries that a number can depend on."""
    return {name: version(name) for name in LIBRARIES}


def training_code() -> str:
    """Changes when code does that a model is made by, or a library."""
    return _fingerprint((*TRAINING, *TRAINING_ALONE))


def deciding_code() -> str:
    """Changes when code does that makes a decision of a model's probability, or of the data, or a library."""
    return _fingerprint((*TRAINING, *TRAINING_ALONE, *DECIDING))


def counted(places: tuple[str, ...]) -> list[str]:
    """Paths of the modules of rooms and files within the package that count."""
    root = Path(credit_eval.__file__).parent
    found = (
        path for place in places for path in ([root / place] if place.endswith(".py") else (root / place).rglob("*"))
    )
    names = {path.relative_to(root).as_posix() for path in found if path.suffix in (".py", ".csv")}
    return sorted(names - {*IDLE})


@cache
def _fingerprint(places: tuple[str, ...]) -> str:
    root = Path(credit_eval.__file__).parent
    return sha256_json([{name: sha256_file(root / name) for name in counted(places)}, library_versions()])
