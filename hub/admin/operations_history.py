"""The history of one device as its page shows it: who had it, how each left it, and the energy of their leases."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from hub.accounting import tables
from hub.admin.operations_model import moment
from hub.leases.device_history import Holding, holdings_of
from hub.leases.model import LeaseState
from hub.words import later, translator

PAGE = 50
MJ_PER_KWH = 3.6e9
"""Millijoules in a kilowatt-hour."""

HOW = {
    "shutdown": later("The kernel was shut down."),
    "user": later("Given back by its user."),
    "admin": later("Ended by an admin."),
    "cancelled": later("Its user stopped waiting for it."),
    "died": later("The kernel ended."),
    "unbindable": later("The kernel had already started without a GPU."),
    "process-gone": later("The kernel was gone without a word."),
    "silent": later("The kernel was not heard from any more."),
    "offer-not-taken": later("The kernel did not take it."),
    "parked": later("Parked, to make room for others."),
    "device-not-ready": later("Back into memory: the device was not ready."),
    "restarted": later("The kernel was started anew."),
    "parked-too-long": later("The kernel was parked for too long."),
    "idle-too-long": later("Idle for long while others waited."),
    "intruder": later("Its process used a GPU without a lease."),
    "job-gone": later("Slurm did not know its job any more."),
    "job-timeout": later("The time of its job was over."),
    "job-node": later("The node of its job broke down."),
    "job-memory": later("Its job took more memory than it had."),
    "job-cancelled": later("Its job was cancelled in Slurm."),
    "job-preempted": later("Slurm took the place of its job for another."),
    "job-requeued": later("Slurm put its job back in the line."),
    "job-failed": later("Its job failed."),
    "job-refused": later("Slurm refused its job."),
    "job-hopeless": later("Slurm could never have run its job."),
    "job-never-arrived": later("Its job began and was not heard of."),
}
"""How a lease left a device, by the reason of its step."""
LOST = later("What it had on the GPU was lost ({code}).")
SOMEHOW = later("It left for another reason ({code}).")
FORGOTTEN = later("Not known any more.")


@dataclass(frozen=True)
class HeldFact:
    """One lease's time with a device."""

    number: int
    lease: str
    user: str
    programme: str
    holder: str
    began: datetime
    ended: datetime | None
    """None while it has it."""
    seconds: int
    how: str
    """How it left the device, a sentence; empty while it has it."""
    kwh: float | None
    """What its lease took on this device, all its times together; None where nobody measured it, and on all but the
    latest of its times here."""


def history(
    leases: Engine, service: Engine, device: str, before: int | None, language: str, now: float
) -> list[HeldFact]:
    """The last PAGE holdings of a device, the latest first. Blocking."""
    holdings = holdings_of(leases, device, PAGE, before)
    energy = energy_of(service, device, {holding.lease for holding in holdings})
    return facts_of(holdings, energy, language, now)


def facts_of(holdings: Iterable[Holding], energy: dict[str, float], language: str, now: float) -> list[HeldFact]:
    """Holdings in words; `energy` is in kWh by lease."""
    left = dict(energy)
    return [
        HeldFact(
            number=held.number,
            lease=held.lease,
            user=held.user,
            programme=held.programme,
            holder=held.holder,
            began=moment(held.began),
            ended=None if held.ended is None else moment(held.ended),
            seconds=round((now if held.ended is None else held.ended) - held.began),
            how=_how(held, language),
            kwh=left.pop(held.lease, None),
        )
        for held in holdings
    ]


def _how(held: Holding, language: str) -> str:
    _ = translator(language)
    if held.ended is None:
        return ""
    if not held.after:
        return _(FORGOTTEN)
    if held.after == LeaseState.BROKEN:
        return _(LOST).format(code=held.why)
    return _(HOW[held.why]) if held.why in HOW else _(SOMEHOW).format(code=held.why)


def energy_of(service: Engine, device: str, leases: set[str]) -> dict[str, float]:
    """What was measured of each of these leases on a device, in kWh. Blocking."""
    at = tables.energy.c
    asked = select(at.lease, func.sum(at.mj)).where(at.device == device, at.lease.in_(sorted(leases)))
    with service.connect() as connection:
        return {lease: mj / MJ_PER_KWH for lease, mj in connection.execute(asked.group_by(at.lease))}
