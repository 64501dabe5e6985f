"""Last night beside the night before: what is like it is within, what is not is told with its bound."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from credit_eval.core.errors import IntegrityError, SourceError
from credit_eval.core.runs import Run
from credit_eval.core.seals import hashes_of
from credit_eval.night.check import check_run, stability
from credit_eval.schema.store import Dataset, DatasetInfo, describe_dataset, open_dataset
from credit_eval.settings import CheckSettings
from tests.scored_run import edit_manifest, scored_frame, write_run

NIGHT, NOW = Run(datetime(2026, 3, 2)), datetime(2026, 3, 2)
SETTINGS = CheckSettings()


def events(root: Path, orders: list[int]) -> Dataset:
    """A data set whose orders were known so many days before `NOW`."""
    root.mkdir()
    known = [NOW - timedelta(days=days, hours=1) for days in orders]
    frame = pd.DataFrame({"customer_id": "a", "occurred_at": known, "known_at": known})
    frame = frame.astype({"occurred_at": "datetime64[us]", "known_at": "datetime64[us]"})
    frame.to_parquet(root / "orders.parquet", index=False)
    columns = {"orders": [*frame]}
    first = datetime(2025, 1, 1)
    info = DatasetInfo(
        "toy", "a test", "CNY", first, NOW, "repayments", columns, {"orders": len(frame)}, hashes_of(root)
    )
    describe_dataset(root, info)
    return open_dataset(root)


def night(root: Path, frame: pd.DataFrame, label: str) -> None:
    """A scored run under a label, with the decisions of its rows in the manifest."""
    made = write_run(root / label, frame)
    edit_manifest(made, decisions=frame["decision"].value_counts().to_dict())
    (root / "toy").mkdir(exist_ok=True)
    made.rename(root / "toy" / label)


def steady(days: int = 35, a_day: int = 10) -> list[int]:
    return [day for day in range(days) for _ in range(a_day)]


@pytest.mark.parametrize(
    ("change", "beyond"),
    [
        ({}, set()),
        ({"rows": 250}, {"volume"}),
        ({"restrict": 120}, {"decisions"}),
        ({"scores": 80}, {"scores"}),
        ({"orders": [day for day in steady() if day >= 6]}, {"feed"}),
    ],
)
def test_what_is_unlike_the_night_before_is_beyond_its_bound(
    tmp_path: Path, change: dict[str, object], beyond: set[str]
) -> None:
    frame = scored_frame(400)
    other = frame.head(int(str(change.get("rows", 400)))).copy()
    other.loc[other.index[: int(str(change.get("restrict", 0)))], "decision"] = "restrict"
    other["score"] = other["score"] + int(str(change.get("scores", 0)))
    night(tmp_path, frame, "as_of=2026-03-01")
    night(tmp_path, other, NIGHT.label)
    orders = change.get("orders", steady())
    assert isinstance(orders, list)
    found, before = check_run(events(tmp_path / "raw", orders), tmp_path / "toy", NIGHT, SETTINGS)
    assert before == Run(datetime(2026, 3, 1))
    assert {one.what for one in found} == {"volume", "decisions", "scores", "feed"}
    assert {one.what for one in found if not one.within} == beyond


def test_the_first_night_has_its_feeds_looked_at(tmp_path: Path) -> None:
    night(tmp_path, scored_frame(50), NIGHT.label)
    found, before = check_run(events(tmp_path / "raw", steady()), tmp_path / "toy", NIGHT, SETTINGS)
    assert before is None
    assert [(one.what, one.within) for one in found] == [("feed", True)]


@pytest.mark.parametrize("orders", [[20, 25], [20] * 500], ids=["a few rows", "once a month"])
def test_a_small_feed_is_none_to_speak_of_and_a_monthly_one_does_not_stop(tmp_path: Path, orders: list[int]) -> None:
    night(tmp_path, scored_frame(50), NIGHT.label)
    found, _ = check_run(events(tmp_path / "raw", orders), tmp_path / "toy", NIGHT, SETTINGS)
    assert found == []


def test_what_was_edited_or_is_not_there_is_told(tmp_path: Path) -> None:
    dataset = events(tmp_path / "raw", steady())
    with pytest.raises(SourceError, match="nothing is scored"):
        check_run(dataset, tmp_path / "toy", NIGHT, SETTINGS)
    for label in ("as_of=2026-03-01", NIGHT.label):
        night(tmp_path, scored_frame(50), label)
    part = tmp_path / "toy" / "as_of=2026-03-01" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError):
        check_run(dataset, tmp_path / "toy", NIGHT, SETTINGS)


def test_stability_is_that_of_the_textbook() -> None:
    """Two bins would be (0.4 - 0.5) ln(0.4 / 0.5) + (0.6 - 0.5) ln(0.6 / 0.5) of a shift of a tenth."""
    before = np.arange(1_000.0)
    now = np.concatenate([before[before < 500][:400], before[before >= 500], before[before >= 900]])
    edges = np.quantile(before, np.linspace(0, 1, 11)[1:-1])
    shares = [np.histogram(one, [-np.inf, *edges, np.inf])[0] / len(one) for one in (before, now)]
    shares = [np.maximum(one, 1e-4) for one in shares]
    assert stability(before, now) == pytest.approx(
        float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    )
    assert stability(before, before) == 0
