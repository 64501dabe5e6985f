"""The true probabilities are those of the labels, strong enough to matter, and given away by nothing."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import chi2, rankdata

from credit_eval.ingest.simulator import truth
from credit_eval.ingest.simulator.credit import run_credit
from credit_eval.ingest.simulator.orders import draw_orders
from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.population import draw_population
from credit_eval.ingest.simulator.rhythm import make_calendar
from credit_eval.ingest.simulator.run import TRUTH, simulate
from credit_eval.ingest.simulator.states import draw_states
from credit_eval.schema.duckdb import DuckDB, quote

CUSTOMERS = 10_000
MATURED = "2026-03-01"  # the last month's start whose 120 days end before the data do

# A bill turns into a default at due_at + 60 days unless it was paid before. Independent of the simulator's code.
LABELLED = f"""
WITH moments AS (
    SELECT customer_id, due_at + INTERVAL 60 DAY AS moment FROM repayments
    WHERE paid_at IS NULL OR paid_at >= due_at + INTERVAL 60 DAY),
labels AS (
    SELECT truth.customer_id, as_of, any_value(true_p_default) AS p,
        count(*) FILTER (moment <= as_of) AS defaulted_before,
        (count(*) FILTER (moment > as_of AND moment <= as_of + INTERVAL 120 DAY) > 0)::INT AS defaulted
    FROM truth LEFT JOIN moments USING (customer_id) WHERE as_of <= TIMESTAMP '{MATURED}' GROUP BY ALL),
bills AS (
    SELECT labels.customer_id, as_of, count(due_at) AS bills,
        count(*) FILTER (due_at >= as_of AND due_at < as_of + INTERVAL 1 MONTH) AS due_now,
        count(*) FILTER (due_at >= as_of + INTERVAL 1 MONTH) AS due_later,
        count(*) FILTER (due_at < as_of AND (coalesce(paid_known_at >= as_of, TRUE) OR paid_at > due_at)) AS late_bills,
        coalesce(max(CASE WHEN due_at < as_of AND coalesce(paid_known_at >= as_of, TRUE)
            THEN date_diff('day', due_at, as_of) END), 0) AS days_past_due,
        coalesce(max(CASE WHEN due_at < as_of
            THEN date_diff('day', due_at, least(as_of, coalesce(paid_at, as_of))) END), 0) AS worst_lateness
    FROM labels LEFT JOIN repayments r ON r.customer_id = labels.customer_id AND r.known_at < as_of GROUP BY ALL),
tills AS (
    SELECT labels.customer_id, as_of, count(*) FILTER (failure_cause = 'insufficient_funds') AS failures
    FROM labels LEFT JOIN payments p ON p.customer_id = labels.customer_id AND p.known_at < as_of GROUP BY ALL),
calls AS (
    SELECT labels.customer_id, as_of, count(kind) AS service_contacts
    FROM labels LEFT JOIN behaviour b ON b.customer_id = labels.customer_id AND b.known_at < as_of
        AND kind = 'service_contact' GROUP BY ALL)
FROM labels JOIN bills USING (customer_id, as_of) JOIN tills USING (customer_id, as_of)
    JOIN calls USING (customer_id, as_of) ORDER BY customer_id, as_of
"""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    root = tmp_path_factory.mktemp("truth")
    began = time.perf_counter()
    data = simulate(root / "raw", root / "truth", customers=CUSTOMERS)
    print(f"\nsimulated {CUSTOMERS:,} customers in {time.perf_counter() - began:.1f} s")
    hidden = root / "truth" / data.name / f"{TRUTH}.parquet"
    with DuckDB(threads=1) as engine:
        for table in ("repayments", "payments", "behaviour"):
            engine.run(f"CREATE VIEW {table} AS FROM read_parquet({quote(data.path(table))})")
        engine.run(f"CREATE VIEW truth AS FROM read_parquet({quote(hidden)})")
        return engine.frame(LABELLED)


def gini(values: NDArray[np.float64], defaulted: NDArray[np.int64]) -> float:
    """2 AUC - 1 by ranks, ties counting half."""
    bads = defaulted == 1
    ranks = rankdata(values)[bads].sum() - bads.sum() * (bads.sum() + 1) / 2
    return float(2 * ranks / (bads.sum() * (~bads).sum()) - 1)


def test_who_is_in_default_has_no_truth(labelled: pd.DataFrame) -> None:
    assert (labelled.defaulted_before == 0).all()


@pytest.mark.parametrize(
    "as_ofs", [("2025-05-01", "2025-09-01", "2026-01-01"), ("2025-06-01", "2025-10-01", "2026-02-01")]
)
def test_labels_are_calibrated_to_the_truth(as_ofs: tuple[str, ...], labelled: pd.DataFrame) -> None:
    """Hosmer-Lemeshow over twenty bins with known probabilities, on windows that do not overlap."""
    rows = labelled[labelled.as_of.isin(pd.to_datetime(list(as_ofs)))]
    bins = rows.groupby(pd.qcut(rows.p, 20), observed=True).agg(
        expected=("p", "sum"), seen=("defaulted", "sum"), variance=("p", lambda p: (p * (1 - p)).sum())
    )
    statistic = ((bins.seen - bins.expected) ** 2 / bins.variance).sum()
    assert statistic < chi2.ppf(0.9999, len(bins))
    total = rows.p.sum()
    assert abs(rows.defaulted.sum() - total) < 4 * np.sqrt((rows.p * (1 - rows.p)).sum())


def test_the_truth_knows_what_the_bills_known_at_as_of_say(labelled: pd.DataFrame) -> None:
    """Labels and truth agree whether or not the bills lay down something for this month and for later ones."""
    rows = labelled[labelled.days_past_due == 0]
    groups = rows.assign(variance=rows.p * (1 - rows.p)).groupby([rows.due_now > 0, rows.due_later > 0])
    seen = groups[["p", "defaulted", "variance"]].sum()
    assert list(seen.index) == [(False, False), (True, False), (True, True)]  # instalments leave no month out
    # A customer is counted at up to four as_of of one window: the deviation is at most doubled by that.
    assert (abs(seen.defaulted - seen.p) < 2 * 4 * np.sqrt(seen.variance)).all()
    risk = groups.p.mean()
    assert risk[True, True] > 1.5 * risk[False, False]


def test_large_probabilities_come_true_as_often_as_they_say(labelled: pd.DataFrame) -> None:
    deep = labelled[(labelled.p > 0.5)]
    assert len(deep) > 300
    assert deep.defaulted.mean() == pytest.approx(deep.p.mean(), abs=0.04)


def test_default_rates_are_those_of_a_risky_but_living_book(labelled: pd.DataFrame) -> None:
    rates = labelled.groupby("as_of").defaulted.mean()
    assert rates.between(0.045, 0.09).all()
    assert 0.05 <= labelled.defaulted.mean() <= 0.09


def test_some_customers_are_truly_above_one_half(labelled: pd.DataFrame) -> None:
    shares = (labelled.p > 0.5).groupby(labelled.as_of).mean()
    assert shares.between(0.01, 0.04).all()


def test_defaults_are_neither_hopeless_nor_given_away(labelled: pd.DataFrame) -> None:
    best = gini(labelled.p.to_numpy(), labelled.defaulted.to_numpy())
    assert 0.60 < best < 0.94  # AUC 0.80 to 0.97
    for name in ("late_bills", "days_past_due", "worst_lateness", "failures", "service_contacts", "bills"):
        assert abs(gini(labelled[name].to_numpy(), labelled.defaulted.to_numpy())) < 0.8 * best, name


def test_events_carry_information_about_the_latents(labelled: pd.DataFrame) -> None:
    """Among customers in order, failed payments and calls for help still tell the riskier."""
    in_order = labelled[labelled.days_past_due == 0]
    for name in ("failures", "service_contacts", "late_bills"):
        assert gini(in_order[name].to_numpy(), in_order.defaulted.to_numpy()) > 0.04, name


def test_the_numerical_integral_is_accurate() -> None:
    """Sixty-four lattice points against 8,192, and against plain random numbers that share nothing with it."""
    world = Parameters()
    calendar = make_calendar(12, world.growth, world.season)
    rngs = [np.random.default_rng(stream) for stream in np.random.SeedSequence(5).spawn(5)]
    people = draw_population(rngs[0], 0, 1_000, calendar, world)
    states = draw_states(rngs[1], people, calendar, world)
    orders = draw_orders(rngs[2], people, states, calendar, world)
    snapshot = run_credit(rngs[3], people, states, orders, calendar, world).snapshots[12]
    cohort = (people.opened < calendar.end) & ~snapshot.in_default
    coarse, fine = (truth.true_default(people, states, snapshot, 12, cohort, world, n) for n in (truth.POINTS, 8192))
    assert np.abs(coarse - fine).max() < 0.001
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(truth, "normal_lattice", lambda n: rngs[4].standard_normal((n, 4)))
        random = truth.true_default(people, states, snapshot, 12, cohort, world, 8192)
    assert np.abs(random - fine).max() < 0.01
