"""Where a customer stands at `as_of`, for the policy: what is late, when the line last moved, what can be afforded, and
what is asked for.

Facts, known strictly before `as_of`, from repayments and accounts; what follows from them is the policy's to say. They
are of the same definition as the labels: who is kept out of the sample is kept from new credit.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from credit_eval.samples.definition import (
    LACKS,
    NO_LINES,
    DefaultDefinition,
    account_known_at,
    in_default_sql,
    lines,
    tells_payments,
)
from credit_eval.samples.means import means_sql
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset


def standing(engine: DuckDB, dataset: Dataset, cohort: Path, definition: DefaultDefinition) -> pd.DataFrame:
    """Every member of a cohort file, one row each, ordered by customer_id and as_of.

    Returns customer_id, as_of and

    * in_default (bool): what is `days_past_due` or more days late is material;
    * overdue (bool): what is a day or more late is material;
    * days_past_due (float): of the oldest line that is late, where that is material; 0 where nothing is;
    * days_since_cure (float): days since a line in default was paid, NaN where none was;
    * days_since_limit_change (float): days since the line was opened or last changed, NaN without an account, and
      months_since_limit_change (float): whole months since the day of that;
    * amount_asked (float): the amount of the loan asked for at as_of, NaN where the cohort does not say;
    * own_inflow, debt_service, unbilled, monthly_income (float): as `samples.means` says;
    * data_age (float): days since anything of repayments became known of anybody, NaN where nothing ever did.

    A source that does not tell payments has nobody in default, overdue or cured; the settings must say of it
    `assume_no_debt`.
    """
    asked = "amount" if "amount" in engine.columns(cohort) else "NULL"
    members = f"SELECT customer_id, as_of, {asked}::DOUBLE AS amount_asked FROM {parquet(cohort)}"
    frame = engine.frame(
        f"""WITH cohort AS ({members}), {_lines(dataset, definition)}, {_debts(definition)}, {_moves(dataset)},
                 {means_sql(dataset)}, {_HEARD}
            SELECT customer_id, as_of, coalesce(in_default, false) AS in_default, coalesce(overdue, false) AS overdue,
                   CASE WHEN overdue THEN days_past_due ELSE 0 END AS days_past_due,
                   {_days("cured_at")} AS days_since_cure, {_days("moved_at")} AS days_since_limit_change, amount_asked,
                   greatest(datesub('month', date_trunc('day', moved_at), as_of), 0) AS months_since_limit_change,
                   own_inflow, debt_service, unbilled, monthly_income, {_days("heard_at")} AS data_age
            FROM cohort LEFT JOIN debts USING (customer_id, as_of) LEFT JOIN moves USING (customer_id, as_of)
                 LEFT JOIN means USING (customer_id, as_of) LEFT JOIN heard USING (as_of)
            ORDER BY customer_id, as_of"""
    )
    numbers = [name for name in frame if name not in ("customer_id", "as_of", "in_default", "overdue")]
    return frame.astype({"as_of": "datetime64[us]"} | dict.fromkeys(numbers, "float64"))


def _days(moment: str) -> str:
    return f"CASE WHEN {moment} IS NOT NULL THEN greatest(epoch_us(as_of) - epoch_us({moment}), 0) / 86400e6 END"


#: When anything was last heard of repayments, of anybody.
_HEARD = """
    heard AS (
        SELECT as_of, told AS heard_at FROM (SELECT DISTINCT as_of FROM cohort) c ASOF LEFT JOIN
            (SELECT DISTINCT unnest([drawn_at, seen_at]) AS told FROM lines) l ON c.as_of > l.told)"""


def _lines(dataset: Dataset, definition: DefaultDefinition) -> str:
    """The schedule lines; none of a source that does not tell payments."""
    return lines(dataset, definition) if tells_payments(dataset) else NO_LINES


def _debts(definition: DefaultDefinition) -> str:
    return f"""
        debts AS (
            SELECT customer_id, as_of, {in_default_sql(definition)} AS in_default,
                   coalesce(sum({LACKS}) FILTER (due_at + INTERVAL 1 DAY <= as_of), 0)
                       > {definition.material_absolute} AS overdue,
                   max(CASE WHEN {LACKS} > 0 THEN (epoch_us(as_of) - epoch_us(due_at)) / 86400e6 END) AS days_past_due,
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
