"""A PostgreSQL server of a test's own, in a directory that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

#: Where Debian puts the server's programs, the newest last.
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def there_is() -> bool:
    """Whether a server can be started: its programs are there, and a user other than root."""
    return bool(PROGRAMS) and (os.getuid() != 0 or bool(shutil.which("runuser")))


@contextmanager
def server() -> Iterator[str]:
    """URL of a running, empty server, in a directory of its own: pytest shuts those of its runs to other users."""
    with TemporaryDirectory(prefix="server", ignore_cleanup_errors=True) as place:
        yield from _running(Path(place))


def _running(root: Path) -> Iterator[str]:
    programs, data = PROGRAMS[-1].parent, root / "pg"
    root.chmod(0o777)
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
