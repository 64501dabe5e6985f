"""Atomic outputs: leftovers of the dead are removed, the living are not disturbed, and a disk error is one."""

import errno
import multiprocessing
import time

import pytest

from credit_eval.core.errors import OutputExistsError, StorageError
from credit_eval.core.files import atomic_directory, atomic_file, read_json, write_json


def test_a_directory_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(ZeroDivisionError), atomic_directory(target) as building:
        (building / "half").write_text(str(1 / 0))
    assert list(tmp_path.iterdir()) == []
    with atomic_directory(target) as building:
        (building / "whole").write_text("x")
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["whole"]


def test_replacing_keeps_nothing_of_the_old(tmp_path):
    for name in ("old", "new"):
        with atomic_directory(tmp_path / "out", replace=True) as building:
            (building / name).write_text(name)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(OutputExistsError, match="--replace"), atomic_directory(tmp_path / "out"):
        pass


def test_what_a_killed_run_left_is_swept(tmp_path):
    (tmp_path / ".out.12345678.building").mkdir()
    with atomic_directory(tmp_path / "out"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_rival_that_ends_while_we_look_is_no_error(tmp_path):
    (tmp_path / ".out.12345678.building").symlink_to(tmp_path / "gone")
    with atomic_directory(tmp_path / "out"):
        pass
    assert (tmp_path / "out").is_dir()


def _slow(target, started, may_end):
    with atomic_directory(target) as building:
        (building / "mine").write_text("x")
        started.set()
        may_end.wait(30)


def test_a_second_run_into_one_place_is_told_of_the_first(tmp_path):
    context = multiprocessing.get_context("fork")
    started, may_end = context.Event(), context.Event()
    first = context.Process(target=_slow, args=(tmp_path / "out", started, may_end))
    first.start()
    assert started.wait(30)
    with pytest.raises(OutputExistsError, match="right now"), atomic_directory(tmp_path / "out"):
        pass
    may_end.set()
    first.join(30)
    assert first.exitcode == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_only_what_the_disk_refuses_is_called_so(tmp_path):
    with pytest.raises(StorageError, match="make room") as refused, atomic_file(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert refused.value.exit_code == 18
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a"):
        (tmp_path / "not there").read_text()
    assert list(tmp_path.iterdir()) == []


def test_json_goes_round(tmp_path):
    write_json(tmp_path / "a.json", {"b": [1, "ü"], "a": None})
    assert read_json(tmp_path / "a.json") == {"a": None, "b": [1, "ü"]}
    assert time.time() - (tmp_path / "a.json").stat().st_mtime < 60
