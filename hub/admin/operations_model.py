"""What the page "Operations" shows: values as coarse as they are written.

Two views are equal when the page would look the same, so the page is sent anew only when they differ.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from hub.leases.page_facility import ClassFact
from hub.leases.page_view import Stage

Level = Literal["stop", "wait"]
DeviceStage = Stage | Literal["quarantined", "unseen", "out", "checking", "kept", "free", "taken"]


@dataclass(frozen=True)
class Sign:
    """Something that is wrong: what, what was said, since when, and what to do."""

    level: Level
    """`stop` is for now, `wait` for today."""
    what: str
    said: str
    """The machine's own words; empty where there are none."""
    since: datetime | None
    minutes: int | None
    """How long it is so."""
    todo: str
    part: str = ""
    """The part of the page that shows more: `gpus`, `seats`, `clusters`; empty for none."""


@dataclass(frozen=True)
class DependencyFact:
    """Something that the workbench needs, and whether it is there."""

    name: str
    title: str
    ok: bool
    said: str
    since: datetime | None
    """Since when it is there or away; None where it is so for as long as anybody has looked."""


@dataclass(frozen=True)
class DeviceFact:
    """A device, what it does, and for whom. Durations are seconds."""

    uuid: str
    number: str
    title: str
    """Of its class."""
    model: str
    memory: int
    """Bytes."""
    simulated: bool
    stage: DeviceStage
    since: datetime
    """When it began to do so; of one that is held, when its lease got it."""
    age: int
    lease: str
    """Empty when nobody has it, and so are the next two."""
    user: str
    holder: str
    draining: bool
    drainable: bool
    """Whether it can be taken out of service here."""
    silent_since: datetime | None
    """When the seat of its lease was last heard, where that is too long ago."""
    why: str
    """Who took it out of service, or what is left on it; empty where there is nothing to say."""

    @property
    def is_wrong(self) -> bool:
        return self.stage in ("quarantined", "unseen") or self.silent_since is not None


@dataclass(frozen=True)
class ParkedFact:
    """A lease whose work lies in memory: it has no device."""

    lease: str
    user: str
    holder: str
    title: str
    simulated: bool
    stage: DeviceStage
    since: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class QueueFact:
    """One who waits for a device."""

    lease: str
    title: str
    """Of the class."""
    simulated: bool
    place: int | None
    """None for one that is held back."""
    user: str
    programme: str
    holder: str
    since: datetime
    rank: str
    why: str
    wait: int | None
    """Estimated seconds; None where nobody can know."""


@dataclass(frozen=True)
class SeatFact:
    """A running seat, or one on its way up or down."""

    user: str
    server: str
    """Empty for the one without a name."""
    profile: str
    stage: Literal["running", "starting", "stopping", "stuck"]
    """`stuck` has been on its way for too long, or is on no way at all."""
    since: datetime | None
    idle: int | None
    """Seconds since something last ran there; 0 while something does. None where the hub does not know."""
    memory: int | None
    """Bytes in use; None where nobody counts them."""
    most: int | None
    """Bytes that its profile allows."""


@dataclass(frozen=True)
class ClusterFact:
    """A Dask cluster."""

    name: str
    user: str
    server: str
    stage: Literal["running", "starting", "stopping", "stuck"]
    since: datetime
    workers: int
    wanted: int
    cores: int
    """Of all its workers, and so is the next."""
    memory: int
    gpu_class: str
    """The title of what each worker leases; empty for none."""


@dataclass(frozen=True)
class MachineFact:
    """The machine that the workbench runs on. Bytes, as coarse as they are written."""

    memory: int
    memory_used: int
    disk: int
    disk_free: int


@dataclass(frozen=True)
class Counts:
    """How many there are of everything, whatever of it is shown."""

    seats: int | None
    """None while the hub does not answer."""
    seats_running: int
    devices: int
    held: int
    free: int
    out: int
    parked: int
    waiting: int
    clusters: int | None
    """None while the gateway does not answer, or where there is none."""
    workers: int
    cores: int


@dataclass(frozen=True)
class Operations:
    """The whole page. Lists hold what was asked for; `found` says how many there are of each."""

    signs: tuple[Sign, ...]
    dependencies: tuple[DependencyFact, ...]
    counts: Counts
    classes: tuple[ClassFact, ...]
    queue: tuple[QueueFact, ...]
    devices: tuple[DeviceFact, ...]
    parked: tuple[ParkedFact, ...]
    seats: tuple[SeatFact, ...]
    clusters: tuple[ClusterFact, ...]
    found: dict[str, int]
    """How many of each list have the words that were asked for. Of `queue` at most a hundred are ever shown."""
    gateway: bool
    """Whether there is a Dask Gateway here."""
    machine: MachineFact
    waiting_settings: tuple[str, ...]
    """Keys of the settings whose change waits for a restart."""
    last_backup: datetime | None
    """None where none is known."""
    versions: dict[str, str]


@dataclass(frozen=True)
class Asked:
    """Which rows somebody wants to see."""

    words: tuple[str, ...] = ()
    """Rows in which each of these occurs, in small letters."""
    whole: str = ""
    """The list that is shown to its end, or `*` for all of them."""

    def has(self, *texts: str) -> bool:
        """Whether a row with these texts is wanted."""
        text = "\n".join(texts).lower()
        return all(word in text for word in self.words)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def age(seconds: float) -> int:
    """How long something is so, as coarse as one says it: whole minutes, from 20 minutes on fives, then hours."""
    unit = 60 if seconds < 1200 else 300 if seconds < 7200 else 3600
    return max(0, int(seconds // unit) * unit)
