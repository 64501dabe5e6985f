"""Locks of directories: the kernel lets go of them when their process ends, however it ends.

A directory is its own lock, so nothing is left behind and nothing has to be cleaned up. `exclusive` is for work that
one process does at a time; `reading` keeps what is read in its place while others replace it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from credit_eval.core.errors import OutputExistsError, StorageError

#: How long a replacement waits for those who read, in seconds; a training reads for minutes.
READERS_MAY_TAKE = 1_800.0
_LOOK_AGAIN = 0.05


class _Held(threading.local):
    """Directories that this thread holds alone, by device and inode."""

    def __init__(self) -> None:
        self.inodes: set[tuple[int, int]] = set()


_HELD = _Held()


@contextmanager
def exclusive(directory: Path, *, wait: bool, doing: str = "") -> Iterator[None]:
    """Be the only one at work in a directory, which is made if need be; again within the block is no wait.

    Raises:
        OutputExistsError: another process is, and `wait` is false; `doing` names the work.
        StorageError: the directory cannot be made or opened.
    """
    try:
        private_directory(directory)
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise StorageError(
            f"{directory.name} cannot be made or opened: {error.strerror or error}", todo="check the rights on it"
        ) from None
    if _inode(descriptor) in _HELD.inodes:
        os.close(descriptor)
        yield
        return
    if not _lock(descriptor, fcntl.LOCK_EX, wait=wait):
        os.close(descriptor)
        raise OutputExistsError(f"another run is {doing} right now", todo="wait until it has ended, then run again")
    _HELD.inodes.add(_inode(descriptor))
    try:
        yield
    finally:
        let_go(descriptor)


@contextmanager
def reading(directory: Path) -> Iterator[None]:
    """Keep a directory where it is for the block: who would replace it waits until nobody reads."""
    descriptor = _opened_here(directory)
    try:
        yield
    finally:
        os.close(descriptor)


def hold(path: Path) -> int:
    """A descriptor by which a file or directory is this process's, until it lets go.

    Raises:
        BlockingIOError: another process holds it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    if not _lock(descriptor, fcntl.LOCK_EX, wait=False):
        os.close(descriptor)
        raise BlockingIOError
    _HELD.inodes.add(_inode(descriptor))
    return descriptor


def let_go(descriptor: int) -> None:
    """Let others hold what this process held."""
    _HELD.inodes.discard(_inode(descriptor))
    os.close(descriptor)


def _inode(descriptor: int) -> tuple[int, int]:
    told = os.fstat(descriptor)
    return told.st_dev, told.st_ino


@contextmanager
def unread(directory: Path) -> Iterator[None]:
    """Wait until nobody reads a directory, and let nobody begin before the block has ended.

    Raises:
        OutputExistsError: somebody still reads after `READERS_MAY_TAKE`.
    """
    descriptor, until = os.open(directory, os.O_RDONLY), time.monotonic() + READERS_MAY_TAKE
    try:
        while not _lock(descriptor, fcntl.LOCK_EX, wait=False):
            if time.monotonic() > until:
                raise OutputExistsError(
                    f"{directory.name} is being read by another run, so it cannot be replaced",
                    todo="wait until that run has ended, then run again; nothing was changed",
                )
            time.sleep(_LOOK_AGAIN)
        yield
    finally:
        os.close(descriptor)


def private_directory(directory: Path) -> None:
    """Make a directory, and those above it that are lacking, that only this user may look into."""
    if not directory.is_dir():
        private_directory(directory.parent)
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)


def _opened_here(directory: Path) -> int:
    """A descriptor of the directory that is at this place, locked against its replacement."""
    while True:
        descriptor = os.open(directory, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), directory.stat()):
                return descriptor
        os.close(descriptor)  # replaced while we waited


def _lock(descriptor: int, kind: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(descriptor, kind | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
