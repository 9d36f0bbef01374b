"""Bars over time, as the numbers that a page draws them from. Drawn in the page itself: no library, no script."""

from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from hub.accounting.accounts import Told
from hub.accounting.model import NOTHING, Amounts
from hub.accounting.months import date_of, first_day, month_name, month_of

_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
MOST_LABELS = 7


@dataclass(frozen=True)
class Bar:
    """A day or a month. Heights are parts of the axis, from 0 to 1."""

    title: str
    """In full, for those who point at it or cannot see it."""
    label: str
    """Below the bar; empty where there is no room for one."""
    held: float
    """GPU-hours."""
    busy: float
    busy_height: float
    idle_height: float
    """Held, while no cell ran; on top of the busy part."""
    jobs: float = 0.0
    """GPU-hours of jobs, whose busy part nobody knows."""
    jobs_height: float = 0.0
    """On top of the others."""


@dataclass(frozen=True)
class Chart:
    """GPU-hours by day or by month."""

    bars: list[Bar]
    top: float
    """Where the axis ends, in GPU-hours."""
    is_simulated: bool
    """Only simulated devices were used, and are what is shown."""
    is_by_day: bool

    @property
    def has_jobs(self) -> bool:
        return any(bar.jobs for bar in self.bars)

    @property
    def is_empty(self) -> bool:
        return not any(bar.held for bar in self.bars)


def chart_of(told: Told, language: str) -> Chart:
    """The report's days or months; real devices, or simulated ones where there is nothing else."""
    is_real = any(one.tally.amounts.held_seconds for one in told.series if not one.simulated)
    by_name = {one.name: one.tally.amounts for one in told.series if one.simulated is not is_real}
    start, end = told.period.start, told.period.end
    is_by_day = end - start <= 93
    dates = [date_of(day) for day in range(start, end)]
    if not is_by_day:
        dates = [date_of(first_day(month)) for month in range(month_of(start), month_of(end - 1) + 1)]
    had = [_had(by_name.get(_key(when, is_by_day), NOTHING), when) for when in dates]
    top = axis_top(max((held for _when, held, _busy, _jobs in had), default=0.0))
    every = -(-len(had) // (MOST_LABELS if is_by_day else 12))
    bars = [
        Bar(
            title=format_date(when, "long" if is_by_day else "MMMM y", locale=_locale(language)),
            label=_label(when, is_by_day, language) if number % every == 0 and fits(number, every, len(had)) else "",
            held=held,
            busy=busy,
            busy_height=busy / top,
            idle_height=max(0.0, held - jobs - busy) / top,
            jobs=jobs,
            jobs_height=jobs / top,
        )
        for number, (when, held, busy, jobs) in enumerate(had)
    ]
    return Chart(bars, top, not is_real and any(bar.held for bar in bars), is_by_day)


def fits(number: int, every: int, count: int) -> bool:
    """Whether a label below this bar ends before the last bar does."""
    return every == 1 or number + every / 2 < count


def axis_top(most: float) -> float:
    """The round number at which an axis ends that shows values up to `most`."""
    if most <= 0:
        return 1.0
    size = 1.0
    while size * 10 < most:
        size *= 10
    while size > most:
        size /= 10
    return next(size * step for step in _STEPS if size * step >= most * 0.999)


def _had(amounts: Amounts, when: date) -> tuple[date, float, float, float]:
    return when, amounts.held_seconds / 3600, amounts.busy_seconds / 3600, amounts.job_gpu_seconds / 3600


def _key(when: date, is_by_day: bool) -> str:
    return when.isoformat() if is_by_day else month_name(when.year * 12 + when.month - 1)


def _label(when: date, is_by_day: bool, language: str) -> str:
    return str(format_date(when, "d MMM" if is_by_day else "MMM", locale=_locale(language)))


def _locale(language: str) -> str:
    """English as in Europe: days before months."""
    return "nl" if language == "nl" else "en_GB"
