"""What the workers of a test do: in a module that they can import, wherever the tests are started from."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pyarrow as pa

from credit_eval.core.errors import TableError


def squared(n: int) -> int:
    return n * n


def killed(n: int) -> int:
    if n == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def leaving(n: int) -> int:
    os._exit(0)


def hungry(n: int) -> int:
    return len(np.ones(2**50)) if n == 5 else n


def hungry_for_arrow(n: int) -> int:
    return int(pa.allocate_buffer(2**50).size)


def refusing(n: int) -> int:
    raise TableError("not these rows", received=str(n), n_rows=1)


def sleepy(n: int) -> int:
    time.sleep(0.2)
    return n
