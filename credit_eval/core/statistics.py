"""How well a score ranks, how true its probabilities are, how far two samples differ: each said once.

Everywhere `defaulted` is 0 or 1, shape (n,), `score` is any number that is higher for riskier customers, and
`p_default` is a probability. Where rows come in groups (a customer seen on several dates), `groups` names
each row's group and the intervals allow for the rows of a group telling the same story.

What scikit-learn and SciPy have is theirs: AUC, Brier score, log loss, ranks. Ours is what they lack: intervals for
rows in groups, calibration error in bins that no tie is split by, beside what chance would do, and the distance of two
samples; and KS, as SciPy's test would sort each of its resamples anew.

>>> defaulted, score = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])
>>> auc(defaulted, score), ks(defaulted, score)
(0.75, 0.5)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from credit_eval.core.errors import SampleError
from credit_eval.core.odds import information_value

Floats = NDArray[np.float64]

_Z95 = NormalDist().inv_cdf(0.975)
_REPEATS = 200


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % confidence interval.

    >>> print(Interval(0.7194, 0.7001, 0.7383))
    0.719 [0.700, 0.738]

    Args:
        value: the estimate.
        low: lower bound.
        high: upper bound.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Reliability:
    """Rows, mean prediction and share in default per bin of `p_default`, riskiest last; arrays (bins,)."""

    n: NDArray[np.int64]
    predicted: Floats
    observed: Floats


# How well a score ranks -------------------------------------------------------------------------------------


def auc(defaulted: ArrayLike, score: ArrayLike) -> float:
    """Probability that a bad scores above a good, a tie counting one half (Mann and Whitney 1947).

    Raises:
        SampleError: one class only, or a label that is neither 0 nor 1.
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_both_classes(defaulted, score)))


def gini(defaulted: ArrayLike, score: ArrayLike) -> float:
    """2 · AUC - 1: 0 for a coin, 1 for a perfect ranking.

    Raises:
        SampleError: one class only.
    """
    return 2 * auc(defaulted, score) - 1


def ks(defaulted: ArrayLike, score: ArrayLike) -> float:
    """Greatest distance between the score's distribution among bads and among goods (Kolmogorov, Smirnov).

    Raises:
        SampleError: one class only.
    """
    y, s = _both_classes(defaulted, score)
    order = np.argsort(s, kind="stable")
    y, s = y[order], s[order]
    last_of_tie = np.append(s[1:] != s[:-1], True)
    bads, goods = np.cumsum(y), np.cumsum(1 - y)
    return float(np.abs(bads / bads[-1] - goods / goods[-1])[last_of_tie].max())


# How true the probabilities are -----------------------------------------------------------------------------


def brier(defaulted: ArrayLike, p_default: ArrayLike) -> float:
    """Mean of (p - y)² (Brier 1950); 0 is perfect.

    >>> brier([0, 1], [0.5, 0.5])
    0.25
    """
    from sklearn.metrics import brier_score_loss

    return float(brier_score_loss(_floats(defaulted), _floats(p_default), pos_label=1))


def log_loss(defaulted: ArrayLike, p_default: ArrayLike) -> float:
    """Mean of -ln(probability given to what happened); some 36 for what was thought impossible.

    >>> round(log_loss([0, 1], [0.5, 0.5]), 4)
    0.6931
    """
    from sklearn.metrics import log_loss as sklearn_log_loss

    return float(sklearn_log_loss(_floats(defaulted), _floats(p_default), labels=[0, 1]))


def reliability(defaulted: ArrayLike, p_default: ArrayLike, *, bins: int = 10) -> Reliability:
    """Predicted against observed, in bins as equal in size as ties allow (equal predictions share a bin)."""
    y, p = _floats(defaulted), _floats(p_default)
    where = _bin_of(p, bins)
    n = np.bincount(where, minlength=bins)
    full = n > 0
    predicted = np.bincount(where, weights=p, minlength=bins)[full] / n[full]
    observed = np.bincount(where, weights=y, minlength=bins)[full] / n[full]
    return Reliability(n[full], predicted, observed)


def ece(defaulted: ArrayLike, p_default: ArrayLike, *, bins: int = 10) -> float:
    """Expected calibration error: mean distance of predicted from observed over deciles, weighted by rows.

    Source: Naeini, Cooper and Hauskrecht (2015), with bins of equal size instead of equal width, since most
    probabilities of default are small. Chance alone makes it positive, so read it beside `ece_by_chance`; it has
    no interval here, since resampling a statistic that cannot fall below 0 only pushes it further up.
    """
    p = _floats(p_default)
    return _mean_distance(p - _floats(defaulted), _bin_of(p, bins))


def ece_by_chance(p_default: ArrayLike, *, bins: int = 10, repeats: int = _REPEATS, seed: int = 0) -> float:
    """The calibration error that true probabilities would show: mean ECE of `repeats` draws of labels from `p_default`.

    Labels are drawn row by row. Rows of one customer tend to default together, so with several rows a customer
    chance can do somewhat more than this. Source: consistency resampling, Bröcker and Smith (2007).
    """
    p = _floats(p_default)
    where, rng = _bin_of(p, bins), np.random.default_rng(seed)
    return float(np.mean([_mean_distance(p - (rng.random(p.size) < p), where) for _ in range(repeats)]))


# How sure we are --------------------------------------------------------------------------------------------


def auc_interval(defaulted: ArrayLike, score: ArrayLike, *, groups: ArrayLike | None = None) -> Interval:
    """AUC with its 95 % interval, taken on the logit scale so that it stays inside [0, 1].

    The variance is DeLong's (1988), and with `groups` Obuchowski's (1997) for clustered data, which equals
    DeLong's where every row is a group of its own. The logit interval is described by Pepe (2003), chapter 5.

    A perfect ranking has no variance to go by. Then bads and goods are matched into as many pairs as there are,
    no group in two of them: m independent comparisons, each won with probability AUC, and all of them won. That
    would happen in fewer than 5 of 100 samples if the AUC were below 0.05 ** (1 / m), roughly 1 - 3 / m, which is
    the lower end (Clopper and Pearson 1934; the "rule of three", Hanley and Lippman-Hand 1983). It is cautious,
    since it uses m of the comparisons only. A perfectly wrong ranking is the mirror image.

    >>> print(auc_interval([0] * 10 + [1] * 10, range(20)))
    1.000 [0.741, 1.000]

    Args:
        defaulted: (n,) 0 or 1.
        score: (n,) higher is riskier.
        groups: (n,) rows of one group, a customer say, are not independent; None: all are.

    Returns:
        AUC with its bounds.

    Raises:
        SampleError: one class only, or fewer than two groups with a bad or with a good.
    """
    value = auc(defaulted, score)
    deviation = float(np.sqrt(auc_variance(defaulted, score, groups=groups)))
    if value in (0.0, 1.0):
        return _at_the_end(value, _disjoint_pairs(_floats(defaulted), groups))
    return _on_logit_scale(value, deviation)


def auc_variance(defaulted: ArrayLike, score: ArrayLike, *, groups: ArrayLike | None = None) -> float:
    """Variance of the AUC (DeLong 1988; with `groups` Obuchowski 1997).

    Raises:
        SampleError: one class only, or fewer than two groups with a bad or with a good.
    """
    y, s = _both_classes(defaulted, score)
    return _clustered_variance(y, _placements(y, s), groups)


def auc_difference(
    defaulted: ArrayLike, score: ArrayLike, other: ArrayLike, *, groups: ArrayLike | None = None
) -> Interval:
    """AUC of `score` minus AUC of `other` on the same rows, with its 95 % interval (DeLong 1988, paired).

    Args:
        defaulted: (n,) 0 or 1.
        score: (n,) higher is riskier.
        other: (n,) another score of the same rows.
        groups: (n,) rows of one group, a customer say, are not independent; None: all are.

    Returns:
        the difference with its bounds: above 0, `score` ranks better.

    Raises:
        SampleError: one class only, or fewer than two groups with a bad or with a good.
    """
    y, a = _both_classes(defaulted, score)
    _, b = _both_classes(defaulted, other)
    value = auc(y, a) - auc(y, b)
    reach = _Z95 * float(np.sqrt(_clustered_variance(y, _placements(y, a) - _placements(y, b), groups)))
    return Interval(value, value - reach, value + reach)


def log_loss_gain(
    defaulted: ArrayLike, p_default: ArrayLike, other: ArrayLike, *, groups: ArrayLike | None = None
) -> Interval:
    """Log loss of `other` minus that of `p_default` on the same rows, with its 95 % interval, paired.

    >>> print(log_loss_gain([0, 1, 0, 1], [0.1, 0.9, 0.2, 0.8], [0.5, 0.5, 0.5, 0.5]))
    0.529 [0.462, 0.596]

    Args:
        defaulted: (n,) 0 or 1.
        p_default: (n,) probabilities.
        other: (n,) other probabilities of the same rows.
        groups: (n,) rows of one group, a customer say, are not independent; None: all are.

    Returns:
        the gain with its bounds: above 0, `p_default` loses less.

    Raises:
        SampleError: fewer than two groups.
    """
    y = _floats(defaulted)
    gain = _losses(y, _floats(other)) - _losses(y, _floats(p_default))
    return ratio_interval(gain, np.ones(y.size), groups=groups)


def brier_interval(defaulted: ArrayLike, p_default: ArrayLike, *, groups: ArrayLike | None = None) -> Interval:
    """Brier score with its 95 % interval: that of a mean of squared errors, taken on the logit scale.

    Errors are summed by group before they are squared into a variance, so rows of a group may go together. The
    default rate is left free, as it is half of what makes a Brier score. Simulated, it covered the truth in 94 to
    96 of 100 samples, with 20 bads as with 200. Where every error is 0, or 1, the other end is found as for
    `auc_interval`.

    Source: linearised variance of a ratio, Cochran, Sampling Techniques (1977), chapter 9.

    Raises:
        SampleError: fewer than two groups.
    """
    errors = (_floats(p_default) - _floats(defaulted)) ** 2
    value, group = brier(defaulted, p_default), _groups(errors.size, groups)
    n = _groups_with(group, np.ones(errors.size, dtype=bool))
    if value in (0.0, 1.0):
        return _at_the_end(value, n)
    of_groups = np.bincount(group, weights=errors - value)
    return _on_logit_scale(value, float(np.sqrt(n / (n - 1) * of_groups @ of_groups)) / errors.size)


def ratio_interval(numerator: ArrayLike, denominator: ArrayLike, *, groups: ArrayLike | None = None) -> Interval:
    """A ratio of sums with its 95 % interval, by linearisation; rows of a group go together.

    >>> print(ratio_interval([1, 2, 3, 2], [10, 10, 10, 10]))
    0.200 [0.120, 0.280]

    Source: Cochran, Sampling Techniques (1977), chapter 6.

    Raises:
        SampleError: fewer than two groups.
    """
    above, below = _floats(numerator), _floats(denominator)
    value, group = float(above.sum() / below.sum()), _groups(above.size, groups)
    n = _groups_with(group, np.ones(above.size, dtype=bool))
    of_groups = np.bincount(group, weights=above - value * below)
    reach = _Z95 * float(np.sqrt(n / (n - 1) * of_groups @ of_groups)) / float(below.sum())
    return Interval(value, value - reach, value + reach)


def delta_interval(
    of_sums: Callable[[Floats], float], columns: ArrayLike, *, groups: ArrayLike | None = None
) -> Interval:
    """A smooth function of column sums with its 95 % interval, by the delta method; rows of a group go together.

    So every share, ratio, difference of ratios and ratio of ratios on the same rows has a paired interval. The gradient
    is found by central differences. Where the function is not defined, the interval is NaN.

    >>> print(delta_interval(lambda s: s[0] / s[1], [[1, 10], [2, 10], [3, 10], [2, 10]]))
    0.200 [0.120, 0.280]

    Source: Cochran, Sampling Techniques (1977), chapter 6; Rao, Linear Statistical Inference (1973), 6a.2.

    Args:
        of_sums: of an array (k,) of sums.
        columns: (n, k).
        groups: (n,) rows of one group, a customer say, are not independent; None: all are.

    Returns:
        the value with its bounds.

    Raises:
        SampleError: fewer than two groups.
    """
    table = np.asarray(columns, dtype=np.float64)
    group = _groups(len(table), groups)
    n = _groups_with(group, np.ones(len(table), dtype=bool))
    by_group = np.column_stack([np.bincount(group, weights=column) for column in table.T])
    sums = by_group.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(of_sums(sums))
        steps = np.where(sums == 0, 1e-6, np.abs(sums) * 1e-6)
        gradient = np.array(
            [(of_sums(sums + step) - of_sums(sums - step)) / (2 * step[k]) for k, step in enumerate(np.diag(steps))]
        )
    moved = (by_group - sums / n) @ gradient
    reach = _Z95 * float(np.sqrt(n / (n - 1) * moved @ moved))
    return Interval(value, value - reach, value + reach)


def bootstrapped(
    measure: Callable[[Floats], float], *, customers: int, repeats: int = _REPEATS, seed: int = 0
) -> Interval:
    """A measure in [0, 1] of how often each customer is drawn, (n,), with its basic bootstrap 95 % interval."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(customers, np.full(customers, 1 / customers), size=repeats).astype(np.float64)
    return _basic(measure(np.ones(customers)), np.array([measure(times) for times in drawn]))


def ks_interval(
    defaulted: ArrayLike,
    score: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    repeats: int = _REPEATS,
    seed: int = 0,
) -> Interval:
    """KS with its 95 % interval, by drawing whole groups with replacement.

    Groups with a bad and groups without are drawn apart, so every resample holds both classes. That fixes the
    default rate, on which KS does not depend. KS is biased upwards (a maximum of noise), in the sample and more
    so in its resamples. So the "basic" interval is taken: what resamples lie above the estimate, the truth is
    taken to lie below it. It is stretched to hold the estimate, and cut at 0 and 1. Simulated, it covered the
    truth in 95 of 100 samples of 900 bads, and in 84 of 100 of 100 bads: with few bads, read it as the narrower
    side. A perfect ranking's lower end follows from that of its AUC, since AUC <= 1 - (1 - KS)² / 2.

    Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), chapter 5.

    Args:
        defaulted: (n,) 0 or 1.
        score: (n,) higher is riskier.
        groups: (n,) rows of one group, a customer say, are not independent; None: all are.
        repeats: how often groups are drawn.
        seed: of the drawing.

    Returns:
        KS with its bounds.

    Raises:
        SampleError: one class only; for a perfect ranking, fewer than two groups with a bad or with a good.
    """
    y, s = _both_classes(defaulted, score)
    value = ks(y, s)
    if value == 1:
        area = _at_the_end(value, _disjoint_pairs(y, groups))
        return Interval(value, max(1 - float(np.sqrt(2 * (1 - area.low))), 0.0), value)
    order = np.argsort(s, kind="stable")  # sorted once, so sorting each resample is nearly free
    y, s = y[order], s[order]
    group = _groups(y.size, groups)[order]
    strata, n_groups = _strata(y, group), int(group.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = np.empty(repeats)
    for repeat in range(repeats):
        rows = np.repeat(np.arange(y.size), _draw(rng, strata, n_groups)[group])
        drawn[repeat] = ks(y[rows], s[rows])
    return _basic(value, drawn)


# How far two samples differ ---------------------------------------------------------------------------------


def psi(expected: ArrayLike, actual: ArrayLike, *, smoothing: float = 0.5) -> float:
    """Population stability index of counts per bin: Σ (share now - share then) · ln(share now / share then).

    The same formula as the information value, with two samples in place of goods and bads. Above 0.1 is
    usually looked at, above 0.25 acted on (Siddiqi 2006, chapter 9). `smoothing` is added to every count, once
    bins that are empty in both samples are left out: they say nothing, but smoothing would let them speak.

    >>> psi([50, 50], [50, 50])
    0.0
    """
    before, now = _floats(expected), _floats(actual)
    used = (before + now) > 0
    return information_value(now[used], before[used], smoothing=smoothing)


# Private ----------------------------------------------------------------------------------------------------


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _both_classes(defaulted: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats]:
    y, s = _floats(defaulted), _floats(score)
    if not np.isin(y, (0.0, 1.0)).all():
        raise SampleError("a label is neither 0 nor 1", expected="0 (good) or 1 (bad)", received=str(np.unique(y)[:3]))
    if y.size == 0 or y.min() == y.max():
        what = "no rows" if y.size == 0 else f"{y.size:,} rows, all {'bad' if y[0] else 'good'}"
        raise SampleError("one class only in the labels", expected="goods and bads", received=what)
    if np.isnan(s).any():
        raise SampleError("a score is unknown", expected="a number for every row", n_rows=int(np.isnan(s).sum()))
    return y, s


def _bin_of(p: Floats, bins: int) -> NDArray[np.int64]:
    edges = np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(edges, p, side="left").astype(np.int64)


def _losses(y: Floats, p: Floats) -> Floats:
    """-ln(probability given to what happened) of each row; some 35 for what was thought impossible."""
    return np.asarray(-np.log(np.clip(np.where(y == 1, p, 1 - p), 1e-15, None)))


def _mean_distance(residuals: Floats, where: NDArray[np.int64]) -> float:
    """Distance of predicted from observed per bin, weighted by the bin's rows: the rows cancel out."""
    return float(np.abs(np.bincount(where, weights=residuals)).sum() / residuals.size)


def _placements(y: Floats, score: Floats) -> Floats:
    """For a bad the share of goods below it, for a good the share of bads above it (Sun and Xu 2014), minus
    the AUC, which is the mean of either."""
    from scipy.stats import rankdata

    bad = y == 1
    among_all, placement = rankdata(score), np.empty(y.size)
    placement[bad] = (among_all[bad] - rankdata(score[bad])) / (~bad).sum()
    placement[~bad] = 1 - (among_all[~bad] - rankdata(score[~bad])) / bad.sum()
    return np.asarray(placement - placement[bad].mean())


def _clustered_variance(y: Floats, deviations: Floats, groups: ArrayLike | None) -> float:
    """Obuchowski's (1997) variance of a mean placement, from per-row deviations."""
    group = _groups(y.size, groups)
    of_bads = np.bincount(group, weights=deviations * y) / y.sum()
    of_goods = np.bincount(group, weights=deviations * (1 - y)) / (1 - y).sum()
    n_bad, n_good = _groups_with(group, y == 1), _groups_with(group, y == 0)
    n_all = of_bads.size
    bads_part = n_bad / (n_bad - 1) * of_bads @ of_bads
    goods_part = n_good / (n_good - 1) * of_goods @ of_goods
    return float(max(bads_part + goods_part + 2 * n_all / (n_all - 1) * of_bads @ of_goods, 0.0))


def _groups_with(group: NDArray[np.int64], rows: NDArray[np.bool_]) -> int:
    n = int(np.unique(group[rows]).size)
    if n < 2:
        raise SampleError("too few for an interval", expected="two groups of rows of each kind", received=str(n))
    return n


def _groups(n: int, groups: ArrayLike | None) -> NDArray[np.int64]:
    """Each row's group as a number from 0; without `groups` every row is one of its own."""
    if groups is None:
        return np.arange(n)
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)


def _disjoint_pairs(y: Floats, groups: ArrayLike | None) -> int:
    """Most pairs of a bad and a good of another group, no group in two pairs; some groups may have both."""
    group = _groups(y.size, groups)
    return min(_groups_with(group, y == 1), _groups_with(group, y == 0), np.unique(group).size // 2)


def _strata(y: Floats, group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    with_bad = np.bincount(group, weights=y) > 0
    return [np.flatnonzero(with_bad), np.flatnonzero(~with_bad)]


def _draw(rng: np.random.Generator, strata: list[NDArray[np.int64]], n_groups: int) -> NDArray[np.int64]:
    """How often each group is drawn."""
    times = np.zeros(n_groups, dtype=np.int64)
    for members in strata:
        if members.size:
            drawn = rng.integers(members.size, size=members.size)
            times[members] = np.bincount(drawn, minlength=members.size)
    return times


def _on_logit_scale(value: float, deviation: float) -> Interval:
    centre, reach = np.log(value / (1 - value)), _Z95 * deviation / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-centre + np.array([reach, -reach])))
    return Interval(value, float(low), float(high))


def _at_the_end(value: float, n: int) -> Interval:
    """One-sided 95 % interval where `n` independent trials all came out alike, and `value` is 0 or 1."""
    least = 0.05 ** (1 / n)
    return Interval(1.0, least, 1.0) if value else Interval(0.0, 0.0, 1 - least)


def _basic(value: float, resampled: Floats) -> Interval:
    high, low = 2 * value - np.quantile(resampled, [0.025, 0.975])
    return Interval(value, min(max(float(low), 0.0), value), max(min(float(high), 1.0), value))
