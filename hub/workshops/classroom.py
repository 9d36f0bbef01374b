"""The workshops that are on now, with their people and rooms, at hand for every request of a learner's seat."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from hub.leases.listening import Bells
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.catalogue import catalogue
from hub.workshops.lifecycle import OPEN
from hub.workshops.model import Workshop
from hub.workshops.organiser import Organiser
from hub.workshops.people import Member
from hub.workshops.room import Room, Rooms
from hub.workshops.store import Kept


@dataclass(frozen=True)
class Class:
    """A workshop that is on."""

    kept: Kept
    members: dict[str, Member]
    """By user."""
    room: Room
    nodes: tuple[str, ...] = ()
    """Nodes that a cluster keeps for it."""
    lends: bool = True
    """Whether what is reserved can be others' for a while: who gets a node of a cluster keeps it for hours."""

    @property
    def workshop(self) -> Workshop:
        """What is given."""
        return self.kept.workshop

    @property
    def exercises(self) -> tuple[str, ...]:
        """Ids of all exercises of its lessons, in the order in which they come."""
        known = catalogue().lessons
        return tuple(one for id in self.workshop.lessons if id in known for one in known[id].exercises)

    def member(self, number: int) -> Member:
        """Who has a number in it. Raises Problem 404 for one that nobody has."""
        found = next((member for member in self.members.values() if member.number == number), None)
        if found is None:
            sentence = later("There is no learner {number}.")
            raise Problem(404, "no-such-learner", sentence, "", {"number": str(number)})
        return found


class Classroom:
    """All classes that are on. Used on the event loop only."""

    def __init__(self, organiser: Organiser, rooms: Rooms, bells: Bells) -> None:
        self._organiser, self.rooms, self._bells = organiser, rooms, bells
        self.classes: dict[str, Class] = {}
        rooms.listeners.append(self._ring)

    def of(self, user: str) -> Iterator[Class]:
        """The classes in which somebody learns."""
        return (one for one in self.classes.values() if user in one.members)

    def programme_of(self, user: str) -> str:
        """The programme that a workshop says its use is counted for, while somebody learns or trains in it."""
        mine = (one for one in self.classes.values() if user in one.members or user in one.workshop.people)
        return next((one.workshop.programme for one in mine if one.workshop.programme), "")

    async def refresh(self) -> None:
        """Read again which workshops are on and who is in them; whoever it concerns is told."""
        before, found = self.classes, {}
        for kept in await self._organiser.all():
            if kept.state in OPEN:
                members = await asyncio.to_thread(self._organiser.members.of_workshop, kept.workshop.id)
                by_user = {member.user: member for member in members}
                held, _ = self._organiser.nodes_of(kept)
                nodes, room = tuple(sorted(held.nodes)) if held else (), await self.rooms.of(kept.workshop.id)
                found[kept.workshop.id] = Class(kept, by_user, room, nodes, self._organiser.nodes is None)
        self.classes = found
        self.rooms.keep_only(found)
        self._organiser.paused = frozenset(id for id, one in found.items() if one.room.announced.is_paused)
        for id in before.keys() | found.keys():
            old, new = before.get(id), found.get(id)
            if old != new:
                self._tell_all(old, new)

    async def show_name(self, workshop: str, user: str, is_shown: bool) -> None:
        """Somebody shows the trainer their name, or a number again."""
        await asyncio.to_thread(self._organiser.members.show_name, workshop, user, is_shown)
        await self.refresh()

    def _tell_all(self, *classes: Class | None) -> None:
        for one in classes:
            if one is not None:
                one.room.ring()
                for user in one.members:
                    self._bells.ring(user)

    def _ring(self, workshop: str, user: str) -> None:
        if (one := self.classes.get(workshop)) is not None:
            for name in (user,) if user else one.members:
                self._bells.ring(name)
