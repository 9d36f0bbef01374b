"""A learner lets trainers look at one notebook: who may, by shares of the seat as JupyterHub has them, and until when.

The seat decides what a share lets somebody see: the notebook that its learner chose, read-only, and nothing else
(`werkbank_lab.shown`). Here lies whether it lets anybody in at all.
"""

import asyncio
import time

from hub.audit import Audit
from hub.logs import get_logger
from hub.web.hub_api import HubApi, Person
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.classroom import Class, Classroom
from hub.workshops.people import Member
from hub.workshops.progress import Progress
from hub.workshops.room import Rooms

log = get_logger("workshops")

PATH = "werkbank/lab/shown"
"""Below a seat's own address."""


class Looking:
    """Gives and takes the right to look."""

    def __init__(self, hub: HubApi, rooms: Rooms, progress: Progress, audit: Audit) -> None:
        self._hub, self._rooms, self._progress, self._audit = hub, rooms, progress, audit

    async def show(self, one: Class, user: str, server: str) -> None:
        """The learner agrees. Nobody can look before it is written down, so that it can be taken back."""
        one.room.show(user, server, time.time())
        await self._rooms.write()
        await self._tell(user, "notebook.shown", one, one.members[user])

    async def hide(self, one: Class, user: str) -> None:
        """The learner does not, or not any more."""
        learner = one.room.learners.get(user)
        if learner is None or learner.shown is None:
            one.room.hide(user)  # perhaps they were asked
            return
        await self._hub.unshare(user, learner.shown_server or "")
        one.room.hide(user)
        await self._tell(user, "notebook.hidden", one, one.members[user])

    async def address(self, one: Class, member: Member, trainer: Person) -> str:
        """Where a trainer can look now, who is let in for it. Raises Problem 409 where there is nothing to see."""
        learner = one.room.learners.get(member.user)
        if learner is None or learner.shown is None:
            raise Problem(
                409,
                "not-shown",
                later("Learner {number} does not show a notebook."),
                later("Ask to see it: they are asked in JupyterLab."),
                {"number": str(member.number)},
            )
        found = await self._hub.person_named(member.user)
        seats = {seat.server: seat for seat in found.seats if seat.ready} if found else {}
        if (seat := seats.get(learner.shown_server or "")) is None:
            sentence = later("The seat of learner {number} does not run now.")
            raise Problem(409, "no-seat", sentence, "", {"number": str(member.number)})
        if not trainer.admin:  # an admin may visit every seat
            await self._hub.share(member.user, seat.server, trainer.name)
        one.room.looked(member.user, time.time())
        await self._tell(trainer.name, "notebook.looked-at", one, member)
        return seat.url + PATH

    async def take_back(self, classroom: Classroom) -> None:
        """End what was shown in workshops that are over, and by people who are not in them any more."""
        for workshop, user, server in await asyncio.to_thread(self._progress.shown):
            one = classroom.classes.get(workshop)
            if one is not None and user in one.members:
                continue
            await self._hub.unshare(user, server)
            if one is not None:
                one.room.hide(user)
            await asyncio.to_thread(self._progress.hide, workshop, user)
            log.info("notebook.hidden", workshop=workshop, user=user, why="over")

    async def _tell(self, who: str, what: str, one: Class, member: Member) -> None:
        about = f"workshop:{one.workshop.id}"
        await asyncio.to_thread(self._audit.tell, who, what, about, learner=member.number)
