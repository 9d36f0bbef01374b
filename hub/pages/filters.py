"""How numbers and times read on pages."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

from babel.dates import format_date
from babel.numbers import format_decimal
from markupsafe import Markup


def gib(size: int) -> str:
    """Bytes as GiB without a trailing ".0": 2147483648 -> "2"."""
    return f"{size / 2**30:g}"


def span(delta: timedelta | int, language: str = "en") -> str:
    """A duration in its largest unit, which stays on the number's line: 360 s -> "6 min"."""
    seconds = int(delta.total_seconds() if isinstance(delta, timedelta) else delta)
    words = {"en": ("days", "h", "min", "s"), "nl": ("dagen", "uur", "min", "s")}[language]
    for size, word in zip((2 * 86400, 2 * 3600, 60, 1), words, strict=True):
        if seconds >= size or size == 1:
            unit = {2 * 86400: 86400, 2 * 3600: 3600}.get(size, size)
            return f"{round(seconds / unit)}\N{NO-BREAK SPACE}{word}"
    return ""


def clock(moment: datetime) -> Markup:
    """A time that the reader's browser shows in its own zone; UTC until then, as the hub's database keeps it."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    stamp = moment.isoformat(timespec="seconds")
    return Markup('<time datetime="{0}" data-local title="{0}">{1} UTC</time>').format(stamp, f"{moment:%H:%M}")


def moment(when: datetime) -> Markup:
    """Date and time, in the reader's own zone once the script ran; UTC until then."""
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    stamp = when.isoformat(timespec="seconds")
    shown = f"{when:%Y-%m-%d %H:%M}"
    return Markup('<time datetime="{0}" data-local="date" title="{0}">{1} UTC</time>').format(stamp, shown)


def from_unix(seconds: float) -> datetime:
    """The moment of so many seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def day(when: datetime, language: str = "en") -> str:
    """A day as people say it, in the clock's own zone: "Thursday 14 January 2027"."""
    return str(format_date(when, "EEEE d MMMM y", locale=language))


def ordinal(number: int, language: str = "en") -> str:
    """A place in a line: 2 -> "2nd", in Dutch "2e"."""
    if language == "nl":
        return f"{number}e"
    is_teen = number % 100 in (11, 12, 13)
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def decimal(number: float, language: str = "en") -> str:
    """A number with at most one decimal: 1234.56 -> "1,234.6", in Dutch "1.234,6"."""
    return str(format_decimal(number, "#,##0.#", locale=language))


def code(text: str) -> Markup:
    """A text in which `this` is code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts))


class Days(Protocol):
    """A period of whole days."""

    @property
    def name(self) -> str:
        """`2026-11`, `2026-Q4`, `2026`; empty for other days."""

    @property
    def first(self) -> date: ...

    @property
    def last(self) -> date: ...


def period(days: Days, language: str = "en") -> str:
    """A period as people say it: "November 2026", or from one day to another."""
    if days.name:
        return period_named(days.name, language)
    first, last = (format_date(day, "d MMM y", locale=_dates(language)) for day in (days.first, days.last))
    return first if days.first == days.last else f"{first} – {last}"


def period_named(name: str, language: str = "en") -> str:
    """The month, quarter or year of that name: 2026-11 -> "November 2026", in Dutch "november 2026"."""
    year, _, part = name.partition("-")
    if not part:
        return year
    month = 3 * int(part[1]) - 2 if part.startswith("Q") else int(part)
    shown = "QQQQ y" if part.startswith("Q") else "LLLL y"
    return str(format_date(date(int(year), month, 1), shown, locale=_dates(language)))


def _dates(language: str) -> str:
    """English as in Europe: days before months."""
    return "nl" if language == "nl" else "en_GB"


def hours(number: float, language: str = "en") -> str:
    """Hours as exact as one reads them: 0.04 -> "0.04", 12.34 -> "12.3", 1234.5 -> "1,235"."""
    pattern = "#,##0" if number >= 100 else "#,##0.#" if number >= 1 or not number else "#,##0.##"
    return str(format_decimal(number, pattern, locale=language))


def figures(number: float, language: str = "en") -> str:
    """Two significant digits, for what is known no better: 0.01234 -> "0.012", 1234 -> "1,200"."""
    rounded = float(f"{number:.2g}")
    return str(format_decimal(rounded, "#,##0.######", locale=language))


def written(seconds: float) -> str:
    """A moment in Unix seconds, for paper: the same for every reader."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC")


def timed(text: str) -> Markup:
    """A text whose moments, as `written` puts them, the reader's browser shows in its own zone."""
    shown, end = Markup(""), 0
    for found in _WRITTEN.finditer(text):
        when = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00")
        shown, end = shown + text[end : found.start()] + moment(when), found.end()
    return shown + text[end:]


FILTERS: dict[str, Any] = {
    "gib": gib,
    "span": span,
    "clock": clock,
    "moment": moment,
    "day": day,
    "from_unix": from_unix,
    "ordinal": ordinal,
    "decimal": decimal,
    "code": code,
    "period": period,
    "period_named": period_named,
    "hours": hours,
    "figures": figures,
    "written": written,
    "timed": timed,
}
