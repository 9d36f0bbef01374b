"""What can be counted of a machine, in Slurm's notation: "cpu=2,mem=4G,node=1,gres/gpu:h200=1"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_UNITS = {"": 2**20, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}  # memory without a unit is in MiB
_MEMORY = re.compile(r"([\d.]+)([KMGTP]?)")
_GRES = re.compile(r"(?:gres[:/])?gpu(?::(?P<type>[^:=(,]+))?[:=](?P<count>\d+)")
_NUMBERED = re.compile(r"gpu(?::(?P<type>[^:=(,]+))?:\d+\(IDX:(?P<numbers>[^)]*)\)")


@dataclass(frozen=True)
class Tres:
    """So many of each. `gpus` is by type; "" is a GPU whose type is not told."""

    cpus: int = 0
    memory: int = 0
    """Bytes."""
    nodes: int = 0
    gpus: Mapping[str, int] = field(default_factory=dict)

    @property
    def gpu_count(self) -> int:
        """GPUs of every type."""
        return sum(self.gpus.values())


def tres_of(text: str) -> Tres:
    """What `text` says; what is not known is passed over. A total and its types beside it are counted once."""
    cpus = memory = nodes = 0
    for name, equals, value in (part.partition("=") for part in text.split(",")):
        if not equals:
            continue
        if name == "cpu":
            cpus = int(value)
        elif name == "node":
            nodes = int(value)
        elif name == "mem":
            memory = bytes_of(value)
    return Tres(cpus, memory, nodes, gpus_of(text))


def gpus_of(text: str) -> dict[str, int]:
    """GPUs by type in "gres/gpu=2,gres/gpu:h200=2", "gpu:h200:2(S:0-1)" or "gpu:h200:1(IDX:0)"."""
    plain = re.sub(r"\([^)]*\)", "", text)
    found: dict[str, int] = {}
    for match in _GRES.finditer(plain):
        name = match["type"] or ""
        found[name] = found.get(name, 0) + int(match["count"])
    if "" in found and len(found) > 1:
        typed = sum(count for name, count in found.items() if name)
        found[""] -= typed
        if found[""] <= 0:
            del found[""]
    return {name: count for name, count in found.items() if count}


def gpu_numbers_of(text: str) -> dict[str, frozenset[int]]:
    """Which GPUs of a node, by type, in "gpu:h200:2(IDX:0-1),gpu:a10:1(IDX:3)"; none where it does not say."""
    found: dict[str, frozenset[int]] = {}
    for match in _NUMBERED.finditer(text):
        name = match["type"] or ""
        found[name] = found.get(name, frozenset()) | numbers_in(match["numbers"])
    return {name: numbers for name, numbers in found.items() if numbers}


def numbers_in(text: str) -> frozenset[int]:
    """The numbers in "0-1,3"."""
    found: set[int] = set()
    for part in re.findall(r"\d+(?:-\d+)?", text):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def bytes_of(text: str) -> int:
    """Bytes in "4000M", "1.5T" or "4000" (MiB)."""
    match = _MEMORY.match(text)
    return int(float(match[1]) * _UNITS[match[2]]) if match else 0
