"""CCF and LGD: worked by hand, and recovered from simulated defaults whose truth is known."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from schedule_lines import AS_OF, END, SIXTY_IN_120, dataset_at, labels, line

from credit_eval.core.statistics import bootstrapped, ratio_interval
from credit_eval.samples.exposure import (
    PERIOD,
    Exposure,
    Ratio,
    compared,
    conversion,
    defaulted_members,
    loss_given_default,
    measured_exposure,
    recovered_by,
    recoveries,
    segments,
)
from credit_eval.schema.duckdb import DuckDB

DAY = timedelta(days=1)
LIMITS = """
customer_id  occurred_at  known_at    account_id  opened_at   credit_limit
a            2026-01-01   2026-01-01  A           2026-01-01  1000.00
a            2026-05-01   2026-05-01  A           2026-01-01  2000.00
b            2026-01-01   2026-03-01  B           2026-01-01  500.00
"""


def test_what_is_owed_is_looked_at_when_observed_and_at_default(tmp_path: Path) -> None:
    late = line(AS_OF - 10 * DAY, number=1, amount="100.00")  # hits 50 days after as_of
    repayments = [
        late,
        line(AS_OF + 5 * DAY, AS_OF + 3 * DAY, number=2, amount="40.00"),  # owed when observed, paid before default
        line(AS_OF + 90 * DAY, number=3, amount="300.00") | {"occurred_at": AS_OF + 20 * DAY},  # drawn since
        line(AS_OF + 90 * DAY, number=4, amount="7.00") | {"occurred_at": AS_OF + 50 * DAY},  # at default, not before
        line(AS_OF - 10 * DAY, number=5, customer="b", amount="60.00"),
    ]
    members = [("a", AS_OF), ("b", AS_OF)]
    labels(tmp_path, members, accounts=LIMITS, repayments=repayments)
    with DuckDB(threads=1) as engine:
        dataset = dataset_at(tmp_path, accounts=LIMITS, repayments=repayments)
        found = defaulted_members(engine, dataset, tmp_path / "cohort.parquet", SIXTY_IN_120)
        back = recoveries(engine, dataset, found, SIXTY_IN_120)
    assert found["hit_at"].tolist() == [AS_OF + 50 * DAY] * 2
    assert found[["credit_limit", "owed", "ead"]].values.tolist() == [[1000, 140, 400], [500, 60, 60]]
    assert back["ead"].tolist() == [400, 60]
    assert back["followed"].tolist() == [(END - AS_OF).days - 50] * 2


def curve(customers: int, hazard: float, *, days: int = 720, seed: int = 0) -> pd.DataFrame:
    """Defaults of which in each period a share of what is left comes back; each is followed for a time of its own."""
    rng = np.random.default_rng(seed)
    followed = rng.integers(PERIOD, days, customers)
    ead = rng.lognormal(5, 1, customers)
    periods, left = int(followed.max() // PERIOD), ead.copy()
    back: dict[str, Any] = {}
    for period in range(periods):
        came = np.where(followed // PERIOD > period, left * np.clip(rng.normal(hazard, 0.02, customers), 0, 1), 0.0)
        back[f"p{period}"], left = came, left - came
    return pd.DataFrame({"customer_id": np.arange(customers), "ead": ead, "followed": followed} | back)


def test_recoveries_cut_off_by_the_data_end_do_not_count_as_losses() -> None:
    whole = curve(3000, 0.10)
    periods = len(recovered_by(whole))
    truth = 0.9**periods
    found = loss_given_default(whole, 0.0)
    assert found is not None
    assert periods >= 20
    assert found.low < truth < found.high
    naive = 1 - whole.filter(regex="^p").to_numpy().sum() / whole["ead"].sum()
    assert naive > truth + 0.15
    dear = loss_given_default(whole, 0.10)
    assert dear is not None
    assert dear.value > found.value


def test_half_and_half_by_hand() -> None:
    two = pd.DataFrame(
        {"customer_id": ["a", "b"], "ead": [100.0, 100.0], "followed": [30, 60], "p0": [20.0, 20.0], "p1": [0.0, 40.0]}
    )
    many = pd.concat([two.assign(customer_id=two["customer_id"] + str(n)) for n in range(30)])
    found = loss_given_default(many, 0.0)
    assert found is not None
    assert found.value == pytest.approx(0.40)
    assert recovered_by(many) == {30: pytest.approx(0.2), 60: pytest.approx(0.6)}
    assert (found.rows, found.customers) == (60, 60)


@pytest.mark.parametrize("truth", [0.0, 0.04, 0.5, 1.0])
def test_the_conversion_of_free_credit_is_recovered(truth: float) -> None:
    rng = np.random.default_rng(1)
    n = 2000
    limit, used = rng.uniform(200, 3000, n), rng.uniform(0, 1, n)
    owed = limit * used
    drawn = (limit - owed) * (rng.random(n) < truth)
    frame = pd.DataFrame({"customer_id": np.arange(n) // 2, "credit_limit": limit, "owed": owed, "ead": owed + drawn})
    found = conversion(frame)
    assert found is not None
    assert abs(found.value - truth) <= 1.7 * max(found.high - found.value, found.value - found.low) + 1e-9  # 3.3 sigma
    assert conversion(frame.head(150)) is None  # 75 customers say too little


def test_a_source_that_holds_no_defaults_has_nothing_to_say(tmp_path: Path) -> None:
    labels(tmp_path, [("a", AS_OF)], accounts=LIMITS, repayments=[])
    with DuckDB(threads=1) as engine:
        dataset = dataset_at(tmp_path, accounts=LIMITS, repayments=[])
        found = measured_exposure(engine, dataset, tmp_path / "cohort.parquet", SIXTY_IN_120, discount_rate=0.08)
    assert (found.ccf, found.lgd, found.ccf_by_use, found.recovered) == (None, None, {}, {})
    assert segments(found) == []


def test_later_defaults_stand_beside_what_earlier_ones_predict() -> None:
    earlier = Exposure(Ratio(0.5, 0.4, 0.6, 900, 300), None, {}, {30: 0.2, 60: 0.6, 90: 0.7}, 0.08)
    later = pd.DataFrame(
        {"customer_id": ["a", "b"], "credit_limit": [100.0, np.nan], "owed": [40.0, 5.0], "ead": [80.0, 9.0]}
    )
    owed, back = compared(earlier, later, curve(200, 0.1, days=75))
    assert (owed.predicted, owed.realised, owed.of) == (70.0, 80.0, 1)
    assert (back.what, back.predicted, back.of) == ("share that had come back 60 days after default", 0.6, 200)
    assert back.realised == pytest.approx(1 - 0.9**2, abs=0.01)


def test_the_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(5)
    covered = {"ratio": 0, "bootstrap": 0}
    for _ in range(100):
        below = rng.uniform(1, 3, 80)
        above = below * rng.uniform(0, 0.6, 80)
        covered["ratio"] += (found := ratio_interval(above, below)).low <= 0.3 <= found.high
        found = bootstrapped(lambda times, a=above, b=below: float(times @ a / (times @ b)), customers=80, repeats=100)
        covered["bootstrap"] += found.low <= 0.3 <= found.high
    assert covered["ratio"] >= 88
    assert covered["bootstrap"] >= 85


def test_rows_of_one_customer_go_together() -> None:
    alone = ratio_interval([1, 2, 3, 2] * 5, [10] * 20)
    copies = ratio_interval([1, 2, 3, 2] * 5, [10] * 20, groups=[0, 1, 2, 3] * 5)
    assert copies.high - copies.low > 2 * (alone.high - alone.low)
