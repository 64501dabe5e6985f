"""A run is of a midnight or of a cohort, and its label is read as it was made."""

from __future__ import annotations

from datetime import datetime

import pytest

from credit_eval.core.errors import CohortError, SourceError
from credit_eval.core.runs import Run

MIDNIGHT = datetime(2026, 7, 1)


@pytest.mark.parametrize("run", [Run(MIDNIGHT), Run(cohort="test")])
def test_a_label_is_read_as_it_was_made(run: Run) -> None:
    assert Run.read(run.label) == run


@pytest.mark.parametrize(
    ("said", "told"),
    [({}, "one of the three"), ({"as_of": MIDNIGHT, "cohort": "test"}, "one of the three"),
     ({"as_of": MIDNIGHT.replace(hour=5)}, "at midnight")],
    ids=["neither", "both", "another time of day"],
)  # fmt: skip
def test_what_is_no_run_is_refused(said: dict[str, object], told: str) -> None:
    with pytest.raises(CohortError, match=told):
        Run(**said)  # type: ignore[arg-type]


def test_a_label_that_is_none() -> None:
    with pytest.raises(SourceError):
        Run.read("as_of=yesterday")
