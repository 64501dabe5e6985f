"""A data set on disk: its files, what it says of them, and files that somebody has tampered with."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit_eval.core.errors import CohortError, IntegrityError, SourceError
from credit_eval.core.files import write_json
from credit_eval.core.seals import sha256_file
from credit_eval.schema.duckdb import DuckDB, parquet, select
from credit_eval.schema.store import (
    Dataset,
    DatasetInfo,
    Part,
    check_hashes,
    check_sorted,
    describe_dataset,
    open_dataset,
)

DAY = "orders.parts/2026-03-01.parquet"


def customers(*ids: str) -> pa.Table:
    return pa.table({"customer_id": list(ids), "amount": list(range(len(ids)))})


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Orders in two files, each of row groups of two."""
    root = tmp_path / "shop"
    (root / "orders.parts").mkdir(parents=True)
    info = DatasetInfo(
        name="shop",
        source="test",
        currency="EUR",
        known_from=datetime(2026, 1, 1),
        known_until=datetime(2026, 3, 2),
        label_source="repayments",
        columns={"orders": ["customer_id", "amount"]},
        rows={"orders": 7},
        hashes={"orders.parquet": "1", DAY: "2"},
        parts={"orders": [Part(DAY, 2)]},
    )
    pq.write_table(customers("a", "b", "b", "c", "d"), root / "orders.parquet", row_group_size=2)
    pq.write_table(customers("a", "d"), root / DAY)
    describe_dataset(root, info)
    return Dataset(root, info)


def test_a_data_set_is_read_back_as_it_was_described(dataset: Dataset) -> None:
    assert open_dataset(dataset.root) == dataset


def test_the_paths_of_a_table_are_its_first_file_and_its_parts_in_order(dataset: Dataset) -> None:
    assert dataset.paths("orders") == [dataset.root / "orders.parquet", dataset.root / DAY]
    assert dataset.paths("payments") == [dataset.path("payments")]
    with DuckDB() as engine:
        found = engine.rows(f"SELECT customer_id FROM {parquet(dataset.paths('orders'))}")
    assert [customer for (customer,) in found] == ["a", "b", "b", "c", "d", "a", "d"]


def test_a_part_that_dataset_json_does_not_name_is_not_read(dataset: Dataset) -> None:
    pq.write_table(customers("z"), dataset.root / "orders.parts" / "2026-03-09.parquet")
    assert len(open_dataset(dataset.root).paths("orders")) == 2


@pytest.mark.parametrize("lost", ["orders.parquet", DAY])
def test_a_missing_file_is_named_when_the_data_set_is_opened(dataset: Dataset, lost: str) -> None:
    (dataset.root / lost).unlink()
    with pytest.raises(SourceError, match="lacks files") as refused:
        open_dataset(dataset.root)
    assert refused.value.rows == (lost,)


def test_a_data_set_of_an_older_version_is_refused_and_says_what_to_do(dataset: Dataset) -> None:
    write_json(dataset.root / "dataset.json", dataclasses.asdict(dataset.info))
    with pytest.raises(IntegrityError, match="no seal: edited, or written by an earlier version"):
        open_dataset(dataset.root)


def test_a_cohort_that_was_slipped_in_is_none(dataset: Dataset) -> None:
    (dataset.root / "cohorts").mkdir(exist_ok=True)
    pq.write_table(customers("a"), dataset.root / "cohorts" / "mine.parquet")
    assert open_dataset(dataset.root).cohorts == ()
    with pytest.raises(CohortError, match="no cohort 'mine'"):
        open_dataset(dataset.root).cohort_path("mine")


def test_a_part_changes_the_fingerprint(dataset: Dataset) -> None:
    info = dataset.info
    for hashes in ({"orders.parquet": "1"}, {"orders.parquet": "1", DAY: "3"}):
        assert dataclasses.replace(info, hashes=hashes).fingerprint != info.fingerprint


def test_files_sorted_by_customer_pass_though_a_customer_spans_row_groups(dataset: Dataset) -> None:
    for path in dataset.paths("orders"):
        check_sorted(path)
    pq.write_table(customers(), dataset.root / "orders.parquet")
    check_sorted(dataset.path("orders"))


def test_the_order_is_that_of_bytes_as_in_every_engine(dataset: Dataset) -> None:
    ids = ["Z", "a", "ä", "、", "😀"]
    with DuckDB() as engine:
        engine.register("ids", customers(*reversed(ids)))
        assert engine.rows("SELECT customer_id FROM ids ORDER BY 1") == [(one,) for one in ids]
    pq.write_table(customers(*ids), dataset.path("orders"), row_group_size=1)
    check_sorted(dataset.path("orders"))


def test_a_file_that_is_not_sorted_is_refused_with_its_row_group(dataset: Dataset) -> None:
    path = dataset.path("orders")
    pq.write_table(customers("a", "b", "c", "d", "b", "c"), path, row_group_size=2)
    with pytest.raises(SourceError, match=r"shop/orders\.parquet is not sorted by customer_id") as refused:
        check_sorted(path)
    assert refused.value.received == "row group 2 begins before row group 1 ends"
    assert "import" in str(refused.value.todo)


def test_a_half_written_file_is_refused(dataset: Dataset) -> None:
    path = dataset.root / DAY
    whole = path.read_bytes()
    damaged = whole[:-60] + bytes([whole[-60] ^ 0xFF]) + whole[-59:]
    for content in (b"", whole[:3], whole[: len(whole) // 2], whole[:-1], whole[:-9] + whole[-8:], damaged):
        path.write_bytes(content)
        with pytest.raises(SourceError, match=r"orders\.parts/2026-03-01\.parquet is not a whole Parquet file"):
            check_sorted(path)


@pytest.mark.parametrize("options", [{"write_statistics": False}, {"write_statistics": ["amount"]}])
def test_a_file_that_does_not_tell_its_customers_is_refused(dataset: Dataset, options: dict[str, object]) -> None:
    pq.write_table(customers("a", "b"), dataset.path("orders"), **options)
    with pytest.raises(SourceError, match="does not say which customers"):
        check_sorted(dataset.path("orders"))
    pq.write_table(customers("a").drop_columns(["customer_id"]), dataset.path("orders"))
    with pytest.raises(SourceError, match="does not say which customers"):
        check_sorted(dataset.path("orders"))


def test_what_the_engine_writes_can_be_checked(dataset: Dataset) -> None:
    path = dataset.path("orders")
    with DuckDB(threads=1) as engine:
        numbers = select("SELECT 'C' || lpad(i::VARCHAR, 7, '0') AS customer_id FROM range(120000) t(i)")
        engine.write_parquet(numbers, path, order_by="1")
        check_sorted(path)
        engine.write_parquet(numbers, path, order_by="1 DESC")
    with pytest.raises(SourceError, match="not sorted"):
        check_sorted(path)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"name": "shop"}', '"text"', "null", "\x00", '{"known_from": 3, "known_until": 4}'],
)
def test_a_description_that_is_damaged_is_said_to_be(dataset: Dataset, content: str) -> None:
    (dataset.root / "dataset.json").write_text(content)
    with pytest.raises(IntegrityError, match=r"dataset\.json"):
        open_dataset(dataset.root)


def test_a_description_of_other_bytes_is_said_to_be(dataset: Dataset) -> None:
    place = dataset.root / "dataset.json"
    whole = place.read_bytes()
    place.write_bytes(b"\xff" + whole[1:])
    with pytest.raises(IntegrityError, match=r"shop/dataset\.json is damaged"):
        open_dataset(dataset.root)


def test_every_file_is_held_against_its_hash(dataset: Dataset) -> None:
    sealed = {name: sha256_file(dataset.root / name) for name in dataset.info.hashes}
    whole = replace(dataset, info=replace(dataset.info, hashes=sealed))
    check_hashes(whole)
    for name in sealed:
        path = dataset.root / name
        kept = path.read_bytes()
        path.write_bytes(kept[:-5] + bytes([kept[-5] ^ 16]) + kept[-4:])
        with pytest.raises(IntegrityError) as caught:
            check_hashes(whole)
        assert caught.value.rows == (name,)
        path.unlink()
        with pytest.raises(IntegrityError):
            check_hashes(whole)
        path.write_bytes(kept)
    check_hashes(whole)
