"""When a seat stops, and why. Plain functions: the culler acts on them, the pages show them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.settings import Culling, Profile


class Why(StrEnum):
    """What ends a seat."""

    IDLE = "idle"
    LIFE = "life"


@dataclass(frozen=True)
class Activity:
    """What is known of a running seat."""

    started: datetime
    last_activity: datetime
    kept_until: datetime | None = None
    busy: bool = False
    """A kernel runs a cell: the seat is not idle, however long ago its last message was."""


@dataclass(frozen=True)
class Outlook:
    """The end that a seat is heading for."""

    stops_at: datetime
    warns_at: datetime
    why: Why

    def is_due(self, now: datetime) -> bool:
        """Whether the seat stops now."""
        return now >= self.stops_at

    def warns(self, now: datetime) -> bool:
        """Whether its user is warned now."""
        return now >= self.warns_at


def outlook(activity: Activity, profile: Profile, culling: Culling, now: datetime) -> Outlook:
    """When the seat stops if nothing else happens. A keep moves the idle end, never the end of life."""
    end_of_life = activity.started + timedelta(seconds=profile.life)
    idle_end = (now if activity.busy else activity.last_activity) + timedelta(seconds=profile.idle_timeout)
    if activity.kept_until is not None:
        idle_end = max(idle_end, activity.kept_until)
    why = Why.LIFE if end_of_life <= idle_end else Why.IDLE
    stops_at = min(end_of_life, idle_end)
    return Outlook(stops_at, stops_at - timedelta(seconds=culling.warn_before), why)
