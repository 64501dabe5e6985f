"""Profiles that Spark built are those of the embedded engine, to the last bit, whatever the parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_tables import NEEDS_SPARK, started_spark

from credit_eval.catalogue import CATALOGUE
from credit_eval.ingest.simulator.run import simulate
from credit_eval.language.measures import Rank
from credit_eval.profiles import build
from credit_eval.profiles.build import build_profiles
from credit_eval.profiles.store import Profiles
from credit_eval.schema.store import Dataset

pytestmark = NEEDS_SPARK


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("simulated")
    return simulate(root / "raw", root / "truth", customers=200, months=8, seed=5)


def everybody(dataset: Dataset, path: Path) -> Path:
    """Every customer at the end of the data, every other one also at an odd moment a month before."""
    end = dataset.info.known_until
    customers = sorted(
        set(pq.read_table(dataset.path("customers"), columns=["customer_id"])["customer_id"].to_pylist())
    )
    members = [(c, end) for c in customers] + [(c, end - timedelta(days=30, seconds=1)) for c in customers[::2]]
    schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.timestamp("us"))])
    pq.write_table(pa.Table.from_pylist([{"customer_id": c, "as_of": a} for c, a in members], schema=schema), path)
    return path


def whole(profiles: Profiles) -> pa.Table:
    return pa.concat_tables(pq.read_table(part) for part in profiles.parts).combine_chunks()


def test_the_whole_catalogue_of_a_simulated_world_has_the_same_bits(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "CELLS_PER_RANGE", len(CATALOGUE.features) * 70)
    members = everybody(dataset, tmp_path / "cohort.parquet")
    target = tmp_path / "as_of=2026-03-01"  # looks like a partition, and is none
    embedded = build_profiles(dataset, members, CATALOGUE, tmp_path / "embedded")
    on_spark = build_profiles(dataset, members, CATALOGUE, target, engine=started_spark())
    assert replace(on_spark.info, files={}) == replace(embedded.info, files={})
    assert len(on_spark.parts) == len(embedded.parts) > 3
    assert {path.name for path in target.iterdir()} == {"profiles.json", *(part.name for part in embedded.parts)}
    expected, found = whole(embedded), whole(on_spark)
    assert found.schema == expected.schema
    assert [name for name in expected.column_names if found[name] != expected[name]] == []
    assert any(isinstance(feature.measure, Rank) for feature in on_spark.catalogue.features)
