"""What the broker knows of a person, in one answer: what they hold, could have and used, and what that costs."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from hub.leases.bounds import MyAllowance
from hub.leases.desk import Desk
from hub.leases.model import Reservation
from hub.leases.page_facility import ProgrammeUse, allowed, class_rows, hours, programmes
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
    allowances: list[MyAllowance]
    """What I and my programmes may have for a while, beyond the settings."""


class FactorView(BaseModel):
    """A figure of the site; year and source are the admin's."""

    model_config = ConfigDict(from_attributes=True)

    value: float
    year: int
    source: str


class Co2eView(FactorView):
    """A figure of emissions, with how it was come by."""

    method: Literal["location", "market"]


class FootprintView(BaseModel):
    """What energy is to be multiplied by; null is what the site does not report, and never stands for a default."""

    model_config = ConfigDict(from_attributes=True)

    pue: FactorView | None
    """Energy of the facility over that of its IT equipment."""
    co2e: Co2eView | None
    """Grams per kWh."""
    water: FactorView | None
    """Litres per kWh of IT equipment."""


class MeView(BaseModel):
    """What I hold and wait for, what there is and is kept, what I used, and what energy costs here."""

    now: float
    """The broker's clock (Unix seconds): times here are to be compared with it, not with the reader's own."""
    user: str
    leases: list[LeaseView]
    """My live leases, oldest first."""
    classes: list[ClassView]
    reservations: list[ReservationView]
    """Mine until they end; others' on classes of my profiles that run now or start within a day."""
    use: UseView
    footprint: FootprintView
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
        footprint=FootprintView.model_validate(desk.settings.site.footprint),
        # The reason is for admins, on the page "My GPUs".
        unreadable=say(WAITING, "unreadable", translator(language)) if unreadable else "",
    )


def _use(desk: Desk, person: Person, language: str) -> UseView:
    state = desk.broker.state
    return UseView(
        hours=hours(state, "user", person.name),
        hours_cap=None,
        devices_per_user=state.rules.devices_of(person.name),
        programmes=list(programmes(desk, person, language)),
        allowances=list(allowed(desk, person, language)),
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
