"""A draft guesses what a column is, says what is doubtful, and imports as it stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from credit_eval.core.errors import OutputExistsError, SourceError
from credit_eval.ingest.draft import draft
from credit_eval.ingest.mapping import import_mapping
from credit_eval.ingest.survey import good_texts, survey
from tests.flat_file import loans

N = 600
INDEX = np.arange(N)


def drafted(folder: Path, **columns: object) -> dict[str, object]:
    """What a draft says of columns added to the loans; a missing one was left out."""
    loans(N).assign(**columns).to_csv(folder / "loans.csv", index=False)
    made = draft(folder / "loans.csv", replace=True)
    found: dict[str, object] = yaml.safe_load(made.text)["profiles"]["columns"]
    assert import_mapping(made.path, folder / "raw", replace=True).info.rows == {"flat": N}
    return found


CASES = [
    ("a number", INDEX % 37 / 8, {}),
    ("with a text for missing", np.where(INDEX % 50 == 0, "n/a", INDEX % 37), {}),
    ("with a word that is none", np.where(INDEX % 50 == 0, "none", INDEX % 37), {}),
    ("nines to the brim", np.where(INDEX % 9 == 0, 99999, INDEX % 37), {"special": {"99999": "say what 99999 means"}}),
    ("minus nine among counts", np.where(INDEX % 9 == 0, -9, INDEX % 37), {"special": {"-9": "say what -9 means"}}),
    ("minus nine of a balance", INDEX % 37 - 18, {}),
    ("a date", pd.Timestamp("2020-01-01") + pd.to_timedelta(INDEX % 99, "D"), {"type": "date"}),
    ("a German date", np.where(INDEX % 2, "31.12.2019", "01.02.2020"), {"type": "date", "format": "%d.%m.%Y"}),
    ("a category", np.where(INDEX % 3, "own", "rent"), {"type": "category"}),
    ("yes and no", np.where(INDEX % 3, "yes", "no"), {"type": "category"}),
    ("a category none", np.where(INDEX % 3, "none", "some"), {"type": "category"}),
    ("a constant", "EUR", None),
    ("empty", "", None),
    ("names of people", [f"Jo {i}" for i in INDEX], None),
    ("a number of its own", INDEX + 10_000, None),
    ("what came after", np.where(loans(N)["Bad"] == "1", INDEX % 90 + 1.5, 0.0), None),
]


@pytest.mark.parametrize(("what", "values", "said"), CASES, ids=[case[0] for case in CASES])
def test_a_column_is_taken_for(tmp_path: Path, what: str, values: object, said: dict[str, object] | None) -> None:
    found = drafted(tmp_path, Extra=values)
    assert found.get("extra") == (None if said is None else {"from": "Extra"} | said)


def test_names_give_units_and_roles(tmp_path: Path) -> None:
    found = drafted(tmp_path, annual_inc=INDEX % 71 * 1000, gender=np.where(INDEX % 2, "f", "m"))
    assert found["income"] == {"from": "Income", "unit": "money", "role": "income"}
    assert found["annual_inc"] == {"role": "annual_income"}
    assert found["gender"] == {"type": "category", "role": "group"}
    assert found["age"] == {"from": "Age", "unit": "years"}


def test_keys_and_label_are_found(tmp_path: Path) -> None:
    loans(N).to_csv(tmp_path / "loans.csv", index=False)
    said = yaml.safe_load(draft(tmp_path / "loans.csv").text)["profiles"]
    assert (said["id"], said["as_of"], said["label"]["column"]) == ("Loan", "Asked", "Bad")
    assert (said["label"]["bad"], said["label"]["good"]) == (["1"], ["0"])


def test_a_file_as_a_spreadsheet_of_elsewhere_writes_it(tmp_path: Path) -> None:
    frame = loans(N).assign(Ratio=INDEX % 37 / 8)
    frame.to_csv(tmp_path / "loans.csv", index=False, sep=";", decimal=",")
    made = draft(tmp_path / "loans.csv")
    said = yaml.safe_load(made.text)["profiles"]
    assert (said["delimiter"], said["decimal"], said["thousands"]) == (";", ",", ".")
    stored = pd.read_parquet(import_mapping(made.path, tmp_path / "raw").flat_path)
    assert sorted(stored["ratio"]) == sorted(frame["Ratio"])


def test_parquet_serves_as_well(tmp_path: Path) -> None:
    loans(N).assign(Rich=INDEX % 2 == 0).to_parquet(tmp_path / "loans.parquet")
    made = draft(tmp_path / "loans.parquet")
    assert yaml.safe_load(made.text)["profiles"]["columns"]["rich"] == {"from": "Rich", "type": "category"}
    assert import_mapping(made.path, tmp_path / "raw").info.rows == {"flat": N}


def test_names_that_sql_or_we_need_are_given_others(tmp_path: Path) -> None:
    found = drafted(tmp_path, **{"order": INDEX % 7, "2nd": INDEX % 5, "Größe (cm)": INDEX % 31, "amount": INDEX % 11})
    assert {"order_given", "c_2nd", "gr_e_cm", "amount_given"} <= set(found)


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    loans(N).to_csv(tmp_path / "loans.csv", index=False)
    draft(tmp_path / "loans.csv")
    with pytest.raises(OutputExistsError, match=r"loans\.yaml is there already"):
        draft(tmp_path / "loans.csv")


def test_no_rows_and_no_such_label_are_told(tmp_path: Path) -> None:
    loans(N).head(0).to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(SourceError, match="holds no rows"):
        draft(tmp_path / "none.csv")
    loans(N).to_csv(tmp_path / "loans.csv", index=False)
    with pytest.raises(SourceError, match="lacks the column 'target'"):
        draft(tmp_path / "loans.csv", label="target")


def test_the_leaning_is_that_of_the_data(tmp_path: Path) -> None:
    loans(2_000).to_csv(tmp_path / "loans.csv", index=False)
    found = survey(tmp_path / "loans.csv")
    assert [found.column(name).leaning for name in ("Months", "Bureau", "Age")] == [1, -1, 0]


def test_goods_of_a_status_are_told_from_those_still_open() -> None:
    assert good_texts(["Current", "Fully Paid", "Charged Off"], ["Charged Off"]) == ["Fully Paid"]
