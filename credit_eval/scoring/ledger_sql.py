"""What SQLite and PostgreSQL have in common, and where they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from credit_eval.core.errors import LedgerError


def has_rates(cursor: Any, kind: str) -> bool:
    """Whether the table holds rates; ledgers begun before 0.1 was released do not, and one that is not made neither."""
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'decisions'"
    cursor.execute("SELECT name FROM pragma_table_info('decisions')" if kind == "sqlite" else columns)
    return ("apr",) in [tuple(row) for row in cursor.fetchall()]


def has_log(cursor: Any, kind: str) -> bool:
    """Whether there is a table of the log."""
    there = "SELECT table_name FROM information_schema.tables WHERE table_name = 'log'"
    cursor.execute("SELECT name FROM sqlite_master WHERE name = 'log'" if kind == "sqlite" else there)
    return bool(cursor.fetchall())


def connect(place: str) -> Any:
    """A connection to a file of SQLite, made if it is not there, or to the server at a URL."""
    if "://" in place:
        try:
            import adbc_driver_postgresql.dbapi as postgresql
        except ImportError:
            raise LedgerError(
                "the driver of PostgreSQL is not installed", todo="pip install 'credit-eval[postgresql]'"
            ) from None
        return postgresql.connect(place)
    import adbc_driver_sqlite.dbapi as sqlite

    Path(place).parent.mkdir(parents=True, exist_ok=True)
    return sqlite.connect(place)


def text(value: str) -> str:
    """A text literal of SQL."""
    return "'" + value.replace("'", "''") + "'"
