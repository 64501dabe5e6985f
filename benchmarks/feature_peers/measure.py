"""Measuring commands in interleaved rounds, and the table of what they cost.

A process inherits its parent's peak of memory until it has made its own, so commands are started by a small process
that has none to speak of. It also looks, ten times a second, at what the command's processes hold together: their
peak is that, or the command's own peak if that is more. What processes share is counted for each of them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

CONSOLE = Console(width=max(140, Console().width), highlight=False)
PROJECT = Path(__file__).parents[2]
STARTER = """
import os, subprocess, sys, threading, time
def resident(pid):
    try:
        lines = open(f'/proc/{pid}/status').read().split('VmRSS:')
        children = open(f'/proc/{pid}/task/{pid}/children').read().split()
    except OSError:
        return 0
    return (int(lines[1].split()[0]) if len(lines) > 1 else 0) + sum(map(resident, children))
def watch(of):
    global peak
    while running:
        peak = max(peak, resident(of))
        time.sleep(0.1)
peak, running = 0, True
started = time.monotonic()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
watcher = threading.Thread(target=watch, args=(child.pid,))
watcher.start()
_, status, used = os.wait4(child.pid, 0)
seconds, running = time.monotonic() - started, False
watcher.join()
print(os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime, max(peak, used.ru_maxrss) / 1024)
"""


@dataclass
class Line:
    """A command, what it costs, and how its answer is checked: `check` gives a text for each difference."""

    name: str
    command: list[str]
    rounds: int
    check: Callable[[], list[str]] = list
    note: str = ""
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    megabytes: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def measure(self) -> None:
        """Run the command once, in a process of its own: wall and CPU seconds, and the peak of resident memory."""
        starter = [sys.executable, "-I", "-S", "-c", STARTER, *self.command]
        told = subprocess.run(starter, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout
        failed, seconds, cpu, megabytes = map(float, told.split())
        if failed:
            raise SystemExit(f"{self.name} failed with exit code {failed:.0f}")
        self.seconds.append(seconds)
        self.cpu.append(cpu)
        self.megabytes = max(self.megabytes, megabytes)
        CONSOLE.print(f"  {self.name}: {seconds:.1f} s, {megabytes:.0f} MB", style="dim")


def run(lines: list[Line]) -> list[str]:
    """All rounds, interleaved; after the first, what the checks found."""
    wrong: list[str] = []
    for number in range(max(line.rounds for line in lines)):
        CONSOLE.print(f"round {number + 1}", style="dim")
        for line in lines:
            if number < line.rounds:
                line.measure()
        if number == 0:
            wrong = [told for line in lines for told in line.check()]
    return wrong


def show(title: str, lines: list[Line], polars: Line, one: Line) -> None:
    """The table: `polars` and `one` are what ratios are of."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in ("s: min", "median", "max", "CPU s", "peak MB", "time × Polars", "MB × Polars", "time × one"):
        table.add_column(name, justify="right")
    table.add_column("note")
    for line in lines:
        seconds = (min(line.seconds), line.median, max(line.seconds), statistics.median(line.cpu))
        ratios = (line.median / polars.median, line.megabytes / polars.megabytes, line.median / one.median)
        cells = [*(f"{s:.2f}" for s in seconds), f"{line.megabytes:,.0f}", *(f"{ratio:.2f}" for ratio in ratios)]
        table.add_row(line.name, *cells, line.note)
    CONSOLE.print(table)
