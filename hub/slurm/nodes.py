"""Nodes as Slurm tells them, with what is free on each: `sinfo`, by fields. Tried with 22.05."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hub.slurm.commands import Slurm, SlurmSilent
from hub.slurm.tres import gpu_numbers_of, gpus_of

FIELDS: Mapping[str, int] = {
    "NodeHost": 80,
    "PartitionName": 80,
    "StateComplete": 80,
    "CPUsState": 40,
    "Memory": 20,
    "AllocMem": 20,
    "Gres": 400,
    "GresUsed": 400,
    "Reason": 300,
}
"""What is asked, with the columns that each takes: sinfo has no escape for a separator, so there is none."""
GONE = ("down", "drain", "fail", "maint", "error", "unknown", "power", "reboot", "not_responding", "inval", "futur")


@dataclass(frozen=True)
class Node:
    """A node, and what of it jobs hold."""

    name: str
    partitions: tuple[str, ...]
    state: str
    """Slurm's words: "mixed", "idle+drain" …"""
    reason: str
    """Why it takes no jobs, as an admin wrote it or Slurm."""
    cpus: int
    cpus_free: int
    memory: int
    """Bytes that can be promised."""
    memory_free: int
    gpus: Mapping[str, int]
    gpus_used: Mapping[str, int]
    gpu_numbers_used: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Which of them; empty where Slurm does not say."""

    @property
    def takes_jobs(self) -> bool:
        """Whether Slurm gives it work."""
        return not any(word in self.state for word in GONE)

    @property
    def gpus_free(self) -> dict[str, int]:
        """By type; none on a node that takes no jobs."""
        if not self.takes_jobs:
            return {}
        return {kind: max(0, count - self.gpus_used.get(kind, 0)) for kind, count in self.gpus.items()}


@dataclass(frozen=True)
class Free:
    """What could be had now of a partition, and what there is in all."""

    nodes: int
    nodes_that_take_jobs: int
    cpus: int
    cpus_free: int
    gpus: Mapping[str, int]
    gpus_free: Mapping[str, int]


async def nodes(slurm: Slurm) -> dict[str, Node]:
    """All nodes, by name. Raises SlurmSilent, SlurmRefused."""
    wanted = ",".join(f"{name}:{width}" for name, width in FIELDS.items())
    return read_nodes(await slurm.ask("sinfo", "--all", "--noheader", "--Node", "--Format", wanted))


def read_nodes(told: str) -> dict[str, Node]:
    """What sinfo printed: a line for each node in each of its partitions."""
    found: dict[str, Node] = {}
    for line in told.splitlines():
        row = _columns(line)
        if row["NodeHost"] in found:
            known = found[row["NodeHost"]]
            found[known.name] = Node(**vars(known) | {"partitions": (*known.partitions, row["PartitionName"])})
            continue
        found[row["NodeHost"]] = _node(row)
    return found


def free_in(partition: str, all_nodes: Iterable[Node]) -> Free:
    """What a partition has."""
    mine = [node for node in all_nodes if partition in node.partitions]
    working = [node for node in mine if node.takes_jobs]
    return Free(
        nodes=len(mine),
        nodes_that_take_jobs=len(working),
        cpus=sum(node.cpus for node in mine),
        cpus_free=sum(node.cpus_free for node in working),
        gpus=_sum(node.gpus for node in mine),
        gpus_free=_sum(node.gpus_free for node in working),
    )


def _columns(line: str) -> dict[str, str]:
    row, at = {}, 0
    for name, width in FIELDS.items():
        row[name] = line[at : at + width].strip()
        at += width
    return row


def _node(row: Mapping[str, str]) -> Node:
    try:
        _allocated, idle, _other, total = map(int, row["CPUsState"].split("/"))
        memory, used = int(row["Memory"]), int(row["AllocMem"])
    except ValueError as error:
        raise SlurmSilent(f"sinfo said something of {row['NodeHost']} that is not understood here: {error}") from error
    return Node(
        name=row["NodeHost"],
        partitions=(row["PartitionName"],),
        state=row["StateComplete"].lower(),
        reason="" if row["Reason"].lower() == "none" else row["Reason"],
        cpus=total,
        cpus_free=idle,
        memory=memory * 2**20,
        memory_free=max(0, memory - used) * 2**20,
        gpus=gpus_of(row["Gres"]),
        gpus_used=gpus_of(row["GresUsed"]),
        gpu_numbers_used=gpu_numbers_of(row["GresUsed"]),
    )


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for kind, count in part.items():
            total[kind] = total.get(kind, 0) + count
    return total
