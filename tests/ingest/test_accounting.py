"""What nobody will use is counted at import, each kind in a note; what is used is not spoken of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from credit_eval.ingest.mapping import import_mapping

JUDGED = {"customer_id": "who", "as_of": "at"}
MAPPING: dict[str, Any] = {
    "dataset": "shop",
    "currency": "EUR",
    "known_until": "2025-03-01",
    "tables": {
        "customers": {"file": "c.csv", "columns": {"customer_id": "id", "occurred_at": "at"}},
        "orders": {
            "file": "o.csv",
            "columns": {"order_id": "id", "customer_id": "who", "occurred_at": "at", "amount": "sum"},
            "constants": {"status": "placed"},
        },
    },
    "cohorts": {"train": {"file": "train.csv", "columns": JUDGED}},
    "outcomes": {"file": "y.csv", "columns": {**JUDGED, "defaulted": "bad", "known_at": "told"}},
}


def notes(folder: Path, **files: str) -> list[str]:
    plain = {
        "c": "id,at\na,2025-01-01\nb,2025-01-01\n",
        "o": "id,who,at,sum\n1,a,2025-02-01,5\n2,b,2025-02-02,5\n",
        "train": "who,at\na,2025-02-10\nb,2025-02-10\n",
        "y": "who,at,bad,told\na,2025-02-10,1,2025-04-01\nb,2025-02-10,0,2025-04-01\n",
    }
    for name, text in (plain | files).items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "m.yaml").write_text(yaml.safe_dump(MAPPING))
    return import_mapping(folder / "m.yaml", folder / "raw", replace=True).info.notes


def test_what_is_used_whole_is_not_spoken_of(tmp_path: Path) -> None:
    assert notes(tmp_path) == []


def test_rows_beyond_the_data_end(tmp_path: Path) -> None:
    late = "id,who,at,sum\n1,a,2025-02-01,5\n2,b,2025-02-02,5\n3,b,2025-03-01,5\n4,b,2025-03-09,5\n"
    said = "2 rows of orders are known at 2025-03-01 00:00 (known_until) or later: no profile sees them"
    assert said in notes(tmp_path, o=late)


def test_customers_without_an_event(tmp_path: Path) -> None:
    found = notes(tmp_path, c="id,at\na,2025-01-01\nb,2025-01-01\nc,2025-01-01\nd,2025-01-01\nd,2025-01-05\n")
    assert "2 of 4 customers have no event but their registration" in found


def test_labels_astray(tmp_path: Path) -> None:
    a_second_off = "who,at,bad,told\na,2025-02-10 00:00:01,1,2025-04-01\nb,2025-02-10,0,2025-04-01\n"
    assert notes(tmp_path, y=a_second_off) == [
        "1 rows of cohort train have no outcome: nothing is learnt from them",
        "1 outcomes belong to no row of cohort train, of which 1 miss a row of the cohort by less than an hour",
    ]
    of_nobody = "who,at,bad,told\na,2025-02-10,1,2025-04-01\nb,2025-01-20,0,2025-04-01\n"
    assert notes(tmp_path, y=of_nobody)[1] == "1 outcomes belong to no row of cohort train"


def test_requests_at_the_very_as_of(tmp_path: Path) -> None:
    applications = {
        "file": "a.csv",
        "columns": {"application_id": "id", "customer_id": "who", "occurred_at": "at", "amount": "sum"},
    }
    asked = "id,who,at,sum\n1,a,2025-02-10,100\n2,b,2025-02-09 23:59:59,100\n"
    MAPPING["tables"]["applications"] = applications
    try:
        found = notes(tmp_path, a=asked)
    finally:
        del MAPPING["tables"]["applications"]
    said = "1 rows of cohorts/train have an as_of at which a request becomes known, so their profiles lack it"
    assert [note.split(":")[0] for note in found if "request" in note] == [said]
