"""How sure a share is."""

from __future__ import annotations

from statistics import NormalDist

from credit_eval.core.statistics import Interval


def share_interval(hits: float, n: float) -> Interval:
    """Share of `hits` in `n` rows with its 95 % interval, taking rows as independent.

    Source: Wilson (1927), the score interval; unlike the normal one it stays inside [0, 1] and is not empty at 0.

    >>> print(share_interval(0, 100))
    0.000 [0.000, 0.037]
    """
    z = NormalDist().inv_cdf(0.975)
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return Interval(share, max(centre - reach, 0.0), min(centre + reach, 1.0))
