"""Ctrl-C is heard wherever it comes, also where Python itself swallows it."""

from __future__ import annotations

import subprocess
import sys

#: A destructor is where Ctrl-C comes; what follows would take a minute.
SWALLOWED = """
import os, signal, time
from credit_eval.failures import Interruption

class Connection:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)

Interruption().listen()
try:
    connection = Connection()
    del connection
    for _ in range(600):
        time.sleep(0.1)
except KeyboardInterrupt:
    print("heard")
"""


def test_ctrl_c_within_a_destructor_is_heard_and_nothing_is_printed_of_it() -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, timeout=50, check=False)
    assert (done.stdout.strip(), done.stderr) == ("heard", "")


def test_another_error_in_a_destructor_is_told_as_ever() -> None:
    other = SWALLOWED.replace("os.kill(os.getpid(), signal.SIGINT)", "raise ValueError('ours')").replace("600", "1")
    done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, timeout=50, check=True)
    assert "ValueError: ours" in done.stderr
    assert "heard" not in done.stdout
