"""Which code makes two runs the same run: what computes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import credit_eval
from credit_eval.core.code import DECIDING, IDLE, LIBRARIES, TRAINING, TRAINING_ALONE, counted, library_versions

PACKAGE = Path(credit_eval.__file__).parent


def test_what_is_named_is_there() -> None:
    for name in (*IDLE, *TRAINING_ALONE):
        assert (PACKAGE / name).is_file(), name
    for place in (*TRAINING, *DECIDING):
        assert (PACKAGE / place).exists(), place
    assert set(library_versions()) == set(LIBRARIES) >= {"numba", "pyarrow", "lightgbm", "duckdb", "numpy"}


def test_what_computes_counts_and_words_of_pages_do_not() -> None:
    trains, decides = counted((*TRAINING, *TRAINING_ALONE)), counted((*TRAINING, *TRAINING_ALONE, *DECIDING))
    assert {"models/training.py", "engine/evaluate.py", "samples/definition.py", "core/statistics.py"} <= set(trains)
    assert "policy/decide.py" not in trains
    assert {"policy/decide.py", "scoring/run.py", "scoring/ledger.py", "policy/facts.py"} <= set(decides)
    for name in ("report/build.py", "report/words.py", "console.py", "cli.py", "verify.py", "core/locks.py"):
        assert (PACKAGE / name).exists()
        assert name not in decides
    assert "language/chinese.csv" in trains
    assert not {*IDLE} & {*decides}
