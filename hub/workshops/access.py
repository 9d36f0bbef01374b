"""Who may do what with which workshop: trainers with their own, admins with all."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from hub.settings import Settings
from hub.web.admin import COMMAND_LINE, is_command_line
from hub.web.auth import api_person
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.web.roles import require_trainer
from hub.words import later
from hub.workshops.capacity import Answer
from hub.workshops.model import Workshop


@dataclass(frozen=True)
class Organising:
    """Somebody who gives workshops."""

    name: str
    groups: Collection[str]
    admin: bool

    def sees(self, workshop: Workshop) -> bool:
        """Whether it is theirs; for anybody else it is as if there were none."""
        return self.admin or self.name in workshop.trainers

    def of(self, answer: Answer) -> Answer:
        """An answer as they may read it: whose the other bookings are is for admins."""
        return answer if self.admin else answer.seen_by(self.name)

    def require_may_write(self, workshop: Workshop, settings: Settings) -> None:
        """Raises Problem 403 for a workshop that they could not give, and for seats that they may not hand out."""
        if self.admin:
            return
        if self.name not in workshop.trainers:
            sentence = later("You would not be one of its trainers.")
            raise Problem(403, "not-yours", sentence, later("Put {name} among the trainers."), {"name": self.name})
        mine = [profile.name for profile in settings.profiles_for(self.groups)]
        if workshop.profile not in mine:
            sentence = later("The profile {profile} is not for your groups, so you cannot hand it out.")
            hint = later("Pick one of {mine}, or ask the admins.")
            raise Problem(
                403, "profile-not-yours", sentence, hint, {"profile": workshop.profile, "mine": ", ".join(mine) or "-"}
            )


def organising(person: Person) -> Organising:
    """A trainer or admin, as one who organises."""
    return Organising(person.name, person.groups, person.admin)


async def organising_caller(request: Request) -> Organising:
    """The caller of an API route: the command line on this machine, an admin, or a trainer. Raises Problem."""
    if is_command_line(request):
        return Organising(COMMAND_LINE, (), admin=True)
    return organising(require_trainer(request, await api_person(request)))


Organises = Annotated[Organising, Depends(organising_caller)]
"""Who asks, when only trainers and admins may."""
