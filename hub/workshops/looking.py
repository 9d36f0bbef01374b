"""A learner lets the trainers look at one notebook: who may, since when, until when, and who did.

The service reads the notebook from the learner's seat and hands it on; no trainer comes into the seat. Shares of
JupyterHub would let them: into all of it, under the learner's user name, and to a server that is the learner's own
program, whose scripts would run in the trainer's browser as if they were the hub's.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hub.audit import Audit
from hub.logs import get_logger
from hub.web.hub_api import HubApi, Person
from hub.web.problems import Problem
from hub.web.seat_api import NothingShown, NotReadable, SeatApi, ShownNotebook
from hub.words import later
from hub.workshops.classroom import Class, Classroom
from hub.workshops.people import Member
from hub.workshops.progress import Progress
from hub.workshops.room import Rooms

log = get_logger("workshops")

_AGAIN = later("The page looks again by itself.")


class Looking:
    """Gives and takes the right to look, and looks."""

    def __init__(self, hub: HubApi, seats: SeatApi, rooms: Rooms, progress: Progress, audit: Audit) -> None:
        self._hub, self._seats, self._rooms = hub, seats, rooms
        self._progress, self._audit = progress, audit

    async def show(self, one: Class, user: str, server: str) -> None:
        """The learner agrees. It is written down before anybody can look."""
        one.room.show(user, server, time.time())
        await self._rooms.write()
        await self._tell(user, "notebook.shown", one, one.members[user])

    async def hide(self, one: Class, user: str) -> None:
        """The learner does not, or not any more."""
        learner = one.room.learners.get(user)
        was_shown = learner is not None and learner.shown is not None
        one.room.hide(user)  # also where they were only asked
        if was_shown:
            await self._tell(user, "notebook.hidden", one, one.members[user])

    async def open(self, one: Class, member: Member, trainer: Person) -> ShownNotebook:
        """A trainer begins to look: what is shown, and it stands in the log. Raises Problem."""
        found = await self.shown(one, member)
        one.room.looked(member.user, time.time())
        await self._tell(trainer.name, "notebook.looked-at", one, member)
        return found

    async def shown(self, one: Class, member: Member) -> ShownNotebook:
        """What a learner shows now. Raises Problem 409 while that is nothing, and 503 while nobody can say."""
        with _in_words(member):
            return await self._seats.shown(await self._seat(one, member))

    async def notebook(self, one: Class, member: Member) -> bytes:
        """The same as HTML, which the learner's own program wrote. Raises Problem as well."""
        with _in_words(member):
            return await self._seats.notebook(await self._seat(one, member))

    async def _seat(self, one: Class, member: Member) -> str:
        """The path of the seat on which they show one."""
        learner = one.room.learners.get(member.user)
        if learner is None or learner.shown is None:
            raise _nothing(member)
        found = await self._hub.person_named(member.user)
        seats = {seat.server: seat for seat in found.seats if seat.ready} if found else {}
        if (seat := seats.get(learner.shown_server or "")) is None:
            sentence = later("The seat of learner {number} does not run now.")
            raise Problem(503, "no-seat", sentence, _AGAIN, {"number": str(member.number)})
        return seat.url

    async def take_back(self, classroom: Classroom) -> None:
        """End what was shown in workshops that are over, and by people who are not in them any more."""
        for workshop, user in await asyncio.to_thread(self._progress.shown):
            one = classroom.classes.get(workshop)
            if one is not None and user in one.members:
                continue
            if one is not None:
                one.room.hide(user)
            await asyncio.to_thread(self._progress.hide, workshop, user)
            log.info("notebook.hidden", workshop=workshop, user=user, why="over")

    async def _tell(self, who: str, what: str, one: Class, member: Member) -> None:
        about = f"workshop:{one.workshop.id}"
        await asyncio.to_thread(self._audit.tell, who, what, about, learner=member.number)


@contextmanager
def _in_words(member: Member) -> Iterator[None]:
    """What a seat answers, as a trainer reads it."""
    try:
        yield
    except NothingShown:
        raise _nothing(member) from None
    except NotReadable as error:
        log.warning("notebook.unreadable", user=member.user, why=str(error))
        sentence = later("The notebook of learner {number} cannot be read right now.")
        raise Problem(503, "unreadable", sentence, _AGAIN, {"number": str(member.number)}) from error


def _nothing(member: Member) -> Problem:
    sentence = later("Learner {number} does not show a notebook now.")
    hint = later("Ask to see it: they are asked in JupyterLab.")
    return Problem(409, "not-shown", sentence, hint, {"number": str(member.number)})
