"""Kill a process at every moment of its work, one after the other: what scripts of fault injection share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

#: A function that touches the disk, and where it is looked up.
Step = tuple[Any, str]


def arm(steps: Sequence[Step], moment: int) -> None:
    """Make this process kill itself at the given moment, counted over all steps, before and after each."""
    seen = 0

    def reached() -> None:
        nonlocal seen
        if seen == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            reached()
            result = real(*args, **options)
            reached()
            return result

        return call

    for owner, name in steps:
        setattr(owner, name, wrapped(getattr(owner, name)))


def in_child(work: Callable[[], object]) -> bool:
    """Work in a child, as nothing that starts threads may run in the parent; whether it was killed."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the work failed"
    return os.WIFSIGNALED(status)
