"""Odds, score points and the weight of evidence: each defined here and nowhere else.

`p` is always the probability of default. Log-odds are ln(p / (1 - p)): higher is riskier. Score points and
the weight of evidence run the other way: higher is safer.

>>> scale = ScoreScale()
>>> [round(float(points)) for points in scale.points(np.array([0.02, 0.20, 0.50]))]
[725, 580, 500]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from credit_eval.core.errors import ModelError

Floats = NDArray[np.float64]


def log_odds(p: ArrayLike) -> Floats:
    """ln(p / (1 - p)) of probabilities of any shape; 0 and 1 give minus and plus infinity, NaN stays NaN.

    Raises:
        ModelError: a value lies outside [0, 1].

    >>> float(log_odds(0.5))
    0.0
    """
    values = np.asarray(p, dtype=np.float64)
    _refuse_non_probabilities(values)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values) - np.log1p(-values))


def probability(log_odds: ArrayLike) -> Floats:
    """1 / (1 + exp(-x)) without overflow at either end.

    >>> probability([-1000.0, 0.0, 1000.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    x = np.asarray(log_odds, dtype=np.float64)
    small = np.exp(-np.abs(x))  # in (0, 1], whatever the sign of x
    return np.asarray(np.where(x >= 0, 1.0, small) / (1.0 + small))


def shift_to_mean(log_odds: ArrayLike, mean: float) -> float:
    """What is to be added to all log-odds so that the mean of their probabilities is this one: a prior shift.

    Source: Saerens, Latinne and Decaestecker (2002), for a score that ranks as before.

    >>> x = np.array([-2.0, -1.0, 0.5])
    >>> round(float(probability(x + shift_to_mean(x, 0.5)).mean()), 9)
    0.5
    """
    from scipy.optimize import brentq

    x = np.asarray(log_odds, dtype=np.float64)
    return float(brentq(lambda by: float(probability(x + by).mean()) - mean, -30, 30, xtol=1e-12))


@dataclass(frozen=True)
class ScoreScale:
    """Score points = anchor_score + pdo · log2(odds of being good / anchor_odds), held within [low, high].

    `anchor_score` points are given at `anchor_odds` goods per bad, and every `pdo` points double those odds.
    By default 500 points are even odds: whole points below 500 are probabilities of default above 50 %, and no
    others are.

    Source: Siddiqi, Credit Risk Scorecards (2006), chapter 6, "scorecard scaling".
    """

    anchor_score: float = 500.0
    anchor_odds: float = 1.0
    pdo: float = 40.0
    low: float = 350.0
    high: float = 950.0

    def __post_init__(self) -> None:
        if self.pdo <= 0 or self.anchor_odds <= 0 or self.low >= self.high:
            raise ModelError(
                "a score scale that cannot rank",
                expected="pdo > 0, anchor_odds > 0, low < high",
                received=f"pdo={self.pdo}, anchor_odds={self.anchor_odds}, low={self.low}, high={self.high}",
            )

    def points(self, p_default: ArrayLike) -> Floats:
        """Unrounded points of probabilities of default, same shape; higher is safer.

        Raises:
            ModelError: a value is no probability.
        """
        good_log_odds = -log_odds(p_default)
        points = self.anchor_score + self.pdo * (good_log_odds - math.log(self.anchor_odds)) / math.log(2)
        return np.asarray(np.clip(points, self.low, self.high))

    def whole_points(self, p_default: ArrayLike) -> NDArray[np.int64]:
        """Points as people read them: the most whole points whose `p_default` is not below this one.

        Rounded down, then, so that no score promises more than its probability: 0.5003 is 499.95 points, and to
        print 500 would put it among the even odds. The definition is by probability and not by rounding points,
        since a probability a hair above 0.5 has exactly 500.0 of them.

        Raises:
            ModelError: a value is no probability.

        >>> ScoreScale().whole_points([0.4997, 0.5, 0.5003]).tolist()
        [500, 500, 499]
        """
        p = np.asarray(p_default, dtype=np.float64)
        points = np.floor(self.points(p))
        points = np.where(p <= self.p_default(points + 1), points + 1, points)  # floor fell a rounding error short
        points = np.where(p > self.p_default(points), points - 1, points)
        return np.clip(points, math.ceil(self.low), math.floor(self.high)).astype(np.int64)

    def p_default(self, points: ArrayLike) -> Floats:
        """The probability of default of points; the inverse of `points` strictly inside [low, high].

        >>> float(ScoreScale().p_default(500))
        0.5
        """
        doublings = (np.asarray(points, dtype=np.float64) - self.anchor_score) / self.pdo
        return probability(-(doublings * math.log(2) + math.log(self.anchor_odds)))


def woe(goods: ArrayLike, bads: ArrayLike, *, smoothing: float = 0.5) -> Floats:
    """Weight of evidence per bin: ln(share of all goods / share of all bads); higher is safer.

    `goods` and `bads` are counts per bin, shape (bins,). `smoothing` is added to every count, so that a bin
    without bads is merely very safe and not infinitely so; 0 gives the bare definition.

    Source: Siddiqi (2006), chapter 6; the term is Good's (1950).

    >>> woe([80, 20], [20, 80], smoothing=0).round(4).tolist()
    [1.3863, -1.3863]
    """
    return np.asarray(np.log(_shares(goods, smoothing)) - np.log(_shares(bads, smoothing)))


def information_value(goods: ArrayLike, bads: ArrayLike, *, smoothing: float = 0.5) -> float:
    """IV = Σ (share of goods - share of bads) · WoE over the bins; 0 says nothing, 0.3 is strong.

    >>> round(information_value([80, 20], [20, 80], smoothing=0), 4)
    1.6636
    """
    difference = _shares(goods, smoothing) - _shares(bads, smoothing)
    return float(difference @ woe(goods, bads, smoothing=smoothing))


def _shares(counts: ArrayLike, smoothing: float) -> Floats:
    smoothed = np.asarray(counts, dtype=np.float64) + smoothing
    return np.asarray(smoothed / smoothed.sum())


def _refuse_non_probabilities(values: Floats) -> None:
    outside = values[(values < 0) | (values > 1)]
    if outside.size:
        raise ModelError(
            "a value is no probability",
            expected="0 <= p <= 1",
            received=str(outside.flat[0]),
            rows=outside[:3].tolist(),
            n_rows=int(outside.size),
        )
