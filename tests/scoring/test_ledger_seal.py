"""The ledger's file and its seal: any other byte is told before it is read, and a killed writer is no false alarm."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from killing import in_child

from credit_eval.core.errors import IntegrityError
from credit_eval.core.seals import read_sealed
from credit_eval.scoring.ledger import Ledger, Recorded
from credit_eval.scoring.ledger_seal import check_seal, unchanged

NOBODY = pd.DataFrame(
    {
        "customer_id": pd.Series(dtype=str),
        "as_of": pd.Series(dtype="datetime64[us]"),
        "days_below": pd.Series(dtype=float),
    }
)


def decisions(month: int, n: int = 400) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:05}" for number in range(n)],
            "as_of": pd.Series([datetime(2026, month, 1)] * n, dtype="datetime64[us]"),
            "p_default": np.linspace(0.01, 0.6, n),
            "decision": "hold",
            "limit_previous": 300.0,
            "limit_new": 250.5,
            "limit_bound_by": "grade_cap",
            "apr": 0.24,
        }
    )


def wrote(ledger: Ledger, month: int) -> bool:
    label = f"as_of=2026-{month:02}-01"
    return ledger.record(Recorded("shop", label, f"{month:064x}", "default/1", "shop/1"), decisions(month), NOBODY, 0.4)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(str(tmp_path / "ledger" / "decisions.sqlite"))
    assert wrote(made, 1)
    return made


def test_flipped_bits_anywhere_in_the_file_are_told_before_it_is_read(ledger: Ledger) -> None:
    file, rng = Path(ledger.place), np.random.default_rng(0)
    whole = file.read_bytes()
    members = decisions(2)[["customer_id", "as_of"]]
    for place in rng.integers(0, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged)
        for use in (lambda: ledger.before("shop", members), lambda: wrote(ledger, 2), lambda: check_seal(file)):
            with pytest.raises(IntegrityError, match="is not what the last run left"):
                use()
    file.write_bytes(whole)
    assert len(ledger.before("shop", members)) == 400


def test_an_edit_is_told_and_one_that_is_meant_can_be_sealed(ledger: Ledger) -> None:
    file = Path(ledger.place)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE decisions SET limit_after = 9999 WHERE customer_id = 'C00007'")
    with pytest.raises(IntegrityError, match="find out who changed it"):
        ledger.history("shop", "C00007")
    file.with_name(f"{file.name}.seal").unlink()
    assert wrote(ledger, 2)
    assert ledger.history("shop", "C00007")["limit_after"].tolist() == [9999, 250.5]
    check_seal(file)


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_a_writer_that_was_killed_leaves_what_was_or_what_became(ledger: Ledger, moment: str) -> None:
    file = Path(ledger.place)

    def killed() -> None:
        with unchanged(file, write=True):
            database = sqlite3.connect(file)
            database.execute("INSERT INTO runs VALUES ('shop', 'as_of=2026-09-01', 0, 'm', 'p', 'v', 0, 'now')")
            if moment == "after the commit":
                database.commit()
            os.kill(os.getpid(), 9)

    assert in_child(killed)
    assert read_sealed(file.with_name(f"{file.name}.seal"))["writing"]
    assert (ledger.manifest("shop", "as_of=2026-09-01") == "m") == (moment == "after the commit")
    assert wrote(ledger, 2)
    assert not read_sealed(file.with_name(f"{file.name}.seal"))["writing"]


def test_a_kill_while_writing_does_not_hide_rows_that_are_gone(ledger: Ledger) -> None:
    file = Path(ledger.place)

    def killed() -> None:
        with unchanged(file, write=True):
            with closing(sqlite3.connect(file)) as database, database:
                database.execute("DELETE FROM decisions WHERE customer_id = 'C00007'")
            os.kill(os.getpid(), 9)

    assert in_child(killed)
    with pytest.raises(IntegrityError):
        ledger.manifest("shop", "as_of=2026-01-01")
