"""A flat file as a data set: what is read, what is asked, and what is refused before anything is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from credit_eval.core.errors import SourceError, TableError
from credit_eval.ingest.flat_checks import auc_of_bands
from credit_eval.ingest.mapping import append_mapping, import_mapping
from credit_eval.language.reasons import LENDERS_ACTS
from credit_eval.schema.store import open_dataset
from tests.flat_file import FlatFile, loans


@pytest.fixture
def flat(tmp_path: Path) -> FlatFile:
    return FlatFile(tmp_path)


def test_rows_cohorts_and_labels_come_of_one_file(tmp_path: Path) -> None:
    given = loans(labelled=0.9)
    dataset = FlatFile(tmp_path, given).load()
    stored, outcomes = pd.read_parquet(dataset.flat_path), pd.read_parquet(dataset.outcomes_path)
    assert dataset.info.rows == {"flat": 600}
    assert dataset.tables == ()
    assert dataset.cohorts == ("rows", "train", "unlabelled")
    assert stored["customer_id"].tolist() == given["Loan"].tolist()
    assert stored["months"].tolist() == given["Months"].tolist()
    assert [len(pd.read_parquet(dataset.cohort_path(name))) for name in dataset.cohorts] == [600, 540, 60]
    assert outcomes["defaulted"].tolist() == (given["Bad"][:540] == "1").tolist()
    assert (outcomes["known_at"] - outcomes["as_of"]).unique().tolist() == [pd.Timedelta(days=90)]
    assert dataset.info.window_days == 90
    assert open_dataset(dataset.root).info == dataset.info


def test_all_rows_are_to_be_scored_where_all_have_a_label(flat: FlatFile) -> None:
    assert flat.load().cohorts == ("rows", "train")


def test_special_codes_are_no_amounts_and_keep_their_meaning(flat: FlatFile) -> None:
    dataset, given = flat.load(), loans()
    stored = pd.read_parquet(dataset.flat_path)
    assert stored["bureau"].equals(given["Bureau"].where(given["Bureau"] > 0).astype(float))
    meaning = given["Bureau"].map({-9: "no file at the bureau", -8: "never late"}).fillna("a value")
    assert stored["bureau_says"].tolist() == meaning.tolist()
    number, says = (column for column in dataset.info.flat if column.name.startswith("bureau"))
    assert number.reason_code == says.reason_code == "R_LATE_PAYMENTS_ELSEWHERE"
    assert (number.direction, says.direction, says.type) == (-1, 0, "category")


def test_what_the_policy_reads_has_its_own_reasons_and_a_limit_is_none(flat: FlatFile) -> None:
    flat.write(loans().assign(Owed=1.5 * loans()["Age"]))
    columns = {
        "sum": {"from": "Sum", "role": "limit"},
        "owed": {"from": "Owed", "role": "debt"},
        "age": {"from": "Age", "role": "amount", "reason": "my own words"},
    }
    told = {column.name: column.reason_code for column in flat.load(columns=columns).info.flat}
    assert (told["sum"], told["owed"], told["age"]) == ("R_CREDIT_LINE", "R_DEBT_LEVEL", "R_MY_OWN_WORDS")
    assert told["sum"] in LENDERS_ACTS


def test_a_single_special_code_is_what_absence_means(flat: FlatFile) -> None:
    frame = loans().assign(Bureau=lambda f: f["Bureau"].replace(-8, 12).astype(float))  # -9.0 in the file
    flat.write(frame)
    dataset = flat.load(columns={"bureau": {"from": "Bureau", "special": {"-9": "no file at the bureau"}}})
    assert [column.name for column in dataset.info.flat if column.name.startswith("bureau")] == ["bureau"]
    assert dataset.info.flat[-2].absent == "no file at the bureau"
    assert pd.read_parquet(dataset.flat_path)["bureau"].isna().sum() == (frame["Bureau"] == -9).sum() > 0


def test_no_id_and_no_date_are_asked_for(flat: FlatFile) -> None:
    dataset = flat.load(id=None, as_of=None, label={"column": "Bad"})
    stored = pd.read_parquet(dataset.flat_path)
    assert set(stored["customer_id"]) == {str(row) for row in range(2, 602)}  # as a spreadsheet counts: 1 is the header
    assert stored["as_of"].unique().tolist() == [pd.Timestamp("2000-01-01")]
    assert any("no dates" in note for note in dataset.info.notes)


def test_a_date_is_told_and_words_are_replaced(flat: FlatFile) -> None:
    flat.write(loans().assign(Since=lambda f: np.where(f.index % 2, "31.12.2020", "")))
    dataset = flat.load(
        columns={
            "since": {"from": "Since", "type": "date", "format": "%d.%m.%Y"},
            "checking": {"from": "Checking", "type": "category", "values": {"none": "no account"}},
        }
    )
    stored = pd.read_parquet(dataset.flat_path)
    assert stored["since"].dropna().unique().tolist() == [pd.Timestamp("2020-12-31")]
    assert set(stored["checking"]) == {"no account", "low", "high"}


def test_a_select_serves_as_well(flat: FlatFile) -> None:
    dataset = flat.load(
        whole={"files": {"loans": "loans.csv"}},
        file=None,
        select="SELECT *, Months::INT * 30 AS days, source_file, source_row FROM loans WHERE Age <> '19'",
        columns={"days": {"unit": "days"}},
    )
    assert (pd.read_parquet(dataset.flat_path)["days"] == loans().query("Age != 19")["Months"].to_numpy() * 30).all()


@pytest.mark.parametrize(
    ("said", "received"),
    [
        ({"columns": {"order": {"type": "number"}}}, "profiles.columns.order: order is kept for other uses"),
        ({"columns": {"Age": {}}}, "profiles.columns.Age: no name of a column"),
        ({"columns": {"bad": {"from": "Bad"}}}, "profiles.columns.bad: is the label itself"),
        ({"columns": {"checking": {"type": "category", "higher_is": "safer"}}}, "a category has no direction"),
        ({"columns": {"age": {"role": "income"}}}, "is income already"),
        ({"columns": {"age": {"higher_is": "worse"}}}, "profiles.columns.age.higher_is"),
        ({"columns": {"age": {"typo": "x"}}}, "profiles.columns.age.typo: unknown key"),
        ({"label": {"column": "Bad"}}, "profiles.label: nobody says when a label was known"),
        ({"select": "SELECT 1"}, "say `file` or `select`"),
        ({"observed_at": "2024-01-01"}, "as_of says it already"),
        ({"whole": {"outcomes": {"select": "SELECT 1"}}}, "the label of `profiles` says it already"),
    ],
)
def test_what_a_mapping_may_not_say_is_told_with_its_line(flat: FlatFile, said: dict[str, Any], received: str) -> None:
    with pytest.raises(SourceError) as error:
        flat.load(**said)
    assert received in str(error.value)
    assert "line " in str(error.value)


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        ({"Months": "often"}, TableError, "flat.months cannot be read"),
        ({"Bad": "perhaps"}, TableError, "outcomes.defaulted cannot be read"),
        ({"Asked": "soon"}, TableError, "flat.as_of"),
        ({"Loan": "L00001"}, TableError, "flat.customer_id"),
    ],
)
def test_a_bad_value_is_told_by_its_row(flat: FlatFile, change: dict[str, str], kind: type, told: str) -> None:
    frame = loans().astype(str)
    frame.loc[7, list(change)] = list(change.values())
    if "Loan" in change:
        frame.loc[7, "Asked"] = frame.loc[1, "Asked"]
    flat.write(frame)
    with pytest.raises(kind) as error:
        flat.load()
    assert told in str(error.value)
    assert "loans.csv row 9" in str(error.value)


def test_a_renamed_column_is_told_with_what_there_is(flat: FlatFile) -> None:
    flat.write(loans().rename(columns={"Income": "income_month"}))
    with pytest.raises(SourceError, match="lacks the column 'Income'") as error:
        flat.load()
    assert "income_month" in str(error.value)


LEAKS = {
    "a number that ranks the label": lambda f: np.where(f["Bad"] == "1", 5.0, 1.0) + np.arange(len(f)) % 7 / 2,
    "missing unless it is bad": lambda f: np.where(f["Bad"] == "1", np.arange(len(f)) % 9, np.nan),
    "a category": lambda f: np.where(f["Bad"] == "1", "sent to collections", "current"),
    "what was recovered of some": lambda f: np.where((f["Bad"] == "1") & (np.arange(len(f)) % 2 == 0), 70.5, 0.0),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_what_knows_the_label_is_refused_unless_somebody_vouches_for_it(flat: FlatFile, leak: str) -> None:
    frame = loans()
    flat.write(frame.assign(After=LEAKS[leak]))
    column = {"from": "After", "type": "category" if leak == "a category" else "number"}
    with pytest.raises(SourceError, match="after may be a leak"):
        flat.load(columns={"after": column})
    assert flat.load(columns={"after": {**column, "trusted": "written by the branch at the request"}})


def test_constants_and_identifiers_are_refused(flat: FlatFile) -> None:
    flat.write(loans().assign(One="x", Number=np.arange(600) + 7000, Empty="", Name=[f"n{i}" for i in range(600)]))
    columns = {
        "one": {"from": "One", "type": "category"},
        "number": {"from": "Number"},
        "empty": {"from": "Empty"},
        "name": {"from": "Name", "type": "category"},
    }
    with pytest.raises(SourceError, match="4 columns") as error:
        flat.load(columns=columns)
    for told in ("one is the same", "number looks like an identifier", "empty is the same", "name looks like"):
        assert told in str(error.value)


def test_strong_honest_columns_are_no_leaks(flat: FlatFile) -> None:
    rng = np.random.default_rng(3)
    bad = loans()["Bad"] == "1"
    flat.write(loans().assign(Late=np.where(bad, rng.integers(0, 60, 600), rng.integers(0, 25, 600))))  # AUC about 0.8
    assert flat.load(columns={"late": {"from": "Late", "higher_is": "riskier"}})


def test_a_good_known_before_its_window_ends_is_refused(flat: FlatFile) -> None:
    flat.write(loans().assign(Known=lambda f: pd.to_datetime(f["Asked"]) + pd.to_timedelta(60, "D")))
    label = {"column": "Bad", "window_days": "90", "known_at": "Known"}
    with pytest.raises(SourceError, match="known before their windows ended") as error:
        flat.load(label=label)
    assert error.value.n_rows == (loans()["Bad"] == "0").sum()
    assert flat.load(label=label | {"window_days": "60"})


def test_labels_of_rows_whose_window_is_still_open_are_refused(flat: FlatFile) -> None:
    end = pd.Timestamp("2025-12-15")  # the last rows are of November
    with pytest.raises(SourceError, match="known before their windows ended") as error:
        flat.load(whole={"known_until": "2025-12-15"})
    open_ = pd.to_datetime(loans()["Asked"]) + pd.Timedelta(days=90) > end
    assert error.value.n_rows == open_.sum() > 0
    flat.write(loans().assign(Bad=lambda f: f["Bad"].where(~open_, "")))
    assert flat.load(whole={"known_until": "2025-12-15"}).cohorts == ("rows", "train", "unlabelled")


def test_events_and_a_flat_file_stand_in_one_data_set(flat: FlatFile) -> None:
    assert flat.load(whole=flat.with_orders()).info.rows == {"orders": 1200, "flat": 600}


def test_nothing_can_be_appended_to_a_flat_table(flat: FlatFile) -> None:
    dataset = flat.load()
    with pytest.raises(SourceError, match="nothing can be appended"):
        append_mapping(flat.folder / "flat.yaml", flat.folder, dataset.root.parent, "loans")


def test_importing_twice_writes_the_same_bytes(flat: FlatFile) -> None:
    first = flat.load().info
    again = import_mapping(flat.folder / "flat.yaml", flat.folder / "other", replace=True).info
    assert first.hashes == again.hashes
    assert first.fingerprint == again.fingerprint


def test_auc_of_bands_is_that_of_their_rows() -> None:
    rng = np.random.default_rng(0)
    bands = [(int(n), int(rng.integers(0, n + 1))) for n in rng.integers(1, 9, 12)]
    rates = np.repeat([bad / n for n, bad in bands], [n for n, _ in bands])
    labels = np.concatenate([[1] * bad + [0] * (n - bad) for n, bad in bands])
    pairs = [(a > b) + (a == b) / 2 for a in rates[labels == 1] for b in rates[labels == 0]]
    assert auc_of_bands(bands) == pytest.approx(np.mean(pairs))
