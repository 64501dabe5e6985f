"""Work in several processes: one that dies ends the run with an error that says so, and none is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import worker_tasks
from worker_tasks import hungry, hungry_for_arrow, killed, leaving, refusing, sleepy, squared

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import TableError, WorkerError
from credit_eval.core.seals import sha256_file
from credit_eval.engine.embedded import Embedded
from credit_eval.engine.workers import spread
from credit_eval.ingest.simulator.run import simulate
from credit_eval.profiles import build
from credit_eval.profiles.build import build_profiles

TASKS = list(range(12))


def children(of: int | None = None) -> set[int]:
    """Processes whose parent is that one (None: this one), but for the tracker that every pool shares."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            worker = b"LokyProcess" in (status.parent / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if worker and parent == (of or os.getpid()):
            found.add(int(status.parent.name))
    return found


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() == before


def test_every_task_is_done_once_and_shared() -> None:
    assert sorted(spread(squared, TASKS, 2)) == [n * n for n in TASKS]


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (killed, "was killed"),
        (leaving, "or ended"),
        (hungry, "ran out of memory"),
        (hungry_for_arrow, "ran out of memory"),
    ],
)
def test_a_worker_that_dies_is_told_of(work: Callable[[int], int], said: str) -> None:
    with pytest.raises(WorkerError, match=said) as died:
        list(spread(work, TASKS, 2))
    assert died.value.exit_code == 21
    assert "to do: free memory" in str(died.value)


def test_this_process_tells_as_much_of_its_own_memory() -> None:
    with pytest.raises(WorkerError, match="ran out of memory"):
        list(spread(hungry, TASKS, 1))


def test_what_the_work_refuses_is_refused_in_the_same_words() -> None:
    with pytest.raises(TableError) as refused:
        list(spread(refusing, TASKS[:1], 2))
    assert str(refused.value) == str(TableError("not these rows", received="0", n_rows=1))
    assert refused.value.n_rows == 1


def test_who_stops_asking_leaves_nobody_working() -> None:
    ready = spread(sleepy, TASKS, 2)
    next(ready)
    assert children()
    ready.close()  # type: ignore[attr-defined]


def test_workers_end_when_their_parent_is_killed() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(Path(worker_tasks.__file__).parent)!r}); import worker_tasks\n"
        "from credit_eval.engine.workers import spread\n"
        "for n in spread(worker_tasks.sleepy, range(1000), 2): print(n, flush=True)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()
    workers = children(parent.pid)
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert [worker for worker in workers if Path(f"/proc/{worker}").exists()] == []


def kill_first_worker() -> None:
    while not (workers := children()):
        time.sleep(0.01)
    os.kill(min(workers), signal.SIGKILL)


def test_profiles_are_whole_whatever_the_number_of_workers_and_stay_so_when_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "EVENTS_PER_RANGE", 500)
    dataset = simulate(tmp_path / "raw", tmp_path / "truth", customers=150, months=6, seed=3)
    customers = pq.read_table(dataset.path("customers"), columns=["customer_id"])["customer_id"].unique()
    cohort, target = tmp_path / "cohort.parquet", tmp_path / "profiles"
    pq.write_table(
        pa.table({"customer_id": customers, "as_of": pa.repeat(pa.scalar(dataset.info.known_until), len(customers))}),
        cohort,
    )

    def hashes(workers: int) -> dict[str, str]:
        profiles = build_profiles(dataset, cohort, CATALOGUE, target, replace=True, engine=Embedded(workers))
        assert len(profiles.parts) > 4
        return {path.name: sha256_file(path) for path in target.iterdir()}

    one = hashes(1)
    assert hashes(2) == hashes(3) == one
    killer = Thread(target=kill_first_worker)
    killer.start()
    with pytest.raises(WorkerError, match="was killed"):
        hashes(2)
    killer.join()
    assert {path.name: sha256_file(path) for path in target.iterdir()} == one
    assert [path.name for path in tmp_path.iterdir() if "profiles" in path.name and path != target] == []
