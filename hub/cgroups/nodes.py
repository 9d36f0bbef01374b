"""The device nodes that open a GPU, as the kernel numbers them.

Numbers from the Linux list of assigned devices (major 195) and NVIDIA's MIG documentation (nvidia-caps): a GPU is
opened through /dev/nvidia<minor>; a MIG slice also needs two capability nodes, of its GPU and its compute instance.
The control nodes (/dev/nvidiactl, /dev/nvidia-uvm) open no GPU and stay open to everybody.
"""

import re
from dataclasses import dataclass
from pathlib import Path

GPU_MAJOR = 195
LAST_GPU_MINOR = 253
"""Above it are nvidia-modeset (254) and nvidiactl (255)."""
PROC = Path("/proc")


@dataclass(frozen=True, order=True)
class Node:
    """A character device."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}:{self.minor}"


@dataclass(frozen=True)
class Range:
    """All character devices of one major number between two minor ones, both included."""

    major: int
    first: int
    last: int

    def nodes(self) -> list[Node]:
        return [Node(self.major, minor) for minor in range(self.first, self.last + 1)]


def guarded(proc: Path = PROC) -> tuple[Range, ...]:
    """Everything that opens a GPU of this machine: what only holders of leases may open."""
    gpus = Range(GPU_MAJOR, 0, LAST_GPU_MINOR)
    major, last = _caps_major(proc), _last_cap(proc)
    return (gpus, Range(major, 0, last)) if major is not None and last is not None else (gpus,)


def gpu_node(minor: int) -> Node:
    """The node of a whole GPU."""
    return Node(GPU_MAJOR, minor)


def slice_nodes(minor: int, gpu_instance: int, compute_instance: int, proc: Path = PROC) -> tuple[Node, ...]:
    """The nodes of one MIG slice. OSError or ValueError when the driver does not show them."""
    major = _caps_major(proc)
    if major is None:
        raise OSError(f"{proc / 'devices'} lists no nvidia-caps: is MIG on?")
    instance = proc / f"driver/nvidia/capabilities/gpu{minor}/mig/gi{gpu_instance}"
    caps = [_cap(instance / "access"), _cap(instance / f"ci{compute_instance}" / "access")]
    return (gpu_node(minor), *(Node(major, cap) for cap in caps))


def _cap(access: Path) -> int:
    found = re.search(r"^DeviceFileMinor:\s*(\d+)\s*$", access.read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{access} names no device file")
    return int(found[1])


def _caps_major(proc: Path) -> int | None:
    found = re.search(r"^\s*(\d+) nvidia-caps$", _text(proc / "devices"), re.MULTILINE)
    return int(found[1]) if found else None


def _last_cap(proc: Path) -> int | None:
    minors = re.findall(r"^\S+ (\d+)$", _text(proc / "driver/nvidia-caps/mig-minors"), re.MULTILINE)
    return max(map(int, minors), default=None)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
