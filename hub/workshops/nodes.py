"""Nodes that a cluster keeps for workshops: reservations of Slurm, kept in agreement with what is promised."""

import asyncio
import contextlib
import hashlib
import os
import pwd
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from hub.leases.inventory.cluster import nodes_in
from hub.logs import get_logger
from hub.settings import Settings, SlurmSite
from hub.slurm.commands import Slurm, SlurmError, SlurmRefused
from hub.slurm.jobs import JobState, jobs
from hub.slurm.nodes import nodes
from hub.slurm.placing import NodePlan, Room, by_node
from hub.slurm.reservations import (
    PREFIX,
    NodeReservation,
    bounded,
    change,
    end,
    expanded,
    is_forbidden,
    keepable,
    kept_until,
    make,
    may_reserve,
    reservations,
    shorten,
)
from hub.slurm.watch import Shared
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.model import Workshop

log = get_logger("workshops")

AGE_S = 3.0
"""What nodes and jobs did so long ago does for a question."""
ALIGNED_AGE_S = 10.0
"""And so long ago where only who is in a workshop may have changed: forty people join in a minute."""
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Need:
    """What is to be kept for a workshop, from when on its people come."""

    workshop: Workshop
    room: Room
    people: frozenset[str]
    opens: float
    """Unix seconds."""


class NodeKeeper:
    """Keeps nodes for workshops. Used on the event loop only."""

    def __init__(self, site: SlurmSite, secret: str) -> None:
        self._site = site
        # Another workbench may share the cluster: what has its names is not ours to end.
        self._prefix = f"{PREFIX}{hashlib.sha256(secret.encode()).hexdigest()[:4]}-"
        self._slurm = Slurm()
        self._load = Shared(self._look, "nodes-of-workshops")
        self._kept = Shared(lambda: reservations(self._slurm), "reservations")
        self.missing: dict[str, Problem] = {}
        """By workshop, why it has not the nodes that it should."""

    def name(self, workshop: Workshop) -> str:
        """What Slurm calls the reservation of a workshop."""
        return f"{self._prefix}{workshop.id}"

    async def plan(self, age: float = AGE_S) -> NodePlan:
        """Who has which nodes until when. Raises Problem while Slurm does not say."""
        try:
            return await self._planned(age)
        except SlurmError as error:
            raise _silent(error) from None

    async def _planned(self, age: float) -> NodePlan:
        load = await self._load.get(age, float("-inf"))
        return replace(load, reservations=tuple((await self._kept.get(0.0, time.monotonic())).values()))

    def kept(self, workshop: Workshop) -> NodeReservation | None:
        """What Slurm keeps for a workshop, as it was last seen."""
        return (self._kept.seen or {}).get(self.name(workshop))

    def next_of(self, workshop: Workshop) -> float | None:
        """When the nodes of a workshop are somebody else's (Unix seconds); None where nobody has reserved them."""
        return kept_until(self.name(workshop), (self._kept.seen or {}).values(), time.time())

    async def keep(self, need: Need) -> None:
        """Have Slurm keep what a workshop needs. Raises Problem where it does not, and then nothing was changed."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                problem = await self._keep(need, await self._planned(0.0))
                await self._kept.get(0.0, time.monotonic())  # so that whoever asks now sees it
        except (SlurmError, TimeoutError) as error:
            raise _silent(error) from None
        if problem is not None:
            raise problem

    async def align(self, due: Collection[Need], unclear: Collection[str] = ()) -> None:
        """Make Slurm keep what is due, and nothing else of ours but what is `unclear` (ids of workshops).

        Raises Problem while Slurm does not say.
        """
        names = {self.name(need.workshop) for need in due} | {f"{self._prefix}{id}" for id in unclear}
        self.missing = {id: why for id, why in self.missing.items() if f"{self._prefix}{id}" in names}
        try:
            for one in (await self._kept.get(0.0, time.monotonic())).values():
                if one.name.startswith(self._prefix) and one.name not in names and one.end > time.time():
                    await end(self._slurm, one.name)
                    log.info("workshop.nodes-given-back", reservation=one.name)
            if not due:
                return  # nobody has to know what else the cluster does
            plan = await self._planned(ALIGNED_AGE_S)
            for need in due:
                self._note(need.workshop.id, await self._keep(need, plan))
            await self._shorten_waiting(plan)
        except SlurmError as error:
            raise _silent(error) from None

    async def let_go(self, workshop: Workshop) -> None:
        """Keep nothing for it any more; what runs on its nodes goes on. What fails now is done soon."""
        try:
            await end(self._slurm, self.name(workshop))
        except SlurmError as error:
            log.warning("slurm.silent", about="reservations", why=str(error))

    def _note(self, workshop: str, problem: Problem | None) -> None:
        if problem is None:
            self.missing.pop(workshop, None)
        else:
            why, known = problem.in_words(str).message, self.missing.get(workshop)
            if known is None or known.in_words(str).message != why:
                log.warning("workshop.no-nodes", workshop=workshop, why=why)
            self.missing[workshop] = problem

    async def _keep(self, need: Need, plan: NodePlan) -> Problem | None:
        """Why not; None once Slurm keeps it. Raises SlurmSilent."""
        now, name, window = time.time(), self.name(need.workshop), need.workshop.window
        known = next((one for one in plan.reservations if one.name == name and one.end > now), None)
        start = max(now, need.opens)
        placement = plan.place(need.room, start, window.end, own=name)
        if not placement.fits and start < window.start:
            # Then its people come in where there is room: jobs of a reservation begin before it, too.
            start = max(now, window.start)
            placement = plan.place(need.room, start, window.end, own=name)
        if not placement.fits and known is None:
            return _refused(later("No nodes can be kept for it: others have them in its hours."))
        nodes = frozenset(placement.nodes) or (known.nodes if known else frozenset())
        wanted = NodeReservation(name, start, window.end, nodes, _users(need.people))
        try:
            if known is None:
                await make(self._slurm, wanted, now)
                log.info("workshop.nodes-kept", reservation=name, nodes=sorted(nodes))
            else:
                await change(self._slurm, known, wanted, now)
        except SlurmRefused as refused:
            if is_forbidden(refused) and not await may_reserve(self._slurm):
                return _refused(
                    later(
                        "Werkbank may not reserve nodes in Slurm. Tell the admins: `werkbank check` says what it needs."
                    )
                )
            sentence = later("Slurm does not keep what it needs: {why}")
            return _refused(sentence, why=f"{str(refused).rstrip('.')}.")
        if not placement.fits:
            return _refused(later("Some of its nodes are out of use or another's, and there are no others."))
        return None

    async def _shorten_waiting(self, plan: NodePlan) -> None:
        """Jobs of ours that would run into what follows on their nodes would never begin."""
        now = time.time()
        for job in plan.waiting:
            until = kept_until(job.reservation, plan.reservations, now)
            if not job.reservation.startswith(self._prefix) or until is None:
                continue
            seconds = bounded(int(job.limit), until, now)
            if seconds < job.limit:
                with contextlib.suppress(SlurmRefused):  # it began meanwhile, or is no more
                    await shorten(self._slurm, job.id, seconds)

    async def _look(self) -> NodePlan:
        all_nodes, all_jobs = await nodes(self._slurm), await jobs(self._slurm)
        names = await expanded(self._slurm, [job.nodes for job in all_jobs.values()])
        mine = tuple(nodes_in(all_nodes, self._site.partition))
        waiting = tuple(job for job in all_jobs.values() if job.state is JobState.PENDING and job.reservation)
        return NodePlan(mine, by_node(all_jobs.values(), names), waiting=waiting)


def keeper_of(settings: Settings, secret: str) -> NodeKeeper | None:
    """Who keeps nodes for workshops; None on one machine, and where the site does not want it."""
    site = settings.site.slurm
    return NodeKeeper(site, secret) if site is not None and site.reservations else None


def room_of(settings: Settings, workshop: Workshop) -> Room:
    """What a workshop needs of nodes."""
    profile, gpus = settings.profile(workshop.profile), workshop.gpus
    return Room(
        seats=workshop.seats,
        cpus=profile.cores,
        memory=int(profile.memory),
        devices=gpus.count_for(workshop.seats) if gpus else 0,
        kind=kinds_of(settings).get(gpus.gpu_class, "") if gpus else "",
    )


def kinds_of(settings: Settings) -> Mapping[str, str]:
    """What Slurm calls the devices of each class."""
    return {name: (one.gres or "").partition(":")[2] for name, one in settings.gpu_classes.items()}


def _users(people: Iterable[str]) -> frozenset[str]:
    """Those whom Slurm can know. It refuses a whole list for one name without an account, and an empty list: then they
    are kept for the workbench, until somebody with an account is named.
    """
    known = frozenset(one for one in keepable(people) if _has_account(one))
    return known or frozenset({pwd.getpwuid(os.geteuid()).pw_name})


def _has_account(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _refused(sentence: str, **facts: str) -> Problem:
    return Problem(409, "no-nodes", sentence, later("Choose another hour, or ask the admins."), facts)


def _silent(error: Exception) -> Problem:
    log.warning("slurm.silent", about="reservations", why=str(error) or "no answer")
    sentence = later("Slurm does not answer now, so nobody knows which nodes are free.")
    return Problem(503, "slurm-silent", sentence, later("Try again in a minute."))
