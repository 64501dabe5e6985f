import os

import pytest

from credit_eval.core.machine import cores, give_back_memory, memory_bytes, threads
from credit_eval.settings import EngineSettings


def test_the_machine_has_some_memory_and_cores():
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 10**8 < memory_bytes() <= whole
    assert 1 <= cores() <= (os.cpu_count() or 1)
    give_back_memory()


def test_queries_get_a_sixteenth_of_the_memory_unless_told():
    assert EngineSettings(memory="3.5GB").bound() == "3.5GB"
    bound = EngineSettings().bound()
    assert bound.endswith("MB")
    assert int(bound[:-2]) == max(memory_bytes() // 16, 10**9) // 10**6


@pytest.mark.parametrize(("said", "most"), [("1", 1), ("999", None), ("0", None), ("", None), ("many", None)])
def test_trees_use_every_core_unless_told(monkeypatch, said, most):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads() == (most or cores())
