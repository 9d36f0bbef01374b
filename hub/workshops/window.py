"""When: a stretch of time, and how people write its beginning."""

from dataclasses import dataclass
from datetime import UTC, datetime

YEARS = range(2000, 2200)
"""Nobody plans beyond them, and not every calendar reaches there."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until before `end`, in Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start

    def overlaps(self, other: "Window") -> bool:
        """Whether they share a moment."""
        return self.start < other.end and other.start < self.end

    def from_(self, start: float) -> "Window":
        """As long, from another moment on."""
        return Window(start, start + self.seconds)


class NoSuchTime(ValueError):
    """A time that cannot be read, or that no clock here ever shows."""


def read_moment(text: str) -> datetime:
    """The moment at which this machine's clock shows `text`, such as "2027-01-14 14:00"; raises NoSuchTime.

    A time that comes twice, in the night in which clocks go back, is the first of the two.
    """
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise NoSuchTime(f'"{text[:40]}" is no date and time; write it as 2027-01-14 14:00') from None
    if read.year not in YEARS:
        raise NoSuchTime(f'"{text[:40]}" is not between the years {YEARS.start} and {YEARS.stop - 1}')
    if read.tzinfo is not None:
        return read
    moment = read.astimezone()
    if moment.astimezone(UTC).astimezone().replace(tzinfo=None) != read:
        raise NoSuchTime(f'"{text[:40]}" does not exist here: that night the clock is put forward past it')
    return moment
