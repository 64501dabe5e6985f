"""What a customer pays with their own money, and what they owe here each month: what credit can be afforded from.

Turnover is no means to repay if credit bought it. So own money is what was paid without credit in the last 180 days,
less what came back of those orders; turning a purchase from wallet to credit lowers it. A source that does not say how
orders were paid has what was ordered, net, less what was drawn on credit here in that time. One that tells neither has
nothing to estimate from. All of it is an estimate of income from one shop's view, and a low one.

Someone paid 600 by wallet and 300 on credit in half a year, and sent back an order of 120 that they had paid by card
before: own money is 600 + 120 - 120 = 600, so 100 a month. Instalments of 40 fall due within 30 days: 60 are left.
"""

from __future__ import annotations

from credit_eval.schema.duckdb import parquet
from credit_eval.schema.store import Dataset

#: Ways to pay that are credit; and days that the estimate looks back, as so many months.
CREDIT = ("bnpl",)
DAYS, MONTHS = 180, 6
#: Debt service is what falls due within so many days, or is late already.
SERVICE_DAYS = 30

_ENDS = "status IN ('returned', 'cancelled', 'declined')"


def means_sql(dataset: Dataset) -> str:
    """SQL of `means`, made of `cohort` and `lines`: own_inflow (NULL: unknown), debt_service, unbilled, monthly_income.

    A row per member: amounts of `DAYS` days, of `SERVICE_DAYS` days, of what credit bought since the last statement,
    and a month's declared income (NULL where unknown).
    """
    return f"""
        own AS ({_own(dataset)}),
        service AS (
            SELECT customer_id, as_of,
                   sum(due_amount - CASE WHEN part_known_at < as_of THEN part ELSE 0 END) AS debt_service
            FROM cohort JOIN lines USING (customer_id)
            WHERE drawn_at < as_of AND (seen_at IS NULL OR seen_at >= as_of)
              AND due_at < as_of + to_days({SERVICE_DAYS})
            GROUP BY ALL),
        unbilled AS ({_unbilled(dataset)}),
        income AS ({_income(dataset)}),
        means AS (
            SELECT customer_id, as_of, {_known("own_inflow", dataset)} AS own_inflow,
                   coalesce(debt_service, 0) AS debt_service, coalesce(unbilled, 0) AS unbilled, monthly_income
            FROM cohort LEFT JOIN own USING (customer_id, as_of) LEFT JOIN service USING (customer_id, as_of)
                 LEFT JOIN unbilled USING (customer_id, as_of) LEFT JOIN income USING (customer_id, as_of))"""


def tells_means(dataset: Dataset) -> bool:
    """Whether there is anything to estimate own money from."""
    return _tells_methods(dataset) or dataset.has("orders", "amount")


def _tells_methods(dataset: Dataset) -> bool:
    return dataset.has("payments", "method", "order_id")


def _known(column: str, dataset: Dataset) -> str:
    return f"greatest(coalesce({column}, 0), 0)" if tells_means(dataset) else "NULL"


def _own(dataset: Dataset) -> str:
    if _tells_methods(dataset):
        moves = _paid_and_refunded(dataset)
    elif dataset.has("orders", "amount"):
        moves = _ordered_and_drawn(dataset)
    else:
        return "SELECT customer_id, as_of, NULL AS own_inflow FROM cohort"
    return f"""
        SELECT customer_id, as_of, sum(amount) AS own_inflow
        FROM cohort JOIN ({moves}) moves USING (customer_id)
        WHERE known_at < as_of AND occurred_at >= as_of - to_days({DAYS}) AND occurred_at < as_of
        GROUP BY ALL"""


def _paid_and_refunded(dataset: Dataset) -> str:
    """What was paid without credit, and what of that came back."""
    credit = ", ".join(f"'{method}'" for method in CREDIT)
    paid = f"""
        SELECT customer_id, order_id, occurred_at, known_at, amount FROM {parquet(dataset.paths("payments"))}
        WHERE outcome = 'succeeded' AND method NOT IN ({credit})"""
    if not dataset.has("orders", "status"):
        return f"SELECT customer_id, occurred_at, known_at, amount FROM ({paid})"
    return f"""
        SELECT customer_id, occurred_at, known_at, amount FROM ({paid})
        UNION ALL
        SELECT o.customer_id, o.occurred_at, o.known_at, -least(o.amount, p.amount)
        FROM {parquet(dataset.paths("orders"))} o
        JOIN (SELECT order_id, sum(amount) AS amount FROM ({paid}) GROUP BY ALL) p USING (order_id)
        WHERE {_ENDS}"""


def _ordered_and_drawn(dataset: Dataset) -> str:
    """What was ordered, less what came back, less what was drawn on credit."""
    sign = f"CASE WHEN status = 'placed' THEN amount WHEN {_ENDS} THEN -amount ELSE 0 END"
    return f"""
        SELECT customer_id, occurred_at, known_at, {sign} AS amount FROM {parquet(dataset.paths("orders"))}
        UNION ALL SELECT customer_id, drawn_at, drawn_at, -due_amount FROM lines"""


def _unbilled(dataset: Dataset) -> str:
    """Bought on credit after the last statement: owed already, though no schedule line says so yet.

    Where lines are drawn up at the purchase itself, they may be some minutes older than its payment.
    """
    if not _tells_methods(dataset):
        return "SELECT customer_id, as_of, 0 AS unbilled FROM cohort"
    credit = ", ".join(f"'{method}'" for method in CREDIT)
    back = f"""
        SELECT order_id, max(known_at) AS back_at FROM {parquet(dataset.paths("orders"))} WHERE {_ENDS} GROUP BY ALL"""
    bought = f"SELECT customer_id, order_id, occurred_at, known_at, amount FROM {parquet(dataset.paths('payments'))}"
    return f"""
        SELECT customer_id, as_of, sum(amount) AS unbilled
        FROM cohort JOIN ({bought} WHERE outcome = 'succeeded' AND method IN ({credit})) USING (customer_id)
        LEFT JOIN (SELECT customer_id, as_of, max(drawn_at) AS billed_at
                   FROM cohort JOIN lines USING (customer_id) WHERE drawn_at < as_of GROUP BY ALL)
             USING (customer_id, as_of)
        LEFT JOIN ({back}) USING (order_id)
        WHERE known_at < as_of AND occurred_at > coalesce(billed_at + INTERVAL 1 HOUR, TIMESTAMP '1900-01-01')
          AND (back_at IS NULL OR back_at >= as_of)
        GROUP BY ALL"""


def _income(dataset: Dataset) -> str:
    if not dataset.has("customers", "monthly_income"):
        return "SELECT customer_id, as_of, NULL::DOUBLE AS monthly_income FROM cohort"
    return f"""
        SELECT customer_id, as_of, arg_max(monthly_income, occurred_at)::DOUBLE AS monthly_income
        FROM cohort JOIN {parquet(dataset.paths("customers"))} USING (customer_id)
        WHERE known_at < as_of AND monthly_income IS NOT NULL GROUP BY ALL"""
