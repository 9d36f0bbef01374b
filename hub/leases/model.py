"""Leases, devices and reservations as the broker knows them. All values; nothing here acts.

A lease's way:

    QUEUED ─► OFFERED ─► ACTIVE ⇄ NOTICE ─► PARKING ─► PARKED ─► RESUMING ─► ACTIVE
    and from each of them an end: RELEASED, EXPIRED, LOST or BROKEN

A device's way:

    FREE ─► RESERVED (offered, or kept for a resume) ─► HELD ─► CLEANING ─► FREE
                                                               └► QUARANTINED (not seen clean in time)
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class LeaseState(StrEnum):
    """Where a lease is on its way."""

    QUEUED = "queued"
    """Waits for a device."""
    OFFERED = "offered"
    """A device is kept for it; its kernel has yet to take it."""
    ACTIVE = "active"
    """Its kernel has the device; busy while a cell runs, idle otherwise."""
    NOTICE = "notice"
    """Somebody waits and it is idle: it will be parked unless its user works on or keeps it."""
    PARKING = "parking"
    """Its device state is being copied to host memory."""
    PARKED = "parked"
    """Its device state is in host memory; it holds no device."""
    RESUMING = "resuming"
    """Its device state is being copied back."""
    RELEASED = "released"
    """Given back."""
    EXPIRED = "expired"
    """Ended by time: an offer nobody took, or too long parked or idle."""
    LOST = "lost"
    """Its kernel is gone without a word."""
    BROKEN = "broken"
    """Its device state could not be brought back; the kernel's other variables are still there."""


ENDED = frozenset({LeaseState.RELEASED, LeaseState.EXPIRED, LeaseState.LOST, LeaseState.BROKEN})
HOLDING = frozenset({LeaseState.ACTIVE, LeaseState.NOTICE, LeaseState.PARKING, LeaseState.RESUMING})
"""States in which a device works for the lease, or may."""
OCCUPYING = HOLDING | {LeaseState.OFFERED}
"""States in which nobody else can have the lease's devices."""


class DeviceState(StrEnum):
    """What a device is doing."""

    FREE = "free"
    """Seen clean; whoever is next gets it."""
    RESERVED = "reserved"
    """Kept for a lease that was offered it or returns to it."""
    HELD = "held"
    """A lease has it."""
    CLEANING = "cleaning"
    """Given back, not yet seen clean."""
    QUARANTINED = "quarantined"
    """Not seen clean in time; free again when it is."""


class Kind(StrEnum):
    """What a lease is for."""

    INTERACTIVE = "interactive"
    """A notebook with a person in front of it."""
    UNATTENDED = "unattended"
    """A notebook that runs by itself."""
    WORKER = "worker"
    """A Dask worker."""


class Rank(IntEnum):
    """The classes of the queue; a lower one goes first."""

    RESERVED = 1
    RETURNING = 2
    INTERACTIVE = 3
    UNATTENDED = 4


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU or MIG slice."""

    uuid: str
    gpu_class: str
    index: int = 0
    """Its number on this machine, for people."""
    model: str = ""
    memory: int = 0
    """Bytes."""
    simulated: bool = False
    unparkable: str = ""
    """Why nothing on this device can be parked (a reason code); empty when it can."""
    state: DeviceState = DeviceState.CLEANING
    lease: str | None = None
    since: float = 0.0
    """When `state` began (Unix seconds)."""
    draining: bool = False
    """True while an admin takes it out of service: nobody gets it anew."""
    visible: bool = True
    """False while the inventory does not see it."""
    worked: float = 0.0
    """When it was last seen computing (Unix seconds)."""
    nodes: tuple[tuple[int, int], ...] = ()
    """Major and minor numbers of the device files that open it; empty for a simulated one."""
    taken: bool = False
    """On a cluster: a job has it, whether that is a lease or not."""

    @property
    def label(self) -> str:
        """Its number, for people; on a cluster with its node."""
        node, is_far, _ = self.uuid.partition("/")
        return f"{node}:{self.index}" if is_far else str(self.index)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a cluster says of a lease's job."""

    place: int | None = None
    """1 for the job that the cluster thinks of first; None where it does not say."""
    of: int = 0
    """How many jobs wait in that line."""
    reason: str = ""
    """Why it waits, in the cluster's word."""
    starts: float = 0.0
    """When the cluster expects that it starts (Unix seconds); 0 where it does not say."""
    ends: float = 0.0
    """When the time of the running job is over; 0 before it runs."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one kernel, or one Dask worker, to its devices."""

    id: str
    user: str
    programme: str
    """Whose use this is; empty for users without a programme."""
    groups: frozenset[str]
    gpu_class: str
    count: int
    kind: Kind
    holder: str
    """What people call the kernel: its notebook's path, a cluster's name."""
    server: str
    """The seat it belongs to; empty for the one without a name."""
    gated: bool
    """True for kernels that wait at a gate: they start at once and can be parked."""
    requested: float
    profile: str = ""
    """The profile of its seat; empty for leases of earlier versions."""
    state: LeaseState = LeaseState.QUEUED
    since: float = 0.0
    """When `state` began (Unix seconds)."""
    queued_at: float = 0.0
    """Since when it waits, for its age in the queue."""
    epoch: int = 0
    """Fencing token: grows with every order to the seat; an answer to an older one is refused."""
    devices: tuple[str, ...] = ()
    """Devices it occupies now."""
    home: str = ""
    """The device a parked kernel returns to; empty when it left nothing that ties it to one."""
    parked_from: str = ""
    """The device it was parked on: it can return there when it cannot be moved after all."""
    pid: int = 0
    pid_started: str = ""
    """Start time of `pid` (clock ticks since boot), so that a reused pid is not mistaken for it."""
    busy: bool = False
    used: bool = False
    """A cell has run since it last got a device anew."""
    wants: bool = False
    """Parked, and a cell waits."""
    watched: bool = False
    """A browser is connected."""
    idle_since: float = 0.0
    acquired: float = 0.0
    """When it last got its device."""
    heard: float = 0.0
    """When its seat was last heard."""
    silent: bool = False
    """Not heard for `silent_after`; its device stays held."""
    unparkable: str = ""
    """Why it cannot be parked (a reason code); empty when it can."""
    not_before: float = 0.0
    """No attempt to park it before this (back-off after a device that was not idle, or after parking)."""
    setbacks: int = 0
    """Attempts in a row to park it that found it working, or to resume it that found its device not ready."""
    pausing: bool = False
    """Parked, and not tried again before `not_before`: its device was not ready."""
    kept_until: float = 0.0
    keeps: int = 0
    """Times its user kept it since its last cell."""
    lapses: int = 0
    """Offers that nobody took."""
    ends_at: float = 0.0
    """When the present state ends by itself; 0 when it does not."""
    host_bytes: int = 0
    """Host memory that its parked device state takes."""
    charged: float = 0.0
    """Until when its use is counted."""
    held_seconds: float = 0.0
    """Device-seconds held so far."""
    busy_seconds: float = 0.0
    """Of those, seconds in which a cell ran."""
    ended: str = ""
    """Why it ended (a reason code)."""
    job: int = 0
    """On a cluster: the number of the job that it is; 0 before there is one."""
    contact: str = ""
    """Where the host of its kernel listens on the job's node, and the key by which it is known; empty before that."""
    outlook: Outlook = Outlook()
    """What the cluster says of its job."""

    @property
    def is_waiting(self) -> bool:
        """Waits for a device: new, or parked with a cell waiting."""
        return self.state is LeaseState.QUEUED or (self.state is LeaseState.PARKED and self.wants and not self.pausing)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Devices of one class kept for a group in a time window."""

    id: str
    gpu_class: str
    count: int
    start: float
    end: float
    """Unix seconds."""
    group: str = ""
    """Members of this group have it …"""
    users: frozenset[str] = frozenset()
    """… and these users."""

    def is_for(self, lease: Lease) -> bool:
        """Whether the lease's user may use it."""
        return lease.gpu_class == self.gpu_class and self.includes(lease.user, lease.groups)

    def includes(self, user: str, groups: Collection[str]) -> bool:
        """Whether it is kept for this user, who is in these groups."""
        return user in self.users or self.group in groups


@dataclass(frozen=True, slots=True)
class Rules:
    """The timers and bounds of decisions, in seconds; `settings.leases` describes each."""

    offer_timeout: float = 60
    heartbeat_period: float = 10
    silent_after: float = 30
    lost_after: float = 60
    min_idle: float = 300
    min_idle_crowded: float = 60
    min_hold: float = 600
    patience: float = 10
    """Once somebody has waited this long, an idle kernel is asked however short it idles or has its device."""
    notice: float = 15
    keep_for: float = 1800
    keeps: int = 1
    park_again_after: float = 900
    spare_lighter_user_for: float = 1800
    """An idle kernel whose user has used less than the one who waits is left alone until it idled this long."""
    lock_backoff: float = 120
    clean_timeout: float = 30
    parked_life: float = 86400
    idle_life: float = 28800
    ageing_bound: float = 14400
    devices_per_user: int = 2
    user_devices: dict[str, int] = field(default_factory=dict)
    """The same for users who may have another number for a while."""
    waiting_per_user: int = 8
    user_half_life: float = 86400
    programme_half_life: float = 604800
    reservation_drain: float = 1800
    no_show_after: float = 900
    parking: bool = True
    jobs: bool = False
    """A cluster gives the devices: each lease is a job there, and none is granted here."""
    unheard_life: float = 900
    """On a cluster: a job whose seat is not heard for so long is ended, for nobody else would end it."""
    farewell: float = 300
    """How long before its end the user of an idle lease is told, where ending loses what is in the kernel."""
    migration: bool = False
    """A parked kernel may return to another device of its class than the one it came from."""
    shares: dict[str, float] = field(default_factory=dict)
    """Weight of each programme; 1 for those not named."""
    programme_devices: dict[str, int] = field(default_factory=dict)
    """Devices that a programme may hold at once; unbounded for those not named."""
    programme_hours: dict[str, float] = field(default_factory=dict)
    """Device-hours that a programme may hold in a week; unbounded for those not named."""

    def devices_of(self, user: str) -> int:
        """Devices that this user may have at once."""
        return self.user_devices.get(user, self.devices_per_user)
