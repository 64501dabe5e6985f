"""Seals: what a stage wrote is what the next one reads, or it is told.

Every description of ours (`dataset.json`, `profiles.json`, `manifest.json`) carries the SHA-256 of its own content and
of every file beside it. Whoever reads one of these files holds it against its hash first, about a second per GB and
core; a file that was looked at is not hashed again by the same process while its inode, size and time stay.

A seal tells damage and careless edits. Who may write here can seal anew what he changed: against him help the records
of others, such as the hash of each manifest in the ledger.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

from credit_eval.core.errors import IntegrityError
from credit_eval.core.files import damaged, read_json, unreadable, write_json
from credit_eval.core.locks import private_directory
from credit_eval.core.machine import cores

SEAL = "seal"
#: Hashing a few small files is done before a pool of threads has begun.
_WORTH_A_POOL = 1 << 24
_BEGIN = "0" * 64


def sha256_file(path: Path) -> str:
    """Hash of a file's bytes, hexadecimal; of a file that did not change since, from memory.

    Raises:
        StorageError: it may not be read, or the disk cannot.
    """
    try:
        told = path.stat()
        return _sha256(str(path), told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error) from None


@lru_cache(maxsize=10_000)
def _sha256(path: str, *_: int) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_json(content: object) -> str:
    """Hash of a JSON-like value, independent of key order.

    >>> sha256_json({"a": 1, "b": 2}) == sha256_json({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def hashes_of(folder: Path, pattern: str = "*") -> dict[str, str]:
    """SHA-256 of every file within a folder, by its path there, in order."""
    files = sorted(path for path in folder.rglob(pattern) if path.is_file())
    return dict(zip([path.relative_to(folder).as_posix() for path in files], _each(sha256_file, files), strict=True))


def changed_files(folder: Path, sealed: Mapping[str, str]) -> list[str]:
    """Of the files that are named with their hashes, those that are gone or other bytes than they were."""
    names = list(sealed)
    found = _each(_hash_or_none, [folder / name for name in names])
    return [name for name, received in zip(names, found, strict=True) if received != sealed[name]]


def check_files(folder: Path, sealed: Mapping[str, str], problem: str, todo: str, more: Iterable[str] = ()) -> None:
    """Refuse a folder whose files are not what they were sealed as.

    Args:
        folder: that holds them.
        sealed: SHA-256 by path within it.
        problem: what is wrong then, in a phrase.
        todo: what to do then.
        more: files that are there and are none of these.

    Raises:
        IntegrityError: files were changed, are gone, or are more.
        StorageError: one may not be read.
    """
    wrong = sorted({*changed_files(folder, sealed), *more})
    if wrong:
        raise IntegrityError(
            problem, expected=f"{len(sealed)} files, as they were written", rows=wrong[:3], n_rows=len(wrong), todo=todo
        )


def write_sealed(target: Path, content: Mapping[str, object]) -> None:
    """Write JSON that carries the hash of its own content, atomically."""
    plain = json.loads(json.dumps(content, default=str))  # as it will be read: dates are texts
    write_json(target, plain | {SEAL: sha256_json(plain)})


def read_sealed(path: Path) -> dict[str, Any]:
    """Read what `write_sealed` wrote, without its seal.

    Raises:
        IntegrityError: it is damaged, or was edited.
        StorageError: it may not be read.
    """
    content = read_json(path)
    seal = content.pop(SEAL, None) if isinstance(content, dict) else None
    if seal is None or seal != sha256_json(content):
        none = "no seal: edited, or written by an earlier version of this program"
        raise damaged(path, none if seal is None else "another content than it was sealed with")
    return dict(content)


def append_sealed(target: Path, line: Mapping[str, object]) -> None:
    """Add a line of JSON to a file that is only ever added to; its seal covers all lines before it.

    The caller is alone at it. What a kill left of a last line is taken away first.
    """
    private_directory(target.parent)
    lines, whole, ended = _lines(target)
    plain = json.loads(json.dumps(line, default=str))
    with target.open("ab") as file:
        os.fchmod(file.fileno(), 0o600)
        file.truncate(whole)
        before = lines[-1][SEAL] if lines else _BEGIN
        if not ended:
            file.write(b"\n")
        text = json.dumps(plain | {SEAL: sha256_json([before, plain])}, ensure_ascii=False)
        file.write((text + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read_sealed_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of such a file, without their seals; none where there is no file. A half-written last line is none.

    Raises:
        IntegrityError: a line is damaged, was edited, or is missing from the middle.
        StorageError: it may not be read.
    """
    return [{name: value for name, value in line.items() if name != SEAL} for line in _lines(path)[0]]


def _lines(path: Path) -> tuple[list[dict[str, Any]], int, bool]:
    """The lines with their seals, how many bytes they take, and whether the last of them is ended."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0, True
    except OSError as error:
        raise unreadable(path, error) from None
    whole = _whole(path, content)
    found: list[dict[str, Any]] = []
    before = _BEGIN
    for number, text in enumerate(content[:whole].splitlines(), 1):
        try:
            line = json.loads(text)
            plain = {name: value for name, value in line.items() if name != SEAL}
        except (ValueError, AttributeError) as error:
            raise damaged(path, f"line {number}: {error}") from None
        if line.get(SEAL) != sha256_json([before, plain]):
            raise damaged(path, f"line {number} is not what was written, or one before it is missing")
        before = line[SEAL]
        found.append(line)
    return found, whole, content[:whole].endswith(b"\n") or not whole


def _whole(path: Path, content: bytes) -> int:
    """How many bytes are whole lines. What a kill left of a last one is no JSON, unless only its end lacks."""
    ended = content.rfind(b"\n") + 1
    rest = content[ended:]
    if _is_json(rest):
        return len(content)
    if _is_json(rest[:-1]):
        raise damaged(path, "the end of its last line was changed")
    return ended


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _hash_or_none(path: Path) -> str | None:
    try:
        return sha256_file(path)
    except FileNotFoundError:
        return None


def _each(do: Callable[[Path], Any], paths: list[Path]) -> list[Any]:
    """Of every path; with threads where there is much to read, since hashing lets go of Python's lock."""
    size = sum(path.stat().st_size for path in paths if path.exists())
    if cores() < 2 or len(paths) < 2 or size < _WORTH_A_POOL:
        return [do(path) for path in paths]
    with ThreadPool(cores()) as pool:
        return pool.map(do, paths)
