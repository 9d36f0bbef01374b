"""From leases, seats and jobs to pieces by day and device. Plain functions: nothing here reads or writes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from hub.accounting.model import DAY, NOTHING, WAITS, Amounts, Holding, JobFacts, LeaseFacts, Measured, Piece

_LESSON = re.compile(r"(?:^|/)tutorials/([A-Z]\d{1,3})-")
"""Where lessons lie in everybody's home."""

Place = tuple[int, str]
"""A day and a device."""


def lesson_of(notebook: str) -> str:
    """The id of the lesson that a notebook's path belongs to; empty for any other notebook."""
    found = _LESSON.search(notebook)
    return found[1] if found else ""


def by_day(start: float, end: float) -> Iterator[tuple[int, float, float]]:
    """A stretch of time cut at every midnight (UTC): day, start and end of each part. A moment is one part."""
    day = int(start // DAY)
    while True:
        until = min(end, (day + 1) * DAY)
        yield day, start, until
        if until >= end:
            return
        start, day = until, day + 1


def pieces_of(lease: LeaseFacts, holdings: Sequence[Holding], measured: Iterable[Measured] = ()) -> list[Piece]:
    """A lease in pieces whose seconds and energy add up to the lease's.

    Its held seconds are spread over the time in which it had its devices, evenly (offers and devices kept for its
    return are in that time and not charged); its busy seconds are spread as the held ones. Where the holdings are
    forgotten, the time is from its request to its end, on an unknown device.
    """
    parts = _parts(lease, holdings)
    total = sum(end - start for spans in parts.values() for start, end in spans)
    energy = _energy(parts, measured)
    first = min(parts, key=lambda place: (parts[place][0][0], place))
    made = []
    for place, spans in parts.items():
        seconds = sum(end - start for start, end in spans)
        share = seconds / total if total else (1.0 if place == first else 0.0)
        amounts = Amounts(
            held_seconds=lease.held_seconds * share,
            busy_seconds=lease.busy_seconds * share,
            energy_mj=energy[place][0],
            measured_seconds=energy[place][1],
            **(_counts(lease, holdings) if place == first else {}),
        )
        made.append(_piece(lease, place, spans, amounts))
    return made


def _parts(lease: LeaseFacts, holdings: Sequence[Holding]) -> dict[Place, list[tuple[float, float]]]:
    """When it had which device, by day."""
    if lease.held_seconds <= 0:
        known: Sequence[Holding] = [Holding("", lease.until, lease.until)]
    else:
        known = [held for held in holdings if held.end >= held.start]
        known = known or [Holding("", min(lease.requested, lease.until), lease.until)]
    parts: dict[Place, list[tuple[float, float]]] = defaultdict(list)
    for held in sorted(known, key=lambda held: (held.start, held.device)):
        for day, start, end in by_day(held.start, held.end):
            parts[day, held.device].append((start, end))
    return parts


def _energy(parts: Iterable[Place], measured: Iterable[Measured]) -> dict[Place, tuple[float, float]]:
    """Energy by place; what was measured beyond them (a counter is read a moment later) goes to the nearest day."""
    energy: dict[Place, tuple[float, float]] = dict.fromkeys(parts, (0.0, 0.0))
    for part in measured:
        place = min(energy, key=lambda known: (known[1] != part.device, abs(known[0] - part.day), known))
        energy[place] = (energy[place][0] + part.mj, energy[place][1] + part.seconds)
    return energy


def _counts(lease: LeaseFacts, holdings: Sequence[Holding]) -> dict[str, Any]:
    """The lease as one among others: whether it was served, and how long it waited."""
    if lease.held_seconds <= 0:
        return {"leases": 1, "unserved": 1} if lease.has_ended else {}
    if not holdings:
        return {"leases": 1}
    wait = max(0.0, min(held.start for held in holdings) - lease.requested)
    within = {name: 1 for name, bound in WAITS.items() if wait <= bound}
    return {"leases": 1, "waits": 1, "wait_seconds": wait, "wait_longest": wait} | within


def _piece(lease: LeaseFacts, place: Place, spans: list[tuple[float, float]], amounts: Amounts) -> Piece:
    day, device = place
    return Piece(
        id=lease.id,
        day=day,
        device=device,
        user=lease.user,
        programme=lease.programme,
        gpu_class=lease.gpu_class,
        profile=lease.profile,
        notebook=lease.notebook,
        lesson=lesson_of(lease.notebook),
        simulated=lease.simulated,
        start=spans[0][0],
        end=max(end for _start, end in spans),
        amounts=amounts,
        is_live=not lease.has_ended,
    )


def seat_pieces(
    id: str, user: str, programme: str, profile: str, began: float, until: float, cpu_seconds: float | None, live: bool
) -> list[Piece]:
    """A seat's time in pieces; its CPU seconds, None where nobody measured them, are spread evenly."""
    whole = Piece(id, 0, "", user, programme, "", profile, "", "", False, began, max(began, until), NOTHING, live)
    total = whole.end - whole.start
    made = []
    for day, start, end in by_day(whole.start, whole.end):
        seconds = end - start
        share = seconds / total if total else 0.0
        cpu = (
            Amounts(cpu_seconds=cpu_seconds * share, cpu_measured_seconds=seconds)
            if cpu_seconds is not None
            else NOTHING
        )
        made.append(replace(whole, day=day, start=start, end=end, amounts=Amounts(seat_seconds=seconds) + cpu))
    return made


def job_pieces(job: JobFacts) -> list[Piece]:
    """A job in pieces; the time for which it held what it has, and its energy, are spread evenly from start to end."""
    end = max(job.began, job.until)
    whole = Piece(
        id=job.id,
        day=0,
        device="",  # Slurm's accounting does not tell which
        user=job.user,
        programme=job.programme,
        gpu_class=job.gpu_class,
        profile="",
        notebook=job.name,
        lesson="",
        simulated=False,
        start=job.began,
        end=end,
        amounts=NOTHING,
        is_live=not job.has_ended,
    )
    made = []
    for day, start, stop in by_day(job.began, end):
        share = (stop - start) / (end - job.began) if end > job.began else 1.0
        amounts = replace(_held(job, share), jobs=int(start == job.began))
        made.append(replace(whole, day=day, start=start, end=stop, amounts=amounts))
    return made


def _held(job: JobFacts, share: float) -> Amounts:
    gpus, cores = job.gpus * job.seconds * share, job.cores * job.seconds * share
    held = Amounts(held_seconds=gpus, job_gpu_seconds=gpus, core_seconds=cores)
    if job.energy_mj is None:
        return held
    return replace(held, job_energy_mj=job.energy_mj * share, job_energy_core_seconds=cores)
