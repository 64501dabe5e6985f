import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.calibration import calibration_curve

from credit_eval.core.errors import SampleError
from credit_eval.core.statistics import (
    auc,
    auc_difference,
    auc_interval,
    auc_variance,
    brier,
    brier_interval,
    ece,
    ece_by_chance,
    gini,
    ks,
    ks_interval,
    log_loss,
    psi,
    reliability,
)


@st.composite
def judged(draw):
    """Labels with both classes, and scores with many ties."""
    n_bad, n_good = draw(st.integers(2, 12)), draw(st.integers(2, 12))
    n = n_bad + n_good
    y = draw(st.permutations([1] * n_bad + [0] * n_good))
    return np.array(y), np.array(draw(st.lists(st.integers(0, 8), min_size=n, max_size=n))) / 8


def sample(n=4000, separation=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    p = 1 / (1 + np.exp(1.5 - separation * x))
    return (rng.random(n) < p).astype(int), p


@given(judged())
def test_ranking_is_what_its_definition_says(data):
    y, s = data
    pairs = [(bad > good) + (bad == good) / 2 for bad in s[y == 1] for good in s[y == 0]]
    assert auc(y, s) == pytest.approx(np.mean(pairs))
    assert gini(y, s) == pytest.approx(2 * np.mean(pairs) - 1)
    assert ks(y, s) == pytest.approx(ks_2samp(s[y == 1], s[y == 0], method="asymp").statistic)


@given(judged())
def test_ranking_does_not_care_for_the_scale_of_scores(data):
    y, s = data
    assert auc(y, s) == auc(y, np.exp(3 * s) - 7)
    assert ks(y, s) == ks(y, np.exp(3 * s) - 7)
    assert auc(y, s) == pytest.approx(1 - auc(y, -s))


def test_calibration_is_what_its_definition_says():
    y, p = sample()
    assert brier(y, p) == pytest.approx(np.mean((p - y) ** 2))
    assert log_loss(y, p) == pytest.approx(-np.mean(np.log(np.where(y == 1, p, 1 - p))))
    assert log_loss([1, 1], [0.5, 0.25]) == pytest.approx(np.log(8) / 2)
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
    assert ece(y, p) == pytest.approx(np.abs(observed - predicted).mean(), abs=1e-4)
    assert reliability(y, p).observed == pytest.approx(observed)
    assert reliability(y, p).predicted == pytest.approx(predicted)


def test_ece_by_hand():
    # ten rows at 0.2 of which five default, ten rows at 0.9 of which eight do
    y, p = [1] * 5 + [0] * 5 + [1] * 8 + [0] * 2, [0.2] * 10 + [0.9] * 10
    assert ece(y, p, bins=2) == pytest.approx((0.3 + 0.1) / 2)


@given(judged(), st.integers(2, 10))
def test_reliability_loses_no_row_and_equal_predictions_share_a_bin(data, bins):
    y, p = data
    table = reliability(y, p, bins=bins)
    assert table.n.sum() == y.size
    assert (np.diff(table.predicted) > 0).all()
    assert table.n @ table.observed == pytest.approx(y.sum())


def test_what_was_thought_impossible_costs_much_and_breaks_nothing():
    assert log_loss([1], [0.0]) == pytest.approx(-math.log(np.finfo(float).eps))


def placements_by_definition(y, s):
    """Structural components straight from DeLong (1988), every pair looked at."""
    pairs = (s[y == 1][:, None] > s[y == 0]) + 0.5 * (s[y == 1][:, None] == s[y == 0])
    return pairs.mean(axis=1), pairs.mean(axis=0)


def delong_by_definition(y, s):
    of_bads, of_goods = placements_by_definition(y, s)
    return of_bads.var(ddof=1) / of_bads.size + of_goods.var(ddof=1) / of_goods.size


@given(judged())
def test_variance_is_delongs(data):
    y, s = data
    assert auc_variance(y, s) == pytest.approx(delong_by_definition(y, s), abs=1e-12)


@given(judged(), st.integers(2, 4))
def test_repeating_every_row_within_its_group_adds_no_certainty(data, times):
    y, s = data
    once = auc_variance(y, s, groups=np.arange(y.size))
    again = auc_variance(np.tile(y, times), np.tile(s, times), groups=np.tile(np.arange(y.size), times))
    assert once == pytest.approx(auc_variance(y, s), abs=1e-12)
    assert again == pytest.approx(once, abs=1e-12)


@given(judged())
def test_interval_holds_its_estimate_within_bounds(data):
    y, s = data
    found = auc_interval(y, s)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_paired_difference_by_definition():
    y, a = sample(300)
    b = a + np.random.default_rng(1).normal(scale=0.2, size=a.size)
    (a10, a01), (b10, b01) = placements_by_definition(y, a), placements_by_definition(y, b)
    variance = (a10 - b10).var(ddof=1) / a10.size + (a01 - b01).var(ddof=1) / a01.size
    found = auc_difference(y, a, b)
    assert found.value == pytest.approx(a10.mean() - b10.mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-6)


def test_a_score_differs_from_itself_by_nothing():
    y, p = sample(200)
    found = auc_difference(y, p, p)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_rows_of_one_customer_widen_the_interval():
    y, p = sample(300)
    rng = np.random.default_rng(0)
    copies = np.repeat(np.arange(300), 6)
    y6, p6 = y[copies], p[copies] + rng.normal(scale=0.01, size=1800)
    alone, clustered = auc_interval(y6, p6), auc_interval(y6, p6, groups=copies)
    assert clustered.high - clustered.low > 1.8 * (alone.high - alone.low)


def test_ks_intervals_cover_the_truth_about_as_often_as_they_say():
    # KS of two normals one standard deviation apart is 2 Φ(1/2) - 1
    truth, covered = math.erf(0.5 / math.sqrt(2)), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = np.repeat([0, 1], [2000, 500])
        found = ks_interval(y, rng.normal(size=2500) + y, repeats=80, seed=seed)
        covered += found.low <= truth <= found.high
    assert covered >= 51


def test_ks_interval_is_repeatable_and_independent_of_row_order():
    y, p = sample(200)
    groups = np.arange(200) // 3
    order = np.random.default_rng(0).permutation(200)
    first = ks_interval(y, p, groups=groups, repeats=50)
    assert first == ks_interval(y, p, groups=groups, repeats=50)
    again = ks_interval(y[order], p[order], groups=groups[order], repeats=50)
    assert (again.low, again.high) == pytest.approx((first.low, first.high))


@settings(max_examples=30)
@given(judged(), st.integers(0, 100))
def test_ks_interval_stays_within_zero_and_one(data, seed):
    y, p = data
    found = ks_interval(y, p, repeats=20, seed=seed)
    assert 0 <= found.low <= found.value <= found.high <= 1


def brier_covers(rng, *, customers, rows_each, constant):
    """Whether the interval of a calibrated sample holds the expected Brier score, E p (1 - p)."""
    p_of_customer = np.full(customers, 0.2) if constant else rng.beta(1, 4, customers)
    p, drawn = np.repeat(p_of_customer, rows_each), np.repeat(rng.random(customers), rows_each)
    found = brier_interval(drawn < p, p, groups=np.arange(p.size) // rows_each)
    truth = 0.2 * 0.8 if constant else 0.2 - 1 * 2 / (5 * 6)  # E p - E p² of a beta distribution
    return found.low <= truth <= found.high


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize(("customers", "rows_each"), [(400, 1), (200, 2)])
def test_brier_intervals_cover_the_truth_about_as_often_as_they_say(customers, rows_each, constant):
    rng = np.random.default_rng(0)
    runs = [brier_covers(rng, customers=customers, rows_each=rows_each, constant=constant) for _ in range(200)]
    assert 0.90 <= np.mean(runs) <= 0.99


@given(judged())
def test_brier_interval_holds_its_estimate_within_bounds(data):
    y, p = data
    found = brier_interval(y, p)
    assert found.value == brier(y, p)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_brier_repeating_every_row_within_its_group_adds_no_certainty():
    y, p = sample(100)
    once = brier_interval(y, p)
    again = brier_interval(np.tile(y, 3), np.tile(p, 3), groups=np.tile(np.arange(100), 3))
    assert (again.low, again.high) == pytest.approx((once.low, once.high))


def test_certain_and_right_so_far_is_not_certain_to_stay_so():
    assert brier_interval([0, 1] * 50, [0.0, 1.0] * 50).high == pytest.approx(1 - 0.05 ** (1 / 100))


def test_a_perfect_ranking_is_as_sure_as_its_independent_comparisons():
    y = np.repeat([0, 1], [100, 10])
    perfect, wrong = auc_interval(y, y), auc_interval(y, -y)
    assert (perfect.value, perfect.low, perfect.high) == (1, pytest.approx(0.05**0.1), 1)
    assert (wrong.value, wrong.low, wrong.high) == (0, 0, pytest.approx(1 - 0.05**0.1))
    for score in (y, -y):
        found = ks_interval(y, score)
        assert (found.value, found.high) == (1, 1)
        assert 1 - (1 - found.low) ** 2 / 2 == pytest.approx(perfect.low)
    # three customers with a bad and a good each make one pair of two customers, and no second
    both = auc_interval([0, 1] * 3, [0, 1] * 3, groups=[1, 1, 2, 2, 3, 3])
    assert both.low == pytest.approx(0.05)


def test_perfect_rankings_by_luck_seldom_hide_the_truth():
    # two normals 2.5 standard deviations apart: of 18 rows about a third of all samples rank perfectly
    y, truth, rng = np.repeat([0, 1], [12, 6]), 0.5 * (1 + math.erf(2.5 / 2)), np.random.default_rng(0)
    found = [auc_interval(y, rng.normal(size=18) + 2.5 * y) for _ in range(300)]
    perfect = [interval for interval in found if interval.value == 1]
    assert len(perfect) > 60
    assert sum(interval.low > truth for interval in perfect) <= 0.05 * 300


def test_ece_by_chance_is_what_calibrated_models_show():
    rng = np.random.default_rng(1)
    shown, expected = [], []
    for seed in range(60):
        p = rng.beta(1, 4, 500)
        shown.append(ece((rng.random(500) < p).astype(int), p))
        expected.append(ece_by_chance(p, repeats=20, seed=seed))
    assert np.mean(expected) == pytest.approx(np.mean(shown), rel=0.08)
    assert ece_by_chance(p) == ece_by_chance(p)


def test_chance_does_less_to_more_rows_and_nothing_to_certainty():
    few, many = (ece_by_chance(np.tile([0.1, 0.3], n)) for n in (100, 10_000))
    assert many == pytest.approx(few / 10, rel=0.25)
    assert ece_by_chance(np.repeat([0.0, 1.0], 50)) == 0


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], []])
@pytest.mark.parametrize("statistic", [auc, gini, ks, auc_interval, auc_variance])
def test_one_class_is_refused(statistic, labels):
    with pytest.raises(SampleError, match="one class only"):
        statistic(labels, np.linspace(0, 1, len(labels)))


def test_odd_labels_unknown_scores_and_single_bads_are_refused():
    with pytest.raises(SampleError, match="neither 0 nor 1"):
        auc([0, 2], [0.1, 0.2])
    with pytest.raises(SampleError, match="unknown"):
        auc([0, 1], [0.1, math.nan])
    with pytest.raises(SampleError, match="too few"):
        auc_interval([0, 0, 1], [0.1, 0.2, 0.3])


def test_psi_by_hand():
    # shares .5 .5 become .8 .2: .3 ln 1.6 + .3 ln 2.5
    assert psi([50, 50], [80, 20], smoothing=0) == pytest.approx(0.3 * math.log(1.6) + 0.3 * math.log(2.5))


def test_bins_empty_in_both_samples_say_nothing():
    assert psi([500, 500, 0], [5, 5, 0], smoothing=0.5) == pytest.approx(0, abs=1e-12)
