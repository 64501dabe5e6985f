"""Times. Everything is UTC, held as naive timestamps of microseconds, on every engine and in every file.

An observation date `as_of` is such a timestamp. Batch runs use midnight: `as_of=2026-03-01` means
2026-03-01 00:00:00 UTC, and everything known on the day before it, to the last microsecond, is the past.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from credit_eval.core.errors import CohortError

DAY = timedelta(days=1)
DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1)


def parse_as_of(text: str) -> datetime:
    """Read a date (midnight) or an ISO timestamp; an offset is converted to UTC, none means UTC.

    Raises:
        CohortError: the text is neither.

    >>> parse_as_of("2026-03-01")
    datetime.datetime(2026, 3, 1, 0, 0)
    >>> parse_as_of("2026-03-01T02:00:00+02:00")
    datetime.datetime(2026, 3, 1, 0, 0)
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CohortError(
            "as_of is not a date", expected="YYYY-MM-DD or an ISO timestamp", received=repr(text)
        ) from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def month_starts(first: datetime, last: datetime) -> list[datetime]:
    """Midnights of the first of each month in [first, last].

    >>> [d.strftime("%m-%d") for d in month_starts(datetime(2026, 1, 15), datetime(2026, 3, 1))]
    ['02-01', '03-01']
    """
    year, month = first.year, first.month
    found: list[datetime] = []
    while (start := datetime(year, month, 1)) <= last:
        if start >= first:
            found.append(start)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def utc_now() -> datetime:
    """The present moment as this project writes it down."""
    return datetime.now(UTC).replace(tzinfo=None)
