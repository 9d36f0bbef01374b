"""What the broker knows of a person, in one answer: what they hold, what they could have, what they used."""

from collections.abc import Iterable

from pydantic import BaseModel

from hub.leases.desk import Desk
from hub.leases.model import Reservation
from hub.leases.page_facility import ProgrammeUse, class_rows, hours, programmes
from hub.leases.sentences import WAITING, say
from hub.leases.view import ClassView, LeaseView
from hub.web.hub_api import Person
from hub.words import translator

SOON = 86400.0
"""Seconds before their start from which reservations of others are told."""


class ReservationView(BaseModel):
    """Devices kept for somebody in a time window."""

    id: str
    gpu_class: str
    title: str
    """Of the class."""
    count: int
    start: float
    end: float
    mine: bool
    """Kept for me, or for a group that I am in."""


class UseView(BaseModel):
    """What I used since Monday, in device-hours, and what bounds it."""

    hours: float
    hours_cap: float | None
    """What bounds me myself in a week; none of the settings does, so far. For my programmes' bounds see `quota`."""
    devices_per_user: int
    programmes: list[ProgrammeUse]


class MeView(BaseModel):
    """What I hold and wait for, what there is and is kept, and what I used."""

    now: float
    """The broker's clock (Unix seconds): times here are to be compared with it, not with the reader's own."""
    user: str
    leases: list[LeaseView]
    """My live leases, oldest first."""
    classes: list[ClassView]
    reservations: list[ReservationView]
    """Mine until they end; others' on classes of my profiles that run now or start within a day."""
    use: UseView
    unreadable: str
    """A sentence while the devices cannot be read; empty when they can."""


def me_view(desk: Desk, person: Person, language: str) -> MeView:
    """What `person` has now, with words in `language`."""
    unreadable = desk.broker.unreadable
    return MeView(
        now=desk.broker.now(),
        user=person.name,
        leases=[desk.view(lease, language) for lease in desk.of_user(person.name)],
        classes=[ClassView(**row) for row in class_rows(desk, language)],
        reservations=sorted(_reservations(desk, person, language), key=lambda kept: (kept.start, kept.id)),
        use=_use(desk, person, language),
        # The reason is for admins, on the page "My GPUs".
        unreadable=say(WAITING, "unreadable", translator(language)) if unreadable else "",
    )


def _use(desk: Desk, person: Person, language: str) -> UseView:
    state = desk.broker.state
    return UseView(
        hours=hours(state, "user", person.name),
        hours_cap=None,
        devices_per_user=state.rules.devices_per_user,
        programmes=list(programmes(desk, person, language)),
    )


def _reservations(desk: Desk, person: Person, language: str) -> Iterable[ReservationView]:
    now = desk.broker.now()
    profiles = desk.settings.profiles_for(person.groups)
    known = {name for profile in profiles for name in profile.gpu_classes}
    for kept in desk.broker.state.reservations.values():
        mine = kept.includes(person.name, person.groups)
        concerns = mine or (kept.gpu_class in known and kept.start < now + SOON)
        if concerns and now < kept.end:
            yield _reservation(desk, kept, mine, language)


def _reservation(desk: Desk, kept: Reservation, mine: bool, language: str) -> ReservationView:
    declared = desk.settings.gpu_classes.get(kept.gpu_class)
    return ReservationView(
        **{name: getattr(kept, name) for name in ("id", "gpu_class", "count", "start", "end")},
        title=declared.title.in_language(language) if declared else kept.gpu_class,
        mine=mine,
    )
