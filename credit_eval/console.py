"""What a person at a terminal sees: bars on long work, lines of text, and errors that say what to do.

Names, currencies and customer ids are somebody else's text. The terminal library would read `[/]` in them as
markup and the terminal itself would obey their control characters, so neither is ever let through.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from credit_eval.core.progress import Tick, silent
from credit_eval.core.visible import visible

out = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def say(*parts: str | tuple[str, str], to: Console = out) -> None:
    """Print one line; a part may be a pair of text and style."""
    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    to.print(Text.assemble(*[(visible(text), style) for text, style in pairs]))


def print_what_the_terminal_can() -> None:
    """A letter that the terminal's encoding lacks is written out as its number, where it would end the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def bars() -> Iterator[Tick]:
    """A `Tick` that draws a bar per kind of work; silent where nobody watches."""
    if not err.is_terminal:
        yield silent
        return
    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def tick(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield tick
