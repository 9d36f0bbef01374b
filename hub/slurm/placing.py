"""Which whole nodes a class could have in a window, and what stands in the way of the others. Pure functions."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from hub.slurm.jobs import Job, JobState
from hub.slurm.nodes import Node
from hub.slurm.reservations import NodeReservation

CROWDED_S = 86_400.0
"""Jobs of a class last for as long as their profile lets them; nodes that are another's so soon are taken last."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a class needs of nodes: seats, and kernels with a device each that are as large as a seat."""

    seats: int
    cpus: int
    """Cores of each."""
    memory: int
    """Bytes of each."""
    devices: int = 0
    kind: str = ""
    """The type of the devices, in Slurm's words; empty for any."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a node cannot be had from the beginning of a window."""

    node: str
    until: float
    """When that is over (Unix seconds); infinite where nobody knows."""
    jobs: tuple[int, ...] = ()
    """Jobs that may still run then."""
    reservation: str = ""
    """For what it is kept then; a node with neither takes no jobs now."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The nodes for a class."""

    nodes: tuple[str, ...]
    """Whole ones, enough for it; none where it does not fit."""
    hindrances: tuple[Hindrance, ...]
    """What stands in the way of the other nodes."""
    is_possible: bool
    """Whether it would fit on all nodes together, were they free."""
    followed: float | None = None
    """When the first of the nodes is somebody else's, within a day after it: what runs there ends then."""

    @property
    def fits(self) -> bool:
        """Whether there are enough."""
        return bool(self.nodes)


@dataclass(frozen=True)
class NodePlan:
    """The nodes of a partition, and until when others have them."""

    nodes: tuple[Node, ...]
    jobs: Mapping[str, tuple[Job, ...]] = field(default_factory=dict)
    """By node, what runs there."""
    reservations: tuple[NodeReservation, ...] = ()
    waiting: tuple[Job, ...] = ()
    """Jobs that wait in a reservation."""

    def place(self, room: Room, start: float, end: float, own: str = "") -> Placement:
        """Nodes for `room` in a window. What the reservation `own` has already it may go on having."""
        kept = frozenset().union(*(one.nodes for one in self.reservations if one.name == own))
        others = [one for one in self.reservations if one.name != own]
        hindrances = {node.name: self._hindrance(node, (start, end), own, kept) for node in self.nodes}
        free = [node for node in self.nodes if hindrances[node.name] is None]
        held = [node for node in free if node.name in kept]
        if len(held) < len(kept) or not _is_enough(held, room):
            crowded = {name for one in others if one.overlaps(start - CROWDED_S, end + CROWDED_S) for name in one.nodes}
            held = _chosen(sorted(free, key=lambda node: (node.name not in kept, node.name in crowded)), room)
        in_the_way = sorted((one for one in hindrances.values() if one), key=lambda one: (one.until, one.node))
        names = frozenset(node.name for node in held)
        after = (one.start for one in others if one.nodes & names and end <= one.start < end + CROWDED_S)
        return Placement(
            nodes=tuple(sorted(names)),
            hindrances=tuple(in_the_way),
            is_possible=bool(held) or bool(_chosen(self.nodes, room)),
            followed=min(after, default=None),
        )

    def moments(self, seconds: float) -> Iterator[float]:
        """When a node becomes free, or from when on a window of so long ends before it is not."""
        # With the last of its jobs: on a large cluster there are thousands of them, and each moment is tried.
        yield from filter(math.isfinite, self._last.values())
        for one in self.reservations:
            yield from (one.end, one.start - seconds)

    @cached_property
    def _last(self) -> Mapping[str, float]:
        """By node, when the last of its jobs ends."""
        return {name: max(map(_ends, jobs)) for name, jobs in self.jobs.items() if jobs}

    @cached_property
    def _reserved(self) -> Mapping[str, Sequence[NodeReservation]]:
        """By node, for what it is kept."""
        found: dict[str, list[NodeReservation]] = {}
        for one in self.reservations:
            for name in one.nodes:
                found.setdefault(name, []).append(one)
        return found

    def _hindrance(
        self,
        node: Node,
        window: tuple[float, float],
        own: str,
        kept: frozenset[str],
    ) -> Hindrance | None:
        start, end = window
        if not node.takes_jobs:
            return Hindrance(node.name, math.inf)
        taken = [one for one in self._reserved.get(node.name, ()) if one.name != own and one.overlaps(start, end)]
        if taken:
            last = max(taken, key=lambda one: one.end)
            return Hindrance(node.name, last.end, reservation=last.name)
        # What runs on nodes that it has already is Slurm's business, and its own jobs are no hindrance.
        running = () if node.name in kept or self._last.get(node.name, 0.0) <= start else self.jobs[node.name]
        longer = [job for job in running if _ends(job) > start and not (own and job.reservation == own)]
        if longer:
            return Hindrance(node.name, max(map(_ends, longer)), jobs=tuple(sorted(job.id for job in longer)))
        return None


def by_node(jobs: Iterable[Job], nodes_of: Mapping[str, frozenset[str]]) -> dict[str, tuple[Job, ...]]:
    """Jobs that hold nodes, by each of them; `nodes_of` says what Slurm's expressions name."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        if job.state in (JobState.RUNNING, JobState.ENDING):
            for name in nodes_of.get(job.nodes, ()):
                found.setdefault(name, []).append(job)
    return {name: tuple(those) for name, those in found.items()}


def _ends(job: Job) -> float:
    """When it ends at the latest; one without a limit, nobody knows when."""
    return job.ends or math.inf


Gain = Callable[[Node, Room], int]


def _chosen(nodes: Sequence[Node], room: Room) -> list[Node]:
    """As few of them as do, the first of those that are as good; none where all together are not enough."""
    rest, chosen = list(nodes), list[Node]()
    wants: tuple[tuple[Gain, int], ...] = ((_devices, room.devices), (_slots, room.seats + room.devices))
    for gain, wanted in wants:
        have = sum(gain(node, room) for node in chosen)
        # Without devices first, where none is wanted: others may want them.
        rest.sort(key=lambda node: (-gain(node, room), sum(node.gpus.values())))
        while have < wanted:
            if not rest or not (more := gain(rest[0], room)):
                return []
            have += more
            chosen.append(rest.pop(0))
    return chosen


def _is_enough(nodes: Sequence[Node], room: Room) -> bool:
    devices, slots = sum(_devices(node, room) for node in nodes), sum(_slots(node, room) for node in nodes)
    return bool(nodes) and devices >= room.devices and slots >= room.seats + room.devices


def _slots(node: Node, room: Room) -> int:
    """How many seats, or kernels of their size, it has room for."""
    return min(node.cpus // room.cpus, node.memory // room.memory)


def _devices(node: Node, room: Room) -> int:
    """How many kernels with a device it has room for."""
    count = sum(count for kind, count in node.gpus.items() if not room.kind or kind == room.kind)
    return min(count, _slots(node, room))
