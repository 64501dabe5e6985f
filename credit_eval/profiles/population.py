"""What most customers have: the value a reason sentence compares with."""

from __future__ import annotations

from credit_eval.events.engines.duckdb import DuckDB, parquet
from credit_eval.profiles.store import Profiles


def typical_values(engine: DuckDB, profiles: Profiles) -> dict[str, float | str | None]:
    """Per feature the median of the known values, or the commonest category (ties: the first by name)."""
    source = parquet(profiles.pattern)
    numbers = [f.name for f in profiles.catalogue.features if f.value_type == "number"]
    texts = [f.name for f in profiles.catalogue.features if f.value_type == "category"]
    medians = (
        engine.rows("SELECT " + ", ".join(f'median("{n}")' for n in numbers) + f" FROM {source}") if numbers else [()]
    )
    found: dict[str, float | str | None] = dict(zip(numbers, medians[0], strict=True))
    for name in texts:
        rows = engine.rows(
            f'SELECT "{name}" FROM {source} WHERE "{name}" IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1'
        )
        found[name] = rows[0][0] if rows else None
    return found
