"""What the page "My GPUs" shows of a person: values, as coarse as they are written.

Two views are equal when the page would look the same, so the page is made anew only when they differ.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from hub.leases.bounds import MyAllowance
from hub.leases.desk import Desk, Isolation
from hub.leases.model import OCCUPYING, Device, Lease, LeaseState
from hub.leases.page_ended import MyEnded, ended
from hub.leases.page_facility import ClassFact, ProgrammeUse, allowed, classes, coarse, hours, kernels, programmes
from hub.leases.recent import Ended
from hub.leases.state import State
from hub.leases.view import LeaseView
from hub.web.hub_api import Person

Stage = Literal["waiting", "offered", "busy", "idle", "notice", "parking", "parked", "returning", "resuming"]

_STAGES: dict[LeaseState, Stage] = {
    LeaseState.QUEUED: "waiting",
    LeaseState.OFFERED: "offered",
    LeaseState.NOTICE: "notice",
    LeaseState.PARKING: "parking",
    LeaseState.RESUMING: "resuming",
}
_ENDS = ("notice", "parked")
"""Stages whose end the page tells."""


@dataclass(frozen=True)
class Spot:
    """One figure in the picture of a line; `more` stands for `count` that are not drawn."""

    kind: Literal["before", "me", "after", "more"]
    count: int = 1


@dataclass(frozen=True)
class DeviceFact:
    """A device as people know it."""

    number: str
    model: str
    memory: int
    """Bytes."""
    simulated: bool


@dataclass(frozen=True)
class MyLease:
    """One lease of mine. Durations are seconds in whole minutes."""

    id: str
    holder: str
    seat: str
    title: str
    simulated: bool
    count: int
    devices: tuple[DeviceFact, ...]
    stage: Stage
    since: datetime
    """When it asked, or when it last got its device."""
    idle_since: datetime
    ends_at: datetime | None
    kept_until: datetime | None
    keeps_left: int
    silent_since: datetime | None
    """When its seat was last heard, where that is too long ago."""
    unparkable: str
    """Why it does not make room; empty where it does."""
    place: int | None
    of: int | None
    line: tuple[Spot, ...]
    reason: str
    wait: int | None
    held: int
    busy: int
    """Of `held`, how long a cell ran."""

    @property
    def can_keep(self) -> bool:
        return self.stage == "notice" or (self.stage == "idle" and self.kept_until is None)

    @property
    def percent(self) -> int:
        """The share of its time with a GPU in which a cell ran."""
        return round(100 * self.busy / self.held) if self.held else 0


@dataclass(frozen=True)
class GpuPage:
    """The whole page."""

    leases: tuple[MyLease, ...]
    ended: tuple[MyEnded, ...]
    """What ended of late, the latest first."""
    classes: tuple[ClassFact, ...]
    hours: float
    """What I used this week, in device-hours."""
    programmes: tuple[ProgrammeUse, ...]
    allowances: tuple[MyAllowance, ...]
    """What I may have for a while, beyond the settings."""
    unreadable: str
    isolation: Isolation | None
    """How well devices are kept from those without a lease; None where all are simulated."""
    not_enforced: str
    """Why isolation is not enforced though the settings ask for it."""
    kernels: tuple[str, ...]
    """Titles of the classes that my profiles have."""
    profiles: tuple[str, ...]
    """Titles of those profiles."""
    now: float = field(compare=False)

    @property
    def waits(self) -> bool:
        """Whether something here depends on a line that others move."""
        return any(lease.place or lease.stage in ("waiting", "returning") for lease in self.leases)

    def seconds_to(self, moment: datetime) -> int:
        """Whole seconds until then, not less than none."""
        return max(0, round(moment.timestamp() - self.now))


def gpu_page(desk: Desk, person: Person, language: str, recent: Iterable[Ended] = ()) -> GpuPage:
    """What `person` sees now, with words in `language`; `recent` are their leases that ended of late."""
    state = desk.broker.state
    mine = [_lease(desk, lease, language) for lease in desk.of_user(person.name)]
    profiles = [profile for profile in desk.settings.profiles_for(person.groups) if profile.gpu_classes]
    return GpuPage(
        leases=tuple(sorted(mine, key=lambda lease: lease.stage != "notice")),
        ended=tuple(ended(desk, recent, language)),
        classes=tuple(classes(desk, person.name, language)),
        hours=hours(state, "user", person.name),
        programmes=tuple(programmes(desk, person, language)),
        allowances=allowed(desk, person, language),
        unreadable=desk.broker.unreadable,
        isolation=None if all(c.simulated for c in desk.settings.gpu_classes.values()) else desk.isolation,
        not_enforced=desk.guard.trouble if desk.guard else "",
        kernels=kernels(desk, profiles, language),
        profiles=tuple(profile.title.in_language(language) for profile in profiles),
        now=state.now,
    )


# --- leases -----------------------------------------------------------------------------------------


def _lease(desk: Desk, lease: Lease, language: str) -> MyLease:
    state, view = desk.broker.state, desk.view(lease, language)
    waits = lease.is_waiting
    stage = stage_of(lease)
    return MyLease(
        id=lease.id,
        holder=lease.holder,
        seat=lease.server,
        title=view.title,
        simulated=view.simulated,
        count=lease.count,
        devices=tuple(_device(state.devices[uuid]) for uuid in lease.devices if uuid in state.devices),
        stage=stage,
        since=_moment(lease.queued_at if waits else lease.acquired or lease.since),
        idle_since=_moment(lease.idle_since),
        ends_at=_moment(lease.ends_at) if lease.ends_at and stage in _ENDS else None,
        kept_until=_moment(view.kept_until) if view.kept_until else None,
        keeps_left=view.keeps_left,
        silent_since=_moment(lease.heard) if lease.silent else None,
        unparkable=view.unparkable.text if view.unparkable and lease.state is LeaseState.ACTIVE else "",
        place=view.place,
        of=view.of,
        line=line(view.place, view.of) if view.place and view.of else (),
        reason=view.reason.text if view.reason else "",
        wait=None if view.estimate_s is None else coarse(view.estimate_s),
        held=_minutes(view.held_seconds / lease.count),
        busy=_minutes(_busy(state, lease, view) / lease.count),
    )


def stage_of(lease: Lease) -> Stage:
    """Where a live lease stands, as pages call it."""
    if lease.state is LeaseState.ACTIVE:
        return "busy" if lease.busy else "idle"
    if lease.state is LeaseState.PARKED:
        return "returning" if lease.wants else "parked"
    return _STAGES[lease.state]


def _busy(state: State, lease: Lease, view: LeaseView) -> float:
    """Device-seconds in which a cell ran, those not yet charged included."""
    running = lease.busy and lease.state in OCCUPYING
    return view.busy_seconds + (max(0.0, state.now - lease.charged) * lease.count if running else 0.0)


def _device(device: Device) -> DeviceFact:
    return DeviceFact(device.label, device.model, device.memory, device.simulated)


MOST_BEFORE, MOST_AFTER = 6, 4
"""How many figures are drawn before and behind mine; the rest is a number."""


def line(place: int, of: int) -> tuple[Spot, ...]:
    """A picture of the line, first to last: whoever is next and those right before me are always in it."""
    before, after = place - 1, max(0, of - place)
    ahead = [Spot("before")] * before
    if before > MOST_BEFORE:
        ahead = [Spot("before"), Spot("more", before - 4), *[Spot("before")] * 3]
    behind = [Spot("after")] * after
    if after > MOST_AFTER:
        behind = [*[Spot("after")] * 3, Spot("more", after - 3)]
    return (*ahead, Spot("me"), *behind)


# --- time ---------------------------------------------------------------------------------------------


def _minutes(seconds: float) -> int:
    return int(seconds // 60) * 60


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
