"""What would a quota have held back last month? The programme's own requests once more, under its bounds."""

from dataclasses import asdict

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from hub.accounting.accounts import Accounts
from hub.accounting.model import DAY
from hub.accounting.periods import BadPeriod, Period, period_of
from hub.accounting.replay import people, replay, weeks
from hub.web.problems import Problem
from hub.words import Translate, later

MOST_REQUESTS = 20_000
"""Requests that are replayed, the first to end."""

ASSUMPTIONS = (
    later("A request is held back, not lost: it starts when the quota lets it, and holds its GPUs as long as it did."),
    later("The order is as it was: nobody overtakes whoever is held back."),
    later("Hours are counted from Monday 00:00 UTC. Both bounds are looked at when a GPU would be given; nobody "
          "loses one that they have."),
    later("There are GPUs enough: who was held back starts on Monday all at once, which can go beyond the hours."),
    later("Only leases that have ended are replayed. What others would have got instead is not looked at, nor are "
          "reservations, which lift the bounds for their people."),
)  # fmt: skip


class WeekView(BaseModel):
    """One week of the period."""

    start: float
    """Unix seconds."""
    as_it_was: float
    """GPU-hours held."""
    under_quota: float
    held_back: int
    """Requests that would have started later, or not in the period."""
    hours_held_back: float


class PersonView(BaseModel):
    """What it would have meant for one member."""

    user: str
    requests: int
    held_back: int
    not_served: int
    hours: float
    longest: float
    """Seconds."""


class QuotaView(BaseModel):
    """The whole answer."""

    programme: str
    period: str
    gpu_hours: float | None
    gpus: int | None
    requests: int
    held_back: int
    not_served: int
    """Of those, how many would not have started before the period's end."""
    hours: float
    """GPU-hours as it was."""
    hours_held_back: float
    weeks: list[WeekView]
    people: list[PersonView]
    assumptions: list[str]
    is_cut: bool
    """There were more requests than are replayed."""

    @property
    def most(self) -> float:
        """The longest bar of a week."""
        return max((max(week.as_it_was, week.under_quota) for week in self.weeks), default=0.0)


def last_month(now: float) -> Period:
    """The month before that of `now` (Unix seconds)."""
    return period_of("", None, None, now).before()


async def quota_view(
    accounts: Accounts, programme: str, hours: float | None, gpus: int | None, name: str, _: Translate
) -> QuotaView:
    """The answer for a programme and a period (empty: last month). Raises Problem 422."""
    if hours is None and gpus is None:
        hint = later("Give GPU-hours per week, GPUs at once, or both.")
        raise Problem(422, "no-quota", later("A quota to try is missing."), hint)
    try:
        period = period_of(name, None, None, accounts.now()) if name else last_month(accounts.now())
    except BadPeriod as bad:
        raise Problem(422, "bad-period", bad.sentence, "", bad.facts) from None
    return await run_in_threadpool(_view, accounts, programme, hours, gpus, period, _)


def _view(
    accounts: Accounts, programme: str, hours: float | None, gpus: int | None, period: Period, _: Translate
) -> QuotaView:
    start, end = period.start * DAY, min(period.end * DAY, accounts.now())
    served = accounts.source.served(programme, start, end, MOST_REQUESTS)
    done = replay(served, end, hours, gpus)
    by_week, by_person = weeks(done, start, end), people(done)
    late = [one for one in done if one.held_back]
    return QuotaView(
        programme=programme,
        period=period.name,
        gpu_hours=hours,
        gpus=gpus,
        requests=len(done),
        held_back=len(late),
        not_served=sum(one.start is None for one in late),
        hours=sum(week.as_it_was for week in by_week),
        hours_held_back=sum(one.served.hours for one in late),
        weeks=[WeekView(**asdict(week)) for week in by_week],
        people=[PersonView(**asdict(one)) for one in by_person],
        assumptions=[_(sentence) for sentence in ASSUMPTIONS],
        is_cut=len(served) >= MOST_REQUESTS,
    )
