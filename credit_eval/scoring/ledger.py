"""The ledger: what was decided of whom, when, appended and never changed; the next run begins with it.

One row per decision, in SQLite (the default, a file) or PostgreSQL (a URL), through Arrow (ADBC) in both:

    dataset, customer_id, place         place = as_of in microseconds * 1000 + version
    p_default, decision, limit_before, limit_after
    apr                                 the yearly rate that it set; NULL of decisions of versions before 0.1
    restricted                          the restriction bound, or bound before and still does
    low_since                           as_of (microseconds) of the first of the reviews in a row that found p_default
                                        below the way out of the restriction; NULL where this one did not

one per run in `runs`, with the hash of its manifest, and one per entry of the log (`scoring.log`) in `log`. A run is
one transaction: killed on the way, it left nothing. The same run is not recorded twice; scored anew (`--replace`) it
gets the next `version`, and the last version counts.

What a run reads is what was decided *before* its as_of: decided twice on one day, or nightly instead of monthly, a
customer walks the same path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from credit_eval.core.clock import utc_now
from credit_eval.core.errors import CreditEvalError, IntegrityError, LedgerError, StorageError
from credit_eval.scoring.ledger_rows import (
    NOBODY,
    READ,
    ROW,
    VERSIONS,
    hash_of_rows,
    microseconds,
    moments,
    rows_of,
    sealed_rows,
    state_of,
    told,
)
from credit_eval.scoring.ledger_seal import check_seal, unchanged
from credit_eval.scoring.ledger_sql import connect, has_log, has_rates, text
from credit_eval.scoring.log import BATCH, MOVE, Head, Log, check_grown

_TABLES = (
    """CREATE TABLE IF NOT EXISTS decisions (
        dataset TEXT NOT NULL, customer_id TEXT NOT NULL, place BIGINT NOT NULL, p_default DOUBLE PRECISION NOT NULL,
        decision TEXT NOT NULL, limit_before DOUBLE PRECISION, limit_after DOUBLE PRECISION NOT NULL,
        restricted BIGINT NOT NULL, low_since BIGINT, apr DOUBLE PRECISION, PRIMARY KEY (dataset, customer_id,
        place))""",
    """CREATE TABLE IF NOT EXISTS runs (
        dataset TEXT NOT NULL, label TEXT NOT NULL, version BIGINT NOT NULL, manifest TEXT NOT NULL,
        policy_version TEXT NOT NULL, model_version TEXT NOT NULL, rows BIGINT NOT NULL, written_at TEXT NOT NULL,
        PRIMARY KEY (dataset, label, version))""",
    """CREATE TABLE IF NOT EXISTS log (
        dataset TEXT NOT NULL, place BIGINT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (dataset, place))""",
)
_COLUMNS = f"customer_id, place, {READ}"
_PUT_BACK = "put back the ledger as it was, and find out who changed it"
#: What SQLite says where a file cannot grow.
_FULL = "database or disk is full"
#: Key of the lock that whoever makes tables on a server holds until they are there.
_MAKING_TABLES = 7_235_811
_PASSWORD = re.compile(r"//[^@/]*@")


@dataclass(frozen=True)
class Recorded:
    """What is recorded of a run beside its decisions.

    `root` and `rows`: of the Merkle tree over its decisions. `said`: what else its entry in the log tells.
    """

    dataset: str
    label: str
    manifest: str
    policy_version: str
    model_version: str
    root: str = ""
    rows: int = 0
    said: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """A ledger at a file of SQLite, or at a URL such as `postgresql://risk@db/ledger`."""

    place: str

    def __repr__(self) -> str:
        return f"Ledger({self.shown!r})"

    @property
    def shown(self) -> str:
        """Where it is, without names and passwords."""
        return _PASSWORD.sub("//…@", self.place) if "://" in self.place else Path(self.place).name

    def before(self, dataset: str, members: pd.DataFrame) -> pd.DataFrame:
        """The last decision on each member before its as_of: `STATE`, a row for those who have one.

        `members`: customer_id and as_of. `was_restricted` (bool); `days_below` (float), NaN where the last review did
        not find p_default below the way out.

        Raises:
            LedgerError: the ledger cannot be reached or read.
        """
        if members.empty or not self.exists:
            return state_of(members.iloc[:0], NOBODY)
        places = microseconds(members["as_of"]) * VERSIONS
        one_date = int(places.min()) == int(places.max())
        with self._open() as cursor:
            sql = _LAST[self._kind] if one_date else _ALL
            cursor.execute(sql.format(dataset=text(dataset), place=int(places.max())))
            found = told(cursor.fetch_arrow_table().to_pandas())
        return state_of(members.assign(before=places), found)

    def record(
        self,
        run: Recorded,
        scored: pd.DataFrame,
        state: pd.DataFrame,
        way_out: float,
        moves: Sequence[Mapping[str, object]] = (),
    ) -> bool:
        """Append a run's decisions, unless this very run is there; returns whether it was appended.

        Its entry in the log follows on those of the champion's `moves` that are not there yet: all of them, in order.

        `scored`: customer_id, as_of, p_default, decision, limit_previous, limit_new, limit_bound_by and apr; no row
        where nobody is to be remembered. `state`: what `before` gave.

        Raises:
            LedgerError: the ledger cannot be reached or written.
        """
        with self._open(write=True) as cursor:
            same = f"dataset = {text(run.dataset)} AND label = {text(run.label)}"
            cursor.execute(f"SELECT version, manifest FROM runs WHERE {same} ORDER BY version")
            there = cursor.fetchall()
            if there and there[-1][1] == run.manifest:
                return False
            version = max(there[-1][0] + 1 if there else 0, _free(cursor, run, scored))
            if version >= VERSIONS:
                raise LedgerError(
                    f"customers of {run.label} were scored {VERSIONS} times at one as_of",
                    todo="begin a ledger of its own",
                )
            appended = rows_of(run.dataset, scored, state, version, way_out)
            if len(scored):
                cursor.adbc_ingest("decisions", appended, mode="append")
            self._log_batch(cursor, run, _batch(run, version) | sealed_rows(appended), moves)
            cursor.adbc_ingest("runs", _run_row(run, version, len(scored)), mode="append")
        return True

    def _log_batch(
        self, cursor: Any, run: Recorded, batch: Mapping[str, object], moves: Sequence[Mapping[str, object]]
    ) -> None:
        there = _log(cursor, run.dataset)
        _append(cursor, there, _with_moves(there, moves).with_(BATCH, batch))

    def log_moves(self, dataset: str, moves: Sequence[Mapping[str, object]]) -> None:
        """Add to the log those of the champion's moves that are not there yet; `moves`: all of them, in order.

        Raises:
            LedgerError: the ledger cannot be reached or written.
        """
        with self._open(write=True) as cursor:
            there = _log(cursor, dataset)
            _append(cursor, there, _with_moves(there, moves))

    def note(
        self, dataset: str, kind: str, content: Mapping[str, object], check: Callable[[Log], None] | None = None
    ) -> None:
        """Add an entry of another kind to the log; `check` sees the log before, and raises if there shall be none.

        Raises:
            LedgerError: the ledger cannot be reached or written.
        """
        with self._open(write=True) as cursor:
            there = _log(cursor, dataset)
            there.read()
            if check is not None:
                check(there)
            _append(cursor, there, there.with_(kind, content))

    def log(self, dataset: str) -> Log:
        """The log of a data set, empty where nothing was recorded.

        Raises:
            LedgerError: the ledger cannot be reached or read.
        """
        if not self.exists:
            return Log(dataset)
        with self._open() as cursor:
            return _log(cursor, dataset)

    def history(self, dataset: str, customer: str) -> pd.DataFrame:
        """Every decision on a customer, in order.

        Columns: as_of, version, p_default, decision, limit_before, limit_after, restricted, low_since, apr.
        """
        if not self.exists:
            return pd.DataFrame()
        with self._open() as cursor:
            cursor.execute(
                f"SELECT place, p_default, decision, {READ} FROM decisions "
                f"WHERE dataset = {text(dataset)} AND customer_id = {text(customer)} ORDER BY place"
            )
            found = told(cursor.fetch_arrow_table().to_pandas())
        place = found.pop("place")
        found.insert(0, "as_of", moments(place // VERSIONS))
        found.insert(1, "version", place % VERSIONS)
        return found.assign(restricted=found["restricted"] == 1, low_since=moments(found["low_since"]))

    @property
    def _kind(self) -> str:
        return "postgresql" if "://" in self.place else "sqlite"

    def manifest(self, dataset: str, label: str) -> str | None:
        """SHA-256 of the manifest of the last run recorded under a label; None where none is.

        Raises:
            LedgerError: the ledger cannot be reached or read.
        """
        if not self.exists:
            return None
        with self._open() as cursor:
            last = f"dataset = {text(dataset)} AND label = {text(label)} ORDER BY version DESC LIMIT 1"
            cursor.execute(f"SELECT manifest FROM runs WHERE {last}")
            found = cursor.fetchall()
        return str(found[0][0]) if found else None

    def check_log(self, dataset: str, heads: Sequence[Head]) -> None:
        """Hold the log of a data set against its own roots, the runs that were recorded, and heads kept elsewhere.

        Raises:
            LedgerError: the ledger cannot be reached or read.
            IntegrityError: an entry was changed, or is missing; or a run was recorded that has none.
        """
        log = self.log(dataset)
        known, first = log.batches(), min((str(said["at"]) for said in log.read() if said["kind"] == BATCH), default="")
        check_grown(log, heads)
        if not self.exists:
            return
        with self._open() as cursor:
            since = f"replace(written_at, ' ', 'T') >= {text(first[:19])}"
            cursor.execute(f"SELECT label, manifest FROM runs WHERE dataset = {text(dataset)} AND {since}")
            lacking = sorted(str(label) for label, manifest in cursor.fetchall() if manifest not in known)
        if lacking:
            raise IntegrityError(
                f"runs of {dataset} were recorded that the log does not hold",
                expected="an entry with the hash of each one's manifest",
                rows=lacking[:3],
                n_rows=len(lacking),
                todo=_PUT_BACK,
            )
        self._check_rows(log)

    def _check_rows(self, log: Log) -> None:
        """Hold the decisions of batches of one date, which are those of a night, against what the log says of them."""
        for said in log.read():
            if said["kind"] != BATCH or said["rows_at"] is None:
                continue
            with self._open() as cursor:
                where = f"dataset = {text(log.dataset)} AND place = {int(said['rows_at'])}"
                cursor.execute(f"SELECT {ROW} FROM decisions WHERE {where} ORDER BY customer_id")
                found = hash_of_rows(cursor.fetch_arrow_table())
            if found != said["rows_hash"]:
                raise IntegrityError(
                    f"the ledger's decisions of {said['label']}, version {said['version']}, are not those it recorded",
                    expected=f"{said['rows_hash'][:12]}…, as entry {said['place']} of the log says",
                    received=f"{found[:12]}…",
                    todo=_PUT_BACK,
                )

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None of a URL."""
        return None if "://" in self.place else Path(self.place)

    @property
    def exists(self) -> bool:
        """Whether anything was recorded yet; of a URL it is taken for granted."""
        return self.file is None or self.file.exists()

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[Any]:
        """A cursor of one transaction: committed at the end, or rolled back. The tables are there.

        Who writes is alone: a file has a lock of its own, and on a server the table of the log is locked.

        Raises:
            LedgerError: the ledger cannot be reached, read or written.
            IntegrityError: it is a file, and was changed since the last run.
        """
        with self._errors(), ExitStack() as held:
            if self.file is not None:
                check_seal(self.file)
            write = write or not self._has_tables()
            if self.file is not None:
                held.enter_context(unchanged(self.file, write=write))
            with connect(self.place) as connection, connection.cursor() as cursor:
                if write:
                    self._make_tables(cursor)
                    connection.commit()
                    if self._kind == "postgresql":
                        cursor.execute("LOCK TABLE log IN EXCLUSIVE MODE")
                yield cursor
                if write:
                    connection.commit()

    def _has_tables(self) -> bool:
        """Whether all tables and columns are there."""
        if not self.exists:
            return False
        with connect(self.place) as connection, connection.cursor() as cursor:
            return has_rates(cursor, self._kind) and has_log(cursor, self._kind)

    def _make_tables(self, cursor: Any) -> None:
        """Those that are lacking, and the column that ledgers of before 0.1 lack.

        Two who find none at once do not make them twice: a server would tell one of them of a duplicate key.
        """
        if self._kind == "postgresql":
            cursor.execute(f"SELECT pg_advisory_xact_lock({_MAKING_TABLES})")
            cursor.fetchall()
        for table in _TABLES:
            cursor.execute(table + (" WITHOUT ROWID" if self._kind == "sqlite" else ""))
        if not has_rates(cursor, self._kind):
            cursor.execute("ALTER TABLE decisions ADD COLUMN apr DOUBLE PRECISION")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except CreditEvalError:
            raise
        except Exception as error:
            if not type(error).__module__.startswith("adbc_driver_manager"):
                raise
            if _FULL in str(error):
                raise StorageError(f"{self.shown}: {_FULL}", todo="make room; nothing was recorded") from None
            raise LedgerError(
                f"the ledger {self.shown} cannot be used",
                received=_PASSWORD.sub("//…@", str(error)).splitlines()[0][:300],
                todo="check `ledger` in settings.yaml, and that the database runs; nothing was recorded",
            ) from None


_ALL = f"SELECT {_COLUMNS} FROM decisions WHERE dataset = {{dataset}} AND place < {{place}}"
#: The last row of each customer, by one pass over the key. SQLite takes columns beside a maximum from its row (its
#: manual, "bare columns in an aggregate query"); PostgreSQL has DISTINCT ON. Measured on 12 million rows of a million
#: customers in SQLite: 4.9 s, and 12.6 s by a join with the maxima.
_LAST = {
    "sqlite": f"""
        SELECT customer_id, max(place) AS place, {READ} FROM decisions
        WHERE dataset = {{dataset}} AND place < {{place}} GROUP BY customer_id""",
    "postgresql": f"""
        SELECT DISTINCT ON (customer_id) {_COLUMNS} FROM decisions
        WHERE dataset = {{dataset}} AND place < {{place}} ORDER BY customer_id, place DESC""",
}


def _log(cursor: Any, dataset: str) -> Log:
    cursor.execute(f"SELECT entry FROM log WHERE dataset = {text(dataset)} ORDER BY place")
    return Log(dataset, tuple(str(entry) for (entry,) in cursor.fetchall()))


def _with_moves(log: Log, moves: Sequence[Mapping[str, object]]) -> Log:
    """A log with those moves that it does not hold yet."""
    known = sum(said["kind"] == MOVE for said in log.read())
    for move in moves[known:]:
        log = log.with_(MOVE, move)
    return log


def _append(cursor: Any, there: Log, log: Log) -> None:
    """Write the entries of a log that are more than there were."""
    first = len(there.entries)
    if len(log.entries) == first:
        return
    new = {
        "dataset": [log.dataset] * (len(log.entries) - first),
        "place": pa.array(range(first, len(log.entries)), pa.int64()),
        "entry": list(log.entries[first:]),
    }
    cursor.adbc_ingest("log", pa.table(new), mode="append")


def _batch(run: Recorded, version: int) -> dict[str, object]:
    """What the log says of a run."""
    said = {name: value for name, value in asdict(run).items() if name not in ("dataset", "said")}
    return dict(run.said) | said | {"version": version, "at": utc_now()}


def _free(cursor: Any, run: Recorded, scored: pd.DataFrame) -> int:
    """The first version that no other run took at these as_of; runs of different dates have none in common."""
    if scored.empty:
        return 0
    cursor.execute(f"SELECT DISTINCT label FROM runs WHERE dataset = {text(run.dataset)}")
    labels = {str(label) for (label,) in cursor.fetchall()} | {run.label}
    if len(labels) == 1 or all(label.startswith("as_of=") for label in labels):
        return 0
    places = microseconds(scored["as_of"])
    first, last = int(places.min()) * VERSIONS, (int(places.max()) + 1) * VERSIONS
    cursor.execute(
        f"SELECT coalesce(max(place % {VERSIONS}), -1) + 1 FROM decisions "
        f"WHERE dataset = {text(run.dataset)} AND place >= {first} AND place < {last}"
    )
    return int(cursor.fetchall()[0][0])


def _run_row(run: Recorded, version: int, rows: int) -> pa.Table:
    return pa.table(
        {
            "dataset": [run.dataset],
            "label": [run.label],
            "version": pa.array([version], pa.int64()),
            "manifest": [run.manifest],
            "policy_version": [run.policy_version],
            "model_version": [run.model_version],
            "rows": pa.array([rows], pa.int64()),
            "written_at": [str(utc_now())],
        }
    )
