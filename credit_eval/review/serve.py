"""The review page on this machine: opened, served until Ctrl-C, and nothing left behind but who looked at whom."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from credit_eval.core.errors import ModelError, OutputExistsError
from credit_eval.core.files import scratch
from credit_eval.core.runs import Run
from credit_eval.models.registry import find_version, load_version
from credit_eval.review.app import Desk, application
from credit_eval.review.population import average_contributions
from credit_eval.review.queue import Queue
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.replaced import check_recorded
from credit_eval.scoring.sealed import open_scored
from credit_eval.settings import Paths, Settings

HOST = "127.0.0.1"


@contextmanager
def desk_of(paths: Paths, settings: Settings, dataset: str, run: Run) -> Iterator[Desk]:
    """What the pages of a run are about, for a block.

    Args:
        paths: of the project.
        settings: which name the ledger.
        dataset: its name.
        run: that was scored.

    Raises:
        SourceError: nothing is scored under this label.
        IntegrityError: the run, its profiles, its model or the ledger are not what was written.
        ModelError: the version that decided is gone.
    """
    found, ledger = open_scored(paths.scored(dataset, run.label)), Ledger(paths.ledger(settings.ledger))
    found.check()
    check_recorded(ledger, found)
    said = found.manifest
    version = find_version(paths.models, said["model_of"], int(said["model_version"]))
    if version is None or version.fingerprint != said["model_fingerprint"]:
        raise ModelError(
            f"version {said['model_version']} of the model of {said['model_of']} is not there as it was",
            todo="put models/ back as it was, or score anew",
        )
    model = load_version(paths.models, version)
    with scratch(paths.scratch) as spill:
        queue = Queue(found, spill)
        try:
            yield Desk(
                found,
                paths.profiles(dataset, run.label),
                queue,
                model,
                ledger,
                paths.views(dataset),
                getpass.getuser(),
                average_contributions(found),
            )
        finally:
            queue.close()


def serve(desk: Desk, port: int, ready: Callable[[str, str], None]) -> None:
    """Serve the pages until somebody presses Ctrl-C.

    Args:
        desk: what they are about.
        port: on this machine alone; 0: any that is free.
        ready: told the address and the word that lets somebody in, once both can be used.

    Raises:
        OutputExistsError: another program is at that port.
    """
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise OutputExistsError(
            f"port {port} cannot be used: {error.strerror}", todo="say another one, or --port 0 for any that is free"
        ) from None
    with listening:
        ready(f"http://{HOST}:{listening.getsockname()[1]}/", desk.token)
        settings = uvicorn.Config(application(desk), log_level="error", access_log=False, server_header=False)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run(sockets=[listening])
