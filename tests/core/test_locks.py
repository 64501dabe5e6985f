"""Processes at one place at once: one writes, the others are told, and who reads keeps what he began to read."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from credit_eval.core import locks
from credit_eval.core.errors import OutputExistsError
from credit_eval.core.files import atomic_directory, atomic_file, scratch, write_json
from credit_eval.core.locks import exclusive, reading

FORK = multiprocessing.get_context("fork")


@contextmanager
def elsewhere(held: Callable[[], AbstractContextManager[object]]) -> Iterator[Any]:
    """Another process within a block, from when it is entered until this one's ends; yields it."""
    (entered, says), (waits, may_end) = os.pipe(), os.pipe()

    def work() -> None:
        with held():
            os.write(says, b"x")
            os.read(waits, 1)

    other = FORK.Process(target=work)
    other.start()
    assert os.read(entered, 1) == b"x"
    try:
        yield other
    finally:
        os.write(may_end, b"x")
        other.join(30)
        for descriptor in (entered, says, waits, may_end):
            os.close(descriptor)


def test_one_works_at_a_time_and_again_within_is_no_wait(tmp_path: Path) -> None:
    second = exclusive(tmp_path, wait=False, doing="training")
    with (
        elsewhere(lambda: exclusive(tmp_path, wait=True)),
        pytest.raises(OutputExistsError, match="training right now"),
    ):
        second.__enter__()
    with exclusive(tmp_path, wait=False), exclusive(tmp_path, wait=False):
        pass
    with elsewhere(lambda: exclusive(tmp_path, wait=False)):
        pass


def test_who_was_killed_holds_nothing(tmp_path: Path) -> None:
    with elsewhere(lambda: exclusive(tmp_path, wait=True)) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.join(30)
        with exclusive(tmp_path, wait=False):
            pass


def test_of_many_that_make_one_place_at_once_one_wins_and_the_others_are_told(tmp_path: Path) -> None:
    target, begin, found = tmp_path / "out", FORK.Event(), FORK.Queue()

    def work(number: int) -> None:
        begin.wait(30)
        try:
            with atomic_directory(target) as building:
                (building / "who").write_text(str(number))
                time.sleep(0.02)
            found.put(("won", number))
        except OutputExistsError as error:
            found.put(("told", error.exit_code))
        except BaseException as error:  # what a race would give
            found.put(("broke", repr(error)))

    for round_ in range(8):
        target = tmp_path / f"out{round_}"
        workers = [FORK.Process(target=work, args=(number,)) for number in range(6)]
        for worker in workers:
            worker.start()
        begin.set()
        said = [found.get(timeout=30) for _ in workers]
        for worker in workers:
            worker.join(30)
        begin.clear()
        (winner,) = [who for what, who in said if what == "won"]
        assert sorted(said)[:-1] == [("told", 17)] * 5
        assert (target / "who").read_text() == str(winner)
    assert {path.name for path in tmp_path.iterdir()} == {f"out{round_}" for round_ in range(8)}


def test_a_replacement_waits_for_who_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "data"

    def written(text: str) -> None:
        with atomic_directory(target, replace=True) as building:
            (building / "a").write_text(text)

    written("old")
    with elsewhere(lambda: reading(target)):
        other = FORK.Process(target=written, args=("new",))
        other.start()
        other.join(0.5)
        assert other.is_alive()
        assert (target / "a").read_text() == "old"
    other.join(30)
    assert (other.exitcode, (target / "a").read_text()) == (0, "new")
    monkeypatch.setattr(locks, "READERS_MAY_TAKE", 0.1)
    with elsewhere(lambda: reading(target)), pytest.raises(OutputExistsError, match="being read by another run"):
        written("newer")
    assert (target / "a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_who_waits_to_read_reads_what_is_there_then(tmp_path: Path) -> None:
    target = tmp_path / "data"
    for text in ("old", "new"):
        with atomic_directory(target, replace=True) as building:
            (building / "a").write_text(text)
        with reading(target), reading(target):
            assert (target / "a").read_text() == text


@pytest.mark.parametrize("kind", ["file", "scratch"])
def test_what_the_dead_left_is_removed_and_the_living_keep_theirs(tmp_path: Path, kind: str) -> None:
    def opened() -> AbstractContextManager[Path]:
        return atomic_file(tmp_path / "a.json") if kind == "file" else scratch(tmp_path)

    with elsewhere(opened) as dead:
        os.kill(dead.pid, signal.SIGKILL)
        dead.join(30)
    with elsewhere(opened):
        assert len(list(tmp_path.iterdir())) == 1
        with opened() as building:
            assert building.exists()
            assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == (["a.json"] if kind == "file" else [])


def test_what_is_written_is_of_this_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_json(tmp_path / "deep" / "er" / "a.json", {})
        with atomic_directory(tmp_path / "deep" / "out") as building:
            (building / "sub").mkdir()
            (building / "sub" / "b").write_text("x")
    finally:
        os.umask(before)
    for path in tmp_path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
