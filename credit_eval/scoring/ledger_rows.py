"""Rows of the ledger: what a run writes of its decisions, and what it reads of those before."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from credit_eval.core.canonical import records
from credit_eval.core.clock import EPOCH

#: Versions of one as_of that there may be.
VERSIONS = 1000
#: Rows whose records are made at once.
_AT_ONCE = 65_536
#: Decisions after which a customer is restricted.
RESTRICTED = ("restriction", "still_restricted")
#: Columns of what a run reads: of each customer's last decision before its as_of.
STATE = (
    "customer_id",
    "as_of",
    "decided_at",
    "limit_before",
    "limit_after",
    "was_restricted",
    "days_below",
    "apr_previous",
)

#: As they are read: SQLite tells the type of a column by its first values, so none of them may be missing.
READ = (
    "coalesce(limit_before, -1.0) AS limit_before, limit_after, restricted, coalesce(low_since, -1) AS low_since, "
    "coalesce(apr, -1.0) AS apr"
)
#: A decision of one date, whole.
ROW = f"customer_id, p_default, decision, {READ}"

NOBODY = pd.DataFrame(
    {
        name: pd.Series(dtype="float64")
        for name in ("place", "limit_before", "limit_after", "restricted", "low_since", "apr")
    }
).assign(customer_id=pd.Series(dtype="str"))


def told(found: pd.DataFrame) -> pd.DataFrame:
    """Rows as they were written: what was missing is missing again."""
    for name in ("limit_before", "low_since", "apr"):
        found[name] = found[name].astype("float64").where(found[name] >= 0)
    return found


def state_of(members: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Of each member the last row before its as_of, as `STATE`."""
    rows = members.merge(found, on="customer_id")
    rows = rows[rows["place"] < rows["before"]] if "before" in rows else rows
    rows = rows.sort_values("place").drop_duplicates(["customer_id", "as_of"], keep="last")
    decided_at, low_since = moments(rows["place"] // VERSIONS), moments(rows["low_since"])
    found = rows.assign(
        decided_at=decided_at,
        was_restricted=rows["restricted"] == 1,
        days_below=(rows["as_of"] - low_since).dt.total_seconds() / 86_400,
        apr_previous=rows["apr"],
    )
    return found[list(STATE)].sort_values(["customer_id", "as_of"], ignore_index=True)


def rows_of(dataset: str, scored: pd.DataFrame, state: pd.DataFrame, version: int, way_out: float) -> pa.Table:
    """What a run appends of its decisions, in the order of the key; `state` is what it read of those before."""
    since = scored[["customer_id", "as_of"]].merge(state, on=["customer_id", "as_of"], how="left")
    below = scored["p_default"].to_numpy() < way_out
    as_of = microseconds(scored["as_of"]).to_numpy()
    unbroken = since["days_below"].notna().to_numpy()
    first = np.where(unbroken, as_of - (since["days_below"].fillna(0).to_numpy() * 86_400e6).round(), as_of)
    order = pa.array(np.argsort(scored["customer_id"].to_numpy(), kind="stable"))
    return pa.table(
        {
            "dataset": pa.array([dataset] * len(scored), pa.string()),
            "customer_id": pa.array(scored["customer_id"], pa.string()),
            "place": pa.array(as_of * VERSIONS + version, pa.int64()),
            "p_default": pa.array(scored["p_default"], pa.float64()),
            "decision": pa.array(scored["decision"], pa.string()),
            "limit_before": pa.array(scored["limit_previous"], pa.float64(), from_pandas=True),
            "limit_after": pa.array(scored["limit_new"], pa.float64()),
            "restricted": pa.array(scored["limit_bound_by"].isin(RESTRICTED).to_numpy().astype(np.int64)),
            "apr": pa.array(scored["apr"], pa.float64()),
            "low_since": pa.array(first.astype(np.int64), pa.int64(), mask=~below),
        }
    ).take(order)


def microseconds(moments: pd.Series[Any]) -> pd.Series[int]:
    """Moments as the ledger holds them, since 1970 in UTC."""
    return ((moments - pd.Timestamp(EPOCH)) // pd.Timedelta(microseconds=1)).astype("int64")


def moments(microseconds: pd.Series[Any]) -> pd.Series[Any]:
    """What the ledger holds as moments."""
    return pd.Timestamp(EPOCH) + pd.to_timedelta(microseconds.astype("float64"), unit="us")


def sealed_rows(appended: pa.Table) -> dict[str, object]:
    """What the log says of the rows of a run: where they stand, if that is one place, and their hash.

    Rows of several dates are among those of other runs, and are held against the scored file alone.
    """
    places = pc.unique(appended["place"]).to_pylist()
    if len(places) != 1:
        return {"rows_at": None, "rows_hash": None}
    columns = {name: appended[name] for name in ("customer_id", "p_default", "decision", "limit_after", "restricted")}
    columns |= {name: pc.fill_null(appended[name], -1) for name in ("limit_before", "low_since", "apr")}
    return {"rows_at": places[0], "rows_hash": hash_of_rows(pa.table(columns).sort_by("customer_id"))}


def hash_of_rows(rows: pa.Table) -> str:
    """SHA-256 of rows in their order, whatever the order of their columns."""
    digest = sha256()
    for start in range(0, len(rows), _AT_ONCE):
        for record in records(rows.slice(start, _AT_ONCE)):
            digest.update(record + b"\n")
    return digest.hexdigest()
