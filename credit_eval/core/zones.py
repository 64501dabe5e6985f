"""Clocks: what a zone's clocks show at a moment, and which moment a time on them means.

A zone is `UTC`, an offset such as `+08:00`, or an area of the IANA database such as `Europe/Berlin`, whose clocks are
set forward and back. Moments are microseconds since 1970 (UTC), times on a clock the same count read off that clock.

>>> berlin = zone_named("Europe/Berlin")
>>> summer = np.array([1_782_864_000_000_000])  # 2026-07-01 00:00 UTC
>>> (berlin.to_local(summer) - summer) // 3_600_000_000
array([2])
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from credit_eval.core.errors import SourceError

Moments = NDArray[np.int64]

_OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)")
_EPOCH = datetime(1970, 1, 1)
_SECOND_US = 1_000_000
#: Clocks are asked monthly over these years for whether they were set; times outside are no times of customers.
_YEARS = range(1899, 2201)


@dataclass(frozen=True, eq=False)
class Zone:
    """The clocks of one zone.

    Attributes:
        name: as it was given; that of an offset of 0 is UTC.
        changes: (n,) moments at which clocks were set.
        ahead: (n + 1,) microseconds ahead of UTC before the first change, and after each.
    """

    name: str
    changes: Moments
    ahead: Moments

    def to_local(self, moments: Moments) -> Moments:
        """What the clocks show at these moments."""
        shown: Moments = moments + self.ahead[np.searchsorted(self.changes, moments, side="right")]
        return shown

    def to_utc(self, local: Moments, *, second: bool = False) -> tuple[Moments, NDArray[np.bool_]]:
        """The moments that times on the clocks mean, and which of them are unsure.

        A time is unsure where clocks were set back, as it came twice, or forward, as it never came. It is then taken by
        the clocks as they were before the change (so the first of two), or with `second` as they were after it.
        """
        begins = np.append(np.iinfo(np.int64).min, self.changes + self.ahead[1:])  # of each span, on its own clocks
        ends = np.append(self.changes + self.ahead[:-1], np.iinfo(np.int64).max)
        span = np.searchsorted(begins, local, side="right") - 1
        never = local >= ends[span]
        twice = local < ends[np.maximum(span - 1, 0)]
        twice &= span > 0
        taken = span + (never & second) - (twice & (not second))
        return local - self.ahead[taken], never | twice


@cache
def zone_named(name: str) -> Zone:
    """The clocks of a zone.

    Raises:
        SourceError: no zone of that name; an abbreviation, such as CST, is none, as several clocks share it.
    """
    if name == "UTC":
        return _fixed(name, 0)
    if offset := _OFFSET.fullmatch(name):
        minutes = 60 * int(offset[2]) + int(offset[3])
        return _fixed(name, (-60 if offset[1] == "-" else 60) * minutes * _SECOND_US)
    try:
        if "/" not in name:
            raise ZoneInfoNotFoundError(name)
        return _area(name, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SourceError(
            "no such time zone",
            expected="UTC, an offset such as +08:00, or an area such as Asia/Shanghai or Europe/Berlin",
            received=name,
            todo="name the area: several clocks share an abbreviation (CST is China's and Chicago's)",
        ) from None


def _fixed(name: str, ahead: int) -> Zone:
    return Zone("UTC" if ahead == 0 else name, np.empty(0, dtype=np.int64), np.array([ahead], dtype=np.int64))


def _area(name: str, zone: ZoneInfo) -> Zone:
    months = [datetime(year, month, 1, tzinfo=UTC) for year in _YEARS for month in range(1, 13)]
    ahead = [_ahead(month, zone) for month in months]
    changes: list[tuple[int, int]] = []
    for (first, before), (last, after) in zip(
        zip(months, ahead, strict=True), zip(months[1:], ahead[1:], strict=True), strict=False
    ):
        changes += _changes(zone, first, before, last, after)
    return Zone(
        name,
        np.array([moment for moment, _ in changes], dtype=np.int64),
        np.array([ahead[0], *(then for _, then in changes)], dtype=np.int64) * _SECOND_US,
    )


def _changes(zone: ZoneInfo, first: datetime, before: int, last: datetime, after: int) -> list[tuple[int, int]]:
    """When clocks were set between two moments, and by how many seconds they were ahead from then on.

    Within a month they are asked daily, so that a month in which they went forward and back is seen.
    """
    found: list[tuple[int, int]] = []
    day = first
    while day < last:
        following = min(day + timedelta(days=1), last)
        then = after if following == last else _ahead(following, zone)
        if then != before:
            low, high = day, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                low, high = (middle, high) if _ahead(middle, zone) == before else (low, middle)
            found.append((int((high.replace(tzinfo=None) - _EPOCH) / timedelta(microseconds=1)), then))
            before = then
        day = following
    return found


def _ahead(moment: datetime, zone: ZoneInfo) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())
