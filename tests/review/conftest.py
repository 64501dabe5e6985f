"""A scored project, its desk, and somebody who has just opened the page."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from credit_eval import stages
from credit_eval.review.app import application
from credit_eval.review.desk import Desk
from credit_eval.review.serve import desk_of
from credit_eval.settings import Paths, load_settings
from tests.flat_file import loans
from tests.review_pages import HOSTILE, RUN, Visitor
from tests.trained import opened, trained_loans

SETTINGS = """
datasets:
  loans:
    policy: default
    jurisdiction: cn
    lender: {name: Toy Lending, address: 1 Toy Street, contact: 0800 100, supervisor: the Authority}
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a scored file of 300 people, some of whom have ids that are markup."""
    flat = trained_loans(tmp_path_factory.mktemp("made"), SETTINGS)
    people = loans(300, seed=5, labelled=0.0)
    people.loc[: len(HOSTILE) - 1, "Loan"] = [one.replace("\x00", "") for one in HOSTILE]
    stages.score_file(opened(flat.folder), flat.write(people, "new.csv"))
    return flat.folder


@pytest.fixture(scope="module")
def root(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project for the tests of one file, which write into its log."""
    return Path(shutil.copytree(made, tmp_path_factory.mktemp("pages") / "root"))


@pytest.fixture
def desk(root: Path) -> Iterator[Desk]:
    with desk_of(Paths(root=root), load_settings(root / "settings.yaml"), "loans", RUN) as desk:
        yield desk


@pytest.fixture
def stranger(desk: Desk) -> Iterator[Visitor]:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application(desk), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield Visitor(listening.getsockname()[1])
    server.should_exit = True
    thread.join(timeout=20)
    listening.close()


@pytest.fixture
def visitor(stranger: Visitor, desk: Desk) -> Visitor:
    assert stranger.sign_in(desk.visitors.token) == 303
    return stranger
