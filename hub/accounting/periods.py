"""The time that a report is about: a month, a quarter, a year, or from one day to another. Days are UTC."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from hub.accounting.months import PARTS, date_of, day_of, first_day, first_day_of_part, month_of, part_of, today
from hub.words import later

LONGEST_YEARS = 10
_NAMED = re.compile(r"(\d{4})(?:-(?:(\d{2})|Q([1-4])))?")


class BadPeriod(ValueError):
    """No such time: a sentence that is yet to be translated, and what it speaks of."""

    def __init__(self, sentence: str, **facts: str) -> None:
        super().__init__(sentence.format(**facts))
        self.sentence, self.facts = sentence, facts


@dataclass(frozen=True)
class Period:
    """Whole days."""

    start: int
    """The first day, by number."""
    end: int
    """The day after the last one."""
    name: str
    """`2026`, `2026-Q4`, `2026-11`, or empty for any other stretch of days."""

    @property
    def first(self) -> date:
        return date_of(self.start)

    @property
    def last(self) -> date:
        return date_of(self.end - 1)

    def months(self) -> tuple[int, int]:
        """The whole months in it, by number: the first, and the one after the last. None are in it where these are
        equal.
        """
        low = month_of(self.start) + (first_day(month_of(self.start)) != self.start)
        high = month_of(self.end)
        return low, max(low, high)

    def parts(self) -> list[int]:
        """Whole parts of months in it, by number, that are in no whole month of it."""
        low = part_of(self.start) + (first_day_of_part(part_of(self.start)) != self.start)
        first, after = self.months()
        return [part for part in range(low, part_of(self.end)) if not first <= part // PARTS < after]

    def rest(self) -> list[tuple[int, int]]:
        """Days that are in no whole month and no whole part of one: at most two stretches, each with the day after
        its last.
        """
        first, high = part_of(self.start), part_of(self.end)
        low = first + (first_day_of_part(first) != self.start)
        if low > high:
            return [(self.start, self.end)]
        stretches = [(self.start, first_day_of_part(low)), (first_day_of_part(high), self.end)]
        return [(start, end) for start, end in stretches if start < end]

    def before(self) -> "Period":
        """The one before: the month before a month, as many days before any other days."""
        if self.name:
            months = month_of(self.end) - month_of(self.start)
            return _of_months(month_of(self.start) - months, months)
        days = self.end - self.start
        return Period(self.start - days, self.start, "")


def period_of(name: str, first: date | None, last: date | None, now: float) -> Period:
    """The period called `name`, or from `first` to `last` (that day too), or else the month of `now` (Unix seconds).

    Raises BadPeriod with a sentence.
    """
    if name:
        return _named(name)
    if first is None and last is None:
        return _of_months(month_of(today(now)), 1)
    start = day_of(first) if first else first_day(month_of(day_of(last))) if last else 0
    end = (day_of(last) if last else today(now)) + 1
    if not start < end:
        first_day_named, last_day_named = str(date_of(start)), str(date_of(end - 1))
        raise BadPeriod(later("{last} is before {first}."), first=first_day_named, last=last_day_named)
    if end - start > LONGEST_YEARS * 366 or not 2000 <= date_of(start).year < 2200 or date_of(end).year >= 2200:
        raise BadPeriod(later("Ask for at most {years} years, between 2000 and 2199."), years=str(LONGEST_YEARS))
    return _renamed(Period(start, end, ""))


def _named(name: str) -> Period:
    found = _NAMED.fullmatch(name)
    year = int(found[1]) if found else 0
    month = int(found[2] or 1) if found else 0
    if found is None or not 2000 <= year < 2199 or not 1 <= month <= 12:
        raise BadPeriod(later('"{name}" is no month, quarter or year; write 2026-11, 2026-Q4 or 2026.'), name=name[:20])
    if found[3]:
        return _of_months(year * 12 + 3 * (int(found[3]) - 1), 3)
    return _of_months(year * 12 + month - 1, 1 if found[2] else 12)


def _of_months(first: int, count: int) -> Period:
    year, month = first // 12, first % 12
    names = {12: f"{year:04}", 3: f"{year:04}-Q{month // 3 + 1}", 1: f"{year:04}-{month + 1:02}"}
    return Period(first_day(first), first_day(first + count), names.get(count, ""))


def _renamed(period: Period) -> Period:
    """Days that are just a month, a quarter or a year have its name."""
    first, after = month_of(period.start), month_of(period.end)
    whole = _of_months(first, after - first)
    begins_well = after - first == 1 or first % (after - first or 1) == 0
    return whole if begins_well and (whole.start, whole.end) == (period.start, period.end) else period


def choices(now: float) -> list[str]:
    """Periods that are offered: the last thirteen months, five quarters and three years, the latest first."""
    month = month_of(today(now))
    months = [_of_months(month - back, 1).name for back in range(13)]
    quarters = [_of_months(month - month % 3 - 3 * back, 3).name for back in range(5)]
    return [*months, *quarters, *(f"{month // 12 - back:04}" for back in range(3))]


def days_until(period: Period, now: float) -> Period:
    """Its days so far: a period that goes on is over at the end of today."""
    end = min(period.end, day_of(date_of(today(now)) + timedelta(days=1)))
    return Period(period.start, max(period.start, end), period.name)
