"""A structured line per stage, for whoever watches the night: what ran, on how much, how long, in how much memory.

No line holds an id, a name or an amount of a customer. Nothing is written unless somebody listens: `to_stream` is what
`credit-eval --log-json` asks for; a program takes the logger `credit_eval.stages`, whose records carry `facts`.
"""

from __future__ import annotations

import json
import logging
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from credit_eval.core.clock import utc_now

LOGGER = logging.getLogger("credit_eval.stages")
LOGGER.addHandler(logging.NullHandler())


@contextmanager
def stage(name: str, **facts: Any) -> Iterator[dict[str, Any]]:
    """Log a stage when it ends, however it ends.

    Args:
        name: such as `score`.
        facts: what is known before, such as dataset and run.

    Yields:
        facts to add to, such as rows.
    """
    began, told = time.monotonic(), dict(facts)
    ended = "failed"
    try:
        yield told
        ended = "done"
    except BaseException as error:
        told["error"] = type(error).__name__
        raise
    finally:
        told |= {"seconds": round(time.monotonic() - began, 2), "peak_mb": peak_megabytes(), "ended": ended}
        LOGGER.info(name, extra={"facts": told})


def tell(name: str, **facts: Any) -> None:
    """Log what is known before a stage runs, such as what it is going to cost."""
    LOGGER.info(name, extra={"facts": facts})


def to_stream(stream: TextIO) -> None:
    """Write a JSON object per stage and line to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_AsJson())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False


def peak_megabytes() -> int:
    """The most memory that this process, or one that it waited for, has held so far."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) // 1024


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = {"at": f"{utc_now():%Y-%m-%dT%H:%M:%SZ}", "stage": record.getMessage()}
        return json.dumps(said | getattr(record, "facts", {}), default=str, ensure_ascii=False)
