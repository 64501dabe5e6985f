import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credit_eval.core.errors import ModelError
from credit_eval.core.odds import ScoreScale, information_value, log_odds, probability, woe

open_unit = st.floats(1e-12, 1 - 1e-12)
counts = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=8).filter(
    lambda rows: sum(g for g, _ in rows) > 0 and sum(b for _, b in rows) > 0
)


@given(st.lists(open_unit, min_size=1))
def test_log_odds_and_probability_undo_each_other(values):
    assert probability(log_odds(values)) == pytest.approx(np.array(values), rel=1e-9)


@given(st.floats(-1e300, 1e300))
def test_probability_is_within_bounds_and_symmetric(x):
    assert 0 <= probability(x) <= 1
    assert float(probability(x) + probability(-x)) == pytest.approx(1.0)


def test_certainty_is_infinite_log_odds_and_unknown_stays_unknown():
    assert log_odds([0.0, 1.0]).tolist() == [-math.inf, math.inf]
    assert np.isnan(log_odds([math.nan]))[0]
    assert probability([-math.inf, math.inf]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_what_is_no_probability_is_refused(value):
    with pytest.raises(ModelError, match="no probability"):
        log_odds([0.5, value])


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=40))
def test_a_probability_alone_equals_itself_in_a_batch(values):
    together = probability(values)
    assert [float(probability(v)) for v in values] == together.tolist()


scales = st.builds(
    ScoreScale,
    anchor_score=st.floats(400, 800),
    anchor_odds=st.floats(0.1, 100),
    pdo=st.floats(20, 100),
    low=st.just(300.0),
    high=st.just(900.0),
)


@given(scales, st.floats(301, 899))
def test_points_round_trip_inside_the_range(scale, points):
    assert float(scale.points(scale.p_default(points))) == pytest.approx(points, abs=1e-5)


@given(scales, open_unit, open_unit)
def test_riskier_never_has_more_points(scale, p, q):
    safer, riskier = min(p, q), max(p, q)
    assert scale.points(safer) >= scale.points(riskier)


def test_points_double_the_odds_by_hand():
    scale = ScoreScale(anchor_score=600, anchor_odds=30, pdo=20)
    thirty_to_one, sixty_to_one = 1 / 31, 1 / 61
    assert scale.points([thirty_to_one, sixty_to_one]) == pytest.approx([600, 620])


def test_points_stay_within_the_range():
    assert ScoreScale().points([0.0, 1.0]).tolist() == [950.0, 350.0]


def test_default_scale_puts_even_odds_at_500():
    below, even, above = ScoreScale().points([0.51, 0.50, 0.49])
    assert below < even == 500 < above


def test_whole_points_below_500_are_exactly_the_probabilities_above_one_half():
    just_below, just_above = np.nextafter(0.5, 0), np.nextafter(0.5, 1)
    assert ScoreScale().whole_points([just_below, 0.5, just_above, 0.5003, 0.51]).tolist() == [500, 500, 499, 499, 497]


@given(scales, st.floats(0, 1))
def test_whole_points_never_promise_more_than_the_probability(scale, p):
    whole = int(scale.whole_points(p))
    assert scale.low <= whole <= scale.high
    assert whole == scale.low or scale.p_default(whole) >= p
    assert whole == scale.high or scale.p_default(whole + 1) < p
    assert abs(whole - float(scale.points(p))) <= 1 + 1e-9


@given(scales, st.floats(0, 1), st.floats(0, 1))
def test_riskier_never_has_more_whole_points(scale, p, q):
    assert scale.whole_points(min(p, q)) >= scale.whole_points(max(p, q))


@given(scales, st.integers(301, 899))
def test_a_whole_number_of_points_keeps_itself(scale, points):
    assert int(scale.whole_points(scale.p_default(points))) == points


@pytest.mark.parametrize("bad", [{"pdo": 0}, {"anchor_odds": -1}, {"low": 900, "high": 300}])
def test_a_scale_that_cannot_rank_is_refused(bad):
    with pytest.raises(ModelError, match="cannot rank"):
        ScoreScale(**bad)


def test_woe_is_positive_where_goods_outweigh_bads():
    assert woe([90, 10], [10, 90], smoothing=0) == pytest.approx([math.log(9), -math.log(9)])


@given(counts)
def test_woe_is_finite_and_information_is_never_negative(rows):
    goods, bads = np.array(rows).T
    assert np.isfinite(woe(goods, bads)).all()
    assert information_value(goods, bads) >= -1e-12


@given(counts)
def test_information_does_not_care_which_class_is_called_good(rows):
    goods, bads = np.array(rows).T
    assert information_value(goods, bads) == pytest.approx(information_value(bads, goods))


def test_information_value_by_hand():
    # shares of goods .5 .3 .2, of bads .2 .3 .5: two bins of .3 · ln 2.5, the middle one says nothing
    assert information_value([50, 30, 20], [20, 30, 50], smoothing=0) == pytest.approx(0.6 * math.log(2.5))
