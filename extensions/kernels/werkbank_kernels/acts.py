"""What a seat owes its lease: pure decisions over what is wanted (the lease) and what is observed (the kernel)."""

from __future__ import annotations

from dataclasses import dataclass

from .gate import OPEN, OVER, SHUT, WAITING
from .lease import BROKEN, HELD, OFFERED, PARKING, RESUMING, Lease
from .lease import WAITING as IN_QUEUE

ASK, BIND, PARK, RESUME, NOTHING = "ask", "bind", "park", "resume", "nothing"

Round = tuple[str, int, float]  # lease id, epoch and since: one stay in one state


@dataclass(frozen=True)
class Observed:
    """The kernel's side. `bound` is the (pid, environment) the kernel last made visible, None before that."""

    connected: bool = False
    pid: int = 0
    bound: tuple[int, tuple[tuple[str, str], ...]] | None = None
    told: tuple[int, str] | None = None  # (pid, lease id) the broker was told with `bound`
    shut: bool = False  # the gate is closed for parking and has not been opened since
    done: Round | None = None  # the last park or resume that was carried out
    cpu: bool = False
    has_device: bool = False  # the kernel's own word
    wants: bool = False  # a cell has come to the gate since the last request
    asked: bool = False  # a first request has been made


def round_of(lease: Lease) -> Round:
    return (lease.id, lease.epoch, lease.since)


def wanted_binding(lease: Lease, pid: int) -> tuple[int, tuple[tuple[str, str], ...]]:
    return (pid, tuple(sorted(lease.environment.items())))


def next_act(lease: Lease | None, seen: Observed) -> str:
    """The one thing to do now; asked again after each change."""
    if lease is None:
        return ASK if seen.wants or not seen.asked else NOTHING
    if not seen.connected:
        return NOTHING
    if lease.state == OFFERED or lease.state in HELD:
        up_to_date = seen.bound == wanted_binding(lease, seen.pid) and seen.told == (seen.pid, lease.id)
        return NOTHING if up_to_date and lease.state != OFFERED else BIND
    if lease.state in (PARKING, RESUMING) and seen.done != round_of(lease):
        return PARK if lease.state == PARKING else RESUME
    return NOTHING


def position(lease: Lease | None, seen: Observed) -> str:
    """Where the gate of the kernel belongs."""
    if lease is None or lease.state in IN_QUEUE:
        return OPEN if seen.cpu else WAITING
    if lease.state in HELD:
        if seen.shut:  # still being restored, or the answer to the report is on its way
            return SHUT
        return OPEN if seen.cpu or seen.bound == wanted_binding(lease, seen.pid) else WAITING
    if lease.state == PARKING:
        return SHUT if seen.shut else OPEN
    if lease.state == RESUMING or not lease.ended:
        return SHUT
    on_cpu = seen.cpu and not seen.has_device
    return OPEN if on_cpu or lease.state == BROKEN else OVER
