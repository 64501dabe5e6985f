"""What a version brings along: its record, and what it said of the rows that judged it, as they were registered."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from credit_eval.core.errors import IntegrityError, SourceError
from credit_eval.core.seals import sha256_file
from credit_eval.models.history import Move, read_history
from credit_eval.models.record import Record, read_record
from credit_eval.models.registry import CHAMPION, RECORD_FILE, ROWS_FILE, SAID_FILE, Version, find_version, hash_tag


def record_of(store: Path, dataset: str, which: int | str = CHAMPION) -> Record | None:
    """The record of a version, by number or alias, and why it was promoted, if it was; None where there is none.

    Raises:
        SourceError: it is of another version of this program.
        IntegrityError: it is not what was registered.
        ModelError: the registry is damaged.
    """
    version = find_version(store, dataset, which)
    if version is None or RECORD_FILE not in version.hashed:
        return None
    why = _why_promoted(read_history(store, dataset), version.number)
    return read_record(_verified(version, RECORD_FILE)).of(version.number, why)


def rows_of(version: Version) -> pd.DataFrame:
    """What a version said of the rows that judged it: customer_id, as_of, defaulted, part, p_default.

    Raises:
        SourceError: nothing was kept.
        IntegrityError: the file is not what was registered.
    """
    return _kept(version, ROWS_FILE, "what it was judged by")


def said_before(version: Version) -> pd.DataFrame:
    """What a version said of its sample when it was trained: customer_id, as_of, p_default.

    Raises:
        SourceError: nothing was kept.
        IntegrityError: the file is not what was registered.
    """
    return _kept(version, SAID_FILE, "what it said")


def taken_down(moves: list[Move], version: int) -> Move | None:
    """The move by which somebody put another version in the place of this one, unless it was champion again since."""
    last = next((move for move in reversed(moves) if version in (move.before, move.version)), None)
    gone = last is not None and last.before == version != last.version
    return last if gone and last and last.what != "promoted" else None


def _why_promoted(moves: list[Move], version: int) -> str:
    return next(
        (move.why for move in reversed(moves) if move.version == version and move.what in ("promoted", "chosen")), ""
    )


def _kept(version: Version, name: str, what: str) -> pd.DataFrame:
    if name not in version.hashed:
        raise SourceError(
            f"version {version.number} did not keep {what}", expected=name, received="none", todo="train it again"
        )
    return pd.read_parquet(_verified(version, name))


def _verified(version: Version, name: str) -> Path:
    path, expected = version.files / name, version.tags[hash_tag(name)]
    found = sha256_file(path) if path.exists() else "no file"
    if found != expected:
        raise IntegrityError(
            f"{name} of version {version.number} is not what was registered",
            expected=f"SHA-256 {expected[:12]}…",
            received=f"{found[:12]}…" if path.exists() else found,
            todo="put it back as it was or train again, and find out who changed it",
        )
    return path
