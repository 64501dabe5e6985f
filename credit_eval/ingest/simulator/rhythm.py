"""When things happen: months, weekdays and hours.

Times are microseconds since 1970 in int64, UTC. Months are counted from 0; `Calendar.starts` also holds the
months after the last, because instalments and default moments reach beyond it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit_eval.core.clock import DAY_US

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOUR_US = DAY_US // 24
MINUTE_US = HOUR_US // 60
SECOND_US = MINUTE_US // 60

START = datetime(2025, 1, 1)

_WEEKDAYS = np.array([0.95, 0.92, 0.94, 0.98, 1.08, 1.14, 0.99])
_BY_DAY = np.array([2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 11, 11, 12, 11, 10, 10, 10, 11, 13, 15, 16, 14, 9, 4.0])
_BY_NIGHT = np.array([14, 12, 9, 6, 4, 3, 2, 2, 2, 3, 3, 4, 5, 5, 5, 5, 5, 6, 7, 8, 10, 12, 14, 15.0])


def month_after_start(months: int) -> datetime:
    """The start of the month that lies `months` after the simulation's start.

    >>> month_after_start(18)
    datetime.datetime(2026, 7, 1, 0, 0)
    """
    years, month = divmod(START.month - 1 + months, 12)
    return datetime(START.year + years, month + 1, 1)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a naive UTC moment.

    >>> microseconds(datetime(1970, 1, 2))
    86400000000
    """
    return int(moment.replace(tzinfo=UTC).timestamp()) * SECOND_US


@dataclass(frozen=True)
class Calendar:
    """The months of a simulation.

    `starts` (months + 12): first moment of each month. `factor` (months + 1): growth and season of activity.
    """

    months: int
    starts: Ints
    factor: Floats
    day_weights: Floats

    @property
    def begin(self) -> int:
        """First moment of the data."""
        return int(self.starts[0])

    @property
    def end(self) -> int:
        """The data are complete for everything known strictly before this moment."""
        return int(self.starts[self.months])

    def closing(self, month: Ints) -> Ints:
        """When the billing cycle of each given month closes: one second before midnight of its last day.

        >>> calendar = make_calendar(6, growth=0.0, season=1.0)
        >>> np.datetime64(int(calendar.closing(np.array([1]))[0]), "us")
        np.datetime64('2025-02-28T23:59:59.000000')
        """
        return self.starts[month + 1] - SECOND_US

    def moments(self, rng: np.random.Generator, month: Ints, night: Floats) -> Ints:
        """One moment in each given month, by the rhythm of weekdays and hours.

        `night` is the probability that the event follows the hours of people who shop at night.
        """
        edges = (self.starts[month] - self.begin) // DAY_US
        ends = (self.starts[month + 1] - self.begin) // DAY_US
        low, high = self.day_weights[edges], self.day_weights[ends]
        drawn = low + rng.random(len(month)) * (high - low)
        day = np.clip(np.searchsorted(self.day_weights, drawn, side="right") - 1, edges, ends - 1)
        return self.begin + day * DAY_US + hours(rng, night)


def make_calendar(months: int, growth: float, season: float) -> Calendar:
    """The calendar of a simulation of `months` months from `START`."""
    firsts = [month_after_start(m) for m in range(months + 12)]
    starts = np.array([microseconds(first) for first in firsts], dtype=np.int64)
    winter = np.array([season if first.month >= 11 else 1.0 for first in firsts[: months + 1]])
    days = np.arange((starts[-1] - starts[0]) // DAY_US) + START.weekday()
    weights = np.concatenate([[0.0], np.cumsum(_WEEKDAYS[days % 7])])
    return Calendar(months, starts, winter * (1 + growth) ** np.arange(months + 1), weights)


def hours(rng: np.random.Generator, night: Floats) -> Ints:
    """A time of day in microseconds for each row; `night` is the probability of the night's rhythm."""
    at_night = rng.random(len(night)) < night
    drawn = rng.random(len(night))
    hour = np.where(at_night, _hour(_BY_NIGHT, drawn), _hour(_BY_DAY, drawn))
    return hour * HOUR_US + rng.integers(0, HOUR_US, len(night))


def _hour(weights: Floats, drawn: Floats) -> Ints:
    return np.searchsorted(np.cumsum(weights) / weights.sum(), drawn, side="right").astype(np.int64)


def draw(rng: np.random.Generator, shares: tuple[float, ...], size: int) -> Ints:
    """`size` indices into `shares`, each drawn with its share (normalised)."""
    edges = np.cumsum(shares) / np.sum(shares)
    return np.minimum(np.searchsorted(edges, rng.random(size), side="right"), len(shares) - 1).astype(np.int64)


def choose(rng: np.random.Generator, weights: Floats) -> Ints:
    """One column for each row of `weights`, drawn with probability proportional to the weight."""
    edges = np.cumsum(weights, axis=1)
    chosen: Ints = (rng.random((len(weights), 1)) * edges[:, -1:] > edges[:, :-1]).sum(axis=1)
    return chosen


def sigmoid(log_odds: Floats) -> Floats:
    """1 / (1 + exp(-x)).

    >>> float(sigmoid(np.zeros(1))[0])
    0.5
    """
    chance: Floats = 1.0 / (1.0 + np.exp(-log_odds))
    return chance
