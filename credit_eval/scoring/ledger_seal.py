"""The seal of a ledger that is a file: whoever opens it sees first that nobody but a run has changed a byte of it.

    data/ledger/decisions.sqlite            the ledger
    data/ledger/decisions.sqlite.seal       its SHA-256 after the last run that wrote, and whether one is writing

A database that was edited or damaged in one place reads as well as before, and the next night would begin with other
limits. So the whole file is hashed before it is read, about a second per GB. A run that is killed while it writes
leaves the seal open: SQLite then takes back what was not committed, and the file is looked through and sealed anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from credit_eval.core.errors import IntegrityError
from credit_eval.core.locks import exclusive
from credit_eval.core.seals import read_sealed, sha256_file, write_sealed


@contextmanager
def unchanged(file: Path, *, write: bool) -> Iterator[None]:
    """Hold the ledger for the block, checked against its seal before and sealed anew after a block that may write.

    Raises:
        IntegrityError: it was changed since it was sealed, or the seal was.
        StorageError: the disk refused.
    """
    with exclusive(file.parent, wait=True):
        _check(file)
        if not write:
            yield
            return
        before = sha256_file(file) if file.exists() else ""
        write_sealed(_seal(file), {"sha256": before, "writing": True})
        try:
            yield
        finally:
            if file.exists():
                file.chmod(0o600)
            write_sealed(_seal(file), {"sha256": sha256_file(file) if file.exists() else "", "writing": False})


def check_seal(file: Path) -> None:
    """Hold a ledger against its seal.

    Raises:
        IntegrityError: it was changed since it was sealed, or the seal was.
    """
    with unchanged(file, write=False):
        pass


def _check(file: Path) -> None:
    if not _seal(file).exists():
        return
    told = read_sealed(_seal(file))
    if (sha256_file(file) if file.exists() else "") == told["sha256"]:
        return
    if not told["writing"]:
        raise _changed(file)
    _look_through(file)
    write_sealed(_seal(file), {"sha256": sha256_file(file), "writing": False})


def _look_through(file: Path) -> None:
    """Let SQLite finish or take back what a killed run began, and see that all of it can be read and adds up."""
    try:
        with closing(sqlite3.connect(file)) as database:
            whole = database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            decided, said = (
                (database.execute(f"SELECT {what}").fetchone()[0] for what in (_DECIDED, _SAID))
                if {"decisions", "runs"} <= tables
                else (0, 0)
            )
    except sqlite3.Error:
        raise _changed(file) from None
    if not whole or decided != said:
        raise _changed(file)


#: Rows there are, and rows that runs said they wrote, those of nobody who is kept apart.
_DECIDED = "count(*) FROM decisions"
_SAID = "coalesce(sum(rows), 0) FROM runs"


def _seal(file: Path) -> Path:
    return file.with_name(f"{file.name}.seal")


def _changed(file: Path) -> IntegrityError:
    return IntegrityError(
        f"the ledger {file.name} is not what the last run left",
        expected=f"the SHA-256 in {file.name}.seal",
        todo="put back the copy of the ledger that belongs to its seal, and find out who changed it; if the change is "
        "meant, remove the .seal file, and the next run seals what is there",
    )
