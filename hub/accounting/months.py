"""Months by number, their parts, and the days that belong to them. Days and months begin at 00:00 UTC.

A month has four parts: its days 1 to 8, 9 to 16, 17 to 24, and the rest. Sums of them spare who asks for any days
from looking at each piece of half a month.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache

_EPOCH = date(1970, 1, 1)
PARTS, PART_DAYS = 4, 8


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


@cache
def part_of(day: int) -> int:
    """The number of the part of a month that a day lies in: the month's number × 4 + 0 to 3."""
    return month_of(day) * PARTS + min(PARTS - 1, (date_of(day).day - 1) // PART_DAYS)


def first_day_of_part(part: int) -> int:
    """The first day of a part of a month."""
    return first_day(part // PARTS) + part % PARTS * PART_DAYS


def today(now: float) -> int:
    """The day that a moment (Unix seconds) lies in."""
    return day_of(datetime.fromtimestamp(now, UTC).date())


def monday_of(day: int) -> int:
    """The Monday of a day's week; day 0 was a Thursday."""
    return day - (day + 3) % 7


def month_name(month: int) -> str:
    """As in `2026-11`."""
    return f"{month // 12:04}-{month % 12 + 1:02}"
