"""What is promised to seats and what is free: on one machine, and on a cluster."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

import psutil

from hub.settings import Profile
from hub.slurm.nodes import Node
from hub.slurm.submit import GRACE_S


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
class Left:
    """What a node that takes jobs has free."""

    cpus: int
    memory: int
    """Bytes."""
    gpus: Mapping[str, int]
    """By type."""
    seconds: float
    """For so long: then the node is kept for others."""


@dataclass(frozen=True)
class ClusterCapacity:
    """What the nodes of a cluster have free for somebody, as Slurm told it last."""

    left: tuple[Left, ...] = ()
    is_known: bool = False
    """Whether Slurm has told it at all."""
    gpus: Mapping[str, int] = field(default_factory=dict)
    """All that there are, by type."""

    is_a_line = True
    """A seat without room waits for it."""

    @classmethod
    def of_nodes(
        cls, nodes: Mapping[str, Node] | None, partition: str | None, seconds: Mapping[str, float] | None = None
    ) -> "ClusterCapacity":
        """The capacity of a partition; of all nodes where none is named. None are nodes that nobody has seen yet.

        In so many `seconds` nodes are kept for others; those that are not named never are.
        """
        if nodes is None:
            return cls()
        mine = (one for one in nodes.values() if partition is None or partition in one.partitions)
        working = [one for one in mine if one.takes_jobs]
        until = seconds or {}
        gpus: Counter[str] = Counter()
        for node in working:
            gpus.update(node.gpus)
        return cls(
            tuple(Left(one.cpus_free, one.memory_free, one.gpus_free, until.get(one.name, inf)) for one in working),
            is_known=True,
            gpus=gpus,
        )

    def gpus_of(self, gres: str, seconds: float = 0.0) -> tuple[int, int]:
        """GPUs that are free for so long, and all, of what a class asks for: `gpu:h200`, or `gpu` for any type."""
        _, _, kind = gres.partition(":")
        free = sum(
            count
            for left in self.left
            for name, count in left.gpus.items()
            if left.seconds > seconds and (not kind or name == kind)
        )
        return free, sum(count for name, count in self.gpus.items() if not kind or name == kind)

    @property
    def cpus_free(self) -> int:
        """Cores that no job holds and that are not kept for others now."""
        return sum(left.cpus for left in self.left if left.seconds > 0)

    def seats_left(self, profile: Profile) -> int:
        """How many seats of `profile` could begin now, if nobody is before them."""
        fitting = (left for left in self.left if left.seconds > profile.life + GRACE_S)
        return sum(min(left.cpus // profile.cores, left.memory // int(profile.memory)) for left in fitting)
