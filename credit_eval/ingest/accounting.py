"""What an import holds that nobody will use, counted: rows beyond the data end, idle customers, labels astray."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from credit_eval.schema.duckdb import DuckDB, Relation
from credit_eval.schema.store import TRAINING_COHORT
from credit_eval.schema.tables import TABLES

#: How far a label may lie beside its row to be told as one that just misses it.
BESIDE = "INTERVAL 1 HOUR"

_KEYS = "customer_id, as_of"


def unused(engine: DuckDB, written: Mapping[str, Relation], known_until: datetime) -> list[str]:
    """Notes on rows that no profile and no label will see.

    Args:
        engine: that reads them.
        written: by name (a table, `cohorts/<name>` or `outcomes`) what was written.
        known_until: up to when the data are complete.

    Returns:
        a note for each kind that there is.
    """
    tables = {name: rows for name, rows in written.items() if name in TABLES}
    notes = [note for name, rows in tables.items() for note in _beyond(engine, name, rows, known_until)]
    notes += _without_events(engine, tables) + _requests_at_as_of(engine, written)
    return notes + _labels_astray(engine, written)


def _beyond(engine: DuckDB, name: str, rows: Relation, known_until: datetime) -> list[str]:
    n = int(engine.scalar(f"SELECT count(*) FROM {rows} WHERE known_at >= TIMESTAMP '{known_until}'"))
    said = (
        f"{n:,} rows of {name} are known at {known_until:%Y-%m-%d %H:%M} (known_until) or later: no profile sees them"
    )
    return [said] if n else []


def _without_events(engine: DuckDB, tables: Mapping[str, Relation]) -> list[str]:
    events = [rows for name, rows in tables.items() if name != "customers"]
    if "customers" not in tables or not events:
        return []
    seen = " UNION ".join(f"SELECT customer_id FROM {rows}" for rows in events)
    ((n, of),) = engine.rows(
        f"SELECT count(*) FILTER (customer_id NOT IN ({seen})), count(*) FROM "
        f"(SELECT DISTINCT customer_id FROM {tables['customers']})"
    )
    return [f"{n:,} of {of:,} customers have no event but their registration"] if n else []


def _requests_at_as_of(engine: DuckDB, written: Mapping[str, Relation]) -> list[str]:
    """Whoever is judged at the very moment of a request has a profile without it: it is not known before as_of."""
    if "applications" not in written:
        return []
    notes = []
    for name, cohort in written.items():
        if name.startswith("cohorts/"):
            same = "a.customer_id = c.customer_id AND a.known_at = c.as_of"
            n = int(engine.scalar(f"SELECT count(*) FROM {cohort} c SEMI JOIN {written['applications']} a ON {same}"))
            if n:
                notes.append(
                    f"{n:,} rows of {name} have an as_of at which a request becomes known, so their profiles lack it: "
                    "if it is the request that is judged, let as_of be a microsecond later, and say its amount in the "
                    "cohort's column amount"
                )
    return notes


def _labels_astray(engine: DuckDB, written: Mapping[str, Relation]) -> list[str]:
    """Rows to learn from without a label, and labels without a row, above all those that miss theirs by a little."""
    cohort, outcomes = written.get(f"cohorts/{TRAINING_COHORT}"), written.get("outcomes")
    if not cohort or not outcomes:
        return []
    unlabelled = f"SELECT {_KEYS} FROM {cohort} c ANTI JOIN {outcomes} o USING ({_KEYS})"
    astray = f"SELECT {_KEYS} FROM {outcomes} o ANTI JOIN {cohort} c USING ({_KEYS})"
    near = (
        f"SELECT count(*) FROM ({astray}) o SEMI JOIN ({unlabelled}) c "
        f"ON o.customer_id = c.customer_id AND o.as_of BETWEEN c.as_of - {BESIDE} AND c.as_of + {BESIDE}"
    )
    n, lost, beside = (int(engine.scalar(sql)) for sql in (_count(unlabelled), _count(astray), near))
    notes = [f"{n:,} rows of cohort train have no outcome: nothing is learnt from them"] if n else []
    if lost:
        just = f", of which {beside:,} miss a row of the cohort by less than an hour" if beside else ""
        notes.append(f"{lost:,} outcomes belong to no row of cohort train{just}")
    return notes


def _count(sql: str) -> str:
    return f"SELECT count(*) FROM ({sql})"
