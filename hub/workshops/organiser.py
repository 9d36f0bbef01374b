"""Carries out what is asked of workshops, and keeps what is promised for them true."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from sqlalchemy.exc import SQLAlchemyError

from hub.errors import BrokerError, LeaseRefused
from hub.leases.desk import Desk
from hub.leases.events import Reserved, Unreserved
from hub.leases.model import Reservation
from hub.logs import get_logger
from hub.settings import Settings
from hub.web.hub_api import HubApi
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.agreement import disagreements
from hub.workshops.capacity import Answer, Wish, would_fit
from hub.workshops.facility import Promised, facility_of
from hub.workshops.lifecycle import WorkshopState, after
from hub.workshops.model import Workshop
from hub.workshops.store import Changed, Kept, Workshops

log = get_logger("workshops")

CONVERGE_PERIOD = 30.0
OURS = "workshop-"
"""Reservations whose id begins so belong to the workshop that the rest names."""


class Organiser:
    """Acts on workshops. Its methods raise Problem with a sentence, and then nothing was changed."""

    def __init__(self, settings: Settings, desk: Desk, hub: HubApi, workshops: Workshops) -> None:
        self.settings = settings
        """May be others later: whoever follows the file sets them."""
        self._desk, self._hub = desk, hub
        self.workshops = workshops
        self._turn = asyncio.Lock()
        """So that two do not publish what only one of them has room for, and neither is taken for a leftover."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Organiser"]:
        """Converge now and then until the block ends: a workshop ends also while nobody looks."""
        async with asyncio.TaskGroup() as tasks:
            owned = tasks.create_task(self._converge_for_ever(), name="workshops.converge")
            try:
                yield self
            finally:
                owned.cancel()

    # --- what people ask -------------------------------------------------------------------------

    async def put(self, workshop: Workshop, who: str, version: int) -> Kept:
        """Write a workshop down, as a draft."""
        for problem in disagreements(workshop, self.settings):
            raise problem
        known = await asyncio.to_thread(self.workshops.of, workshop.id)
        if known and known.state is not WorkshopState.DRAFT:
            raise _impossible(known, later("Withdraw it first, then change it."))
        try:
            kept = await asyncio.to_thread(self.workshops.put, workshop, who, version)
        except Changed:
            raise _changed() from None
        log.info("workshop.written", workshop=workshop.id, who=who, version=kept.version)
        return kept

    async def publish(self, kept: Kept, who: str) -> Kept:
        """Promise it: reserve its GPUs and count its seats. Refused where it does not fit, with what would."""
        moved = self._next(kept, "publish")
        if moved is kept.state:
            return kept
        for problem in disagreements(kept.workshop, self.settings):
            raise problem
        if kept.workshop.ends.timestamp() <= time.time():
            raise Problem(409, "past", later("It is over already."), later("Give it another date, then publish it."))
        async with self._turn:
            answer = await self.fits(kept.workshop)
            if not answer.fits:
                raise _does_not_fit(kept.workshop, answer)
            await self._reserve(kept.workshop)
            return await self._move(kept, moved, who, "published")

    async def withdraw(self, kept: Kept, who: str) -> Kept:
        """Make it a draft again; nothing is kept for it any more."""
        return await self._let_go(kept, "withdraw", who, "withdrawn")

    async def close(self, kept: Kept, who: str) -> Kept:
        """End it, or call it off."""
        return await self._let_go(kept, "close", who, "closed")

    async def remove(self, kept: Kept, who: str) -> None:
        """Forget it; only a draft or a closed one."""
        if kept.state is WorkshopState.PUBLISHED:
            raise _impossible(kept, later("Withdraw it or close it first."))
        try:
            await asyncio.to_thread(self.workshops.remove, kept, who)
        except Changed:
            raise _changed() from None
        log.info("workshop.removed", workshop=kept.workshop.id, who=who)

    def with_settings(self, settings: Settings) -> "Organiser":
        """The same workbench under other settings, to ask what would fit; nothing is to be done with it."""
        return Organiser(settings, self._desk, self._hub, self.workshops)

    async def fits(self, workshop: Workshop) -> Answer:
        """Whether it fits beside everything else that is promised."""
        now = time.time()
        profile = self.settings.profile(workshop.profile)
        wish = Wish(
            seats=workshop.seats,
            seat_memory=int(profile.memory),
            window=workshop.window,
            gpu_class=workshop.gpus.gpu_class if workshop.gpus else "",
            devices=workshop.gpus.count_for(workshop.seats) if workshop.gpus else 0,
            other_classes=profile.gpu_classes,
        )
        return would_fit(
            wish, facility_of(self.settings, self._desk.broker.state, await self.promised(workshop), now), now
        )

    async def promised(self, but: Workshop | None = None) -> Promised:
        """What is promised to everybody, `but` for one workshop."""
        own = but.id if but else ""
        reservations = self._desk.broker.state.reservations.values()
        return Promised(
            reservations=[one for one in reservations if one.id != OURS + own],
            seats=await self._hub.running_seats(),
            workshops=await self.published(but=own),
        )

    async def published(self, but: str = "") -> list[Workshop]:
        """The workshops that something is kept for."""
        kept = [one for one in await asyncio.to_thread(self.workshops.all) if one.state is WorkshopState.PUBLISHED]
        return [one.workshop for one in kept if one.workshop.id != but]

    # --- what is promised --------------------------------------------------------------------------

    async def _reserve(self, workshop: Workshop) -> None:
        if workshop.gpus is None:
            return
        window = workshop.window
        made = Reservation(
            id=OURS + workshop.id,
            gpu_class=workshop.gpus.gpu_class,
            count=workshop.gpus.count_for(workshop.seats),
            start=window.start,
            end=window.end,
            users=workshop.people,
        )
        try:
            await self._desk.broker.tell(Reserved(made))
        except LeaseRefused:
            raise Problem(
                409, "not-enough-devices", later("There are not so many GPUs."), later("Ask for fewer of them.")
            ) from None
        except BrokerError:
            raise Problem(
                503, "broker", later("The reservation could not be written."), later("Try again in a minute.")
            ) from None

    async def _let_go(self, kept: Kept, action: str, who: str, what: str) -> Kept:
        moved = self._next(kept, action)
        if moved is kept.state:
            return kept
        # The record first: a reservation that is left without its workshop is noticed.
        changed = await self._move(kept, moved, who, what)
        await self._unreserve(OURS + kept.workshop.id)
        return changed

    async def _unreserve(self, reservation: str) -> None:
        try:
            with contextlib.suppress(LeaseRefused):  # there was none
                await self._desk.broker.tell(Unreserved(reservation))
        except BrokerError as error:  # not written; converging tries again
            log.error("workshops.not-unreserved", reservation=reservation, error=str(error))

    def _next(self, kept: Kept, action: str) -> WorkshopState:
        moved = after(kept.state, action)
        if moved is None:
            raise _impossible(kept, "")
        return moved

    async def _move(self, kept: Kept, state: WorkshopState, who: str, what: str) -> Kept:
        try:
            moved = await asyncio.to_thread(self.workshops.move, kept, state, who, what)
        except Changed:
            raise _changed() from None
        log.info(f"workshop.{what}", workshop=kept.workshop.id, who=who)
        return moved

    async def _converge_for_ever(self) -> None:
        while True:
            try:
                await self.converge(time.time())
            except (BrokerError, Problem, SQLAlchemyError) as error:
                log.error("workshops.not-converged", error=str(error))
            await asyncio.sleep(CONVERGE_PERIOD)

    async def converge(self, now: float) -> None:
        """Make true what the records say, whatever was interrupted: what is over is closed, a published workshop has
        its reservation, and nothing is reserved for any other.
        """
        for kept in await asyncio.to_thread(self.workshops.all):
            if kept.state is WorkshopState.PUBLISHED and kept.workshop.window.end <= now:
                await self.close(kept, "werkbank")
        async with self._turn:
            await self._align_reservations()

    async def _align_reservations(self) -> None:
        due = {OURS + one.id: one for one in await self.published() if one.gpus is not None}
        known = {id for id in self._desk.broker.state.reservations if id.startswith(OURS)}
        unclear = {OURS + id for id in await asyncio.to_thread(self.workshops.unreadable)}
        for id in known - due.keys() - unclear:
            await self._unreserve(id)
        for id in due.keys() - known:
            await self._reserve(due[id])


def _impossible(kept: Kept, hint: str) -> Problem:
    sentence = later("That cannot be done with a workshop that is {state}.")
    return Problem(409, "wrong-state", sentence, hint, {"state": kept.state})


def _changed() -> Problem:
    sentence = later("Somebody else changed the workshop meanwhile; nothing was written.")
    return Problem(409, "changed", sentence, later("Read it again, then change it."))


def _does_not_fit(workshop: Workshop, answer: Answer) -> Problem:
    short = ", ".join(need.what for need in answer.needs if not need.fits)
    return Problem(
        409,
        "does-not-fit",
        later("{title} does not fit: there is not enough {short} in its hours."),
        later("Ask what would fit (`./werkbank workshops fits`), change it, then publish it."),
        {"title": workshop.title.en, "short": short},
    )
