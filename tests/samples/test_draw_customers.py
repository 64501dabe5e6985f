"""Of a sample that is too large, customers are drawn: at random, with all their rows, the same on every machine."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from credit_eval.samples.cohorts import draw_customers
from credit_eval.schema.duckdb import DuckDB

START = datetime(2026, 1, 1)


@pytest.fixture
def cohort(tmp_path):
    """2,000 customers with one to three rows each."""
    rows = [(f"c{n:05}", START + timedelta(days=30 * k)) for n in range(2_000) for k in range(1 + n % 3)]
    frame = pd.DataFrame(rows, columns=["customer_id", "as_of"]).astype({"as_of": "datetime64[us]"})
    frame.to_parquet(tmp_path / "cohort.parquet", index=False)
    return tmp_path / "cohort.parquet"


def drawn(cohort, max_rows, seed=1):
    with DuckDB(threads=1) as engine:
        path, found = draw_customers(engine, cohort, cohort.with_name("drawn.parquet"), max_rows=max_rows, seed=seed)
    return path, found, pd.read_parquet(path)


def test_customers_come_with_all_their_rows_in_order(cohort):
    everybody = pd.read_parquet(cohort)
    path, found, frame = drawn(cohort, 1_000)
    assert path != cohort
    assert (found.rows, found.customers) == (len(frame), frame["customer_id"].nunique())
    assert (found.of_rows, found.of_customers, found.all_there_are) == (len(everybody), 2_000, False)
    assert found.rows == pytest.approx(1_000, rel=0.15)
    mine = everybody[everybody["customer_id"].isin(frame["customer_id"])]
    pd.testing.assert_frame_equal(mine.reset_index(drop=True), frame)


def test_more_rows_are_the_same_customers_and_others_and_another_seed_draws_others(cohort):
    some, more = (set(drawn(cohort, rows)[2]["customer_id"]) for rows in (500, 2_000))
    assert some < more
    assert set(drawn(cohort, 500)[2]["customer_id"]) == some
    other = set(drawn(cohort, 500, seed=2)[2]["customer_id"])
    assert len(some & other) < len(some) / 2


def test_a_sample_that_is_small_enough_is_taken_as_it_is(cohort):
    path, found, frame = drawn(cohort, len(pd.read_parquet(cohort)))
    assert path == cohort
    assert found.all_there_are
    assert found.rows == len(frame)
