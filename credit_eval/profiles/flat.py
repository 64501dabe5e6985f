"""What a flat table gives beside what engines compute: joined to the parts of profiles by customer_id and as_of."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from credit_eval.core.errors import CohortError
from credit_eval.engine.base import part, write_part
from credit_eval.language.catalogue import Catalogue
from credit_eval.language.measures import Given
from credit_eval.schema.duckdb import DuckDB, parquet, quote
from credit_eval.schema.store import Dataset


def join_flat(dataset: Dataset, provided: Catalogue, building: Path) -> None:
    """Add the columns of the flat table to every part, in the catalogue's order; memory is that of a part.

    A member that the flat table does not hold has none of them; where there are no events either, nothing is known of
    it, and it is refused.

    Raises:
        CohortError: members of whom nothing is known.
    """
    if not provided.given:
        return
    with DuckDB() as engine:
        for number in range(len(list(building.glob("part-*.parquet")))):
            computed = pq.read_table(part(building, number))
            given = _given(engine, dataset.flat_path, part(building, number), provided.given)
            if not provided.measures:
                _check_there(given)
            columns = {name: (given if name in provided.given else computed)[name] for name in provided.names}
            keys = {name: computed[name] for name in ("customer_id", "as_of")}
            write_part(pa.table(keys | columns), building, number)


def _given(engine: DuckDB, flat: Path, of: Path, columns: dict[str, Given]) -> pa.Table:
    """The flat table's rows of a part's members, in their order."""
    ((first, last),) = engine.rows(f"SELECT min(customer_id), max(customer_id) FROM {parquet(of)}")
    told = ", ".join(f"{_value(given)} AS {name}" for name, given in columns.items())
    return engine.arrow(
        f"""SELECT customer_id, as_of, there, {told}
            FROM (SELECT customer_id, as_of, row_number() OVER () AS place FROM {parquet(of)})
            LEFT JOIN (SELECT *, true AS there FROM {parquet(flat)}
                       WHERE customer_id BETWEEN {quote(str(first))} AND {quote(str(last))})
            USING (customer_id, as_of) ORDER BY place"""
    )


def _value(given: Given) -> str:
    if given.type == "date":
        return f"(epoch_us(as_of) - epoch_us({given.column})) / 86400e6"
    return given.column


def _check_there(given: pa.Table) -> None:
    if n := given["there"].null_count:
        rows = given.filter(given["there"].is_null())["customer_id"]
        raise CohortError(
            "the flat table does not hold some of the cohort",
            expected="a row of its customer_id and as_of for each",
            rows=rows[:3].to_pylist(),
            n_rows=n,
            todo="name customers and dates of its own rows",
        )
