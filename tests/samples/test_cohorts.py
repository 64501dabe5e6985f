from datetime import datetime

import pyarrow.parquet as pq
import pytest
from event_tables import arrow_of, draw

from credit_eval.core.errors import CohortError, SampleError
from credit_eval.samples.cohorts import monthly_cohort, snapshot_dates
from credit_eval.samples.definition import DefaultDefinition
from credit_eval.schema.duckdb import DuckDB
from credit_eval.schema.store import Dataset, DatasetInfo, Part

ACCOUNTS = """
customer_id  occurred_at  known_at    account_id  opened_at
b            2026-02-01   2026-02-01  B           2026-02-01
a            2026-01-01   2026-01-01  A           2026-01-01
a            2026-02-10   2026-02-10  A           2026-01-01
"""


@pytest.fixture
def dataset(tmp_path):
    pq.write_table(arrow_of("accounts", draw("accounts", ACCOUNTS)), tmp_path / "accounts.parquet")
    columns = {"accounts": ["customer_id", "occurred_at", "known_at", "account_id", "opened_at"]}
    period = {"known_from": datetime(2026, 1, 1), "known_until": datetime(2026, 12, 31)}
    info = DatasetInfo("tiny", "test", "XXX", **period, label_source="repayments", columns=columns, rows={}, hashes={})
    return Dataset(tmp_path, info)


def write(dataset, as_ofs):
    path = dataset.root / "cohort.parquet"
    with DuckDB(threads=1) as engine:
        rows = monthly_cohort(engine, dataset, as_ofs, path)
    members = pq.read_table(path)
    assert rows == members.num_rows
    return members


def test_members_have_an_account_known_strictly_before(dataset):
    members = write(dataset, [datetime(2026, 3, 1), datetime(2026, 2, 1), datetime(2026, 1, 1)])
    assert [tuple(row.values()) for row in members.to_pylist()] == [
        ("a", datetime(2026, 2, 1)),
        ("a", datetime(2026, 3, 1)),
        ("b", datetime(2026, 3, 1)),
    ]
    assert [str(field.type) for field in members.schema] == ["string", "timestamp[us]"]


def test_a_date_said_twice_counts_once(dataset):
    assert write(dataset, [datetime(2026, 3, 1)] * 2).num_rows == 2


def test_members_whose_account_came_in_a_part_are_seen(dataset):
    part = Part("accounts.parts/2026-03-01.parquet", 1)
    (dataset.root / part.file).parent.mkdir()
    late = draw("accounts", ACCOUNTS.replace("2026-02-01", "2026-03-01").replace("b  ", "c  "))
    pq.write_table(arrow_of("accounts", late[:1]), dataset.root / part.file)
    dataset.info.parts["accounts"] = [part]
    members = write(dataset, [datetime(2026, 4, 1)])
    assert members["customer_id"].to_pylist() == ["a", "b", "c"]


def test_an_as_of_after_the_data_end_is_refused(dataset):
    with pytest.raises(CohortError, match="after the end of the data") as error:
        write(dataset, [datetime(2026, 12, 31), datetime(2027, 1, 1)])
    assert error.value.exit_code == 12


def test_an_empty_cohort_is_refused_and_leaves_no_file(dataset):
    with pytest.raises(CohortError, match="empty"):
        write(dataset, [datetime(2026, 1, 1)])
    assert not list(dataset.root.glob("*cohort*"))


def test_no_dates_and_no_accounts_are_refused(dataset):
    with pytest.raises(CohortError, match="no as_of"):
        write(dataset, [])
    dataset.info.columns.clear()
    with pytest.raises(CohortError, match="no accounts"):
        write(dataset, [datetime(2026, 3, 1)])


def test_snapshots_leave_room_for_history_and_for_the_window(dataset):
    dates = snapshot_dates(dataset, DefaultDefinition(window_days=120), min_history_days=59)
    assert dates == [datetime(2026, month, 1) for month in range(3, 10)]  # 2 September + 120 days is the end


def test_snapshots_on_several_days_of_a_month(dataset):
    dates = snapshot_dates(dataset, DefaultDefinition(window_days=120), min_history_days=59, days=[20, 1])
    assert dates[:3] == [datetime(2026, 3, 1), datetime(2026, 3, 20), datetime(2026, 4, 1)]
    assert dates[-1] == datetime(2026, 9, 1)
    assert dates == sorted(set(dates))


def test_data_too_short_for_a_single_snapshot_are_refused(dataset):
    with pytest.raises(SampleError, match="too short"):
        snapshot_dates(dataset, DefaultDefinition(window_days=360))
