"""How numbers and times read on pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

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


FILTERS: dict[str, Any] = {"gib": gib, "span": span, "clock": clock}
