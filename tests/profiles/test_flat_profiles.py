"""Profiles of a flat table: its very columns, alone or beside features that engines compute."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

import credit_eval.profiles.build as build
from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import CohortError
from credit_eval.language.feature import Dimension
from credit_eval.language.stored import restored, stored
from credit_eval.profiles.build import build_profiles
from credit_eval.schema.flat import Side
from credit_eval.schema.store import Dataset
from tests.flat_file import FlatFile, loans


@pytest.fixture
def flat(tmp_path: Path) -> FlatFile:
    return FlatFile(tmp_path)


def _built(dataset: Dataset, into: Path) -> pd.DataFrame:
    features = CATALOGUE.with_flat(dataset.info.flat).available(dataset.info)
    return build_profiles(dataset, dataset.cohort_path("rows"), features, into, replace=True).frame()


def test_a_flat_table_alone_is_its_own_profile(flat: FlatFile, tmp_path: Path) -> None:
    built, given = _built(flat.load(), tmp_path / "profiles"), loans()
    assert list(built)[2:] == ["age", "checking", "months", "sum", "income", "bureau", "bureau_says", "sex"]
    assert built["customer_id"].tolist() == given["Loan"].tolist()
    for ours, theirs in {"age": "Age", "checking": "Checking", "months": "Months", "income": "Income"}.items():
        assert built[ours].tolist() == given[theirs].tolist()
    assert built["age"].dtype == "float64"


def test_parts_do_not_move_a_value(flat: FlatFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = flat.load(whole=flat.with_orders())
    whole = _built(dataset, tmp_path / "whole")
    monkeypatch.setattr(build, "CELLS_PER_RANGE", 100 * 80)
    parts = _built(dataset, tmp_path / "parts")
    assert len(list((tmp_path / "parts").glob("part-*"))) > 5
    pd.testing.assert_frame_equal(whole, parts)


def test_events_are_seen_before_the_rows_date_and_beside_its_columns(flat: FlatFile, tmp_path: Path) -> None:
    built = _built(flat.load(whole=flat.with_orders()), tmp_path / "profiles")
    assert built["orders_placed_amount_sum_30d"].unique().tolist() == [230.0]
    assert built["months"].tolist() == loans()["Months"].tolist()


def test_a_date_is_days_before_as_of(flat: FlatFile, tmp_path: Path) -> None:
    flat.write(loans().assign(Since=np.where(np.arange(600) % 2, "2023-12-22 12:00", "")))
    built = _built(flat.load(columns={"since": {"from": "Since", "type": "date"}}), tmp_path / "profiles")
    first = built.set_index("customer_id")["since"]
    assert np.isnan(first["L00000"])
    assert first["L00001"] == 10.5


def test_who_is_not_in_the_table_is_refused_where_nothing_else_is_known(flat: FlatFile, tmp_path: Path) -> None:
    dataset = flat.load()
    cohort = tmp_path / "members.parquet"
    pd.DataFrame({"customer_id": ["L00001"], "as_of": pd.to_datetime(["2024-06-01"])}).to_parquet(cohort)
    features = CATALOGUE.with_flat(dataset.info.flat).available(dataset.info)
    with pytest.raises(CohortError, match="does not hold") as error:
        build_profiles(dataset, cohort, features, tmp_path / "profiles")
    assert error.value.rows == ("L00001",)


def test_declarations_of_flat_columns_are_stored_with_the_profiles(flat: FlatFile) -> None:
    features = CATALOGUE.with_flat(flat.load().info.flat).features
    assert restored([stored(feature) for feature in features]) == features


def test_the_sides_are_those_of_features() -> None:
    assert set(get_args(Side)) == {dimension.value for dimension in Dimension}


def test_roles_of_the_table_go_before_those_of_events(flat: FlatFile) -> None:
    roles = CATALOGUE.with_flat(flat.load().info.flat).roles
    assert (roles["requested"], roles["income"]) == ("sum", "income")
    assert CATALOGUE.with_flat([]).roles == CATALOGUE.roles
