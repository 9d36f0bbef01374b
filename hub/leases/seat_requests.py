"""What a seat may ask: bodies of the API, and from them the lease."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hub.errors import LeaseRefused
from hub.leases.identity import lease_id
from hub.leases.model import Kind, Lease
from hub.settings import Profile, Settings
from hub.web.hub_api import Person

Epoch = Annotated[int, Field(ge=0, le=2**53)]
Code = Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9-]*$")]


class Body(BaseModel):
    """Unknown fields are refused, and nothing is guessed from another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LeaseRequest(Body):
    """Ask for a lease."""

    key: str = Field(pattern=r"^[A-Za-z0-9-]{8,64}$")
    """Idempotency key: the same key is the same lease, however often it is sent."""
    gpu_class: str = Field(max_length=32)
    count: int = Field(default=1, ge=1, le=1024)
    kind: Literal["interactive", "unattended", "worker"] = "interactive"
    holder: str = Field(default="", max_length=200)
    """What people call the kernel, such as its notebook's path."""
    server: str = Field(default="", max_length=255)
    """The seat's name; empty for the one without a name."""
    gated: bool = True
    """The kernel waits at a gate: it starts at once and can be parked."""


class BoundReport(Body):
    """The kernel has taken its offer, or was started anew."""

    epoch: Epoch
    pid: int = Field(ge=2, le=2**31)
    pid_started: str = Field(pattern=r"^[0-9]{1,20}$")
    """Start time of the process: field 22 of /proc/PID/stat."""


class ArrivedReport(Body):
    """The lease's job runs, and the host of its kernel listens. What the job was given, Slurm says."""

    job: int = Field(ge=1, le=2**53)
    port: int = Field(ge=1, le=65_535)
    key: str = Field(pattern=r"^[!-~]{40}$")
    """The host's public CurveZMQ key (Z85)."""


class Heartbeat(Body):
    """What the kernel does now."""

    epoch: Epoch
    busy: bool = False
    wants: bool = False
    watched: bool = False
    unparkable: Code = ""


class ActReport(Body):
    """What came of parking or resuming."""

    epoch: Epoch
    act: Literal["park", "resume"]
    outcome: Literal["done", "refused", "later", "broken"]
    reason: Code = ""
    bytes: int = Field(default=0, ge=0, le=2**60)
    seconds: float = Field(default=0.0, ge=0, le=1e7)
    movable: bool = False
    """Parked, and nothing of it was on the device: it can return to any."""


class Release(Body):
    """Give back."""

    reason: Literal["shutdown", "user", "cancelled", "died", "unbindable"] = "user"


def lease_of(asked: LeaseRequest, person: Person, settings: Settings, now: float, programme: str = "") -> Lease:
    """The lease that a person's seat asks for. Raises LeaseRefused when it may not have it.

    It is counted for `programme`; left out, for the person's own.
    """
    if asked.gpu_class not in settings.gpu_classes:
        raise LeaseRefused("unknown-class", value=asked.gpu_class, allowed=", ".join(sorted(settings.gpu_classes)))
    profile = _profile(person, asked.server, settings)
    if asked.gpu_class not in profile.gpu_classes:
        allowed = ", ".join(profile.gpu_classes) or "-"
        raise LeaseRefused("class-not-allowed", value=asked.gpu_class, allowed=allowed)
    mine = set(person.groups)
    return Lease(
        id=lease_id(person.name, asked.key),
        user=person.name,
        programme=programme or next((p.name for p in settings.programmes if p.name in mine), ""),
        groups=frozenset(mine),
        gpu_class=asked.gpu_class,
        count=asked.count,
        kind=Kind(asked.kind),
        holder=asked.holder,
        server=asked.server,
        gated=asked.gated and asked.kind != "worker",
        requested=now,
        profile=profile.name,
    )


def _profile(person: Person, server: str, settings: Settings) -> Profile:
    seat = next((seat for seat in person.seats if seat.server == server), None)
    try:
        return settings.profile_of_seat(seat.profile or "") if seat else _none()
    except KeyError:
        raise LeaseRefused("no-seat") from None


def _none() -> Profile:
    raise LeaseRefused("no-seat")
