"""How numbers and times read on pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

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
}
