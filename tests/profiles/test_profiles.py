"""Profiles are built in ranges, name what is absent, refuse what cannot be, and are described from declarations."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_tables import arrow_of, by_reference, draw

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import CohortError, OutputExistsError
from credit_eval.core.seals import sha256_file
from credit_eval.profiles import build
from credit_eval.profiles.build import build_profiles
from credit_eval.profiles.customer import by_dimension, one_profile
from credit_eval.profiles.dictionary import dictionary
from credit_eval.profiles.population import typical_values
from credit_eval.schema.duckdb import DuckDB
from credit_eval.schema.store import Dataset, DatasetInfo, describe_dataset, open_dataset

END = datetime(2026, 3, 1)
CUSTOMERS = [f"C{n:03}" for n in range(40)]


def orders() -> list[dict[str, object]]:
    header = "customer_id occurred_at order_id status amount category merchant_id installments"
    lines = [
        f"{customer} 2026-02-{1 + (7 * n + k) % 27:02} o{n}-{k} placed {10 * n + k}.5 {('toys', 'books')[n % 2]} m{k} 1"
        for n, customer in enumerate(CUSTOMERS)
        for k in range(n % 5)
    ]
    return draw("orders", "\n".join([header, *lines]))


def customers() -> list[dict[str, object]]:
    lines = [f"{customer} 2026-01-0{1 + n % 9} {1950 + n}" for n, customer in enumerate(CUSTOMERS)]
    return draw("customers", "\n".join(["customer_id occurred_at birth_year", *lines]))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    root = tmp_path / "raw" / "tiny"
    root.mkdir(parents=True)
    tables = {"customers": customers(), "orders": orders()}
    provided = {name: sorted({key for row in rows for key in row} | {"known_at"}) for name, rows in tables.items()}
    for name, rows in tables.items():
        pq.write_table(arrow_of(name, rows).sort_by("customer_id"), root / f"{name}.parquet")
    info = DatasetInfo(
        name="tiny",
        source="test",
        currency="EUR",
        known_from=datetime(2026, 1, 1),
        known_until=END,
        label_source="repayments",
        columns=provided,
        rows={name: len(rows) for name, rows in tables.items()},
        hashes={name: sha256_file(root / f"{name}.parquet") for name in tables},
    )
    describe_dataset(root, info)
    return open_dataset(root)


def cohort_file(tmp_path: Path, members: list[tuple[str, datetime]]) -> Path:
    path = tmp_path / "cohort.parquet"
    schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.timestamp("us"))])
    pq.write_table(pa.Table.from_pylist([{"customer_id": c, "as_of": a} for c, a in members], schema=schema), path)
    return path


def test_ranges_of_customers_give_what_the_reference_gives(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "EVENTS_PER_RANGE", 7)
    members = [(c, END - timedelta(days=d)) for c in CUSTOMERS for d in (0, 13)]
    profiles = build_profiles(dataset, cohort_file(tmp_path, members), CATALOGUE, tmp_path / "p")
    assert len(profiles.parts) > 5
    frame = profiles.frame().set_index(["customer_id", "as_of"])
    assert frame.index.is_monotonic_increasing
    assert len(frame) == profiles.info.rows == len(members)
    expected = by_reference(profiles.catalogue.measures, {"customers": customers(), "orders": orders()}, members)
    for member, answers in expected.items():
        for name, value in answers.items():
            found = frame.loc[member, name]
            same = pd.isna(found) if value is None else found == _about(value)
            assert same, (member, name, found, value)


def _about(value: object) -> object:
    return value if isinstance(value, str) else pytest.approx(value, rel=1e-9)


def test_absent_features_are_named_with_what_the_source_lacks(dataset: Dataset, tmp_path: Path) -> None:
    profiles = build_profiles(dataset, cohort_file(tmp_path, [("C001", END)]), CATALOGUE, tmp_path / "p")
    assert profiles.info.absent["payments_failed_count_30d"] == "table payments"
    assert set(profiles.info.features) | set(profiles.info.absent) == set(CATALOGUE.names)


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ([], "empty"),
        ([("C001", END + timedelta(microseconds=1))], "after the end of the data set"),
        ([("C001", END), ("X999", END)], "X999"),
        ([("C001", END), ("C001", END)], "twice"),
    ],
    ids=["empty", "after the end", "unknown customer", "twice"],
)
def test_a_cohort_that_cannot_be_is_refused(
    dataset: Dataset, tmp_path: Path, members: list[tuple[str, datetime]], wanted: str
) -> None:
    with pytest.raises(CohortError, match=wanted):
        build_profiles(dataset, cohort_file(tmp_path, members), CATALOGUE, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_profiles_that_are_there_are_not_overwritten_unasked(dataset: Dataset, tmp_path: Path) -> None:
    cohort = cohort_file(tmp_path, [("C001", END)])
    build_profiles(dataset, cohort, CATALOGUE, tmp_path / "p")
    with pytest.raises(OutputExistsError):
        build_profiles(dataset, cohort, CATALOGUE, tmp_path / "p")


def test_one_customer_beside_the_population(dataset: Dataset, tmp_path: Path) -> None:
    members = [(customer, END) for customer in CUSTOMERS]
    profiles = build_profiles(dataset, cohort_file(tmp_path, members), CATALOGUE, tmp_path / "p")
    with DuckDB(threads=1) as engine:
        values = one_profile(engine, profiles, "C014")
    frame, typical = profiles.frame(), typical_values(profiles)
    assert list(typical) == profiles.catalogue.names
    for feature in profiles.catalogue.features:
        known, told = frame[feature.name].dropna(), typical[feature.name]
        assert told.without == pytest.approx(frame[feature.name].isna().mean())
        if feature.value_type == "number":
            assert told.value == (known.median() if told.without < 0.5 else None)
        else:
            assert told.value == (known.mode()[0] if (known == known.mode()[0]).mean() > told.without else None)
    assert {told.value is None for told in typical.values()} == {True, False}
    lines = by_dimension(values, typical, profiles.catalogue, "EUR")
    assert lines["network"] == []
    shown = {line.name: line.value for line in lines["fulfilment_capacity"]}
    assert shown["orders_placed_count_90d"] == "4"
    assert shown["orders_placed_amount_last"] == "144 EUR"


def test_the_dictionary_in_docs_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "features.md"
    assert page.read_text() == dictionary(CATALOGUE), "run `make docs`"
