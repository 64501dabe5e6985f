"""Writing so that a kill at any moment leaves either the old output or the new, never a mixture.

A new output is made beside its place under a hidden name and moved in by one rename. Replacing a directory
needs two names to change places at once, which Linux offers as `renameat2(RENAME_EXCHANGE)`.
"""

from __future__ import annotations

import csv
import ctypes
import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from credit_eval.core.errors import IntegrityError, OutputExistsError, StorageError
from credit_eval.core.locks import exclusive, hold, let_go, unread

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)*([eE][-+]?\d+)?")


@contextmanager
def atomic_directory(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty directory that becomes `target` when the block ends without an error.

    It and all in it are this user's alone. A link is followed, so that it stays one. What is replaced is replaced
    when nobody reads it any more (`locks`).

    Raises:
        OutputExistsError: `target` exists and `replace` is false, or another run is making it right now (both
            checked before any work is done).
        StorageError: the disk refused; `target` is what it was before.
    """
    target = target.resolve() if target.is_symlink() else target
    with disk_errors(target):
        with exclusive(target.parent, wait=True):
            if target.exists() and not replace:
                raise OutputExistsError(
                    f"{target.name} exists already", todo="choose another output or say --replace to write it anew"
                )
            _sweep(target)
            building = _name_of_building(target)
            building.mkdir(mode=0o700)
            held = hold(building)
        try:
            yield building
            _flush(building)
            _move_in(building, target)
            _flush_file(target.parent)
        finally:
            let_go(held)
            shutil.rmtree(building, ignore_errors=True)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield the path of an empty file; its content becomes `target` when the block ends without an error.

    Raises:
        StorageError: the disk refused; `target` is what it was before.
    """
    target = target.resolve() if target.is_symlink() else target
    with disk_errors(target):
        with exclusive(target.parent, wait=True):
            _sweep(target, living_are_fine=True)
            building = _name_of_building(target)
            os.close(os.open(building, os.O_CREAT | os.O_EXCL, 0o600))
            held = hold(building)
        try:
            yield building
            _flush_file(building)
            building.replace(target)
            _flush_file(target.parent)
        finally:
            let_go(held)
            building.unlink(missing_ok=True)


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """Yield an empty directory below `parent`, gone afterwards; those of processes that were killed are removed.

    Raises:
        StorageError: the disk refused.
    """
    target = parent / "scratch"
    with disk_errors(target):
        with exclusive(parent, wait=True):
            _sweep(target, living_are_fine=True)
            building = _name_of_building(target)
            building.mkdir(mode=0o700)
            held = hold(building)
        try:
            yield building
        finally:
            let_go(held)
            shutil.rmtree(building, ignore_errors=True)


def is_building(path: Path) -> bool:
    """Whether a file or directory is one that is being made, or that a killed run left."""
    return path.name.startswith(".") and path.name.endswith(".building")


def _name_of_building(target: Path) -> Path:
    return target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.building"


def as_cell(text: str) -> str:
    """A text as a cell of a CSV file that spreadsheets show and do not work out.

    >>> [as_cell(text) for text in ("=HYPERLINK(A1)", "-12.50", "-12+A1", "@SUM(A1)", "tea")]
    ["'=HYPERLINK(A1)", '-12.50', "'-12+A1", "'@SUM(A1)", 'tea']
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(text) else text


def write_cells(target: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as a CSV file in which no cell is a formula; nothing is an empty cell.

    Raises:
        StorageError: the disk refused.
    """
    with atomic_file(target) as building, building.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(names)
        lines.writerows(["" if cell is None else as_cell(str(cell)) for cell in row] for row in rows)


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


def _sweep(target: Path, *, living_are_fine: bool = False) -> None:
    """Remove what earlier, killed attempts at the same target left behind; a living one is left alone and told of.

    The caller has the parent directory to himself, so none is between its making and its lock.
    """
    for leftover in target.parent.glob(f".{_escaped(target.name)}.*.building"):
        try:
            held = hold(leftover)
        except FileNotFoundError:
            continue  # its owner ended between our look and our hold
        except BlockingIOError:
            if living_are_fine:
                continue
            raise OutputExistsError(
                f"another run is writing {target.name} right now", todo="wait until it has ended, then run again"
            ) from None
        shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)
        let_go(held)


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _flush(directory: Path) -> None:
    """Ask the disk to keep all files of a directory, which are this user's alone from now on."""
    for path in directory.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
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
    with unread(target):
        failed = libc.renameat2(
            _AT_FDCWD, os.fsencode(building), _AT_FDCWD, os.fsencode(target), ctypes.c_uint(_RENAME_EXCHANGE)
        )
        if failed:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
