"""Hurt every command in every way, and count what came of it: kills, full disks, flipped bits, two at once.

    python -m tests.faults [--kills 18] [--disks 6] [--flips 50] [--pairs 5] [--seed 1]

Leaves with 1 if anything was wedged, half-written, silently changed, or ended in a traceback or a crash.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", COLUMNS="200", MPLBACKEND="Agg", PYTHONWARNINGS="ignore")

from tests.faults.project import (  # threads are counted when libraries are imported
    AGAIN,
    APPEND,
    CARD,
    EXPLAIN,
    HISTORY,
    HISTORY_OF_RUN,
    IMPORT,
    LEDGER,
    LETTERS,
    REPLACE,
    REPORT,
    RUN,
    SCORE,
    SCORE_SIMULATED,
    SHOP,
    SIMULATE,
    TRAIN,
    TRAIN_SIMULATED,
    VARIES,
    VERIFY,
    Command,
    Outcome,
    Project,
    numbers,
    outcome,
    told_by,
)

#: State before, command.
STEPS = (
    ("empty", IMPORT),
    ("imported", REPLACE),
    ("imported", APPEND),
    ("imported", TRAIN),
    ("imported", RUN),
    ("trained", SCORE),
    ("scored", AGAIN),
    ("scored", REPORT),
    ("empty", SIMULATE),
)
PAIRS = (
    ("empty", IMPORT, IMPORT),
    ("imported", APPEND, APPEND),
    ("imported", TRAIN, TRAIN),
    ("imported", REPLACE, TRAIN),
    ("trained", SCORE, SCORE),
    ("trained", SCORE, REPLACE),
    ("scored", AGAIN, AGAIN),
    ("scored", AGAIN, REPORT),
    ("trained", SCORE, SCORE_SIMULATED),
    ("imported", RUN, RUN),
)
#: What reads which files, and in which state, so that a flip in one has somebody to notice it.
READERS: dict[str, tuple[tuple[str, Command], ...]] = {
    "data/raw/loans": (("trained", SCORE), ("imported", TRAIN)),
    "data/raw/simulated": (("trained", SCORE_SIMULATED),),
    "data/raw/shop": (("imported", APPEND),),
    "data/profiles/loans": (("scored", EXPLAIN), ("scored", REPORT)),
    "data/scored/loans": (("scored", REPORT), ("scored", LETTERS), ("scored", EXPLAIN), ("scored", SCORE)),
    "data/scored/simulated": (("scored", AGAIN), ("scored", HISTORY_OF_RUN)),
    "data/ledger": (("scored", AGAIN), ("scored", LEDGER)),
    "models/artifacts": (("trained", SCORE), ("trained", SCORE_SIMULATED), ("scored", REPORT), ("scored", CARD)),
    "models/history": (("scored", HISTORY), ("scored", TRAIN)),
    "models/mlflow.db": (("trained", SCORE), ("trained", SCORE_SIMULATED), ("scored", TRAIN), ("scored", CARD)),
}
#: Codes by which a second command says that another was first.
TOLD = {17, 10, 11}
#: kB of a disk on which nothing fails, and of what is spare on one that fills up before the command begins.
LARGE, SPARE = 500_000, 16


@dataclass
class Row:
    """A line of the table."""

    what: str
    tried: int = 0
    hit: int = 0
    identical: int = 0
    noticed: int = 0
    no_effect: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def blame(self, what: str, example: str) -> None:
        """Count something that must not be."""
        self.bad[what] += 1
        self.examples.append(f"{self.what}: {what}: {example}")


class Faults:
    """All trials over one project."""

    def __init__(self, place: Path, seed: int) -> None:
        self.project, self.chance = Project(place), random.Random(seed)
        self.rows: dict[str, Row] = {}
        self.references: dict[tuple[str, str], dict[str, str]] = {}
        self.seconds: dict[tuple[str, str], float] = {}
        self._room: dict[tuple[str, str], tuple[int, int]] = {}
        self._undisturbed: dict[tuple[str, str], tuple[dict[str, str], str]] = {}

    def row(self, what: str) -> Row:
        """The line of a kind of trial."""
        return self.rows.setdefault(what, Row(what))

    def prepare(self) -> None:
        """Make the states in which commands are hurt."""
        project = self.project
        project.save("empty")
        for state, commands in (
            ("imported", (IMPORT, SHOP, SIMULATE)),
            ("trained", (TRAIN, TRAIN_SIMULATED)),
            ("scored", (SCORE, SCORE_SIMULATED, REPORT)),
        ):
            for command in commands:
                self.must(command)
            project.save(state)

    def must(self, command: Command) -> Outcome:
        """A command that nobody hurts."""
        done = self.project.run(command)
        assert done.code == 0, f"{command.name}: exit code {done.code}\n{done.said}"
        return done

    def reference(self, state: str, command: Command) -> dict[str, str]:
        """What a command gives in a state where nobody hurts it."""
        key = (state, command.name)
        if key not in self.references:
            self.project.load(state)
            self.seconds[key] = self.must(command).seconds
            self.references[key] = outcome(self.project.root)
        return self.references[key]

    # Kills ------------------------------------------------------------------------------------------------

    def kill(self, number: int) -> None:
        """One command, ended by a signal at some moment, and run again."""
        state, command = STEPS[number % len(STEPS)]
        self.reference(state, command)
        by = signal.SIGINT if (number + number // len(STEPS)) % 3 == 2 else signal.SIGKILL
        row = self.row(f"{'SIGINT' if by == signal.SIGINT else 'SIGKILL'} {command.name}")
        row.tried += 1
        self.project.load(state)
        after = self.chance.uniform(0, self.seconds[state, command.name])
        hurt = self.project.run(command, hurt=(after, by))
        row.hit += hurt.code not in (0, *command.again)
        if hurt.code not in (0, -signal.SIGKILL, 130) or hurt.traceback:
            row.blame("traceback or wrong code", f"{hurt.code} after {after:.2f} s: {hurt.said[-1500:]}")
        self.again(row, state, command, f"after {after:.2f} s")

    def again(self, row: Row, state: str, command: Command, when: str) -> None:
        """Nothing half-written is visible, the command finishes now, and gives what it would have given."""
        for wrong in self.wrong():
            row.blame("half-written visible", f"{when}: {wrong}")
        once_more = self.project.run(command)
        if once_more.code not in (0, *command.again):
            row.blame("wedged", f"{when}: {once_more.code}: {once_more.said[-1500:]}")
            return
        found, expected = outcome(self.project.root), self.reference(state, command)
        differing = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        if command == AGAIN and differing == ["data/ledger/decisions.sqlite"]:
            differing = []  # it was done before it was hurt, and each replacement is a version of its own there
        if differing:
            row.blame("other outcome", f"{when}: {differing[:5]}")
        else:
            row.identical += 1

    def wrong(self) -> Iterator[str]:
        """What `verify` finds wrong in any data set that is there."""
        for command in VERIFY:
            if (self.project.root / "data/raw" / command.arguments[1] / "dataset.json").exists():
                done = self.project.run(command)
                if done.code:
                    yield f"{command.name}: {done.code} {done.said[-600:]}"

    # Full disks -------------------------------------------------------------------------------------------

    def disk(self, number: int) -> None:
        """One command on a disk that fills up at some moment, and again when there is room."""
        state, command = STEPS[number % len(STEPS)]
        row = self.row(f"full disk {command.name}")
        row.tried += 1
        self.reference(state, command)
        before, most = self.room_of(state, command)
        room = before + int(self.chance.uniform(0, 1) * (most - before))
        with disk_of(self.project.root, room) as grow:
            self.project.load(state)
            full = self.project.run(command)
            row.hit += full.code == 18
            if full.code not in (0, 18) or full.traceback:
                row.blame("traceback or wrong code", f"room {room} kB: {full.code}: {full.said[-1500:]}")
            row.noticed += full.code == 18
            grow()
            self.again(row, state, command, f"room {room} kB")

    def room_of(self, state: str, command: Command) -> tuple[int, int]:
        """How many kB a state takes on a disk, and how many there are at most while a command runs."""
        key = (state, command.name)
        if key not in self._room:
            with disk_of(self.project.root, LARGE):
                self.project.load(state)
                before, sizes = used_of(self.project.root), list[int]()
                code = self.project.run(command, watch=lambda: sizes.append(used_of(self.project.root))).code
                assert code == 0, f"{command.name}: {code} on a large disk"
            self._room[key] = before + SPARE, max(sizes)
        return self._room[key]

    # Flipped bits -----------------------------------------------------------------------------------------

    def flip(self, number: int) -> None:
        """One bit of one file, and a command that reads it."""
        place = list(READERS)[number % len(READERS)]
        state, command = self.chance.choice(READERS[place])
        expected, row, root = self.undisturbed(state, command), self.row(f"flip {place}"), self.project.root
        self.project.load(state)
        files = sorted(path for path in [root / place, *(root / place).rglob("*")] if path.is_file())
        path = self.chance.choice([path for path in files if path.stat().st_size])
        content = bytearray(path.read_bytes())
        at, bit = self.chance.randrange(len(content)), self.chance.randrange(8)
        content[at] ^= 1 << bit
        path.write_bytes(content)
        row.tried += 1
        done = self.project.run(command)
        what = f"{path.relative_to(root)} byte {at} bit {bit}, {command.name}"
        if done.traceback or done.code < 0:
            row.blame("traceback" if done.traceback else "crash", f"{what}: {done.code}: {done.said[-1500:]}")
        elif done.code:
            row.noticed += 1
        elif (numbers(root), told_by(done)) != expected and not self.is_flip_alone(path, expected, done):
            row.blame("silent", what)
        else:
            row.no_effect += 1
        row.hit += done.code != 0

    def is_flip_alone(self, path: Path, expected: tuple[dict[str, str], str], done: Outcome) -> bool:
        """Whether the flipped file itself is all that differs: it was not read, and what was said is the same."""
        name = path.relative_to(self.project.root).as_posix()
        found = numbers(self.project.root)
        differing = {one for one in {*found, *expected[0]} if found.get(one) != expected[0].get(one)}
        return differing <= {name, "registry tags"} and told_by(done) == expected[1]

    def undisturbed(self, state: str, command: Command) -> tuple[dict[str, str], str]:
        """What a command leaves and says in a state where nothing was flipped."""
        key = (state, command.name)
        if key not in self._undisturbed:
            self.project.load(state)
            done = self.must(command)
            self._undisturbed[key] = numbers(self.project.root), told_by(done)
        return self._undisturbed[key]

    # Two at once ------------------------------------------------------------------------------------------

    def pair(self, number: int) -> None:
        """Two commands at once: each is done or told of the other, and nothing is mixed."""
        state, one, other = PAIRS[number % len(PAIRS)]
        row = self.row(f"{one.name} beside {other.name}")
        row.tried += 1
        self.reference(state, one)
        self.project.load(state)
        first, began = self.project.begin(one), time.monotonic()
        time.sleep(self.chance.uniform(0, self.seconds[state, one.name]) / 2)
        second, began_second = self.project.begin(other), time.monotonic()
        found = self.project.end(first, began), self.project.end(second, began_second)
        for command, done in zip((one, other), found, strict=True):
            if done.traceback or done.code not in {0, *TOLD}:
                row.blame("traceback or wrong code", f"{command.name}: {done.code}: {done.said[-1500:]}")
        row.noticed += any(done.code for done in found)
        row.hit += 1
        for wrong in self.wrong():
            row.blame("mixed", wrong)
        for command in (one, other):
            once_more = self.project.run(command)
            if once_more.code not in (0, *command.again):
                row.blame("wedged", f"{command.name}: {once_more.code}: {once_more.said[-1500:]}")
        row.identical += not any(self.wrong())


@contextmanager
def disk_of(root: Path, kilobytes: int) -> Iterator[Callable[[], None]]:
    """A disk of this size at a place for the block; yields what makes it larger."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(root)], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", f"remount,size={LARGE}k", str(root)], check=True) and None
    finally:
        subprocess.run(["umount", str(root)], check=True)


def can_mount() -> bool:
    """Whether a disk of its own can be had here."""
    with tempfile.TemporaryDirectory() as there:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", there], capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", there], check=True)
        return done.returncode == 0


def used_of(root: Path) -> int:
    """How many kB of a disk are taken."""
    disk = os.statvfs(root)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024


def main() -> int:
    """All trials, and their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, n in (("kills", 18), ("disks", 6), ("flips", 50), ("pairs", 5), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=n)
    asked, began = parser.parse_args(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults_") as place:
        faults = Faults(Path(place), asked.seed)
        faults.prepare()
        print(f"prepared in {time.monotonic() - began:.0f} s", flush=True)
        disks = asked.disks if can_mount() else 0
        if disks < asked.disks:
            print("no disk of its own can be mounted here, so none was filled up")
        for trial, n in (
            (faults.kill, asked.kills),
            (faults.disk, disks),
            (faults.flip, asked.flips),
            (faults.pair, asked.pairs),
        ):
            known = set(faults.rows)
            for number in range(n):
                trial(number)
            tell([row for what, row in faults.rows.items() if what not in known])
            print(f"{trial.__name__}: {n} after {time.monotonic() - began:.0f} s\n", flush=True)
    print(f"compared but for: {VARIES}")
    return int(any(row.bad for row in faults.rows.values()))


def tell(rows: list[Row]) -> None:
    """Print the table of some trials, and what must not be."""
    print(f"{'':<42}{'tried':>7}{'hit':>6}{'identical':>11}{'noticed':>9}{'no effect':>11}{'must not be':>13}")
    for row in rows:
        bad = sum(row.bad.values())
        print(
            f"{row.what:<42}{row.tried:>7}{row.hit:>6}{row.identical:>11}{row.noticed:>9}{row.no_effect:>11}{bad:>13}"
        )
    for row in rows:
        for example in row.examples:
            print(f"\n{example}")


if __name__ == "__main__":
    sys.exit(main())
