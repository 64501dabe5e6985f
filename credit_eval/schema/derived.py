"""Columns that are made of other rows as rows are stored, where a source does not give them.

They need more than the row they stand in, so no feature could make them of it. Both look at the past of their own row
only, and an appended row never changes what older rows hold.

- `orders.category_median`: the lower median amount of the orders placed by anybody in the same category, of those
  that occurred within 90 days before the first of the month of the row *and were known before it*. An order is never
  among those it is compared with, and nor is any other of its month. NULL where they are fewer than 20.
- `browsing.session_id`: pages of one customer with less than 30 minutes between one and the next are a session, called
  `customer@second`, the second (since 1970, UTC) in which its first page was seen. A session that goes on in rows
  appended later keeps its name there. A page known late joins no two sessions that were apart when it was not known.

Of an order on 10 March, the median is that of orders placed from 1 December (90 days before 1 March) to 28 February. An
order of 27 February that became known on 2 March is not among them, whenever one asks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from credit_eval.schema.duckdb import DuckDB, Relation, select

MEDIAN_DAYS, FEWEST_ORDERS, SILENCE_MINUTES = 90, 20, 30

#: Rows with one column more, of rows and of those stored before (None: none are).
Derivation = Callable[[DuckDB, Relation, Relation | None], Relation]


@dataclass(frozen=True)
class Derived:
    """A derived column and the columns of its table that it `needs`."""

    table: str
    column: str
    needs: frozenset[str]
    derive: Derivation


def derived_columns(table: str, given: Collection[str]) -> tuple[str, ...]:
    """Columns that can be derived of those `given`, and are not given themselves.

    >>> derived_columns("orders", ["amount", "category"])
    ('category_median',)
    >>> derived_columns("browsing", ["event", "session_id"])
    ()
    """
    return tuple(
        one.column for one in _DERIVED if one.table == table and one.needs <= set(given) and one.column not in given
    )


def with_derived(
    engine: DuckDB, table: str, columns: Collection[str], rows: Relation, *, stored: Relation | None = None
) -> Relation:
    """Rows of stored columns, and these derived columns beside them.

    `stored` are rows of the table that came before, with their derived columns. Temporary tables of the engine hold
    what the relation reads, so it is to be read before the next one is asked for.
    """
    for one in _DERIVED:
        if one.table == table and one.column in columns:
            rows = one.derive(engine, rows, stored)
    return rows


def _with_category_median(engine: DuckDB, rows: Relation, stored: Relation | None) -> Relation:
    placed = "SELECT category, amount, occurred_at, known_at, status FROM"
    everybody = f"{placed} {rows}" if stored is None else f"{placed} {rows} UNION ALL {placed} {stored}"
    seen = f"FROM ({everybody}) WHERE status = 'placed' AND category IS NOT NULL {_within_reach(engine, rows, stored)}"
    engine.run(
        f"""CREATE OR REPLACE TEMP TABLE spans AS
            SELECT category, amount, date_trunc('month', known_at) + INTERVAL 1 MONTH AS first,
                   date_trunc('month', occurred_at + to_days({MEDIAN_DAYS})) AS last, count(*) AS n
            {seen} GROUP BY ALL"""
    )
    engine.run(_STEPS)
    engine.run(_RIGHT_STEP)
    engine.run(_MEDIANS)
    return select(f"""
        SELECT r.*, m.category_median
        FROM {rows} r LEFT JOIN category_medians m
        ON m.category = r.category AND m.month = date_trunc('month', r.occurred_at)""")


def _within_reach(engine: DuckDB, rows: Relation, stored: Relation | None) -> str:
    """Of what is stored, only orders that can be in the median of a month of `rows` are looked at."""
    if stored is None:
        return ""
    ((first, last),) = engine.rows(
        f"SELECT min(date_trunc('month', occurred_at)), max(date_trunc('month', occurred_at)) FROM {rows}"
    )
    return f"AND occurred_at >= TIMESTAMP '{first}' - to_days({MEDIAN_DAYS}) AND known_at < TIMESTAMP '{last}'"


#: A median takes memory for all of its amounts. So they are counted by their three leading digits first, which says
#: among which of them the median lies, and only those are then counted to the cent. An order counts for every month
#: from `first` to `last`.
_STEPS = """
    CREATE OR REPLACE TEMP VIEW steps AS
    SELECT category, amount, n, unnest(range(first, last + INTERVAL 1 DAY, INTERVAL 1 MONTH)) AS month,
           amount - amount % pow(10, greatest(length(floor(amount)::BIGINT::VARCHAR) - 3, 0))::BIGINT AS step
    FROM spans WHERE first <= last"""

_RIGHT_STEP = f"""
    CREATE OR REPLACE TEMP TABLE right_step AS
    SELECT category, month, min(step) AS step, min(upto - n) AS below, any_value(total) AS total
    FROM (SELECT *, sum(n) OVER (PARTITION BY category, month ORDER BY step) AS upto,
                 sum(n) OVER (PARTITION BY category, month) AS total
          FROM (SELECT category, month, step, sum(n) AS n FROM steps GROUP BY ALL))
    WHERE total >= {FEWEST_ORDERS} AND 2 * upto >= total
    GROUP BY category, month"""

_MEDIANS = """
    CREATE OR REPLACE TEMP TABLE category_medians AS
    SELECT category, month, min(amount) AS category_median
    FROM (SELECT *, below + sum(n) OVER (PARTITION BY category, month ORDER BY amount) AS upto
          FROM (SELECT category, month, amount, below, total, sum(n) AS n
                FROM steps JOIN right_step USING (category, month, step) GROUP BY ALL))
    WHERE 2 * upto >= total
    GROUP BY category, month"""


def _with_session(engine: DuckDB, rows: Relation, stored: Relation | None) -> Relation:
    """Each row that begins a session carries its name, the others take the name carried last.

    A page that became known after a later one did is not *in turn*: it joins the session before it, or is one of its
    own, and no other page joins it. So what a page belongs to was settled when the page became known.
    """
    pages = f"SELECT *, NULL::VARCHAR AS session_id, true AS is_new FROM {rows}"
    if stored is not None:
        ((first, last),) = engine.rows(f"SELECT min(occurred_at), max(occurred_at) FROM {rows}")
        pages += f"""
            UNION ALL BY NAME
            SELECT customer_id, occurred_at, session_id, false AS is_new
            FROM {stored} SEMI JOIN {rows} USING (customer_id)
            WHERE occurred_at BETWEEN TIMESTAMP '{first}' - {_SILENCE} AND TIMESTAMP '{last}'"""
    own = "customer_id || '@' || epoch_us(occurred_at) // 1000000"
    return select(f"""
        SELECT * EXCLUDE (is_new, session_id, in_turn, before, begins, named),
               CASE WHEN begins THEN {own} ELSE last_value(named IGNORE NULLS) OVER
                    (by_customer ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) END AS session_id
        FROM (SELECT *, CASE WHEN NOT is_new THEN session_id WHEN begins AND in_turn THEN {own} END AS named
              FROM (SELECT *, is_new AND coalesce(occurred_at - before >= {_SILENCE}, true) AS begins
                    FROM (SELECT *, last_value(CASE WHEN in_turn THEN occurred_at END IGNORE NULLS) OVER
                                    (by_customer ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                          FROM (SELECT *, coalesce(known_at <= min(known_at) OVER
                                    (by_customer ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), true) AS in_turn
                                FROM ({pages}) WINDOW by_customer AS ({_BY_CUSTOMER}))
                          WINDOW by_customer AS ({_BY_CUSTOMER}))))
        WINDOW by_customer AS ({_BY_CUSTOMER})
        QUALIFY is_new""")


_SILENCE = f"to_minutes({SILENCE_MINUTES})"

_BY_CUSTOMER = "PARTITION BY customer_id ORDER BY occurred_at, is_new"

_DERIVED = (
    Derived("orders", "category_median", frozenset({"category"}), _with_category_median),
    Derived("browsing", "session_id", frozenset(), _with_session),
)
