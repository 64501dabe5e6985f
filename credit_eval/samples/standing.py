"""Where a customer stands at `as_of`, for the policy: in default, overdue, cured of late, when the line last moved, and
what the customer asks for.

Facts, known strictly before `as_of`, from repayments and accounts; what follows from them is the policy's to say. They
are of the same definition as the labels: who is kept out of the sample is kept from new credit.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from credit_eval.samples.definition import (
    LACKS,
    DefaultDefinition,
    account_known_at,
    in_default_sql,
    lines,
    tells_payments,
)
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset


def standing(engine: DuckDB, dataset: Dataset, cohort: Path, definition: DefaultDefinition) -> pd.DataFrame:
    """Every member of a cohort file, one row each, ordered by customer_id and as_of.

    Returns customer_id, as_of and

    * in_default (bool): what is `days_past_due` or more days late is material;
    * overdue (bool): what is a day or more late is material;
    * days_since_cure (float): days since a line in default was paid, NaN where none was;
    * days_since_limit_change (float): days since the line was opened or last changed, NaN without an account;
    * amount_asked (float): the amount of the loan asked for at as_of, NaN where the cohort does not say.

    A source that does not tell payments has nobody in default, overdue or cured; the settings must say of it
    `assume_no_debt`.
    """
    asked = "amount" if "amount" in engine.columns(cohort) else "NULL"
    members = f"SELECT customer_id, as_of, {asked}::DOUBLE AS amount_asked FROM {parquet(cohort)}"
    frame = engine.frame(
        f"""WITH cohort AS ({members}), {_debts(dataset, definition)}, {_moves(dataset)}
            SELECT customer_id, as_of, coalesce(in_default, false) AS in_default, coalesce(overdue, false) AS overdue,
                   {_days("cured_at")} AS days_since_cure, {_days("moved_at")} AS days_since_limit_change, amount_asked
            FROM cohort LEFT JOIN debts USING (customer_id, as_of) LEFT JOIN moves USING (customer_id, as_of)
            ORDER BY customer_id, as_of"""
    )
    numbers = ("days_since_cure", "days_since_limit_change", "amount_asked")
    return frame.astype({"as_of": "datetime64[us]"} | dict.fromkeys(numbers, "float64"))


def _days(moment: str) -> str:
    return f"CASE WHEN {moment} IS NOT NULL THEN greatest(epoch_us(as_of) - epoch_us({moment}), 0) / 86400e6 END"


def _debts(dataset: Dataset, definition: DefaultDefinition) -> str:
    if not tells_payments(dataset):
        return (
            "debts AS (SELECT customer_id, as_of, false AS in_default, false AS overdue, NULL::TIMESTAMP AS cured_at"
            " FROM cohort)"
        )
    return f"""
        {lines(dataset, definition)},
        debts AS (
            SELECT customer_id, as_of, {in_default_sql(definition)} AS in_default,
                   coalesce(sum({LACKS}) FILTER (due_at + INTERVAL 1 DAY <= as_of), 0)
                       > {definition.material_absolute} AS overdue,
                   max(seen_at) FILTER (drawn_at < as_of AND seen_at < as_of AND hit_at <= paid_at) AS cured_at
            FROM cohort JOIN lines USING (customer_id) GROUP BY ALL)"""


def _moves(dataset: Dataset) -> str:
    if not dataset.has("accounts"):
        return "moves AS (SELECT customer_id, as_of, NULL::TIMESTAMP AS moved_at FROM cohort)"
    return f"""
        moves AS (
            SELECT customer_id, as_of, max(occurred_at) AS moved_at
            FROM cohort JOIN (SELECT customer_id, occurred_at, {account_known_at(dataset)} AS told
                              FROM {parquet(dataset.paths("accounts"))}) USING (customer_id)
            WHERE told < as_of GROUP BY ALL)"""
