"""Times. Everything is UTC, held as naive timestamps of microseconds, on every engine and in every file.

An observation date `as_of` is such a timestamp. Batch runs use midnight: `as_of=2026-03-01` means
2026-03-01 00:00:00 UTC, and everything known on the day before it, to the last microsecond, is the past.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def days_of_months(first: datetime, last: datetime, days: Sequence[int] = (1,)) -> list[datetime]:
    """Midnights of some days of each month (1 to 28) in [first, last], in order.

    >>> [d.strftime("%m-%d") for d in days_of_months(datetime(2026, 1, 15), datetime(2026, 3, 1), [1, 20])]
    ['01-20', '02-01', '02-20', '03-01']
    """
    months = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    found = [datetime(month // 12, month % 12 + 1, day) for month in months for day in sorted(set(days))]
    return [moment for moment in found if first <= moment <= last]


def utc_now() -> datetime:
    """The present moment as this project writes it down."""
    return datetime.now(UTC).replace(tzinfo=None)


def utc_text() -> str:
    """Now in UTC to the second, as people and the log read it."""
    return f"{utc_now():%Y-%m-%d %H:%M:%S}"
