"""How long work tells the outside world how far it is, without knowing who listens.

Layers below the command line never draw. They call a `Tick`; the command line passes one that draws a
bar when somebody looks at a terminal, and everybody else gets `silent`.
"""

from __future__ import annotations

from typing import Protocol


class Tick(Protocol):
    """Called as `tick(what, done, total)`; `done == total` ends the bar named `what`."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say that `done` of `total` steps of `what` are done."""


def silent(what: str, done: int, total: int) -> None:
    """Say nothing."""
