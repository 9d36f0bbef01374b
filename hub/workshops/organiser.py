"""Carries out what is asked of workshops, and keeps what is promised for them true."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import ValidationError

from hub.errors import BrokerError, LeaseRefused
from hub.leases.desk import Desk
from hub.leases.events import Reserved, Unreserved
from hub.leases.model import Reservation
from hub.logs import get_logger
from hub.settings import Settings
from hub.slurm.reservations import NodeReservation
from hub.web.hub_api import HubApi, SeatRecord
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.access import Organising
from hub.workshops.agreement import disagreements
from hub.workshops.capacity import MEMORY, Answer, Wish, would_fit
from hub.workshops.facility import Promised, facility_of
from hub.workshops.lifecycle import OPEN, PROMISED, STATE_WORDS, WorkshopState, after
from hub.workshops.model import OURS, Unfit, Workshop
from hub.workshops.nodes import Need, NodeKeeper, room_of
from hub.workshops.people import Members
from hub.workshops.store import Changed, Kept, Workshops

log = get_logger("workshops")


class Organiser:
    """Acts on workshops. Its methods raise Problem with a sentence, and then nothing was changed."""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        hub: HubApi,
        workshops: Workshops,
        members: Members,
        nodes: NodeKeeper | None = None,
    ) -> None:
        self.nodes = nodes
        """Who keeps a cluster's nodes for them; None where nobody does."""
        self.settings = settings
        """May be others later: whoever follows the file sets them."""
        self._desk, self._hub = desk, hub
        self.workshops, self.members = workshops, members
        self.changed = asyncio.Event()
        """Rung whenever a workshop moves on, so that what follows from it need not wait."""
        self.paused: frozenset[str] = frozenset()
        """Workshops that are on whose reservation is lifted for a while."""
        self._turn = asyncio.Lock()
        """So that two do not publish what only one of them has room for, and neither is taken for a leftover."""

    @property
    def warm_before(self) -> float:
        """Seconds before its start at which a workshop opens."""
        return float(self.settings.workshops.warm_before)

    # --- what people ask -------------------------------------------------------------------------

    async def all(self) -> list[Kept]:
        """Every workshop, by its start."""
        return await asyncio.to_thread(self.workshops.all)

    async def people(self, workshop: Workshop) -> frozenset[str]:
        """Users for whom something is kept: those named in it, and those who joined."""
        return await asyncio.to_thread(self.workshops.people, workshop)

    async def taken_part_in_by(self, user: str) -> list[Kept]:
        """Workshops to come or on now in which somebody learns or trains, by their start."""
        joined = {member.workshop for member in await asyncio.to_thread(self.members.of_user, user)}
        promised = [kept for kept in await self.all() if kept.state in PROMISED]
        return [kept for kept in promised if kept.workshop.id in joined or user in kept.workshop.people]

    async def people_changed(self) -> None:
        """Somebody joined or left: what is reserved is for them too. What cannot be written now is written soon."""
        self.changed.set()
        with contextlib.suppress(Problem):
            await self.align_reservations()

    async def of(self, who: Organising) -> list[Kept]:
        """The workshops that they give, by their start; an admin's are all."""
        return [kept for kept in await self.all() if who.sees(kept.workshop)]

    async def found(self, who: Organising, id: str) -> Kept:
        """One of them. Raises Problem 404, the same for somebody else's as for none."""
        kept = await asyncio.to_thread(self.workshops.of, id)
        if kept is None or not who.sees(kept.workshop):
            hint = later("Look at the list of them.")
            raise Problem(404, "no-such-workshop", later("There is no such workshop."), hint)
        return kept

    async def put(self, workshop: Workshop, who: Organising, version: int) -> Kept:
        """Write a workshop down, as a draft."""
        who.require_may_write(workshop, self.settings)
        for problem in disagreements(workshop, self.settings):
            raise problem
        known = await asyncio.to_thread(self.workshops.of, workshop.id)
        if known and not who.sees(known.workshop):
            raise Problem(409, "taken", later("That name is taken."), later("Choose another id."))
        if known and known.state is not WorkshopState.DRAFT:
            raise _impossible(known, later("Withdraw it first, then change it."))
        try:
            kept = await asyncio.to_thread(self.workshops.put, workshop, who.name, version)
        except Changed:
            raise _changed() from None
        log.info("workshop.written", workshop=workshop.id, who=who.name, version=kept.version)
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
            # Whatever fails after it, what was kept for a workshop that is not promised is given back soon.
            if self.nodes is not None:
                await self.nodes.keep(await self._need(kept.workshop))
            if kept.workshop.gpus:
                await self._reserve(await self._reservation(kept.workshop))
            return await self._move(kept, moved, who, "published")

    async def withdraw(self, kept: Kept, who: str) -> Kept:
        """Make it a draft again; nothing is kept for it any more."""
        return await self._let_go(kept, "withdraw", who, "withdrawn")

    async def close(self, kept: Kept, who: str) -> Kept:
        """End it, or call it off."""
        return await self._let_go(kept, "close", who, "closed")

    async def warm(self, kept: Kept, who: str) -> Kept:
        """Open it: people come in and their seats are started."""
        return await self._onward(kept, "warm", who, "warmed")

    async def begin(self, kept: Kept, who: str) -> Kept:
        """Now it is given."""
        return await self._onward(kept, "begin", who, "begun")

    async def extend(self, kept: Kept, minutes: int, who: str) -> Kept:
        """Make one that is on longer. Raises Problem when that does not fit, and then it ends as it did."""
        if kept.state not in OPEN:
            raise _impossible(kept, later("Only one that is being given can be extended."))
        ends = kept.workshop.ends + timedelta(minutes=minutes)
        longer = read_again(kept.workshop, ends=ends)
        rest = read_again(longer, starts=max(kept.workshop.starts, datetime.now().astimezone()))
        async with self._turn:
            answer = await self.fits(rest)
            if not answer.fits:
                raise _does_not_fit(longer, answer)
            try:
                moved = await asyncio.to_thread(self.workshops.rewrite, kept, longer, who, "extended")
            except Changed:
                raise _changed() from None
        await self.people_changed()
        return moved

    async def passed(self, kept: Kept, who: str) -> Kept:
        """A rehearsal of it went well."""
        return await self._onward(kept, "pass", who, "rehearsed")

    async def _onward(self, kept: Kept, action: str, who: str, what: str) -> Kept:
        moved = self._next(kept, action)
        return kept if moved is kept.state else await self._move(kept, moved, who, what)

    async def remove(self, kept: Kept, who: str) -> None:
        """Forget it; only a draft or a closed one."""
        if kept.state in PROMISED:
            raise _impossible(kept, later("Withdraw it or close it first."))
        try:
            await asyncio.to_thread(self.workshops.remove, kept, who)
        except Changed:
            raise _changed() from None
        log.info("workshop.removed", workshop=kept.workshop.id, who=who)

    def nodes_of(self, kept: Kept) -> tuple[NodeReservation | None, Problem | None]:
        """What a cluster keeps for a workshop, as it was last seen, and why not all that it should."""
        if self.nodes is None or kept.state not in PROMISED:
            return None, None
        return self.nodes.kept(kept.workshop), self.nodes.missing.get(kept.workshop.id)

    def with_settings(self, settings: Settings) -> "Organiser":
        """The same workbench under other settings, to ask what would fit; nothing is to be done with it."""
        return Organiser(settings, self._desk, self._hub, self.workshops, self.members, self.nodes)

    async def fits(self, workshop: Workshop) -> Answer:
        """Whether it fits beside everything else that is promised. Raises Problem while a cluster does not answer."""
        now = time.time()
        profile = self.settings.profile(workshop.profile)
        wish = Wish(
            seats=workshop.seats,
            seat_memory=int(profile.memory),
            window=workshop.window,
            gpu_class=workshop.gpus.gpu_class if workshop.gpus else "",
            devices=workshop.gpus.count_for(workshop.seats) if workshop.gpus else 0,
            other_classes=profile.gpu_classes,
            seat_cpus=profile.cores,
            reservation=self.nodes.name(workshop) if self.nodes is not None else "",
        )
        facility = facility_of(self.settings, self._desk.broker.state, await self.promised(workshop), now)
        # On a large cluster that nothing fits on for days it takes half a second.
        return await asyncio.to_thread(would_fit, wish, facility, now)

    async def promised(self, but: Workshop | None = None) -> Promised:
        """What is promised to everybody, `but` for one workshop."""
        id, own = (but.id, but.reservation) if but else ("", "")
        kept = await self.all()
        reservations = [one for one in self._desk.broker.state.reservations.values() if one.id != own]
        return Promised(
            reservations=reservations,
            seats=await self._seats_beside([one.workshop for one in kept if one.state in OPEN]),
            workshops=[one.workshop for one in kept if one.state in PROMISED and one.workshop.id != id],
            cluster_memory=self._desk.cluster_memory(),
            nodes=await self.nodes.plan() if self.nodes is not None else None,
        )

    async def _seats_beside(self, on: Iterable[Workshop]) -> list[SeatRecord]:
        """Running seats; those of workshops that are on are counted with them already."""
        counted = {(user, one.profile) for one in on for user in await self.people(one)}
        return [seat for seat in await self._hub.running_seats() if (seat.user, seat.profile) not in counted]

    async def published(self) -> list[Workshop]:
        """The workshops that something is kept for."""
        return [one.workshop for one in await self.all() if one.state in PROMISED]

    # --- what is promised --------------------------------------------------------------------------

    async def _with_gpus(self) -> list[Workshop]:
        return [one for one in await self.published() if one.gpus and one.id not in self.paused]

    async def _reservation(self, workshop: Workshop) -> Reservation:
        assert workshop.gpus is not None
        window = workshop.window
        return Reservation(
            id=workshop.reservation,
            gpu_class=workshop.gpus.gpu_class,
            count=workshop.gpus.count_for(workshop.seats),
            start=window.start,
            end=window.end,
            users=await self.people(workshop),
        )

    async def _need(self, workshop: Workshop) -> Need:
        room, people = room_of(self.settings, workshop), await self.people(workshop)
        return Need(workshop, room, people, workshop.window.start - self.warm_before)

    async def _reserve(self, reservation: Reservation) -> None:
        try:
            await self._desk.broker.tell(Reserved(reservation))
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
        async with self._turn:  # who aligns now read the record before: it would be made again
            await self._unreserve(kept.workshop.reservation)
            if self.nodes is not None:
                await self.nodes.let_go(kept.workshop)
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
        self.changed.set()
        return moved

    async def align_reservations(self) -> None:
        """Make true what the records say, whatever was interrupted: a workshop that is promised has its reservation
        and its nodes, for everybody who takes part, and nothing is kept for any other.
        """
        async with self._turn:
            due = {one.reservation: await self._reservation(one) for one in await self._with_gpus()}
            known = {id: one for id, one in self._desk.broker.state.reservations.items() if id.startswith(OURS)}
            unclear = {OURS + id for id in await asyncio.to_thread(self.workshops.unreadable)}
            for id in known.keys() - due.keys() - unclear:
                await self._unreserve(id)
            for id, reservation in due.items():
                if known.get(id) != reservation:
                    await self._reserve(reservation)
            if self.nodes is not None:
                profiles = {profile.name for profile in self.settings.profiles}
                promised = await self.published()
                needs = [await self._need(workshop) for workshop in promised if workshop.profile in profiles]
                lost = {workshop.id for workshop in promised if workshop.profile not in profiles}
                await self.nodes.align(needs, lost | {id.removeprefix(OURS) for id in unclear})


def read_again(workshop: Workshop, **changes: object) -> Workshop:
    """The same workshop with some of it changed, and everything checked. Raises Problem 422."""
    try:
        return Workshop.model_validate(workshop.model_dump() | changes)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0].get("ctx", {}).get("error")
        if isinstance(problem, Unfit):
            raise Problem(422, "invalid", problem.sentence, "", problem.facts) from None
        raise


def _impossible(kept: Kept, hint: str) -> Problem:
    sentence = later("That cannot be done with a workshop that is {state}.")
    return Problem(409, "wrong-state", sentence, hint, words={"state": STATE_WORDS[kept.state]})


def _changed() -> Problem:
    sentence = later("Somebody else changed the workshop meanwhile; nothing was written.")
    return Problem(409, "changed", sentence, later("Read it again, then change it."))


def _does_not_fit(workshop: Workshop, answer: Answer) -> Problem:
    short = [need.what for need in answer.needs if not need.fits]
    if not short:
        sentence = later("{title} does not fit: too few whole nodes are free from its beginning until its end.")
    elif short == [MEMORY]:
        sentence = later("{title} does not fit: there is not enough memory for its seats in its hours.")
    elif MEMORY in short:
        sentence = later("{title} does not fit: there is neither memory for its seats nor enough {short} in its hours.")
    else:
        sentence = later("{title} does not fit: there is not enough {short} in its hours.")
    return Problem(
        409,
        "does-not-fit",
        sentence,
        later("Ask what would fit (`./werkbank workshops fits`), change it, then publish it."),
        {"title": workshop.title.en, "short": ", ".join(one for one in short if one != MEMORY)},
    )
