"""What "My GPUs" tells of leases that are over."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.leases.desk import Desk
from hub.leases.model import Lease
from hub.leases.recent import Ended
from hub.leases.sentences import ENDED, say
from hub.leases.view import LeaseView
from hub.words import later, translator

_OWN = ("user", "cancelled", "shutdown")
"""Ends that people bring about themselves, and so know of."""
_WITHOUT = later("The kernel ended before it got a GPU.")


@dataclass(frozen=True)
class MyEnded:
    """One lease that ended of late. Durations are whole seconds."""

    id: str
    holder: str
    title: str
    simulated: bool
    count: int
    at: datetime
    why: str
    """How it ended, a sentence."""
    is_news: bool
    """Its user did not end it."""
    had: bool
    """It had its devices, if only for a moment."""
    held: int
    parked: int


def ended(desk: Desk, recent: Iterable[Ended], language: str) -> Iterable[MyEnded]:
    """Each of them, with words in `language`."""
    for lease, parked in recent:
        view = desk.view(lease, language)
        yield MyEnded(
            id=lease.id,
            holder=lease.holder,
            title=view.title,
            simulated=view.simulated,
            count=lease.count,
            at=datetime.fromtimestamp(lease.since, UTC),
            why=_why(lease, view, language),
            is_news=lease.ended not in _OWN,
            had=_had(lease),
            held=round(view.held_seconds / lease.count),
            parked=round(parked),
        )


def _had(lease: Lease) -> bool:
    return lease.acquired > 0


def _why(lease: Lease, view: LeaseView, language: str) -> str:
    """The sentence of its end; who never had a GPU is not told that it was given back."""
    say_it = translator(language)
    if not _had(lease) and lease.ended == "user":
        return say(ENDED, "cancelled", say_it)
    if not _had(lease) and lease.ended in ("shutdown", "died", "process-gone"):
        return say_it(_WITHOUT)
    return view.ended.text if view.ended else ""
