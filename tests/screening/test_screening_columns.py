"""What is measured of one column or between two: bins, strength, stability, correlation, against second opinions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from credit_eval.core.odds import information_value
from credit_eval.core.statistics import psi
from credit_eval.screening.coded import BINS, MOST_CATEGORIES, coded
from credit_eval.screening.correlation import clusters, correlations
from credit_eval.screening.stability import worst_month
from credit_eval.screening.strength import Labels, auc_of, by_chance, iv_of, strength_of

NUMBERS = st.lists(st.one_of(st.none(), st.integers(-3, 30).map(float)), min_size=1, max_size=60)


def number(values):
    return coded("x", "number", pd.Series(values, dtype="float64"))


def category(values):
    return coded("x", "category", pd.Series(values, dtype=object))


def labels(defaulted, says=None):
    n = len(defaulted)
    says = np.zeros(n, dtype=bool) if says is None else says
    return Labels(np.asarray(defaulted, dtype=float), np.arange(n), says)


@given(NUMBERS, st.data())
def test_codes_hold_what_the_column_holds_also_for_some_rows(values, data):
    rows = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))), dtype=bool)
    for column, chosen in ((number(values), np.ones(len(values), dtype=bool)), (number(values).at(rows), rows)):
        back = np.append(column.values, np.nan)[column.codes]
        np.testing.assert_array_equal(back, np.array(values, dtype=float)[chosen])
        assert (np.diff(column.values) > 0).all()
        assert set(column.codes) - {-1} == set(range(len(column.values)))


@given(NUMBERS)
def test_bins_keep_the_order_and_set_the_unknown_apart(values):
    column = number(values)
    bins = column.bins()
    known = column.known
    assert (np.diff(bins[known][np.argsort(column.codes[known], kind="stable")]) >= 0).all()
    assert set(bins[known]) == set(range(len(set(bins[known]))))
    assert len(set(bins[known])) <= BINS
    assert (bins[~known] == len(set(bins[known]))).all()


def test_ten_bins_of_many_values_are_equal_in_size():
    assert np.bincount(number(np.random.default_rng(0).permutation(1000.0 + np.arange(1000))).bins()).tolist() == (
        [100] * 10
    )


@pytest.mark.parametrize(
    ("values", "bins"),
    [
        ([3.0, 1.0, 2.0, 1.0], [2, 0, 1, 0]),
        ([None, None], [0, 0]),
        ([0.0] * 90 + list(range(1, 11)), [0] * 90 + [1] * 10),
    ],
    ids=["few values have a bin each", "nothing known", "a heavy value has its bin to itself"],
)
def test_bins(values, bins):
    assert number(values).bins().tolist() == bins


@pytest.mark.parametrize(
    ("later", "bins"),
    [
        ([0.0, 10, 20], [0, 1, 2]),
        ([0.1, 9.9, 20.1], [0, 1, 2]),
        ([-4.0, 4, 6, 14, 24], [0, 0, 1, 1, 2]),
        ([-6.0, 26], [0, 4]),
    ],
    ids=["the same", "a little off", "to the nearest", "outside"],
)
def test_values_that_were_not_there_go_to_the_nearest_bin_or_outside(later, bins):
    first = [0.0, 10, 20]
    column = number(first + later)
    found = column.bins(np.arange(len(column.codes)) < len(first))
    lowest = found[0] - (min(later) < -5)
    np.testing.assert_array_equal(found[len(first) :] - lowest, bins)


def test_a_value_that_many_share_may_shift_a_little_and_is_stable():
    shares = np.repeat([0.1, 0.3, 0.5, 0.7, 0.9], 200)
    month = np.repeat([0, 1], shares.size)
    assert worst_month(number(np.concatenate([shares, shares - 0.01])), month)[0] == 0
    assert worst_month(number(np.concatenate([shares, shares + 0.15])), month)[0] > 1


def test_the_rarest_categories_share_a_bin():
    column = category([f"v{i:02}" for i in range(30) for _ in range(40 - i)])
    sizes = np.bincount(column.bins())
    assert len(sizes) == MOST_CATEGORIES + 1
    assert sizes[:MOST_CATEGORIES].tolist() == [40 - i for i in range(MOST_CATEGORIES)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (number([1, None, 2]), number([1, None, 2]), True),
        (number([0.0, 1]), number([-0.0, 1]), True),
        (number([1, None, 2]), number([1, None, 3]), False),
        (number([1, None, 2]), number([1, 1, 2]), False),
        (number([1, 2]), number([2, 1]), False),
        (category(["a", "b"]), category(["a", "c"]), False),
        (category(["a", None]), category(["a", None]), True),
    ],
)
def test_fingerprints_are_equal_where_columns_are(one, other, same):
    assert (one.fingerprint == other.fingerprint) is same


@pytest.mark.parametrize(
    ("column", "constant"),
    [
        (number([5, 5, 5]), True),
        (number([None, None]), True),
        (number([5, None]), False),
        (number([5, 6]), False),
        (category(["a", "a"]), True),
    ],
)
def test_a_constant_has_one_state_and_unknown_is_a_state(column, constant):
    assert column.is_constant is constant


# Strength ---------------------------------------------------------------------------------------------------


def test_iv_is_that_of_the_counts_and_does_not_care_for_the_scale():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 7, 3000).astype(float)
    bad = rng.random(3000) < 0.1 + 0.05 * x / 7
    x[rng.random(3000) < 0.2] = np.nan
    found, chance = iv_of(number(x).bins(), labels(bad))
    counts = pd.crosstab(pd.Series(x).fillna(-1), bad)
    assert found == pytest.approx(information_value(counts[False], counts[True]))
    assert chance == pytest.approx(7 * (1 / (~bad).sum() + 1 / bad.sum()))
    assert iv_of(number(np.exp(x)).bins(), labels(bad))[0] == found


def test_chance_alone_makes_the_iv_that_is_said():
    rng = np.random.default_rng(2)
    found = []
    for _ in range(200):
        bad = rng.permutation(np.arange(2000) < 200)
        found.append(iv_of(number(rng.normal(size=2000)).bins(), labels(bad))[0])
    assert np.mean(found) == pytest.approx(by_chance(10, 200, 1800), rel=0.1)


@pytest.mark.parametrize(
    ("iv", "word"),
    [
        (0.0, "unpredictive"),
        (0.02, "weak"),
        (0.1, "medium"),
        (0.3, "strong"),
        (0.5, "to be checked"),
        (9, "to be checked"),
    ],
)
def test_the_words_for_an_iv(iv, word):
    assert strength_of(iv) == word


def test_names_of_customers_teach_nothing_about_other_customers():
    rng = np.random.default_rng(3)
    bad, half = rng.random(2000) < 0.2, rng.random(2000) < 0.5
    area = auc_of(category([f"c{i}" for i in range(2000)]), labels(bad, says=half))
    assert area.value == 0.5


def test_a_category_of_noise_is_worth_nothing_and_one_that_tells_is_found():
    rng = np.random.default_rng(4)
    n = 6000
    bad, half = rng.random(n) < 0.2, rng.random(n) < 0.5
    noise = auc_of(category(rng.integers(0, 300, n).astype(str)), labels(bad, says=half))
    assert noise.low < 0.5 < noise.high
    telling = auc_of(category(np.where(rng.random(n) < 0.8, bad, ~bad).astype(str)), labels(bad, says=half))
    assert telling.low > 0.75


@pytest.mark.parametrize(
    "values", [[None] * 6, [1.0, 2, 3, None, None, None]], ids=["nothing known", "one class known"]
)
def test_where_too_little_is_known_so_is_the_auc(values):
    assert np.isnan(auc_of(number(values), labels([0, 0, 0, 1, 1, 1])).value)


# Stability --------------------------------------------------------------------------------------------------


def test_psi_is_that_of_the_counts_and_the_worst_month_is_named():
    rng = np.random.default_rng(5)
    month = np.repeat(np.arange(6), 500)
    x = rng.integers(0, 5, month.size).astype(float)
    x[(month == 3) & (rng.random(month.size) < 0.4)] = 4
    x[(month == 5) & (rng.random(month.size) < 0.1)] = np.nan
    found, worst, chance = worst_month(number(x), month)
    counts = pd.crosstab(month, pd.Series(x).fillna(9)).to_numpy()
    assert worst == 3
    assert found == pytest.approx(psi(counts[0], counts[3]))
    assert chance == pytest.approx(by_chance(5, 500, 500))


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (number([1.0] * 50 + [None] * 50), "all becomes unknown"),
        (number([None] * 50 + [1.0] * 50), "all becomes known"),
        (number([0.0] * 50 + list(np.linspace(1, 2, 50))), "a constant begins to vary"),
        (category(["a"] * 50 + ["b"] * 50), "a new category takes over"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_not_there_in_the_first_month_is_seen(column, what):
    assert worst_month(column, np.repeat([0, 1], 50))[0] > 5


def test_one_month_has_nothing_to_be_compared_with():
    found, worst, chance = worst_month(number([1.0, 2.0]), np.array([0, 0]))
    assert worst is None
    assert np.isnan([found, chance]).all()


# Correlation ------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=50))
def test_rank_correlation_is_spearmans(pairs):
    x, y = np.array(pairs, dtype=float).T
    if np.ptp(x) and np.ptp(y):
        found = correlations([number(x).standard_ranks(), number(y).standard_ranks()])[0, 1]
        assert found == pytest.approx(spearmanr(x, y).statistic, abs=1e-6)


def test_features_known_for_different_customers_are_not_correlated():
    x = np.arange(100.0)
    ranks = [number(np.where(keep, x, np.nan)).standard_ranks() for keep in (x < 50, x >= 50, x < 101)]
    found = correlations(ranks)
    assert found[0, 1] == 0
    assert found[0, 2] < 0.5


def test_a_constant_is_correlated_with_nothing():
    found = correlations([number([1.0, 1, 1]).standard_ranks(), number([1.0, 2, 3]).standard_ranks()])
    assert found[0].tolist() == [0, 0]


@given(st.integers(0, 10_000), st.integers(2, 12), st.floats(0.1, 0.99))
def test_every_pair_of_a_cluster_is_correlated(seed, n, at_least):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) @ rng.normal(size=(3, 40)) + 0.3 * rng.normal(size=(n, 40))
    found = correlations([number(row).standard_ranks() for row in x])
    cluster = clusters(found, at_least)
    for name in set(cluster) - {0}:
        members = np.flatnonzero(cluster == name)
        assert members.size > 1
        assert np.abs(found[np.ix_(members, members)]).min() >= at_least - 1e-4
    assert list(dict.fromkeys(cluster[cluster > 0])) == list(range(1, cluster.max() + 1))


def test_planted_clusters_are_found_whatever_the_sign():
    rng = np.random.default_rng(6)
    a, b, c = rng.normal(size=(3, 500))
    columns = [a, b, -a + 0.01 * c, np.exp(b), c, 2 * a]
    found = correlations([number(each).standard_ranks() for each in columns])
    assert clusters(found, 0.95).tolist() == [1, 2, 1, 2, 0, 1]


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_to_cluster(n):
    assert clusters(np.eye(n), 0.95).tolist() == [0] * n
