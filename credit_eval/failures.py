"""What libraries and the operating system raise where nobody expected it, as errors of this project.

Rooms translate what they expect: DuckDB in `schema.duckdb`, MLflow and SQLAlchemy in `models.registry_store`, ADBC in
`scoring.ledger`, JSON in `core.files`. What is left is the same wherever it comes from: a disk that refuses, a Parquet
file that is none, memory that is gone. A mistake of ours is none of these and keeps its traceback.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from types import FrameType

from credit_eval.core.errors import CreditEvalError, IntegrityError, ModelError, SourceError, StorageError

INTERRUPTED = 130
#: How long after a swallowed Ctrl-C the next one is sent: the destructor that swallowed it has ended by then.
_AGAIN_AFTER_S = 0.02


class Interruption:
    """Whether somebody pressed Ctrl-C: libraries make errors of their own of it, and none of them is the news."""

    def __init__(self) -> None:
        self.came = False

    def listen(self) -> None:
        """Note a Ctrl-C from now on, and interrupt as Python does; where it is ignored (nohup) it stays so."""
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._note)
            sys.unraisablehook = self._swallowed

    def end(self) -> None:
        """From now on there is nothing left to interrupt: what was done is done, and its code is the news."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.default_int_handler(number, frame)

    def _swallowed(self, told: sys.UnraisableHookArgs) -> None:
        """Interrupt again where Python ignored it, which it does in destructors and callbacks of libraries."""
        if not (self.came and issubclass(told.exc_type, KeyboardInterrupt)):
            sys.__unraisablehook__(told)
            return
        again = threading.Timer(_AGAIN_AFTER_S, os.kill, (os.getpid(), signal.SIGINT))
        again.daemon = True
        again.start()


def in_words(error: BaseException) -> CreditEvalError | None:
    """The error of this project that says what a library's says; None: it is a mistake of ours.

    >>> told = in_words(OSError(errno.ENOSPC, "No space left on device", "/a/b/part-00000.parquet"))
    >>> told.exit_code, told.problem
    (18, 'part-00000.parquet: No space left on device')
    """
    library = type(error).__module__.partition(".")[0]
    said = (str(error) or type(error).__name__).splitlines()[0][:300]
    if isinstance(error, MemoryError):
        return StorageError("out of memory", todo="free memory, or ask for fewer customers; nothing was changed")
    if library == "lightgbm":
        return ModelError(
            "LightGBM could not do what it was asked", received=said, todo="look at the training settings"
        )
    if library == "pyarrow" or (isinstance(error, OSError) and error.errno is None and "pyarrow" in sys.modules):
        return IntegrityError(
            "a file is damaged, or no Parquet file",
            received=said,
            todo="`credit-eval verify` says which; put it back as it was, or make it anew",
        )
    if isinstance(error, UnicodeDecodeError):
        return SourceError("a file is not text", expected="UTF-8", received=error.reason, todo="save it as UTF-8")
    if isinstance(error, OSError) and error.errno is not None:
        return _of_the_disk(error)
    return None


def _of_the_disk(error: OSError) -> CreditEvalError | None:
    name = str(error.filename).rpartition("/")[2] if error.filename else "the disk"
    told = f"{name}: {error.strerror}"
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
        return SourceError(
            told, todo="it was there a moment ago: see whether another program moves files, then run again"
        )
    if error.errno == errno.EPIPE:
        return None
    return StorageError(told, todo="make room, or check the rights on data/ and models/; nothing was changed")
