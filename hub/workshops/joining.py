"""Joining a workshop: what somebody with a code or a link can do now, and doing it."""

import asyncio
import secrets
from dataclasses import dataclass
from enum import StrEnum

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from hub.logs import get_logger
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.lifecycle import OPEN, PROMISED
from hub.workshops.model import Listed, Workshop
from hub.workshops.people import How, Member, Members, Places, guest_name, invited, read_code
from hub.workshops.store import Kept, Workshops

log = get_logger("workshops")

WRONG_PER_ADDRESS = RateLimitItemPerMinute(20)
"""A class behind one address mistypes; a program that guesses does nothing else."""
WRONG_IN_ALL = RateLimitItemPerMinute(300)


class Standing(StrEnum):
    """What somebody who is not in it yet can do."""

    SOON = "soon"
    """Sign up; the seat opens later."""
    OPEN = "open"
    """Come in."""
    FULL = "full"
    OVER = "over"
    NOT_LISTED = "not-listed"
    """It has a class list and no code: only those on the list, each by their own link."""


@dataclass(frozen=True)
class Door:
    """A workshop as somebody with its link sees it."""

    kept: Kept
    standing: Standing
    places: Places
    listed: Listed | None
    """Who they are on the class list, when they came by their own link."""

    @property
    def workshop(self) -> Workshop:
        """The workshop itself."""
        return self.kept.workshop

    @property
    def is_on(self) -> bool:
        """Whether seats are open."""
        return self.kept.state in OPEN

    @property
    def takes_guests(self) -> bool:
        """Whether a temporary account can be had now."""
        join = self.workshop.join
        return self.is_on and join is not None and join.temporary_accounts


class Doorman:
    """Lets people into workshops. Codes cannot be guessed: after some wrong ones nothing is said any more."""

    def __init__(self, workshops: Workshops, members: Members, secret: str) -> None:
        self._workshops, self.members, self.secret = workshops, members, secret
        self._wrong = MovingWindowRateLimiter(MemoryStorage())
        self._turn = asyncio.Lock()
        """So that two do not take the last place."""

    async def door(self, typed: str, invitation: str, address: str) -> Door:
        """The workshop of a code. Raises Problem: 404, the same whether there is none or it is not to be joined; 429
        after too many wrong ones.
        """
        if not self._may_try(address):
            sentence = later("Too many wrong codes came from here.")
            raise Problem(429, "too-many-codes", sentence, later("Wait a minute, then type it once more."))
        kept = await asyncio.to_thread(self._workshops.by_code, read_code(typed))
        if kept is None or not (kept.state in PROMISED or kept.state == "closed"):
            self.wrong(address)
            sentence = later("No workshop has this code.")
            raise Problem(404, "no-such-code", sentence, later("Check it, or ask the trainer for the link."))
        listed = invited(self.secret, kept.workshop, invitation) if invitation else None
        places = await asyncio.to_thread(self.members.counts, kept.workshop)
        return Door(kept, _standing(kept, places, listed), places, listed)

    def _may_try(self, address: str) -> bool:
        here = self._wrong.test(WRONG_PER_ADDRESS, "address", address)
        return here and self._wrong.test(WRONG_IN_ALL, "all")

    def wrong(self, address: str) -> None:
        """Remember that somebody at `address` guessed wrong."""
        self._wrong.hit(WRONG_PER_ADDRESS, "address", address)
        self._wrong.hit(WRONG_IN_ALL, "all")

    async def membership(self, door: Door, user: str) -> Member | None:
        """Somebody's place in the workshop, if they have one."""
        found = await asyncio.to_thread(self.members.of_user, user)
        return next((one for one in found if one.workshop == door.workshop.id), None)

    async def enrol(self, code: str, invitation: str, address: str, user: str, name: str, shares_name: bool) -> Member:
        """Let somebody with an account in. Raises Problem when they cannot come in any more."""
        async with self._turn:
            door = await self.door(code, invitation, address)
            is_named = user in door.workshop.people
            if not is_named and not await self.membership(door, user):
                _require_room(door)
            how = How.NAMED if is_named else How.ROSTER if door.listed else How.CODE
            return await self._enrol(door, user, how, name, shares_name)

    async def enrol_guest(
        self, code: str, invitation: str, address: str, name: str, shares_name: bool
    ) -> tuple[Member, str]:
        """Make a temporary account; with what it comes back with. Raises Problem when none can be had."""
        async with self._turn:
            door = await self.door(code, invitation, address)
            if not door.takes_guests:
                sentence = later("Temporary accounts can be had while the workshop is on.")
                raise Problem(409, "no-guests", sentence, later("Sign in with your own account, or ask the trainer."))
            _require_room(door)
            key = secrets.token_urlsafe(24)
            return await self._enrol(door, guest_name(), How.TEMPORARY, name, shares_name, key), key

    async def _enrol(self, door: Door, user: str, how: How, name: str, shares_name: bool, key: str = "") -> Member:
        id, email = door.workshop.id, door.listed.email if door.listed else ""
        known = name.strip() or (door.listed.name if door.listed else user)
        member = await asyncio.to_thread(self.members.enrol, id, user, how, known, email, shares_name, key)
        log.info("workshop.joined", workshop=id, user=user, how=str(how))
        return member


def _standing(kept: Kept, places: Places, listed: Listed | None) -> Standing:
    if kept.state not in PROMISED:
        return Standing.OVER
    if listed is None and kept.workshop.join is None:
        return Standing.NOT_LISTED
    if listed is None and not places.left:
        return Standing.FULL
    return Standing.OPEN if kept.state in OPEN else Standing.SOON


def _require_room(door: Door) -> None:
    """Raises Problem when nobody new can come in."""
    if door.standing is Standing.OVER:
        raise Problem(409, "over", later("This workshop is over."), later("Ask the trainer when it is given again."))
    if door.standing is Standing.FULL:
        sentence = later("All places of this workshop are taken.")
        raise Problem(409, "full", sentence, later("Ask the trainer: a place may come free, or seats be added."))
    if door.standing is Standing.NOT_LISTED:
        sentence = later("This workshop is for people on its class list, who come in by their own links.")
        raise Problem(403, "not-listed", sentence, later("Ask the trainer to put you on the list."))
