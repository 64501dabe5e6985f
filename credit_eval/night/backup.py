"""One file that holds a project: data, models, runs and the ledger, as they were at one moment, with their hashes.

    credit-eval backup /safe/2026-07-01.tar         while others read; who writes waits
    credit-eval restore /safe/2026-07-01.tar        into a root that holds nothing yet

A tar, not compressed, as Parquet is already. It ends with `backup.json`, sealed: the hash of every file. Nothing is
restored before all of it was compared. A ledger in PostgreSQL is not in it; its own tools copy that.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from credit_eval.core.clock import utc_text
from credit_eval.core.errors import IntegrityError, OutputExistsError, SourceError
from credit_eval.core.files import atomic_file, damaged, scratch
from credit_eval.core.locks import exclusive, private_directory, reading
from credit_eval.core.seals import SEAL, sha256_file, sha256_json
from credit_eval.settings import Paths

#: What is not copied: what the next run makes anew.
LEFT_OUT = ("data/scratch", "data/locks")
_KEPT_AT_ROOT = ("settings.yaml", "data", "models")
_LIST, _RESTORING = "backup.json", ".restoring"


@dataclass(frozen=True)
class Copied:
    """How much a backup holds."""

    files: int
    bytes: int


def backup(paths: Paths, target: Path) -> Copied:
    """Write all of a project into one file.

    Args:
        paths: of the project.
        target: the file.

    Returns:
        how much it holds.

    Raises:
        OutputExistsError: the file exists.
        StorageError: the disk refused; there is no file then.
    """
    if target.exists():
        raise OutputExistsError(
            f"{target.name} exists already", todo="name another file; a backup is never overwritten"
        )
    with ExitStack() as still:
        still.enter_context(exclusive(paths.models, wait=True))
        still.enter_context(exclusive(paths.root / "data" / "ledger", wait=True))
        for dataset in sorted(path.parent for path in paths.raw.glob("*/dataset.json")):
            still.enter_context(reading(dataset))
        with atomic_file(target) as building, tarfile.open(building, "w") as tar:
            hashes = {name: _add(tar, name, path) for name, path in _files(paths.root)}
            listed = {"made": utc_text(), "files": hashes}
            text = json.dumps(listed | {SEAL: sha256_json(listed)}, indent=1).encode()
            entry = tarfile.TarInfo(_LIST)
            entry.size, entry.mode = len(text), 0o600
            tar.addfile(entry, io.BytesIO(text))
    return Copied(len(hashes), target.stat().st_size)


def restore(source: Path, root: Path) -> Copied:
    """Put back what a backup holds.

    Args:
        source: the file.
        root: of a project that has no data and no models yet.

    Returns:
        how much there was.

    Raises:
        SourceError: the file is missing or no backup.
        IntegrityError: it is damaged; nothing was put back.
        OutputExistsError: there are data or models already.
        StorageError: the disk refused; nothing was put back.
    """
    there = [name for name in ("data/raw", "data/ledger", "models/mlflow.db") if (root / name).exists()]
    begun = root / _RESTORING
    if there and not begun.exists():
        raise OutputExistsError(
            "this project holds something already",
            expected="a root without data and models",
            received=", ".join(there),
            todo="name another --root, or move these away first",
        )
    with scratch(root) as building:
        found = _unpacked(source, building)
        _check(building, found)
        begun.touch()
        _move_in(building, root)
        begun.unlink()
    return Copied(len(found), sum((root / name).stat().st_size for name in found))


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for top in _KEPT_AT_ROOT:
        for path in sorted([root / top, *(root / top).rglob("*")]):
            name = path.relative_to(root).as_posix()
            unfinished = any(part.startswith(".") and ".building" in part for part in path.relative_to(root).parts)
            if path.is_file() and not unfinished and not name.startswith(tuple(f"{one}/" for one in LEFT_OUT)):
                yield name, path


def _add(tar: tarfile.TarFile, name: str, path: Path) -> str:
    """Add a file; returns the hash of what was added, not of what lies there a moment later."""
    with path.open("rb") as stream:
        entry = tar.gettarinfo(arcname=name, fileobj=stream)
        entry.uname = entry.gname = ""
        entry.uid = entry.gid = 0
        hashing = _Hashing(stream)
        tar.addfile(entry, hashing)
    return hashing.hash.hexdigest()


class _Hashing:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.hash = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self.hash.update(content)
        return content


def _unpacked(source: Path, into: Path) -> dict[str, str]:
    """Everything in the archive, and the list that it ends with."""
    try:
        with tarfile.open(source, "r:") as tar:
            tar.extractall(into, filter="data")
    except FileNotFoundError:
        raise SourceError(
            f"there is no file {source.name}", todo="name a file that `credit-eval backup` wrote"
        ) from None
    except tarfile.TarError as error:
        raise damaged(source, str(error)) from None
    listed = into / _LIST
    if not listed.exists():
        raise IntegrityError(f"{source.name} is no whole backup", expected=f"{_LIST} at its end", received="none")
    content = json.loads(listed.read_text(encoding="utf-8"))
    listed.unlink()
    seal = content.pop(SEAL, None)
    if seal != sha256_json(content):
        raise damaged(source, "another list than it was sealed with")
    return dict(content["files"])


def _check(root: Path, sealed: dict[str, str]) -> None:
    there = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    changed = {name for name in sealed if name not in there or sha256_file(there[name]) != sealed[name]}
    wrong = sorted(changed | (there.keys() - sealed.keys()))
    if wrong:
        raise IntegrityError(
            "the backup is damaged",
            expected=f"{len(sealed)} files, as they were copied",
            rows=wrong[:3],
            n_rows=len(wrong),
            todo="take another copy; nothing was put back",
        )


def _move_in(building: Path, root: Path) -> None:
    """Let every directory change its place by a rename, over what a restore that was killed left."""
    tops = [path for top in ("data", "models") for path in sorted((building / top).glob("*"))]
    for path in [*tops, building / "settings.yaml"]:
        target = root / path.relative_to(building)
        if path.is_dir() and target.exists():
            shutil.rmtree(target)
        if path.exists():
            private_directory(target.parent)
            path.replace(target)
