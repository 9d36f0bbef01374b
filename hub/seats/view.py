"""One of my seats as a page or the API shows it."""

from dataclasses import dataclass
from datetime import datetime

from hub.seats.idle import Activity, Outlook, outlook
from hub.seats.keep import Keeps
from hub.settings import Profile, Settings
from hub.web.hub_api import Person, SeatRecord


@dataclass(frozen=True)
class SeatView:
    """A running seat, what it was started from and the end it is heading for."""

    seat: SeatRecord
    profile: Profile | None
    outlook: Outlook | None
    warns: bool
    kept_until: datetime | None
    keeps_left: int


def views(person: Person, settings: Settings, keeps: Keeps, now: datetime) -> list[SeatView]:
    """All of a person's running seats."""
    return [_view(person, seat, settings, keeps, now) for seat in person.seats]


def _view(person: Person, seat: SeatRecord, settings: Settings, keeps: Keeps, now: datetime) -> SeatView:
    profile = next((p for p in (*settings.profiles, *settings.retired) if p.name == seat.profile), None)
    if profile is None or seat.started is None:
        return SeatView(seat, profile, None, False, None, 0)
    until, count = keeps.of(person.name, seat.server, seat.started)
    activity = Activity(seat.started, seat.last_activity or seat.started, until)
    end = outlook(activity, profile, settings.culling, now)
    return SeatView(seat, profile, end, end.warns(now), until, max(0, settings.culling.keeps - count))
