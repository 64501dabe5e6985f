"""A feature that knows the future is caught by taking the future away; the catalogue is not disturbed by it."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import CohortError, IntegrityError
from credit_eval.ingest.simulator.run import simulate
from credit_eval.profiles.build import build_profiles
from credit_eval.samples.cohorts import monthly_cohort
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.store import Dataset, Part, describe_dataset, open_dataset
from credit_eval.screening.leakage import differing_rows, moves_after_as_of, truncated

AS_OF = datetime(2025, 9, 1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("leakage")
    return simulate(root / "raw", root / "truth", customers=300, months=12)


@pytest.fixture(scope="module")
def engine():
    with DuckDB(threads=1) as engine:
        yield engine


@pytest.fixture(scope="module")
def members(dataset: Dataset, engine: DuckDB) -> Path:
    path = dataset.root.parents[1] / "members.parquet"
    monthly_cohort(engine, dataset, [AS_OF], path)
    return path


def test_the_truncated_data_are_those_known_before_as_of(dataset, engine, tmp_path):
    past = truncated(engine, dataset, AS_OF, tmp_path / "past")
    assert past.tables == dataset.tables
    assert past.info.known_until == AS_OF
    assert past.fingerprint != dataset.fingerprint
    for table in dataset.tables:
        before, whole = (pd.read_parquet(d.path(table)) for d in (past, dataset))
        expected = whole[whole["known_at"] < AS_OF].reset_index(drop=True)
        assert 0 < len(before) == past.info.rows[table]
        assert len(before) < len(whole)
        assert pq.read_schema(past.path(table)).names == pq.read_schema(dataset.path(table)).names
        if table == "repayments":
            later = ~(expected["paid_known_at"] < AS_OF)
            assert 0 < later.sum() < len(later)
            expected.loc[later, ["paid_at", "paid_amount", "paid_known_at"]] = None
        pd.testing.assert_frame_equal(before, expected)


def test_a_column_derived_from_the_future_is_derived_anew_and_so_found_out(dataset, engine, members, tmp_path):
    tampered = tmp_path / "tampered"
    shutil.copytree(dataset.root, tampered)
    orders = pd.read_parquet(dataset.path("orders"))
    orders["category_median"] = orders.groupby("category")["amount"].transform("max")
    orders.to_parquet(tampered / "orders.parquet")
    compared = f"SELECT max(category_median) FROM orders WHERE {_MINE} AND known_at < m.as_of"
    build = handwritten(engine, members, compared=compared)
    assert moves_after_as_of(engine, dataset, AS_OF, build)["compared"] == 0
    assert moves_after_as_of(engine, open_dataset(tampered), AS_OF, build)["compared"] > 0


def test_what_is_known_at_as_of_itself_is_the_future(dataset, engine, tmp_path):
    moment = pd.read_parquet(dataset.path("payments"))["known_at"].sort_values().iloc[500].to_pydatetime()
    sizes = [
        truncated(engine, dataset, moment + step, tmp_path / str(step)).info.rows["payments"]
        for step in (timedelta(0), timedelta(microseconds=1))
    ]
    assert sizes[0] < sizes[1]


def handwritten(engine: DuckDB, members: Path, **columns: str):
    """A builder of columns, each an aggregate over the orders (or repayments) of a member."""

    def build(dataset: Dataset) -> pd.DataFrame:
        for table in ("orders", "repayments"):
            engine.run(f"CREATE OR REPLACE TEMP VIEW {table} AS FROM {parquet(dataset.path(table))}")
        chosen = ", ".join(f"({sql}) AS {name}" for name, sql in columns.items())
        return engine.frame(f"SELECT customer_id, as_of, {chosen} FROM {parquet(members)} AS m")

    return build


_MINE = "customer_id = m.customer_id"


def test_a_leaking_column_raises_the_alarm_and_the_others_do_not(dataset, engine, members):
    build = handwritten(
        engine,
        members,
        orders_before=f"SELECT count(*) FROM orders WHERE {_MINE} AND known_at < m.as_of",
        orders_ever=f"SELECT count(*) FROM orders WHERE {_MINE}",
        latest=f"SELECT max_by(status, known_at) FROM orders WHERE {_MINE}",
        paid_eventually=f"SELECT avg((paid_at IS NOT NULL)::INT) FROM repayments WHERE {_MINE} AND known_at < m.as_of",
        known_paid=f"SELECT count(*) FROM repayments WHERE {_MINE} AND paid_known_at < m.as_of",
    )
    moved = moves_after_as_of(engine, dataset, AS_OF, build)
    assert {name for name, rows in moved.items() if rows} == {
        "orders_ever",
        "latest",
        "paid_eventually",
    }
    assert moved["orders_ever"] <= pq.read_metadata(members).num_rows


def test_an_event_at_as_of_itself_is_the_smallest_leak_of_all(dataset, engine, members):
    known = pd.read_parquet(dataset.path("orders"))["known_at"].sort_values()
    moment = known.iloc[len(known) // 2].to_pydatetime()
    at_most = f"SELECT count(*) FROM orders WHERE {_MINE} AND known_at <= TIMESTAMP '{moment}'"
    build = handwritten(engine, members, at_most=at_most, below=at_most.replace("<=", "<"))
    moved = moves_after_as_of(engine, dataset, moment, build)
    assert moved["at_most"] >= 1
    assert moved["below"] == 0


def test_a_payment_that_was_made_but_not_yet_known_is_the_future(dataset, engine, members):
    lines = pd.read_parquet(dataset.path("repayments"))
    mine = lines["customer_id"].isin(pd.read_parquet(members)["customer_id"])
    late = lines[mine & (lines["paid_at"] < lines["paid_known_at"])].iloc[0]
    moment = late["paid_known_at"].to_pydatetime()
    happened = f"SELECT count(*) FROM repayments WHERE {_MINE} AND paid_at < TIMESTAMP '{moment}'"
    build = handwritten(engine, members, happened=happened, known=happened.replace("paid_at", "paid_known_at"))
    moved = moves_after_as_of(engine, dataset, moment, build)
    assert moved["happened"] >= 1
    assert moved["known"] == 0


def test_what_was_appended_is_truncated_too_and_stays_a_file_of_its_own(dataset, engine, tmp_path):
    later = tmp_path / "later"
    shutil.copytree(dataset.root, later)
    whole, split_at = pd.read_parquet(dataset.path("orders")), pd.Timestamp(2025, 7, 1)
    (later / "orders.parts").mkdir()
    whole[whole["known_at"] < split_at].to_parquet(later / "orders.parquet")
    whole[whole["known_at"] >= split_at].to_parquet(later / "orders.parts/2025-07-01.parquet")
    part = Part("orders.parts/2025-07-01.parquet", int((whole["known_at"] >= split_at).sum()))
    describe_dataset(later, replace(dataset.info, parts={"orders": [part]}))
    past = truncated(engine, open_dataset(later), AS_OF, tmp_path / "past")
    before = pd.concat(pd.read_parquet(path) for path in past.paths("orders"))
    assert len(before) == past.info.rows["orders"] == (whole["known_at"] < AS_OF).sum()
    assert before["known_at"].max() < AS_OF
    assert 0 < past.info.parts["orders"][0].rows < part.rows
    assert set(past.info.hashes) == {*(f"{table}.parquet" for table in dataset.tables), part.file}


def test_the_catalogue_keeps_silent(dataset, engine, members, tmp_path):
    def build(data: Dataset) -> pd.DataFrame:
        return build_profiles(data, members, CATALOGUE, tmp_path / "profiles", replace=True).frame()

    moved = moves_after_as_of(engine, dataset, AS_OF, build)
    assert len(moved) > 200
    assert moved[moved > 0].to_dict() == {}


def test_an_as_of_outside_of_the_data_is_refused(dataset, engine):
    with pytest.raises(CohortError, match="after the end"):
        moves_after_as_of(engine, dataset, datetime(2027, 1, 1), pd.DataFrame)


def profile(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"customer_id": [f"c{i}" for i in range(n)], "as_of": pd.Timestamp(AS_OF)} | columns)


@pytest.mark.parametrize(
    ("one", "other", "rows"),
    [
        ([1.0, np.nan], [1.0, np.nan], 0),
        ([1.0, 2.0], [1.0, np.nextafter(2.0, 3)], 1),
        ([0.0, 0.0], [-0.0, 0.0], 1),
        ([0.0, np.nan], [np.nan, 0.0], 2),
        (["a", None], ["a", None], 0),
        (["a", None], ["b", "a"], 2),
        ([None, None], [1.0, np.nan], 1),
    ],
)
def test_differences_are_counted_to_the_last_bit(one, other, rows):
    left, right = profile(x=one, y=[1.0, 1]), profile(x=other, y=[1.0, 1])
    assert differing_rows(left, right).to_dict() == {"x": rows, "y": 0}
    assert differing_rows(right, left.iloc[::-1]).to_dict() == {"x": rows, "y": 0}


@pytest.mark.parametrize("other", [profile(x=[1.0]), profile(y=[1.0, 2.0])], ids=["other members", "other columns"])
def test_what_cannot_be_compared_is_refused(other):
    with pytest.raises(IntegrityError, match="cannot be compared") as error:
        differing_rows(profile(x=[1.0, 2.0]), other)
    assert "every member" in str(error.value)
