"""What happens to workshops by themselves: seats are warmed, the class begins, and it ends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from hub.errors import BrokerError
from hub.logs import get_logger
from hub.seats.warming_routes import Warmings
from hub.web.hub_api import HubUnreachable
from hub.web.problems import Problem
from hub.words import LANGUAGES, later, translator
from hub.workshops.belongings import Belongings
from hub.workshops.classroom import Classroom
from hub.workshops.lifecycle import OPEN, PROMISED, WorkshopState
from hub.workshops.looking import Looking
from hub.workshops.organiser import Organiser
from hub.workshops.store import Kept

log = get_logger("workshops")

BY_ITSELF = "werkbank"
"""Who does what happens by itself, in the log."""
NODES_END = later("At {time} the nodes of this class are somebody else's: save your work, what runs here ends then.")
LONGEST_SLEEP = 30.0
SHORTEST_SLEEP = 0.2


class Timeline:
    """Follows the clock. Everything it does can be done again: what a crash left undone is done on return."""

    def __init__(
        self,
        organiser: Organiser,
        warmings: Warmings,
        belongings: Belongings,
        classroom: Classroom,
        looking: Looking,
    ) -> None:
        self._organiser, self._warmings, self._belongings = organiser, warmings, belongings
        self._classroom, self._looking = classroom, looking
        self._warmed: set[str] = set()
        """Workshops whose seats were asked for by this process."""
        self._warned: dict[str, float] = {}
        """By workshop, of which end of its nodes everybody was told."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Timeline"]:
        """Follow the clock until the block ends."""
        async with asyncio.TaskGroup() as tasks:
            followed = tasks.create_task(self._follow(), name="workshops.timeline")
            try:
                yield self
            finally:
                followed.cancel()

    async def _follow(self) -> None:
        while True:
            now = time.time()
            await self._surely(lambda now=now: self.pass_time(now))  # type: ignore[misc]
            await self._surely(self._classroom.refresh)
            await self._surely(self._take_back_looks)
            await self._surely(self._organiser.align_reservations)
            self._warn_of_others(time.time())
            await self._surely(self._tidy)
            await self._rest()

    async def _rest(self) -> None:
        """Until something is due, or somebody changes something."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._organiser.changed.wait(), min(LONGEST_SLEEP, await self._until_next()))
        self._organiser.changed.clear()
        await asyncio.sleep(SHORTEST_SLEEP)

    async def _surely(self, step: Callable[[], Awaitable[None]]) -> None:
        """One step; what fails is tried again the next time and keeps nothing else from happening."""
        try:
            await step()
        except (BrokerError, Problem, SQLAlchemyError, HubUnreachable, OSError) as error:
            log.error("workshops.not-converged", step=getattr(step, "__name__", "step"), error=str(error))

    async def pass_time(self, now: float) -> None:
        """Bring every workshop to where it is due at `now`."""
        everything = await self._organiser.all()
        # One that is withdrawn and published again, or another of its name, opens anew.
        self._warmed &= {kept.workshop.id for kept in everything if kept.state in OPEN}
        for kept in everything:
            await self._surely(lambda kept=kept: self._bring(kept, now))  # type: ignore[misc]

    async def _bring(self, kept: Kept, now: float) -> None:
        window = kept.workshop.window
        if kept.state not in PROMISED:
            return
        if window.end <= now:
            await self._organiser.close(kept, BY_ITSELF)
            return
        if window.start <= now and kept.state is not WorkshopState.LIVE:
            kept = await self._organiser.begin(kept, BY_ITSELF)
        elif window.start - self._organiser.warm_before <= now and kept.state not in OPEN:
            kept = await self._organiser.warm(kept, BY_ITSELF)
        if kept.state in OPEN:
            await self._warm_seats(kept)

    async def _warm_seats(self, kept: Kept) -> None:
        """Start the seats of everybody who is known, once; who joins later comes to theirs by the door."""
        if kept.workshop.id in self._warmed:
            return
        people = sorted(await self._organiser.people(kept.workshop))
        if self._warmings.begin(kept.workshop.profile, people) is None:
            return  # too many classes at once: its turn comes
        self._warmed.add(kept.workshop.id)

    def _warn_of_others(self, now: float) -> None:
        """Tell everybody in time when the nodes of a class are somebody else's after it: what runs there ends then."""
        nodes, before = self._organiser.nodes, float(self._organiser.settings.culling.warn_before)
        if nodes is None:
            return
        for id, one in self._classroom.classes.items():
            ends = nodes.next_of(one.workshop)
            if ends is not None and now < ends <= now + before and self._warned.get(id) != ends:
                self._warned[id] = ends
                time_of_day = f"{datetime.fromtimestamp(ends).astimezone():%H:%M %Z}"
                # Whoever reads it may read either language.
                said = [translator(language)(NODES_END).format(time=time_of_day) for language in LANGUAGES]
                one.room.say(" — ".join(said), BY_ITSELF, now)

    async def _tidy(self) -> None:
        """What is left of workshops that are over: seats of temporary accounts, archives and names that are due."""
        for kept in await self._organiser.all():
            if kept.state is WorkshopState.CLOSED:
                await self._surely(lambda kept=kept: self._belongings.put_away(kept, time.time()))  # type: ignore[misc]

    async def _take_back_looks(self) -> None:
        await self._looking.take_back(self._classroom)

    async def _until_next(self) -> float:
        """Seconds until something is due."""
        now, before = time.time(), self._organiser.warm_before
        windows = [kept.workshop.window for kept in await self._organiser.all() if kept.state in PROMISED]
        moments = [moment for window in windows for moment in (window.start - before, window.start, window.end)]
        return min((moment - now for moment in moments if moment > now), default=LONGEST_SLEEP)
