"""What somebody may do on pages, by what they are: a trainer, an admin."""

from typing import Annotated

from fastapi import Depends, Request

from hub.web.auth import page_person, posting_person
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.words import later


def is_trainer(request: Request, person: Person) -> bool:
    """Whether they may give workshops; admins may."""
    return person.admin or bool(request.app.state.settings.lets_train(person.groups))


def require_admin(person: Person) -> Person:
    """Raises Problem 403 for anybody else."""
    if not person.admin:
        raise Problem(403, "not-an-admin", later("Only admins may do this."), later("Ask the admins."))
    return person


def require_trainer(request: Request, person: Person) -> Person:
    """Raises Problem 403 for anybody who is neither trainer nor admin."""
    if not is_trainer(request, person):
        hint = later("Ask the admins to put you in the group of trainers.")
        raise Problem(403, "not-a-trainer", later("Only trainers may do this."), hint)
    return person


async def admin_reading(person: Annotated[Person, Depends(page_person)]) -> Person:
    """An admin who reads a page."""
    return require_admin(person)


async def admin_posting(person: Annotated[Person, Depends(posting_person)]) -> Person:
    """An admin who sends a page's form."""
    return require_admin(person)


async def trainer_reading(request: Request, person: Annotated[Person, Depends(page_person)]) -> Person:
    """A trainer who reads a page."""
    return require_trainer(request, person)


async def trainer_posting(request: Request, person: Annotated[Person, Depends(posting_person)]) -> Person:
    """A trainer who sends a page's form."""
    return require_trainer(request, person)


AdminReading = Annotated[Person, Depends(admin_reading)]
AdminPosting = Annotated[Person, Depends(admin_posting)]
TrainerReading = Annotated[Person, Depends(trainer_reading)]
TrainerPosting = Annotated[Person, Depends(trainer_posting)]
