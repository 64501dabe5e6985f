"""A PostgreSQL server of a test's own, in a directory that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Where Debian puts the server's programs, the newest last.
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def there_is() -> bool:
    """Whether a server can be started: its programs are there, and a user other than root."""
    return bool(PROGRAMS) and (os.getuid() != 0 or bool(shutil.which("runuser")))


@contextmanager
def server(root: Path) -> Iterator[str]:
    """URL of a running, empty server."""
    programs, data = PROGRAMS[-1].parent, root / "pg"
    root.chmod(0o777)
    for above in root.parents:
        if above.owner() == "root" and str(above).startswith("/tmp/"):
            above.chmod(above.stat().st_mode | 0o011)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _as_somebody(programs / "initdb", "-D", data, "-U", "risk", "-A", "trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={root} -c fsync=off"
    _as_somebody(programs / "pg_ctl", "-D", data, "-w", "-l", root / "log", "-o", options, "start")
    try:
        yield f"postgresql://risk:secret@127.0.0.1:{port}/postgres"
    finally:
        _as_somebody(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def _as_somebody(*command: object) -> None:
    """Run as the user `postgres` where this one is root, as whom the server refuses to run."""
    lead = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    done = subprocess.run([*lead, *map(str, command)], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
