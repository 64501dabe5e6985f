"""Profiles from day tiles are those from events, bit for bit, and tiles are made once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_tables import Rows, arrow_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from credit_eval.core.files import sha256_file
from credit_eval.events.engines.duckdb import DuckDB
from credit_eval.events.measures import Series
from credit_eval.events.query import Aggregate, Floor, Kind, Part, column
from credit_eval.events.store import Dataset, DatasetInfo, describe_dataset, open_dataset
from credit_eval.features.language import Catalogue, Dimension, Feature, Named, Text
from credit_eval.profiles import tiling
from credit_eval.profiles.build import build_profiles
from credit_eval.profiles.tiling import write_tiles

START = datetime(2026, 1, 1)
FAILED = column("outcome").equals("failed")
VALUED = {
    "nunique": [column("method"), Floor("month", column("occurred_at")), column("amount")],
    "entropy": [column("method"), Part("weekday", column("occurred_at"))],
}


def aggregates() -> list[Aggregate]:
    """Every kind, with and without a condition, in two windows."""
    found = []
    for kind in get_args(Kind):
        if kind in ("count", "gap_mean", "gap_std", "days_since_last", "days_since_first"):
            values: list[Any] = [None]
        else:
            values = VALUED.get(kind, [column("amount"), column("amount") * 3 - Decimal("0.5")])
        if kind == "last":
            values = [column("amount"), column("method")]
        for value in values:
            for where in (None, FAILED):
                options = {"half_life": 7} if kind == "decayed_sum" else {}
                for days in (9, None):
                    found.append(Aggregate("payments", kind, value, where, days, **options))
    return [*found, Aggregate("payments", "last", column("amount"), nth=2)]


def catalogue(measures: Iterable[Any]) -> Catalogue:
    return Catalogue(
        tuple(
            Feature(Named(f"m{n}", measure, "number", Text("it", "它")), Dimension.BEHAVIOUR, 0, "R_IT")
            for n, measure in enumerate(measures)
        )
    )


EVERYTHING = catalogue(
    [*aggregates(), Series(Aggregate("payments", "count", when_empty=0), "slope", step=5, steps=4, when_empty=0)]
)


@st.composite
def payment(draw: st.DrawFn) -> dict[str, Any]:
    occurred = START + timedelta(minutes=draw(st.integers(0, 40 * 24 * 4)) * 15)
    return {
        "customer_id": draw(st.sampled_from("abc")),
        "occurred_at": occurred,
        "known_at": occurred + timedelta(hours=draw(st.sampled_from((0, 0, 0, 5, 30, 200)))),
        "payment_id": str(draw(st.integers(0, 10**9))),
        "amount": Decimal(draw(st.integers(0, 10**6))) / 100,
        "outcome": draw(st.sampled_from(("succeeded", "failed"))),
        "method": draw(st.none() | st.sampled_from(("wallet", "card", "bnpl"))),
    }


PAYMENTS = st.lists(payment(), min_size=1, max_size=30)


def stored(root: Path, parts: dict[str, Rows]) -> Dataset:
    """A data set of payments in several files."""
    hashes = {}
    for name, rows in parts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            arrow_of("payments", rows).sort_by([("customer_id", "ascending"), ("occurred_at", "ascending")]), path
        )
        hashes[name] = sha256_file(path)
    later = list(parts)[1:]
    info = DatasetInfo(
        name="tiny",
        source="test",
        currency="EUR",
        known_from=START - timedelta(days=1),
        known_until=START + timedelta(days=90),
        label_source="repayments",
        columns={"payments": sorted(payment_columns())},
        rows={"payments": sum(len(rows) for rows in parts.values())},
        hashes=hashes,
        parts={"payments": [tiles_part(name, parts[name]) for name in later]},
    )
    describe_dataset(root, info)
    return open_dataset(root)


def tiles_part(name: str, rows: Rows) -> Any:
    from credit_eval.events.store import Part as Appended

    return Appended(name, len(rows))


def payment_columns() -> list[str]:
    return ["customer_id", "occurred_at", "known_at", "payment_id", "amount", "outcome", "method"]


def built(dataset: Dataset, as_ofs: list[datetime], target: Path, tiles: Path | None, of: Catalogue) -> pa.Table:
    cohort = target.with_suffix(".cohort.parquet")
    schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.timestamp("us"))])
    members = [{"customer_id": c, "as_of": a} for c in "abcd" for a in as_ofs]
    pq.write_table(pa.Table.from_pylist(members, schema=schema), cohort)
    build_profiles(dataset, cohort, of, target, tiles=tiles, workers=1)
    return pa.concat_tables(pq.read_table(part) for part in sorted(target.glob("part-*")))


def tiled(dataset: Dataset, root: Path, of: Catalogue = EVERYTHING) -> int:
    with DuckDB(threads=1) as engine:
        return write_tiles(engine, dataset, of, root)


MIDNIGHTS = [START + timedelta(days=days) for days in (1, 9, 20, 41)]


@settings(
    max_examples=25,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=PAYMENTS, second=PAYMENTS)
def test_tiles_give_the_bits_that_events_give(
    first: Rows, second: Rows, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("d")
    dataset = stored(root / "raw", {"payments.parquet": first, "payments.parts/2026-02-01.parquet": second})
    assert tiled(dataset, root / "tiles") > 0
    from_events = built(dataset, MIDNIGHTS, root / "events", None, EVERYTHING)
    from_tiles = built(dataset, MIDNIGHTS, root / "tiled", root / "tiles", EVERYTHING)
    differing = [f.measure for f in EVERYTHING.features if not from_tiles[f.name].equals(from_events[f.name])]
    assert not differing


ROWS: Rows = [
    {
        "customer_id": "a",
        "occurred_at": START + timedelta(days=n, hours=n % 24),
        "known_at": START + timedelta(days=n, hours=n % 24),
        "payment_id": str(n),
        "amount": Decimal(n),
        "outcome": "failed" if n % 3 else "succeeded",
        "method": "wallet",
    }
    for n in range(30)
]


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.parquet")}


def test_tiles_are_made_once_and_a_changed_feature_alone_is_made_anew(tmp_path: Path) -> None:
    dataset = stored(tmp_path / "raw", {"payments.parquet": ROWS})
    count = Aggregate("payments", "count", where=FAILED, when_empty=0)
    total = Aggregate("payments", "sum", column("amount"), when_empty=0)
    assert tiled(dataset, tmp_path / "tiles", catalogue([count])) == 1
    before = files(tmp_path / "tiles")
    assert tiled(dataset, tmp_path / "tiles", catalogue([count])) == 0
    assert tiled(dataset, tmp_path / "tiles", catalogue([count, total])) == 1
    after = files(tmp_path / "tiles")
    assert before.items() < after.items()
    (added,) = set(after) - set(before)
    assert len(pq.read_schema(tmp_path / "tiles" / added).names) == 5  # three keys, a count and a sum


def test_an_appended_day_with_a_late_event_changes_no_tile_and_no_past_snapshot(tmp_path: Path) -> None:
    base = {"payments.parquet": ROWS}
    dataset = stored(tmp_path / "raw", base)
    tiled(dataset, tmp_path / "tiles")
    before, past = files(tmp_path / "tiles"), START + timedelta(days=30)
    old = built(dataset, [past], tmp_path / "old", tmp_path / "tiles", EVERYTHING)
    known = {"known_at": past + timedelta(hours=1)}
    late = [ROWS[5] | known | {"payment_id": "late"}, ROWS[0] | known | {"payment_id": "b", "customer_id": "b"}]
    dataset = stored(tmp_path / "raw", base | {"payments.parts/2026-01-31.parquet": late})
    tiled(dataset, tmp_path / "tiles")
    assert before.items() < files(tmp_path / "tiles").items()
    assert built(dataset, [past], tmp_path / "same", tmp_path / "tiles", EVERYTHING).equals(old)
    tomorrow = [past + timedelta(days=1)]
    found = built(dataset, tomorrow, tmp_path / "new", tmp_path / "tiles", EVERYTHING)
    assert found.equals(built(dataset, tomorrow, tmp_path / "raw_new", None, EVERYTHING))
    assert not found.select(EVERYTHING.names).equals(old.select(EVERYTHING.names))


def test_a_cohort_within_a_day_is_answered_from_events(tmp_path: Path) -> None:
    dataset = stored(tmp_path / "raw", {"payments.parquet": ROWS})
    tiled(dataset, tmp_path / "tiles")
    noon = [START + timedelta(days=20, hours=12)]
    found = built(dataset, noon, tmp_path / "p", tmp_path / "tiles", EVERYTHING)
    assert found.equals(built(dataset, noon, tmp_path / "q", None, EVERYTHING))


def test_a_file_is_tiled_in_ranges_of_whole_customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "EVENTS_AT_ONCE", 40)
    rows = [row | {"customer_id": f"c{n:02}"} for n in range(20) for row in ROWS[:7]]
    path = tmp_path / "payments.parquet"
    pq.write_table(arrow_of("payments", rows), path, row_group_size=10)
    ranges = tiling.customer_ranges(path, 40)
    assert len(ranges) > 2
    assert ranges[0][0] == ""
    assert ranges[-1][1] == "c19"
    assert [high for _, high in ranges[:-1]] == [low for low, _ in ranges[1:]]
