"""What is promised to seats and what is free: on one machine, and on a cluster."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import psutil

from hub.settings import Profile
from hub.slurm.nodes import Node


@dataclass(frozen=True)
class Capacity:
    """Bytes: the machine's, and what running seats were promised."""

    memory: int
    promised_memory: int
    overcommit: float

    is_known = True
    is_a_line = False
    """A seat without room is refused."""

    @classmethod
    def of_machine(cls, running: Iterable[Profile], overcommit: float) -> "Capacity":
        """Capacity with the profiles of `running` seats taken off."""
        return cls(
            memory=psutil.virtual_memory().total,
            promised_memory=sum(int(profile.memory) for profile in running),
            overcommit=overcommit,
        )

    def seats_left(self, profile: Profile) -> int:
        """How many more seats of `profile` can be promised memory."""
        left = self.memory * self.overcommit - self.promised_memory
        return max(0, int(left // int(profile.memory)))


@dataclass(frozen=True)
class ClusterCapacity:
    """What the nodes of a cluster have free, as Slurm told it last."""

    free: tuple[tuple[int, int], ...] = ()
    """Of each node that takes jobs: cores and bytes."""
    is_known: bool = False
    """Whether Slurm has told it at all."""
    gpus: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Free ones and all, by type."""

    is_a_line = True
    """A seat without room waits for it."""

    @classmethod
    def of_nodes(cls, nodes: Mapping[str, Node] | None, partition: str | None) -> "ClusterCapacity":
        """The capacity of a partition; of all nodes where none is named. None are nodes that nobody has seen yet."""
        if nodes is None:
            return cls()
        mine = (one for one in nodes.values() if partition is None or partition in one.partitions)
        working = [one for one in mine if one.takes_jobs]
        gpus: dict[str, tuple[int, int]] = {}
        for node in working:
            for kind, count in node.gpus.items():
                free, total = gpus.get(kind, (0, 0))
                gpus[kind] = (free + node.gpus_free.get(kind, 0), total + count)
        return cls(tuple((one.cpus_free, one.memory_free) for one in working), is_known=True, gpus=gpus)

    def gpus_of(self, gres: str) -> tuple[int, int]:
        """Free GPUs and all of what a class asks for: `gpu:h200`, or `gpu` for any type."""
        _, _, kind = gres.partition(":")
        wanted = [pair for name, pair in self.gpus.items() if not kind or name == kind]
        return sum(free for free, _ in wanted), sum(total for _, total in wanted)

    @property
    def cpus_free(self) -> int:
        """Cores that no job holds."""
        return sum(cpus for cpus, _ in self.free)

    def seats_left(self, profile: Profile) -> int:
        """How many seats of `profile` could begin now, if nobody is before them."""
        return sum(min(free // profile.cores, memory // int(profile.memory)) for free, memory in self.free)
