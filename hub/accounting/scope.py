"""Who may see whose use: everybody their own, leads their programme's, trainers their workshop's, admins all."""

from dataclasses import dataclass
from typing import Literal

from hub.accounting.query import Whose
from hub.settings import Settings
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.model import Workshop
from hub.workshops.store import Workshops

_NOT_YOURS = (
    403,
    "not-your-use",
    later("You may not see this use."),
    later("You see your own, that of programmes you lead, and that of workshops you give."),
)


@dataclass(frozen=True)
class Scope:
    """Whose use somebody asked for, and may see."""

    kind: Literal["me", "programme", "workshop", "all"]
    name: str
    """Of the programme or the workshop; else empty."""
    whose: Whose
    workshop: Workshop | None = None


EVERYTHING = Scope("all", "", Whose())


def of_myself(person: Person) -> Scope:
    """My own use."""
    return Scope("me", "", Whose(user=person.name))


def of_programme(person: Person, name: str, settings: Settings) -> Scope:
    """A programme's use, for those who lead it and for admins. Raises Problem 403, whether or not there is one."""
    leads = any(person.name in one.leads for one in settings.programmes if one.name == name)
    if not (leads or person.admin):
        raise Problem(*_NOT_YOURS)
    return Scope("programme", name, Whose(programme=name))


def of_workshop(person: Person, id: str, workshops: Workshops) -> Scope:
    """A workshop's use, for those who give it and for admins. Raises Problem 403 to others, and 404."""
    kept = workshops.of(id)
    if not person.admin and (kept is None or person.name not in kept.workshop.trainers):
        raise Problem(*_NOT_YOURS)
    if kept is None:
        raise Problem(404, "no-such-workshop", later("There is no such workshop."))
    return workshop_scope(kept.workshop, workshops)


def workshop_scope(workshop: Workshop, workshops: Workshops) -> Scope:
    """What belongs to a workshop: what its people, those who joined among them, had in its hours."""
    whose = Whose(people=workshops.people(workshop), window=workshop.window)
    return Scope("workshop", workshop.id, whose, workshop)


def led_by(person: Person, settings: Settings) -> list[str]:
    """The programmes that somebody leads."""
    return [programme.name for programme in settings.programmes if person.name in programme.leads]


def given_by(person: Person, workshops: Workshops) -> list[Workshop]:
    """The workshops that somebody gives, the latest first."""
    mine = [kept.workshop for kept in workshops.all() if person.name in kept.workshop.trainers]
    return mine[::-1]
