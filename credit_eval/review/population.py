"""What everybody of a run was moved by on average, to stand beside one customer."""

from __future__ import annotations

from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.scoring.sealed import Scored

_KEYS = "customer_id, as_of, base_value, log_odds"
_MEMORY = "400MB"


def average_contributions(run: Scored) -> dict[str, float]:
    """By feature the mean contribution, in log-odds, over everybody who was scored; one pass over the run's columns.

    Raises:
        IntegrityError: the contributions were changed since.
    """
    with DuckDB(memory=_MEMORY) as engine:
        found = engine.frame(f"SELECT avg(COLUMNS(* EXCLUDE ({_KEYS}))) FROM {parquet(run.contributions)}")
    names = [str(name) for name in found.columns]
    return {name: float(value) for name, value in zip(names, found.iloc[0].tolist(), strict=True)}
