"""The review page on this machine: opened, served until Ctrl-C, and nothing left behind but who looked at whom."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import uvicorn

from credit_eval.core.errors import ModelError, OutputExistsError, ReviewError, SourceError
from credit_eval.core.files import scratch
from credit_eval.core.runs import Run
from credit_eval.models.registry import find_version, load_version
from credit_eval.report.letters import Lender
from credit_eval.review.accounts import read_accounts
from credit_eval.review.app import application
from credit_eval.review.desk import Desk
from credit_eval.review.opinions import opinions
from credit_eval.review.population import average_contributions
from credit_eval.review.queue import Queue
from credit_eval.review.visitors import Visitors
from credit_eval.schema.store import open_dataset
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.overrides import overrides
from credit_eval.scoring.replaced import check_recorded
from credit_eval.scoring.sealed import open_scored
from credit_eval.settings import Paths, Settings
from credit_eval.study import open_study

HOST = "127.0.0.1"
#: What a trusted proxy shows is in the environment, never in a file.
SECRET, SHORTEST_SECRET = "CREDIT_EVAL_PROXY_SECRET", 24


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
        ReviewError: a proxy is to be trusted, but there is no secret that it could show, or no account.
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
    model, proxy = load_version(paths.models, version), _proxy(paths, settings)
    read_accounts(paths.accounts)
    with scratch(paths.scratch) as spill:
        queue = Queue(found, spill)
        log = ledger.log(dataset)
        for who, as_of in {(one.customer_id, one.as_of) for one in opinions(log)} | {
            (one.customer_id, one.as_of) for one in overrides(log)
        }:
            queue.looked_at(who, as_of)
        try:
            yield Desk(
                found,
                paths.profiles(dataset, run.label),
                queue,
                model,
                ledger,
                paths.views(dataset),
                Visitors(lambda: read_accounts(paths.accounts), getpass.getuser()),
                _lender(settings, dataset),
                average_contributions(found),
                (HOST, "localhost", *settings.review.hosts),
                None if run.file else partial(open_study, dataset, root=paths.root, policy="default"),
                _nobody(paths, dataset),
                partial(paths.report, dataset, run.label),
                proxy,
            )
        finally:
            queue.close()


def _proxy(paths: Paths, settings: Settings) -> tuple[str, str] | None:
    if settings.review.proxy_header is None:
        return None
    secret = os.environ.get(SECRET, "")
    if len(secret) < SHORTEST_SECRET or not read_accounts(paths.accounts):
        raise ReviewError(
            "a proxy is to be trusted that nobody could tell from another program",
            expected=f"{SECRET} in the environment, {SHORTEST_SECRET} signs or more, and an account for whoever comes",
            todo="let the proxy send it as X-Proxy-Secret (docs/reviewer.md), or leave `proxy_header` out",
        )
    return settings.review.proxy_header, secret


def _nobody(paths: Paths, dataset: str) -> bool:
    """Whether the people of a data set are numbers in a file."""
    try:
        return open_dataset(paths.dataset(dataset)).info.anonymous
    except SourceError:
        return False  # the run is here, and its data are not


def _lender(settings: Settings, dataset: str) -> Lender | None:
    said = settings.datasets[dataset].lender if dataset in settings.datasets else None
    return None if said is None else Lender(**said.model_dump())


def serve(desk: Desk, port: int, ready: Callable[[str, str], None]) -> None:
    """Serve the pages until somebody presses Ctrl-C.

    Args:
        desk: what they are about.
        port: on this machine alone; 0: any that is free.
        ready: told the address, and the word that lets somebody in (empty: who has an account), once both can be used.

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
        ready(f"http://{HOST}:{listening.getsockname()[1]}/", "" if desk.visitors.by_name else desk.visitors.token)
        settings = uvicorn.Config(application(desk), log_level="error", access_log=False, server_header=False)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run(sockets=[listening])
