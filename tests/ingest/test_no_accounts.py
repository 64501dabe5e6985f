"""A shop without credit accounts has profiles, too: what is typical is typical of everybody who is registered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import yaml

import credit_eval as ce
from credit_eval.core.errors import CohortError
from credit_eval.ingest.mapping import import_mapping

MAPPING = {
    "dataset": "shop",
    "currency": "EUR",
    "tables": {
        "customers": {"file": "c.csv", "columns": {"customer_id": "id", "occurred_at": "at"}},
        "orders": {
            "file": "o.csv",
            "columns": {"order_id": "id", "customer_id": "who", "occurred_at": "at", "amount": "sum"},
            "constants": {"status": "placed"},
        },
    },
}


@pytest.fixture
def study(tmp_path: Path) -> ce.Study:
    (tmp_path / "c.csv").write_text("id,at\na,2025-01-01\nb,2025-01-01\nc,2025-01-01\nlater,2025-02-20\n")
    (tmp_path / "o.csv").write_text("id,who,at,sum\n1,a,2025-02-01,5\n2,b,2025-02-02,7\n3,c,2025-02-20,9\n")
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(MAPPING))
    import_mapping(tmp_path / "m.yaml", tmp_path / "data" / "raw")
    return ce.open("shop", root=tmp_path)


def test_a_profile_stands_beside_everybody_who_was_registered(study: ce.Study) -> None:
    sides = study.profile("a", datetime(2025, 2, 10))
    lines = {line.title: line for of in sides.values() for line in of}
    orders = lines["orders placed in the last 30 days"]
    assert (orders.value, orders.typical) == ("1", "1")  # a and b have one, c none yet, `later` is not there


def test_before_anybody_was_registered_there_is_nobody_to_compare_with(study: ce.Study) -> None:
    with pytest.raises(CohortError):
        study.profile("a", datetime(2024, 2, 10))
