"""Writing so that a kill at any moment leaves either the old output or the new, never a mixture.

A new output is made beside its place under a hidden name and moved in by one rename. Replacing a directory
needs two names to change places at once, which Linux offers as `renameat2(RENAME_EXCHANGE)`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from credit_eval.core.errors import IntegrityError, OutputExistsError, StorageError

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def atomic_directory(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty directory that becomes `target` when the block ends without an error.

    Raises:
        OutputExistsError: `target` exists and `replace` is false, or another run is making it right now (both
            checked before any work is done).
        StorageError: the disk refused; `target` is what it was before.
    """
    if target.exists() and not replace:
        raise OutputExistsError(
            f"{target.name} exists already", todo="choose another output or say --replace to write it anew"
        )
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        building = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.building"
        building.mkdir()
        with _held(building):
            try:
                yield building
                _flush(building)
                _move_in(building, target)
                _flush_file(target.parent)
            finally:
                shutil.rmtree(building, ignore_errors=True)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a path to write; its content becomes `target` when the block ends without an error."""
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        building = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.building"
        try:
            yield building
            _flush_file(building)
            building.replace(target)
            _flush_file(target.parent)
        finally:
            building.unlink(missing_ok=True)


def link_files(old: Path, new: Path) -> None:
    """Link every file of a directory into another that has none of this name; copy it where there are no links."""
    for path in old.rglob("*"):
        target = new / path.relative_to(old)
        if path.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError:  # a file system without links
                shutil.copyfile(path, target)


def write_json(target: Path, content: object) -> None:
    """Write `content` as indented JSON with sorted keys, atomically."""
    with atomic_file(target) as path:
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, default=str)
        path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read what `write_json` wrote.

    Raises:
        IntegrityError: it is damaged.
        StorageError: it is not there, or may not be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise damaged(path, str(error)) from None
    except RecursionError:
        raise damaged(path, "nested without end") from None
    except OSError as error:
        raise unreadable(path, error) from None


def damaged(path: Path, received: str) -> IntegrityError:
    """The error of a file of ours that is not what was written."""
    return IntegrityError(
        f"{path.parent.name}/{path.name} is damaged",
        expected="what was written there",
        received=received,
        todo="put it back as it was, or make anew what it belongs to",
    )


def unreadable(path: Path, error: OSError) -> StorageError:
    """The error of a file that is there and cannot be read."""
    return StorageError(
        f"{path.parent.name}/{path.name} cannot be read: {error.strerror or error}", todo="check the rights on it"
    )


#: What a disk says when it will not take more, or not from us. Anything else is no matter of the disk.
_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


@contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """What the disk refuses within the block becomes a StorageError that names the target."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise StorageError(
            f"cannot write {target.name}: {error.strerror or error}",
            todo="make room or choose another place, then run again; nothing was changed",
        ) from error


@contextmanager
def exclusive(directory: Path, *, wait: bool, doing: str = "") -> Iterator[None]:
    """Be the only one at work in a directory, which is made if need be; the kernel ends it with this process.

    Raises:
        OutputExistsError: another process is, and `wait` is false; `doing` names the work.
        StorageError: the disk refused.
    """
    with disk_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        raise OutputExistsError(
            f"another run is {doing} right now", todo="wait until it has ended, then run again"
        ) from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory, which the kernel lets go when this process ends, however it ends.

    Raises:
        BlockingIOError: another process holds it.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _sweep(target: Path) -> None:
    """Remove what earlier, killed attempts at the same target left behind; a living one is left alone and told of."""
    for leftover in target.parent.glob(f".{target.name}.*.building"):
        try:
            with _held(leftover):
                shutil.rmtree(leftover, ignore_errors=True)
        except FileNotFoundError:
            continue  # its owner ended between our look and our hold
        except BlockingIOError:
            raise OutputExistsError(
                f"another run is writing {target.name} right now", todo="wait until it has ended, then run again"
            ) from None


def _flush(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file():
            _flush_file(path)


def _flush_file(path: Path) -> None:
    """Ask the disk to keep a file, or a directory's list of names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move_in(building: Path, target: Path) -> None:
    if not target.exists():
        building.rename(target)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.renameat2(
        _AT_FDCWD, os.fsencode(building), _AT_FDCWD, os.fsencode(target), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
