"""Ledgers of either kind, a file or a real server, empty at the beginning of each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest

from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.ledger_sql import connect


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if not postgres.there_is():
        pytest.skip("no PostgreSQL server on this machine: apt-get install postgresql")
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    if request.param == "sqlite":
        return Ledger(str(tmp_path / "ledger" / "decisions.sqlite"))
    ledger = Ledger(request.getfixturevalue("server"))
    with connect(ledger.place) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS decisions, runs, log")
        connection.commit()
    return ledger
