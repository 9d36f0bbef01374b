"""A month for a steering board: what it came to, beside the month before, by programme, and what nobody measured."""

from dataclasses import dataclass

from hub.accounting.accounts import Accounts, Told
from hub.accounting.charts import Chart, chart_of
from hub.accounting.cluster import Known
from hub.accounting.footprint import MILLIJOULES_PER_KWH
from hub.accounting.model import DAY
from hub.accounting.periods import BadPeriod, Period, period_of
from hub.accounting.report import Line
from hub.accounting.scope import EVERYTHING
from hub.settings.model import FootprintFactors
from hub.web.problems import Problem
from hub.words import later


@dataclass(frozen=True)
class Steering:
    """One month."""

    period: Period
    before: Period
    now: Line
    """What real devices and seats came to."""
    then: Line
    """The same in the month before."""
    simulated: Line | None
    """What was on paper only; None where nothing was."""
    programmes: list[Line]
    """Of real devices; of simulated ones where there are no others."""
    people: int
    """Who had a device or a seat."""
    unheld_kwh: float | None
    """Energy of devices that nobody had; None where it was not measured."""
    chart: Chart
    factors: FootprintFactors
    until: float
    is_running: bool
    """The month is not over."""
    is_filling: bool
    jobs: Known | None
    """How far it is known what jobs used; None where seats are no jobs."""
    lacks_jobs: bool
    """It is unknown what jobs used in some of the month."""


async def steering(accounts: Accounts, month: str, language: str) -> Steering:
    """The report about a month (`2026-11`); left out, the last one that is over. Raises Problem 422."""
    period = _month(month, accounts.now())
    by_programme = await accounts.report(EVERYTHING, "programme", period, language)
    people = await accounts.people(period)
    before = await accounts.report(EVERYTHING, "programme", period.before(), language)
    mj, seconds = await accounts.unheld_energy(period)
    simulated = next((line for line in by_programme.total if line.simulated), None)
    return Steering(
        period=period,
        before=before.period,
        now=by_programme.total[0],
        then=before.total[0],
        simulated=simulated,
        programmes=_programmes(by_programme),
        people=people,
        unheld_kwh=mj / MILLIJOULES_PER_KWH if seconds else None,
        chart=chart_of(by_programme, language),
        factors=accounts.settings.site.footprint,
        until=by_programme.until,
        is_running=by_programme.until < period.end * DAY,
        is_filling=by_programme.is_filling,
        jobs=by_programme.jobs,
        lacks_jobs=by_programme.lacks_jobs,
    )


def _programmes(told: Told) -> list[Line]:
    real = [one for one in told.entries if not one.simulated]
    some = real if any(one.tally.amounts.held_seconds for one in real) else told.entries
    return told.lines(some)


def _month(name: str, now: float) -> Period:
    try:
        period = period_of(name, None, None, now)
        period = period if name else period.before()
        if len(period.name) != len("2026-11") or "Q" in period.name:
            raise BadPeriod(later('"{name}" is no month; write 2026-11.'), name=name)
    except BadPeriod as bad:
        raise Problem(422, "bad-period", bad.sentence, "", bad.facts) from None
    return period
