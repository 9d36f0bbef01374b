"""Months by number, and the days that belong to them. Days and months begin at 00:00 UTC."""

from datetime import UTC, date, datetime, timedelta
from functools import cache

_EPOCH = date(1970, 1, 1)


def date_of(day: int) -> date:
    """The date of a day by number (days since 1970-01-01)."""
    return _EPOCH + timedelta(days=day)


def day_of(when: date) -> int:
    """The number of a date."""
    return (when - _EPOCH).days


@cache
def month_of(day: int) -> int:
    """The number of the month that a day lies in: year × 12 + month − 1."""
    when = date_of(day)
    return when.year * 12 + when.month - 1


def first_day(month: int) -> int:
    """The first day of a month."""
    return day_of(date(month // 12, month % 12 + 1, 1))


def today(now: float) -> int:
    """The day that a moment (Unix seconds) lies in."""
    return day_of(datetime.fromtimestamp(now, UTC).date())


def month_name(month: int) -> str:
    """As in `2026-11`."""
    return f"{month // 12:04}-{month % 12 + 1:02}"
