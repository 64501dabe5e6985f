"""Clocks against Python's own time zones, at every change of them and between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from credit_eval.core.errors import SourceError
from credit_eval.core.zones import zone_named

EPOCH = datetime(1970, 1, 1)
#: Half an hour at a time, Ramadan, clocks that skipped a day, no change for long, changes at midnight.
AREAS = (
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Shanghai",
    "America/Sao_Paulo",
)
SECOND = 1_000_000


def near_changes(area: str, seed: int = 1) -> np.ndarray:
    changes = zone_named(area).changes
    around = np.array([-90_000, -7_200, -3_600, -1, 0, 1, 1_799, 1_800, 3_599, 3_600, 90_000]) * SECOND
    anywhere = np.random.default_rng(seed).integers(-2_000_000_000, 7_000_000_000, 300) * SECOND
    return np.concatenate([(changes[:, None] + around).ravel(), anywhere])


def ahead_of(moment: datetime) -> timedelta:
    found = moment.utcoffset()
    assert found is not None
    return found


@pytest.mark.parametrize("area", AREAS)
def test_what_clocks_show(area: str) -> None:
    moments = near_changes(area)
    zone = ZoneInfo(area)
    shown = zone_named(area).to_local(moments)
    for moment, local in zip(moments.tolist(), shown.tolist(), strict=True):
        truth = (EPOCH + timedelta(microseconds=moment)).replace(tzinfo=UTC).astimezone(zone)
        assert EPOCH + timedelta(microseconds=local) == truth.replace(tzinfo=None)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("area", AREAS)
def test_which_moment_a_time_means_and_whether_that_is_sure(area: str, second: bool) -> None:
    zone = ZoneInfo(area)
    local = zone_named(area).to_local(near_changes(area))
    local = np.concatenate([local, local + 3_600 * SECOND, local - 1_800 * SECOND])
    found, unsure = zone_named(area).to_utc(local, second=second)
    for time, moment, doubt in zip(local.tolist(), found.tolist(), unsure.tolist(), strict=True):
        told = (EPOCH + timedelta(microseconds=time)).replace(tzinfo=zone)
        first, other = told.replace(fold=0), told.replace(fold=1)
        assert doubt == (ahead_of(first) != ahead_of(other))
        truth = told.replace(fold=int(second)).astimezone(UTC).replace(tzinfo=None)
        assert EPOCH + timedelta(microseconds=moment) == truth


@pytest.mark.parametrize(("name", "minutes"), [("UTC", 0), ("+05:30", 330), ("-03:00", -180), ("+00:00", 0)])
def test_an_offset_is_the_same_all_the_time(name: str, minutes: int) -> None:
    moments = np.array([0, 10**15])
    assert (zone_named(name).to_local(moments) - moments == minutes * 60 * SECOND).all()
    back, unsure = zone_named(name).to_utc(moments)
    assert (moments - back == minutes * 60 * SECOND).all()
    assert not unsure.any()
    assert (zone_named(name).name == "UTC") == (minutes == 0)


@pytest.mark.parametrize("name", ["CST", "CET", "IST", "Mars/Olympus", "+8", "08:00", "", "../etc/passwd", "Europe/"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match="no such time zone"):
        zone_named(name)
