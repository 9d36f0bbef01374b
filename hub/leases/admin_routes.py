"""What admins ask of the broker: all leases, why one waits, a device out of service."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from hub.leases import admin_acts
from hub.leases.explain_view import HolderRow, LineRow, holder_rows, line_rows, what_changes_it, why_waits
from hub.leases.model import Device, Lease
from hub.leases.routes import NAMED, AtDesk, LeaseId, language_of, problem
from hub.leases.view import LeaseView
from hub.leases.waiting import standing
from hub.web.admin import Admin
from hub.web.problems import WITH_A_BODY, answers

api = APIRouter(prefix="/api/v1/admin", tags=["admin"])


class Step(BaseModel):
    """One edge in the life of a lease."""

    before: str | None
    after: str
    why: str
    at: float


class Explanation(BaseModel):
    """A lease, what happened to it, and who has the devices it could have."""

    lease: LeaseView
    history: list[Step]
    holders: list[LeaseView]
    """Of a lease that waits: whoever has its devices."""
    line: list[LineRow]
    """The line it stands in, first to last."""
    devices: list[HolderRow]
    """The devices it could have, and why each is or is not on its way to it."""
    why: str
    """Why it waits, with the numbers; empty when it does not."""
    change: str
    """What would change that; empty when it does not wait."""


class DeviceRow(BaseModel):
    """A device as the broker knows it."""

    uuid: str
    gpu_class: str
    index: int
    model: str
    memory: int
    simulated: bool
    state: str
    since: float
    draining: bool
    visible: bool
    lease: str | None
    unparkable: str


class Drain(BaseModel):
    """Take out of service, or put back."""

    draining: bool = True


@api.get("/leases", responses=answers(401, 403, 503))
async def leases(request: Request, desk: AtDesk, _admin: Admin) -> list[LeaseView]:
    """All live leases, the oldest first."""
    live = sorted(desk.broker.state.leases.values(), key=lambda lease: (lease.requested, lease.id))
    return [desk.view(lease, language_of(request)) for lease in live]


@api.get("/leases/{lease}", responses=answers(403, *NAMED))
async def explain(request: Request, desk: AtDesk, _admin: Admin, lease: LeaseId) -> Explanation:
    """Why does it wait, who holds what it waits for, since when?"""
    found = await _found(desk, lease)
    language = language_of(request)
    state = desk.broker.state
    devices = [state.devices[uuid] for uuid in state.of_class.get(found.gpu_class) or ()]
    holders = [state.leases[d.lease] for d in devices if d.lease and d.lease in state.leases]
    stands = standing(state, found)
    reason = ("unreadable" if desk.broker.unreadable else stands.reason) if stands else ""
    return Explanation(
        lease=desk.view(found, language),
        history=[Step(before=e.before, after=e.after, why=e.why, at=e.at) for e in await desk.history(lease)],
        holders=[desk.view(holder, language) for holder in holders] if stands else [],
        line=line_rows(state, found.gpu_class, language) if stands else [],
        devices=holder_rows(state, found, language) if stands else [],
        why=why_waits(state, found, reason, language) if reason else "",
        change=what_changes_it(reason, language) if reason else "",
    )


@api.post("/leases/{lease}/release", responses=answers(403, *NAMED, 410))
async def end(request: Request, desk: AtDesk, who: Admin, lease: LeaseId) -> LeaseView:
    """End a lease: its kernel runs on without a GPU."""
    found = await _found(desk, lease)
    await admin_acts.end(desk, request.app.state.audit, who, found)
    return desk.view(await _found(desk, lease), language_of(request))


@api.get("/devices", responses=answers(401, 403, 503))
async def devices(desk: AtDesk, _admin: Admin) -> list[DeviceRow]:
    """All devices."""
    state = desk.broker.state
    return [_row(state.devices[uuid]) for name in sorted(state.of_class) for uuid in state.of_class[name]]


@api.post("/devices/{uuid}/drain", responses=answers(403, *NAMED, *WITH_A_BODY))
async def drain(
    request: Request, desk: AtDesk, who: Admin, body: Drain, uuid: Annotated[str, Path(max_length=80)]
) -> DeviceRow:
    """Take a device out of service once its lease ends, or put it back."""
    await admin_acts.drain(desk, request.app.state.audit, who, uuid, body.draining)
    return _row(desk.broker.state.devices[uuid])


async def _found(desk: AtDesk, lease: str) -> Lease:
    if (found := await desk.find(lease)) is None:
        raise problem("no-such-lease")
    return found


def _row(device: Device) -> DeviceRow:
    return DeviceRow(**{name: getattr(device, name) for name in DeviceRow.model_fields})
