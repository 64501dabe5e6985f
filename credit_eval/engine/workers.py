"""Tasks in several processes: no process outlives the run, and one that dies ends the run with an error that says so.

Processes, as threads would wait for one another (for Python's lock). `loky` starts them from anywhere, a notebook
or a script without a main guard, and notices when one of them is killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from threading import Thread
from typing import Any, TypeVar

import pyarrow as pa

from credit_eval.core.errors import WorkerError
from credit_eval.core.machine import cores, memory_bytes

_Task = TypeVar("_Task")
_Done = TypeVar("_Done")
_SECONDS_BETWEEN_LOOKS = 0.5


def spread(work: Callable[[_Task], _Done], tasks: Iterable[_Task], workers: int) -> Iterator[_Done]:
    """What `work` makes of each task, as it is done, by that many processes (1: this one); tasks are made when needed.

    What `work` raises is raised here, and the other processes are ended, as they are when the caller stops asking.

    Raises:
        WorkerError: a process was killed, or ran out of memory.
    """
    try:
        yield from map(work, tasks) if workers == 1 else _by_others(work, tasks, workers)
    except (BrokenProcessPool, MemoryError) as error:
        raise WorkerError(
            "a worker process " + ("ran out of memory" if isinstance(error, MemoryError) else "was killed, or ended"),
            received=f"processes: {workers}, cores: {cores()}, memory: {memory_bytes() / 2**30:.1f} GB",
            todo="free memory, then run again; nothing was changed",
        ) from error


def _by_others(work: Callable[[_Task], _Done], tasks: Iterable[_Task], workers: int) -> Iterator[_Done]:
    from loky import ProcessPoolExecutor  # a twentieth of a second that one process does without

    alone = {"OMP_NUM_THREADS": "1"}  # a process a core: none of them needs threads of its own
    pool = ProcessPoolExecutor(workers, initializer=_begin, initargs=(os.getpid(), work), env=alone)
    try:
        waiting, working = iter(tasks), set[Future[_Done]]()
        while working := working | {pool.submit(_done, task) for task in islice(waiting, 2 * workers - len(working))}:
            done, working = wait(working, return_when=FIRST_COMPLETED)
            yield from [future.result() for future in done]
    finally:
        pool.shutdown(wait=True, kill_workers=True)


#: What this process does, if it is a worker: sent once, so that it can keep what it needs for several tasks.
_work: list[Callable[[Any], Any]] = []


def _begin(parent: int, work: Callable[[Any], Any]) -> None:
    """How a worker begins: it gives back memory that it no longer needs, and ends when its parent has ended."""
    give_back()
    _work[:] = [work]
    Thread(target=_end_with, args=(parent,), daemon=True).start()


def _done(task: Any) -> Any:
    return _work[0](task)


def give_back() -> None:
    """Have Arrow return freed memory to the system; its own pool keeps it."""
    pa.set_memory_pool(pa.system_memory_pool())


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)
