"""Who may ask for an explanation, and what it takes to answer: the hub, the machine, the broker."""

import asyncio
from datetime import UTC, datetime

from starlette.datastructures import State

from hub.admin.explain_answer import Answer
from hub.admin.explain_gpu import gpu_answer
from hub.admin.explain_seat import Promise, Situation, seat_answer
from hub.leases.desk import Desk
from hub.leases.model import Lease
from hub.seats.view import views
from hub.settings import Settings
from hub.spawners.doors import profiles_of
from hub.web.hub_api import HubApi, Person
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.admission import Admission

NOT_YOURS = (
    403,
    "not-your-programme",
    later("You may not ask this."),
    later("Programme leads ask about their own programme's members, admins about everybody."),
)


def led_by(person: Person, settings: Settings) -> tuple[str, ...]:
    """Programmes that somebody may ask about: admins about all."""
    return tuple(one.name for one in settings.programmes if person.admin or person.name in one.leads)


def require_programme(person: Person, name: str, settings: Settings) -> None:
    """Raises Problem 403 for a programme that the person does not lead, also where there is none."""
    if not person.admin and name not in led_by(person, settings):
        raise Problem(*NOT_YOURS)


def require_lead(person: Person, settings: Settings) -> Person:
    """Raises Problem 403 for whoever is neither an admin nor leads a programme."""
    if not person.admin and not led_by(person, settings):
        raise Problem(*NOT_YOURS)
    return person


def require_lease(person: Person, lease: Lease | None, settings: Settings) -> Lease:
    """A lease that the person may ask about. Raises Problem 403, to a lead also where there is none, and 404."""
    if not person.admin and (lease is None or lease.programme not in led_by(person, settings)):
        raise Problem(*NOT_YOURS)
    if lease is None:
        raise Problem(404, "no-such-lease", later("There is no such lease."), later("It may have ended long ago."))
    return lease


async def member(state: State, asker: Person | None, user: str) -> Person:
    """The person who is asked about; `asker` is None for the command line. Raises Problem 403 and 404."""
    hub: HubApi = state.hub
    found = await hub.person_named(user)
    if asker is not None and not asker.admin:
        led = led_by(asker, state.settings)
        if found is None or set(found.groups).isdisjoint(led):
            raise Problem(*NOT_YOURS)
    if found is None:
        hint = later("Nobody of that name was ever signed in here.")
        raise Problem(404, "no-such-user", later('There is no user called "{user}".'), hint, {"user": user})
    return found


async def may_start(state: State, person: Person, profile: str, language: str) -> Answer:
    """May they start a seat with this profile now?"""
    hub: HubApi = state.hub
    people = await hub.active_people()
    admitted = await asyncio.to_thread(Admission(state.engine).of, person.name)
    promises = await asyncio.to_thread(_promises, state, people)
    situation = Situation(person.name, person.groups, admitted, promises)
    return await asyncio.to_thread(seat_answer, profile, situation, state.settings, language)


def _promises(state: State, people: list[Person]) -> list[Promise]:
    """What every running seat was promised, as the spawner counts it, and when it ends at the latest."""
    now = datetime.now(UTC)
    seen = [(person.name, view) for person in people for view in views(person, state.settings, state.keeps, now)]
    return [
        Promise(user, view.seat.server, view.profile, view.outlook.stops_at if view.outlook else None)
        for user, view in seen
        if view.profile is not None
    ]


async def could_get(state: State, person: Person, gpu_class: str, language: str) -> Answer:
    """Could a kernel of theirs get a device of this class now?"""
    desk: Desk = state.leases
    admitted = await asyncio.to_thread(Admission(state.engine).of, person.name)
    mine = profiles_of(person.name, person.groups, admitted, state.settings)
    return gpu_answer(desk, person, mine, gpu_class, language)
