"""SQL that folds the rows of a stream to tiles, in DuckDB."""

from __future__ import annotations

from collections.abc import Iterable

from credit_eval.events.engines.plan import Wanted
from credit_eval.events.engines.sql import render_rows
from credit_eval.events.engines.tiles import Partial
from credit_eval.events.query import Aggregate, type_of
from credit_eval.events.tables import table_named


def day_statement(wanted: Wanted, partials: Iterable[Partial]) -> str:
    """SQL that folds one stream's rows to day tiles. Its rows come as the row statement's do, by customer."""
    columns = [f"{_folded(wanted, partial)} AS {partial.column}" for partial in partials]
    return _tiled(wanted, columns, keys=3)


def value_statement(wanted: Wanted, of: Aggregate) -> str:
    """SQL that folds one stream's rows to value tiles."""
    assert of.value is not None  # the declaration was checked
    value = f"v{wanted.values.index(of.value)}"
    kept = f"{value} IS NOT NULL" + (f" AND c{wanted.conditions.index(of.where)}" if of.where else "")
    text = type_of(of.value, table_named(of.table)) == "text"
    code = f"CAST(md5_number_lower({value}) >> 1 AS BIGINT)" if text else value
    return _tiled(wanted, [f"{code} AS value", "CAST(count(*) AS INTEGER) AS n"], keys=4, kept=kept)


def _tiled(wanted: Wanted, columns: list[str], *, keys: int, kept: str = "true") -> str:
    day = "CAST(floor(epoch_us({}) / 86400000000.0) AS INTEGER)"
    late = f"CASE WHEN known IS NULL THEN {day.format('clock')} ELSE {day.format('known')} END"
    places = ", ".join(str(place + 1) for place in range(keys))
    return (
        f"SELECT number AS customer_id, {day.format('clock')} AS day, {late} AS known, {', '.join(columns)} "
        f"FROM ({render_rows(wanted, everybody=True)}) AS r WHERE {kept} GROUP BY {places} ORDER BY {places}"
    )


def _folded(wanted: Wanted, partial: Partial) -> str:
    value = None if partial.value is None else f"v{wanted.values.index(partial.value)}"
    tests = [f"c{wanted.conditions.index(partial.where)}"] if partial.where else []
    tests += [f"{value} IS NOT NULL"] if value else []
    kept = f" FILTER (WHERE {' AND '.join(tests)})" if tests else ""
    unit = f"{value} * {10**partial.scale}"
    match partial.what:
        case "n":
            return f"CAST(count(*){kept} AS INTEGER)"
        case "s":
            return f"CAST(coalesce(sum(CAST({unit} AS BIGINT)){kept}, 0) AS BIGINT)"
        case "q":
            wide = f"CAST({unit} AS DECIMAL(19, 0))"
            return f"coalesce(sum(CAST({wide} * {wide} AS DECIMAL(38, 0))){kept}, 0)"
        case "a" | "z":
            return f"CAST({'min' if partial.what == 'a' else 'max'}({unit}){kept} AS BIGINT)"
        case "f" | "l":
            return f"epoch_us({'min' if partial.what == 'f' else 'max'}(clock){kept})"
        case _:
            return f"max({{t: clock, v: {value}}}){kept}.v"
