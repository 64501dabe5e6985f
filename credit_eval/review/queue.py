"""The queue of a scored run: whom somebody should look at, page by page.

A table in DuckDB's memory holds a narrow row per case, made once when the page is opened; whoever asks for a page gets
so many rows after the last one seen, by keys and not by counting, so the thousandth page costs what the first one does.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from credit_eval.core.errors import SourceError
from credit_eval.policy.decide import ADVERSE
from credit_eval.schema.duckdb import DuckDB, parquet, quote
from credit_eval.scoring.sealed import Scored

Order = Literal["stake", "risk", "score", "customer"]
State = Literal["open", "looked_at"]
Format = Literal["csv", "parquet"]
#: Cases of a page.
SIZE = 25
_MEMORY = "400MB"
#: What each order sorts by, first what is looked at first; every one ends with the keys, so no two cases are equal.
_ORDERS: dict[Order, tuple[str, bool]] = {
    "stake": ("stake", True),
    "risk": ("p_default", True),
    "score": ("score", False),
    "customer": ("customer_id", False),
}
_COLUMNS = (
    "customer_id, as_of, decision, decided_by, grade, score, p_default, limit_previous, limit_new, stake, "
    "reason_code_1, reason_text_1"
)


#: Columns that hold what somebody wrote.
_TEXTS = ("customer_id", "decision", "decided_by", "grade", "reason_code_1", "reason_text_1")


@dataclass(frozen=True)
class Wanted:
    """What is looked for: None is everything. `customer`: what its id begins with; `state`: whether anybody looked."""

    decision: str | None = None
    grade: str | None = None
    reason: str | None = None
    customer: str | None = None
    order: Order = "stake"
    state: State | None = None


@dataclass(frozen=True)
class Case:
    """A decision that waits for somebody, in a row. `stake`: the money that it is about."""

    customer_id: str
    as_of: Any
    decision: str
    decided_by: str
    grade: str
    score: int
    p_default: float
    limit_previous: float | None
    limit_new: float
    stake: float
    reason_code_1: str | None
    reason_text_1: str | None


@dataclass(frozen=True)
class Page:
    """Cases in order, how many there are in all, and where the next page begins; None: nowhere."""

    cases: list[Case]
    total: int
    after: str | None


@dataclass(frozen=True)
class Choices:
    """What can be looked for, with how many cases each has."""

    decisions: dict[str, int] = field(default_factory=dict)
    grades: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)


class Queue:
    """The adverse and the referred decisions of a run. Safe to ask from several threads.

    Args:
        run: opened; its scored file is held against its hashes once.
        spill: a directory for what does not fit into memory.
    """

    def __init__(self, run: Scored, spill: Path) -> None:
        self._engine, self._lock, self.spill = DuckDB(memory=_MEMORY, spill=spill), Lock(), spill
        waits = ", ".join(f"'{decision}'" for decision in (*ADVERSE, "refer"))
        self._engine.run(
            f"""CREATE TABLE cases AS
                SELECT {_COLUMNS.replace("stake, ", "")},
                       greatest(coalesce(limit_previous, 0), limit_new, coalesce(balance, 0))::DOUBLE AS stake
                FROM {parquet(run.parts)}
                WHERE decision IN ({waits}) OR coalesce(apr > apr_previous, false)"""
        )
        self._engine.run("CREATE TABLE looked (customer_id VARCHAR, as_of TIMESTAMP)")
        self.choices = Choices(*(self._counted(name) for name in ("decision", "grade", "reason_code_1")))

    def looked_at(self, customer: str, as_of: str) -> None:
        """Remember that somebody said something of a decision."""
        with self._lock:
            self._engine.run("INSERT INTO looked VALUES (?, try_cast(? AS TIMESTAMP))", [customer, as_of])

    def close(self) -> None:
        """Give the memory back."""
        self._engine.__exit__(None, None, None)

    def page(self, wanted: Wanted, after: str | None = None) -> Page:
        """A page of the queue.

        Args:
            wanted: what is looked for, and in which order.
            after: where the page before ended; None: the first page.

        Raises:
            SourceError: `after` is none that a page gave.
        """
        key, falls = _ORDERS[wanted.order]
        where, values = _where(wanted)
        begins, more = _after(key, after, falls=falls)
        order = f"{key} {'DESC' if falls else 'ASC'}, customer_id, as_of"
        sql = f"SELECT {_COLUMNS} FROM cases WHERE {where}"
        with self._lock:
            total = self._engine.scalar(f"SELECT count(*) FROM cases WHERE {where}", values)
            rows = self._engine.rows(f"{sql} AND {begins} ORDER BY {order} LIMIT {SIZE + 1}", [*values, *more])
        cases = [Case(*row) for row in rows[:SIZE]]
        last = _token(getattr(cases[-1], key), cases[-1]) if len(rows) > SIZE else None
        return Page(cases, int(total), last)

    def write(self, wanted: Wanted, target: Path, kind: Format) -> None:
        """Write the cases that are looked for, in order; in a CSV file no cell is a formula.

        Raises:
            StorageError: the disk refused.
        """
        key, falls = _ORDERS[wanted.order]
        where, values = _where(wanted)
        order = f"{key} {'DESC' if falls else 'ASC'}, customer_id, as_of"
        columns = _COLUMNS if kind == "parquet" else ", ".join(_cell(name) for name in _COLUMNS.split(", "))
        options = "FORMAT parquet, COMPRESSION zstd" if kind == "parquet" else "FORMAT csv, HEADER"
        sql = f"COPY (SELECT {columns} FROM cases WHERE {where} ORDER BY {order}) TO {quote(str(target))} ({options})"
        with self._lock:
            self._engine.run(sql, values)

    def _counted(self, name: str) -> dict[str, int]:
        rows = self._engine.rows(
            f"SELECT {name}, count(*) FROM cases WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
        )
        return {str(value): int(n) for value, n in rows}


def _cell(name: str) -> str:
    """A column for a CSV file: what a spreadsheet would work out begins with an apostrophe."""
    if name not in _TEXTS:
        return name
    begins = f"left({name}, 1) IN ('=', '+', '-', '@', chr(9), chr(13))"
    return f"CASE WHEN {begins} THEN chr(39) || {name} ELSE {name} END AS {name}"


def _where(wanted: Wanted) -> tuple[str, list[object]]:
    told = {"decision": wanted.decision, "grade": wanted.grade, "reason_code_1": wanted.reason}
    asked = {name: value for name, value in told.items() if value}
    parts, values = [f"{name} = ?" for name in asked], list[object](asked.values())
    if wanted.customer:
        parts.append("starts_with(customer_id, ?)")
        values.append(wanted.customer)
    if wanted.state:
        looked = "(customer_id, as_of) IN (SELECT (customer_id, as_of) FROM looked)"
        parts.append(looked if wanted.state == "looked_at" else f"NOT {looked}")
    return " AND ".join(parts) or "true", values


def _token(value: object, case: Case) -> str:
    """Where a page ended, as text for an address."""
    return base64.urlsafe_b64encode(json.dumps([value, case.customer_id, str(case.as_of)]).encode()).decode()


def _after(key: str, token: str | None, *, falls: bool) -> tuple[str, list[object]]:
    if not token:
        return "true", []
    try:
        value, customer, as_of = json.loads(base64.urlsafe_b64decode(token.encode()))
        known = isinstance(value, str if key == "customer_id" else (int, float)) and isinstance(customer, str)
        if not (known and isinstance(as_of, str) and len(as_of) < 40):
            raise ValueError(token)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise SourceError("no page of the queue begins there", todo="go back to the first page") from None
    beyond = f"{key} {'<' if falls else '>'} ?"
    keys = "(customer_id, as_of) > (?, try_cast(? AS TIMESTAMP))"
    return f"({beyond} OR ({key} = ? AND {keys}))", [value, value, customer, as_of]
