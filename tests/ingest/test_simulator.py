"""The simulated data set: deterministic, consistent with itself and with the declared tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from credit_eval.core.errors import OutputExistsError, SourceError
from credit_eval.core.seals import sha256_file
from credit_eval.ingest.simulator.orders import draw_orders
from credit_eval.ingest.simulator.parameters import Parameters, markdown
from credit_eval.ingest.simulator.population import draw_population
from credit_eval.ingest.simulator.purchases import draw_purchases
from credit_eval.ingest.simulator.rhythm import SECOND_US, Calendar, make_calendar
from credit_eval.ingest.simulator.run import ROWS_PER_GROUP, TRUTH, simulate
from credit_eval.ingest.simulator.states import draw_states
from credit_eval.schema.duckdb import DuckDB, quote
from credit_eval.schema.store import Dataset, check_sorted, open_dataset
from credit_eval.schema.tables import TABLES

CUSTOMERS = 2_300  # two whole blocks and a part of a third
SORTED_BY = {
    "customers": "customer_id",
    "orders": "customer_id, occurred_at, order_id, status",
    "payments": "customer_id, occurred_at, payment_id",
    "browsing": "customer_id, occurred_at",
    "behaviour": "customer_id, occurred_at",
    "accounts": "customer_id, occurred_at, account_id",
    "repayments": "customer_id, occurred_at, installment_id",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("simulated")
    return simulate(root / "raw", root / "truth", customers=CUSTOMERS)


@pytest.fixture(scope="module")
def engine(data: Dataset) -> Iterator[DuckDB]:
    with DuckDB(threads=1) as opened:
        for table in data.tables:
            opened.run(f"CREATE VIEW {table} AS FROM read_parquet({quote(data.path(table))})")
        yield opened


def truth_path(data: Dataset) -> Path:
    return data.root.parent.parent / "truth" / data.name / f"{TRUTH}.parquet"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(data: Dataset, tmp_path: Path) -> None:
    again = simulate(tmp_path / "raw", tmp_path / "truth", customers=CUSTOMERS)
    assert again.info == data.info
    assert sha256_file(truth_path(again)) == sha256_file(truth_path(data))
    other = simulate(tmp_path / "raw", tmp_path / "truth", customers=300, seed=8, name="other")
    assert other.info.hashes["orders.parquet"] != data.info.hashes["orders.parquet"]


def test_more_customers_leave_the_earlier_blocks_as_they_are(data: Dataset, tmp_path: Path) -> None:
    fewer = simulate(tmp_path / "raw", tmp_path / "truth", customers=1_000)
    for table in data.tables:
        own = [name for name in data.info.columns[table] if name not in data.info.derived.get(table, [])]
        small, large = (pq.read_table(made.path(table), columns=own) for made in (fewer, data))
        assert large.slice(0, len(small)).equals(small), table


def test_what_the_data_set_says_of_itself_is_true(data: Dataset) -> None:
    assert open_dataset(data.root) == data
    assert (data.info.known_from, data.info.known_until) == (datetime(2025, 1, 1), datetime(2026, 7, 1))
    assert data.info.rows["customers"] == CUSTOMERS
    for table in data.tables:
        assert sha256_file(data.path(table)) == data.info.hashes[f"{table}.parquet"]
        assert pq.read_metadata(data.path(table)).num_rows == data.info.rows[table]


@pytest.mark.parametrize("table", SORTED_BY)
def test_tables_keep_their_declaration(table: str, data: Dataset, engine: DuckDB) -> None:
    declared = TABLES[table]
    engine_types = {"text": "VARCHAR", "int": "BIGINT", "decimal": "DECIMAL(18,2)", "timestamp": "TIMESTAMP"}
    found = engine.columns(data.path(table))
    columns = [c for c in declared.all_columns if c.name in found]
    assert list(found) == [c.name for c in columns] == data.info.columns[table]
    for column in columns:
        assert found[column.name] == engine_types.get(column.type, "BOOLEAN")
        if column.required:
            assert engine.scalar(f"SELECT count(*) FROM {table} WHERE {column.name} IS NULL") == 0
        if column.values:
            values = engine.rows(f"SELECT DISTINCT {column.name} FROM {table} WHERE {column.name} IS NOT NULL")
            assert {value for (value,) in values} <= set(column.values)
        if column.at_least is not None:
            assert engine.scalar(f"SELECT min({column.name}) FROM {table}") >= column.at_least
    assert {c.name for c in declared.required_columns} <= set(found)


@pytest.mark.parametrize(("table", "order"), SORTED_BY.items())
def test_rows_are_sorted_and_keys_unique(table: str, order: str, data: Dataset, engine: DuckDB) -> None:
    keys = order.split(", ")
    rows = pq.read_table(data.path(table), columns=keys)
    assert rows.equals(rows.sort_by([(key, "ascending") for key in keys]))
    if key := ", ".join(column for column in TABLES[table].key if column in data.info.columns[table]):
        assert engine.scalar(f"SELECT count(*) - count(DISTINCT ({key})) FROM {table}") == 0
    sizes = pq.read_metadata(data.path(table))
    groups = [sizes.row_group(number).num_rows for number in range(sizes.num_row_groups)]
    assert max(groups) <= 1.05 * ROWS_PER_GROUP
    assert min(groups[:-1], default=ROWS_PER_GROUP) >= ROWS_PER_GROUP
    check_sorted(data.path(table))
    assert sizes.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("table", SORTED_BY)
def test_nothing_is_known_at_the_data_end_nor_before_it_happened(table: str, engine: DuckDB) -> None:
    end = "TIMESTAMP '2026-07-01'"
    assert engine.scalar(f"SELECT count(*) FROM {table} WHERE known_at >= {end} OR known_at < occurred_at") == 0


@pytest.mark.parametrize(
    ("law", "broken"),
    [
        (
            "events come after registration",
            "SELECT * FROM (SELECT customer_id, occurred_at AS moment FROM orders UNION ALL"
            " SELECT customer_id, occurred_at FROM browsing UNION ALL SELECT customer_id, occurred_at FROM behaviour"
            " UNION ALL SELECT customer_id, occurred_at FROM payments UNION ALL SELECT customer_id, opened_at"
            " FROM accounts) e JOIN customers c USING (customer_id) WHERE e.moment < c.occurred_at",
        ),
        (
            "every event has its customer",
            "SELECT customer_id FROM (SELECT customer_id FROM orders UNION SELECT customer_id FROM browsing UNION"
            " SELECT customer_id FROM behaviour UNION SELECT customer_id FROM accounts) ANTI JOIN customers"
            " USING (customer_id)",
        ),
        (
            "a payment's order was placed by that customer, for that amount, before",
            "SELECT * FROM payments p ANTI JOIN orders o ON o.order_id = p.order_id AND o.status = 'placed' AND"
            " o.customer_id = p.customer_id AND o.amount = p.amount AND o.occurred_at < p.occurred_at",
        ),
        (
            "a line's account was opened by that customer before",
            "SELECT * FROM repayments r ANTI JOIN accounts a ON a.account_id = r.account_id AND a.customer_id ="
            " r.customer_id AND a.opened_at <= r.occurred_at AND a.occurred_at = a.opened_at",
        ),
        (
            "what falls due in a month was drawn up before the month began",
            "SELECT * FROM repayments WHERE known_at >= date_trunc('month', due_at)",
        ),
        (
            "what falls due together is paid together",
            "SELECT account_id FROM repayments GROUP BY account_id, due_at HAVING count(DISTINCT paid_at) > 1 OR"
            " count(paid_at) NOT IN (0, count(*)) OR count(DISTINCT paid_known_at) > 1",
        ),
        (
            "a payment is whole: when, how much (at most what is due), known after it happened and before the end",
            "SELECT * FROM repayments WHERE (paid_at IS NULL) <> (paid_amount IS NULL) OR (paid_at IS NULL) <>"
            " (paid_known_at IS NULL) OR paid_amount <> due_amount OR paid_known_at < paid_at OR paid_at < occurred_at"
            " OR paid_known_at >= TIMESTAMP '2026-07-01'",
        ),
        (
            "paid orders have one successful payment and only they do",
            "SELECT order_id FROM (SELECT order_id FROM orders WHERE status = 'paid') o FULL JOIN (SELECT order_id,"
            " count(*) AS n FROM payments WHERE outcome = 'succeeded' GROUP BY 1) p USING (order_id) JOIN"
            " (SELECT order_id, min(occurred_at) AS began FROM orders GROUP BY 1) USING (order_id)"
            " WHERE (o.order_id IS NULL OR p.order_id IS NULL OR n > 1) AND began < TIMESTAMP '2026-06-15'",
        ),
        (
            "an order is not both paid and cancelled, nor returned without having been paid",
            "SELECT order_id FROM orders GROUP BY 1 HAVING count_if(status = 'paid') * count_if(status = 'cancelled')"
            " > 0 OR count_if(status = 'returned') > count_if(status = 'paid') OR count_if(status = 'placed') <> 1",
        ),
        (
            "failures and only failures have causes",
            "FROM payments WHERE (outcome = 'failed') <> (failure_cause IS NOT NULL)",
        ),
        (
            "no more is billed than was bought on the line",
            "SELECT * FROM (SELECT customer_id, sum(due_amount) AS billed FROM repayments GROUP BY 1) LEFT JOIN"
            " (SELECT customer_id, sum(amount) AS bought FROM payments WHERE method = 'bnpl' AND outcome = 'succeeded'"
            " GROUP BY 1) USING (customer_id) WHERE billed > coalesce(bought, 0)",
        ),
        (
            "nothing is bought on a blocked line",
            "SELECT * FROM payments p JOIN accounts a USING (customer_id) WHERE a.credit_limit = 0"
            " AND p.method = 'bnpl' AND p.occurred_at > a.occurred_at + INTERVAL 2 DAY AND p.occurred_at >"
            " date_trunc('month', a.occurred_at) + INTERVAL 32 DAY",
        ),
    ],
)
def test_the_events_agree_with_each_other(law: str, broken: str, engine: DuckDB) -> None:
    assert engine.scalar(f"SELECT count(*) FROM ({broken})") == 0, law


# Returns follow a purchase by two weeks at most, so only purchases of the data's last month may hide one to come.
KEPT_ON_LINE = """
    SELECT customer_id, amount, payments.occurred_at, payments.known_at
    FROM payments ANTI JOIN (FROM orders WHERE status = 'returned') returned USING (order_id)
    WHERE method = 'bnpl' AND outcome = 'succeeded'"""


def test_a_bill_closes_its_month_and_holds_its_purchases_to_the_cent(engine: DuckDB) -> None:
    bills, unequal, early = engine.rows(f"""
        WITH bought AS (
            SELECT customer_id, date_trunc('month', occurred_at) AS month, sum(amount) AS amount,
                max(greatest(occurred_at, known_at)) AS latest
            FROM ({KEPT_ON_LINE}) GROUP BY ALL),
        billed AS (
            SELECT customer_id, date_trunc('month', occurred_at) AS month, sum(due_amount) AS amount,
                min(occurred_at) AS bill_at, max(known_at) AS bill_known_at
            FROM repayments GROUP BY ALL)
        SELECT count(billed.month), count_if(bought.amount IS DISTINCT FROM billed.amount),
            count_if(bill_at < latest OR bill_at <> bill_known_at
                OR bill_at <> month + INTERVAL 1 MONTH - INTERVAL 1 SECOND)
        FROM bought FULL JOIN billed USING (customer_id, month) WHERE month < TIMESTAMP '2026-06-01'
    """)[0]
    assert bills > 5_000
    assert (unequal, early) == (0, 0)


@pytest.mark.parametrize("as_of", ["2025-02-01", "2025-09-01", "2026-01-01", "2026-03-01", "2026-06-01"])
def test_the_balance_seen_at_a_month_start_is_all_that_was_bought_and_not_paid(as_of: str, engine: DuckDB) -> None:
    """Exactly, for every customer: neither hidden debt nor a bill for nothing."""
    owing, unequal = engine.rows(f"""
        WITH bought AS (SELECT customer_id, sum(amount) AS bought FROM ({KEPT_ON_LINE})
            WHERE occurred_at < TIMESTAMP '{as_of}' GROUP BY 1),
        lines AS (SELECT customer_id, due_amount, coalesce(paid_known_at < TIMESTAMP '{as_of}', FALSE) AS paid
            FROM repayments WHERE known_at < TIMESTAMP '{as_of}'),
        seen AS (SELECT customer_id, coalesce(sum(due_amount) FILTER (NOT paid), 0) AS owed,
            coalesce(sum(due_amount) FILTER (paid), 0) AS paid FROM lines GROUP BY 1)
        SELECT count_if(owed > 0), count_if(bought - paid IS DISTINCT FROM owed)
        FROM bought FULL JOIN seen USING (customer_id)
    """)[0]
    assert owing > 200
    assert unequal == 0


def test_purchases_that_will_be_returned_hide_little_from_the_balance(engine: DuckDB) -> None:
    """They are on the line and on no bill; the page in docs says how much that is."""
    returned, owed = engine.rows("""
        WITH starts AS (SELECT unnest(generate_series(TIMESTAMP '2025-05-01', TIMESTAMP '2026-06-01',
            INTERVAL 1 MONTH)) AS as_of),
        waiting AS (SELECT p.amount, p.occurred_at, o.occurred_at AS returned_at FROM payments p
            JOIN orders o ON o.order_id = p.order_id AND o.status = 'returned'
            WHERE method = 'bnpl' AND outcome = 'succeeded')
        SELECT (SELECT sum(amount) FROM starts JOIN waiting ON occurred_at < as_of AND returned_at >= as_of),
            (SELECT sum(due_amount) FROM starts JOIN repayments r
                ON r.known_at < as_of AND coalesce(r.paid_known_at >= as_of, TRUE))
    """)[0]
    assert 0.005 < returned / owed < 0.025


def test_the_last_month_is_billed_before_the_data_end_and_not_paid(engine: DuckDB) -> None:
    last, paid, instalments = engine.rows("""
        SELECT count(*), count(paid_at), count(DISTINCT due_at - INTERVAL 16 DAY > TIMESTAMP '2026-08-01')
        FROM repayments WHERE known_at = TIMESTAMP '2026-06-30 23:59:59'
    """)[0]
    assert last > 300
    assert (paid, instalments) == (0, 2)


def test_an_order_of_the_last_moment_is_on_the_bill_of_its_month(monkeypatch: pytest.MonkeyPatch) -> None:
    """By construction: all orders drawn in their months' last microsecond, all on the line, all paid in time."""
    world = Parameters()
    calendar = make_calendar(6, world.growth, world.season)
    monkeypatch.setattr(Calendar, "moments", lambda self, rng, month, night: self.starts[month + 1] - 1)
    rngs = [np.random.default_rng(stream) for stream in np.random.SeedSequence(3).spawn(4)]
    people = draw_population(rngs[0], 0, 1_000, calendar, world)
    states = draw_states(rngs[1], people, calendar, world)
    orders = draw_orders(rngs[2], people, states, calendar, world)
    on_line = np.ones(len(orders), dtype=np.bool_)
    bought = draw_purchases(rngs[3], people, orders, on_line, states.ability, calendar, world)
    closing = calendar.closing(orders.month)[:, None]
    assert len(orders) > 1_000
    assert (np.diff(np.column_stack([orders.at, bought.tried_at, closing]), axis=1) > 0).all()
    assert (bought.settled_at + 2 * SECOND_US <= closing[:, 0]).all()  # the order's status follows its payment
    assert ((bought.tried_at <= bought.known_at) & (bought.known_at <= closing)).all()


def test_size_and_lateness_are_as_promised(data: Dataset, engine: DuckDB) -> None:
    assert 100 <= sum(data.info.rows.values()) / CUSTOMERS <= 200
    late = engine.scalar("SELECT avg((known_at > occurred_at)::INT) FROM payments")
    assert late == pytest.approx(0.02, abs=0.005)


def test_events_follow_the_week_and_the_day(engine: DuckDB) -> None:
    days = dict(engine.rows("SELECT dayofweek(occurred_at), count(*) FROM browsing GROUP BY 1"))
    hours = dict(engine.rows("SELECT hour(occurred_at), count(*) FROM browsing GROUP BY 1"))
    assert days[6] > 1.1 * days[2]  # Saturday, Tuesday
    assert hours[20] > 3 * hours[4]


def test_truth_lies_apart_and_is_complete(data: Dataset, engine: DuckDB) -> None:
    truth = pq.read_table(truth_path(data)).to_pandas()
    assert list(truth) == ["customer_id", "as_of", "true_p_default"]
    assert not truth.duplicated(["customer_id", "as_of"]).any()
    assert sorted(truth.as_of.unique())[0] == np.datetime64("2025-05-01")
    assert sorted(truth.as_of.unique())[-1] == np.datetime64("2026-07-01")
    assert truth.true_p_default.between(0, 1).all()
    assert not any(data.root.rglob("*true*"))
    engine.register("truth", truth)
    assert engine.scalar("SELECT count(*) FROM truth ANTI JOIN accounts a ON a.customer_id = truth.customer_id"
                         " AND a.opened_at < truth.as_of") == 0  # fmt: skip


def test_progress_is_told_block_by_block(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(
        tmp_path / "raw",
        tmp_path / "truth",
        customers=1_200,
        months=6,
        tick=lambda _, done, total: told.append((done, total)),
    )
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"customers": 10_000_000}, {"months": 5}, {"months": 61}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot simulate that many"):
        simulate(tmp_path / "raw", tmp_path / "truth", **wrong)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_truth_within_the_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="truth would lie within"):
        simulate(tmp_path, tmp_path, customers=10)


def test_an_existing_data_set_is_kept_unless_replaced(tmp_path: Path) -> None:
    first = simulate(tmp_path / "raw", tmp_path / "truth", customers=10, months=6)
    with pytest.raises(OutputExistsError):
        simulate(tmp_path / "raw", tmp_path / "truth", customers=20, months=6)
    assert open_dataset(first.root) == first
    replaced = simulate(tmp_path / "raw", tmp_path / "truth", customers=20, months=6, replace=True)
    assert replaced.info.rows["customers"] == 20


def test_the_page_in_docs_lists_the_parameters_as_they_are() -> None:
    page = Path(__file__).parents[2] / "docs" / "simulator.md"
    assert markdown() in page.read_text()
