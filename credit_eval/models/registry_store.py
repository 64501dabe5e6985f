"""MLflow's store on disk: made whole, opened only when whole, and at home wherever it lies.

    models/
        mlflow.db       runs, parameters, metrics, versions, aliases
        artifacts/      what the runs made, the models among them

MLflow creates its database table by table, so a kill in between leaves a file that MLflow itself can neither use nor
mend. It is therefore made beside its place and moved in by one rename, under a lock. MLflow also writes absolute
paths into it, so a project that was copied, moved or restored would go on writing into the old place: on opening for
writing, the paths are brought to where the store lies now.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from credit_eval.core.errors import CreditEvalError, ModelError, StorageError
from credit_eval.core.files import atomic_file, disk_errors
from credit_eval.core.locks import exclusive, private_directory

#: Where MLflow keeps a place on disk as an absolute path: table, column.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
#: What SQLite says when the disk will not take more, or not from us.
_REFUSALS = (
    "disk is full",
    "disk i/o error",
    "readonly database",
    "unable to open database file",
    "database is locked",
)
_ARTIFACTS = "artifacts"
#: Seconds that another program may hold the database; MLflow itself would try for two minutes.
_PATIENCE = 3.0


def database_uri(store: Path) -> str:
    """What MLflow calls the store."""
    return _uri(store.resolve() / "mlflow.db")


def artifact_root(store: Path) -> str:
    """Where the artifacts of new experiments go, as a URI."""
    return (store.resolve() / _ARTIFACTS).as_uri()


def has_store(store: Path) -> bool:
    """Whether a registry lies here."""
    return (store / "mlflow.db").exists()


@contextmanager
def read_store(store: Path) -> Iterator[Any]:
    """An MLflow client of a store that exists.

    Raises:
        ModelError: the database is damaged, half made, or of another version of MLflow.
        StorageError: it cannot be read.
    """
    with _errors_in_words(), _quiet():
        _check_whole(store / "mlflow.db")
        yield _client(store)


@contextmanager
def write_store(store: Path) -> Iterator[Any]:
    """An MLflow client of the store, made now if there is none, alone in it until the block ends.

    Raises:
        ModelError, StorageError: as `read_store`; or the disk refused to take what was written.
    """
    database = store / "mlflow.db"
    store.mkdir(parents=True, exist_ok=True)
    with disk_errors(store), _errors_in_words(), _quiet(), exclusive(store, wait=True):
        if not database.exists():
            _make(database)
        _check_whole(database)
        bring_home(store)
        private_directory(store / _ARTIFACTS)  # rows of customers lie there, and MLflow leaves them open to all
        (store / _ARTIFACTS).chmod(0o700)
        yield _client(store)


def bring_home(store: Path) -> None:
    """Let every path in the database that led to artifacts lead to those below this store."""
    here = artifact_root(store)
    with closing(sqlite3.connect(store / "mlflow.db")) as database, database:
        roots = {root for (root,) in database.execute("SELECT artifact_location FROM experiments")}
        for root in sorted(old for old in roots if old.endswith(f"/{_ARTIFACTS}") and old != here):
            for table, column in _PLACES:
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
                    f" WHERE {column} = ? OR substr({column}, 1, ?) = ? || '/'",
                    (here, len(root) + 1, root, len(root) + 1, root),
                )


def _make(database: Path) -> None:
    for leftover in database.parent.glob(f".{database.name}.*.building*"):
        leftover.unlink(missing_ok=True)
    with atomic_file(database) as building:
        from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

        engine = create_sqlalchemy_engine(_uri(building.resolve()))
        try:
            _initialize_tables(engine)
        finally:
            engine.dispose()


def _check_whole(database: Path) -> None:
    """A database that MLflow can use as it is; asked of SQLite itself, since MLflow would begin to mend it."""
    from mlflow.store.db.utils import _get_latest_schema_revision

    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)) as opened:
        tables = {name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        revisions = opened.execute("SELECT version_num FROM alembic_version").fetchall() if _VERSION in tables else []
    expected = _get_latest_schema_revision()
    if revisions != [(expected,)]:
        received = ", ".join(revision for (revision,) in revisions) or "none"
        raise ModelError(
            "the model registry is half made, or of another version of MLflow",
            expected=f"{database.parent.name}/{database.name} with schema revision {expected}",
            received=f"revision {received}, {len(tables)} tables",
            todo="half made by a run that was killed: move the file away and train again. Of another version: copy it, "
            "then run `mlflow db upgrade sqlite:///PATH`. Both keep what lies in artifacts/",
        )


_VERSION = "alembic_version"


def _client(store: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=database_uri(store), registry_uri=database_uri(store))


def _uri(database: Path) -> str:
    return f"sqlite:///{database}"


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow with its telemetry off; its chatter, its warnings and what it logs before it raises are unheard."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401  # it sets its own levels on import

        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """What SQLite, SQLAlchemy and MLflow raise, as errors of this project."""
    try:
        yield
    except CreditEvalError:
        raise
    except Exception as error:
        if not _of_the_store(error):
            raise
        said = _innermost(error)
        if any(word in said.lower() for word in _REFUSALS):
            raise StorageError(
                f"the model registry cannot be read or written: {said}",
                todo="make room, see that this user may write to models/, or end what else uses it",
            ) from error
        raise ModelError(
            "the model registry cannot be used",
            expected="models/mlflow.db as MLflow wrote it",
            received=said,
            todo="put back a copy of models/, or move mlflow.db away and train again",
        ) from error


def _of_the_store(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, sqlite3.Error | SQLAlchemyError | MlflowException)


def _innermost(error: BaseException) -> str:
    """The first line of what began it."""
    while (inner := getattr(error, "orig", None) or error.__cause__ or error.__context__) is not None:
        error = inner
    return (str(error) or type(error).__name__).splitlines()[0]
