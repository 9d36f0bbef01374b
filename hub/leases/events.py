"""What happens to leases and devices (events), and what a decision asks for (actions). Values only."""

from dataclasses import dataclass
from typing import Literal

from hub.leases.fairshare import Use
from hub.leases.model import Device, Lease, LeaseState, Outlook, Reservation, Rules

Act = Literal["park", "resume"]
Outcome = Literal["done", "refused", "later", "broken"]


# --- from seats and their users ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Requested:
    """Somebody asks for a lease; it is QUEUED at first and perhaps OFFERED in the same decision."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Bound:
    """A kernel took what it was offered, or was started anew under the same lease."""

    lease: str
    epoch: int
    pid: int
    pid_started: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A seat's heartbeat: what its kernel does now."""

    lease: str
    epoch: int
    busy: bool
    wants: bool
    watched: bool
    unparkable: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What came of an order to park or resume."""

    lease: str
    epoch: int
    act: Act
    outcome: Outcome
    reason: str = ""
    bytes: int = 0
    seconds: float = 0.0
    movable: bool = False
    """Parked, and nothing of it was on the device: it can return to any."""


@dataclass(frozen=True, slots=True)
class Released:
    """Given back by its seat, its user or an admin."""

    lease: str
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Its user asks to keep it a while longer."""

    lease: str


# --- from the cluster that gives the devices --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submitted:
    """The cluster has taken the lease's job."""

    lease: str
    job: int


@dataclass(frozen=True, slots=True)
class Foretold:
    """What the cluster says of the lease's job now."""

    lease: str
    outlook: Outlook


@dataclass(frozen=True, slots=True)
class Arrived:
    """The lease's job runs, and the host of its kernel can be reached."""

    lease: str
    job: int
    devices: tuple[Device, ...]
    """Those that the job was given; unknown ones are known from now on."""
    contact: str


@dataclass(frozen=True, slots=True)
class JobOver:
    """The lease's job is over, or there will be none; `why` is a code of `sentences.ENDED`."""

    lease: str
    why: str


# --- from the broker's own looking -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Died:
    """The lease's process is gone."""

    lease: str


@dataclass(frozen=True, slots=True)
class Listed:
    """All devices the inventory sees. A failed read is no event at all."""

    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """One device was looked at; `clean` is None when that failed."""

    device: str
    clean: bool | None


@dataclass(frozen=True, slots=True)
class Worked:
    """A device was seen computing."""

    device: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The broker is back after it was away: nobody could be heard meanwhile."""


# --- from admins ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drained:
    """A device is taken out of service (or put back): its lease goes on, nobody gets it anew."""

    device: str
    draining: bool


@dataclass(frozen=True, slots=True)
class Reserved:
    """Devices are kept for a group in a window; replaces a reservation of the same id."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Unreserved:
    """A reservation is withdrawn."""

    reservation: str


@dataclass(frozen=True, slots=True)
class Ruled:
    """Other timers and bounds hold from now on."""

    rules: Rules


Event = (
    Requested
    | Bound
    | Heard
    | Reported
    | Released
    | Kept
    | Submitted
    | Foretold
    | Arrived
    | JobOver
    | Died
    | Listed
    | Looked
    | Worked
    | Ticked
    | Returned
    | Drained
    | Reserved
    | Unreserved
    | Ruled
)


# --- actions ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SaveLease:
    """The lease as it is after the decision."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class SaveDevice:
    """The device as it is after the decision."""

    device: Device


@dataclass(frozen=True, slots=True)
class SaveUse:
    """What an account has used: `kind` is "user" or "programme"."""

    kind: str
    name: str
    use: Use


@dataclass(frozen=True, slots=True)
class SaveReservation:
    """A reservation made or changed."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class ForgetReservation:
    """A reservation that is over."""

    reservation: str


@dataclass(frozen=True, slots=True)
class Transition:
    """A lease went from one state to another; for the log."""

    lease: str
    before: LeaseState | None
    after: LeaseState
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class Intent:
    """An order to the seat, written down before the seat can read it."""

    lease: str
    epoch: int
    act: Act
    device: str
    at: float


@dataclass(frozen=True, slots=True)
class Result:
    """What came of the order of that epoch."""

    lease: str
    epoch: int
    outcome: str
    reason: str
    bytes: int
    seconds: float
    at: float


@dataclass(frozen=True, slots=True)
class LookAt:
    """Look whether the device is clean, then say `Looked`."""

    device: str


Action = SaveLease | SaveDevice | SaveUse | SaveReservation | ForgetReservation | Transition | Intent | Result | LookAt
