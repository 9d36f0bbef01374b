"""One look at Slurm for all who want to know: whoever asks while a look is on its way gets what it brings."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, Self, TypeVar

from prometheus_client import Counter

from hub.logs import get_logger
from hub.settings import SlurmSite
from hub.slurm.commands import Slurm, SlurmError
from hub.slurm.jobs import Job, jobs
from hub.slurm.nodes import Node, nodes
from hub.slurm.reservations import Kept, NodeReservation, kept_for, others_from, reservations

log = get_logger("slurm")

LOOKS = Counter("werkbank_slurm_looks", "Questions to Slurm, for all who wanted to know together.", ["about"])


T = TypeVar("T")


class Shared(Generic[T]):
    """What a question brought, for as long as it is young enough for whoever asks next."""

    def __init__(self, ask: Callable[[], Awaitable[T]], about: str) -> None:
        self._ask, self._about = ask, about
        self._asked = float("-inf")
        self._answer: T | None = None
        self._under_way: asyncio.Task[T] | None = None
        self._under_way_since = float("-inf")

    @property
    def seen(self) -> T | None:
        """The last answer, however old; None before the first."""
        return self._answer

    async def get(self, age: float, since: float) -> T:
        """An answer to a question that was asked at most `age` seconds ago, and after `since` (`time.monotonic()`).

        Raises SlurmSilent and SlurmRefused.
        """
        now = time.monotonic()
        oldest = max(now - age, min(since, now))  # what is remembered may be from before the machine started anew
        while self._answer is None or self._asked < oldest:
            if self._under_way is None:
                self._under_way_since = time.monotonic()
                self._under_way = asyncio.create_task(self._look())
            # Who gives up waiting must not take the answer from the others.
            began, answer = self._under_way_since, await asyncio.shield(self._under_way)
            if began >= oldest:
                return answer
        return self._answer

    async def _look(self) -> T:
        began = self._under_way_since
        LOOKS.labels(self._about).inc()
        try:
            self._answer = await self._ask()
            self._asked = began
            return self._answer
        finally:
            self._under_way = None


class KeptNodes:
    """The reservations of workshops, for whoever gives Slurm a job."""

    def __init__(self, slurm: Slurm, site: SlurmSite | None) -> None:
        self._is_asked = site is not None and site.reservations
        self._found = Shared(lambda: reservations(slurm), "reservations")

    async def of(self, user: str) -> Kept | None:
        """The reservation for a job that a user begins now. None where there is none, and while Slurm does not say."""
        if not self._is_asked:
            return None
        # Nothing older does: who has just joined a workshop is in it for the job that follows.
        return kept_for(user, await self._looked(0.0), time.time())

    async def from_others(self, user: str, age: float) -> dict[str, float]:
        """In how many seconds nodes are kept for others, as it was at most `age` seconds ago; empty while Slurm does
        not say.
        """
        return others_from(user, (await self._looked(age)).values(), time.time())

    async def _looked(self, age: float) -> Mapping[str, NodeReservation]:
        try:
            return await self._found.get(age, time.monotonic() - age)
        except SlurmError as error:
            log.warning("slurm.silent", about="reservations", why=str(error))
            return {}


class Watch:
    """The jobs with these names, whoever owns them, all nodes, and what is kept for workshops."""

    def __init__(self, slurm: Slurm, *names: str, site: SlurmSite | None = None) -> None:
        self.kept = KeptNodes(slurm, site)
        self._jobs = Shared(lambda: jobs(slurm, f"--name={','.join(names)}"), "jobs")
        self._nodes = Shared(lambda: nodes(slurm), "nodes")

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self  # JupyterHub copies what is configured; a watch that is not shared would be none

    async def job(self, number: int, *, age: float, since: float = float("-inf")) -> Job | None:
        """A job, as Slurm told it at most `age` seconds ago and after `since`; None where Slurm knows it no more.

        Raises SlurmSilent and SlurmRefused: then nothing is known, least of all that it is gone.
        """
        return (await self._jobs.get(age, since)).get(number)

    async def nodes(self, *, age: float) -> Mapping[str, Node]:
        """All nodes, as they were at most `age` seconds ago. Raises SlurmSilent and SlurmRefused."""
        return await self._nodes.get(age, float("-inf"))

    @property
    def nodes_seen(self) -> Mapping[str, Node] | None:
        """All nodes as they were last seen, however long ago; None before that."""
        return self._nodes.seen
