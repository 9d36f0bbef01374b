"""Why somebody has a device or waits for one, with the numbers behind it. Pure: works on a copy, changes nothing.

What would happen is found by asking the decisions themselves; nothing here repeats them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hub.errors import LeaseRefused
from hub.leases.events import Requested
from hub.leases.granting import in_order
from hub.leases.line import Entry, Line
from hub.leases.machine import decide
from hub.leases.model import Device, Lease, Rank
from hub.leases.room import courtesy, why_spared
from hub.leases.state import NOBODY, State, Step
from hub.leases.waiting import Standing, standing


@dataclass(frozen=True)
class Verdict:
    """What would become of a request made now."""

    state: State
    """The state that would follow; the real one is untouched."""
    lease: Lease
    """As it would be."""
    refused: str = ""
    """Why it could never be given (a code of `sentences.REFUSALS`); empty when it could."""
    stands: Standing | None = None
    """Where it would wait; None when it would have its devices at once, or is refused."""


def would_be(state: State, asked: Lease, now: float) -> Verdict:
    """What the broker would do about a request at `now` (Unix seconds)."""
    try:
        after, _actions = decide(state, Requested(asked), now)
    except LeaseRefused as refused:
        return Verdict(state, asked, refused=refused.code)
    lease = after.leases[asked.id]
    return Verdict(after, lease, stands=standing(after, lease))


# --- the line -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InLine:
    """One who waits, and what its place rests on."""

    lease: Lease
    place: int | None
    """1 for whoever is next; None for one that a bound of its own holds back."""
    reason: str
    """Why it waits (a code of `sentences.WAITING`)."""
    rank: Rank
    aged: bool
    """It has waited so long that nobody of its rank overtakes it any more."""
    programme_use: float
    """Device-hours of its programme that still count: past use counts half after each half-life."""
    share: float
    weighed: float
    """`programme_use` over `share`: within a rank, the programme with the least goes first."""
    user_use: float
    """Device-hours of its user that still count: within a programme, the user with the least goes first."""


def line_of(state: State, gpu_class: str) -> list[InLine]:
    """Everybody who waits for a class, first to last; those whom a bound of their own holds back come last."""
    return rows_of(state, ids_in_line(state, gpu_class))


def ids_in_line(state: State, gpu_class: str) -> list[str]:
    """The leases that wait for a class, first to last: quick, for the numbers behind each place are not looked for."""
    step = Step(state, state.now)
    line = step.line(gpu_class)
    ids = [entry.lease for entry in _entries(step, line)]
    ids += sorted(set(line.entries) - set(ids))
    waiting = (lease for lease in state.leases.values() if lease.gpu_class == gpu_class and lease.is_waiting)
    return ids + sorted(lease.id for lease in waiting if lease.id not in line.entries)


def rows_of(state: State, ids: Iterable[str]) -> list[InLine]:
    """These leases of one line, with what the place of each rests on."""
    step = Step(state, state.now)
    return sorted((_in_line(state, step, state.leases[id]) for id in ids), key=lambda row: row.place is None)


def _entries(step: Step, line: Line) -> Iterator[Entry]:
    for rank in Rank:
        if rank is Rank.RETURNING:
            ages = [age for ages in line.returning.values() for age in ages]
            yield from (line.entries[lease] for _since, lease in sorted(ages))
        else:
            yield from in_order(step, line, rank)


def _in_line(state: State, step: Step, lease: Lease) -> InLine:
    stands = standing(state, lease)
    assert stands is not None
    held_back = stands.reason in ("own-cap", "programme-devices", "programme-hours")
    share = step.rules.shares.get(lease.programme, 1.0)
    used = _use(step, "programme", lease.programme, step.rules.programme_half_life)
    return InLine(
        lease=lease,
        place=None if held_back else stands.place,
        reason=stands.reason,
        rank=step.rank(lease),
        aged=step.now - lease.queued_at > step.rules.ageing_bound,
        programme_use=used,
        share=share,
        weighed=used / share,
        user_use=_use(step, "user", lease.user, step.rules.user_half_life),
    )


def _use(step: Step, kind: str, name: str, half_life: float) -> float:
    return (step.use.get((kind, name)) or NOBODY).decayed(step.now, half_life) / 3600


# --- who has the devices ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Holder:
    """A device of the class, and why whoever has it is asked to make room or not."""

    device: Device
    lease: Lease | None
    spared: str
    """Why its lease is not asked whoever waits (a code of `sentences.SPARED`); empty when it may be."""
    courtesy: str
    """Why it is left alone until somebody has waited for `patience` (a code of `sentences.COURTESY`); or empty."""
    patience_over: bool
    """The one who waits has waited that long: courtesy no longer counts."""


def holders_of(state: State, waiting: Lease) -> list[Holder]:
    """The devices that a waiting lease could have, and why nobody makes room with them, or who does."""
    step = Step(state, state.now)
    over = step.now - waiting.queued_at >= step.rules.patience
    found = []
    for device in step.class_devices(waiting.gpu_class):
        lease = step.leases.get(device.lease) if device.lease else None
        spared = why_spared(step, lease) if lease else ""
        kind = courtesy(step, lease, waiting) if lease and not spared else ""
        found.append(Holder(device, lease, spared, kind, over))
    return found
