"""What the machine has: the memory that a process may count on, inside a container as outside."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_bytes() -> int:
    """Memory of the machine, or of the container if that has less."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    told = [path.read_text(encoding="utf-8").strip() for path in _LIMITS if path.exists()]
    return min([whole, *(int(limit) for limit in told if limit.isdigit())])


def give_back_memory() -> None:
    """Return to the system what the C library holds of memory freed before; a no-op where it cannot."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def threads() -> int:
    """Threads that growing trees may use: one per core, or fewer where OMP_NUM_THREADS says so, as everywhere else."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(said), cores()) if said.isdigit() and int(said) else cores()
