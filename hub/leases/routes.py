"""The broker's API: seats ask for leases and report on them, people see and end their own."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent

from hub.errors import BrokerError, LeaseRefused
from hub.leases.desk import Desk
from hub.leases.events import Arrived, Bound, Event, Heard, Kept, Released, Reported
from hub.leases.identity import PREFIX
from hub.leases.model import ENDED, Lease
from hub.leases.seat_requests import ActReport, ArrivedReport, BoundReport, Heartbeat, LeaseRequest, Release, lease_of
from hub.leases.sentences import REFUSALS
from hub.leases.view import ClassView, LeaseView
from hub.slurm.commands import SlurmError
from hub.web.auth import ApiPerson, api_person
from hub.web.problems import WITH_A_BODY, Answers, Problem, answers
from hub.words import COOKIE, choose_language

api = APIRouter(prefix="/api/v1", tags=["leases"])

LOOK_PERIOD, MOST_LOOK_PERIOD = 4.0, 30.0
"""Seconds between looks at the place of somebody who waits, while nothing else changes: of the first, and at most."""
FIRST = 25
"""So many places from the front, or twice as many, three times as many …, the period is so many times longer."""
PING_SECONDS = 15

NAMED = (401, 404, 422, 503)
"""What a route may answer that names a lease in its path."""
CHANGES = answers(*NAMED, *WITH_A_BODY, 409, 410)
STREAM: Answers = {
    200: {
        "description": "An event `lease` at each change.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}

LeaseId = Annotated[str, Path(max_length=40, pattern=r"^[0-9a-zA-Z-]+$")]


class Granted(BaseModel):
    """A lease, and the token its seat speaks for it with."""

    lease: LeaseView
    token: str


KNOWN: Answers = {200: {"model": Granted, "description": "The key's lease is known; it is told as it is now."}}


def language_of(request: Request) -> str:
    """The language of whoever asks."""
    return choose_language(request.cookies.get(COOKIE), request.headers.get("Accept-Language"))


async def desk_of(request: Request) -> Desk:
    """The broker. Like all that routes depend on, async: FastAPI would send it to a thread each time."""
    desk: Desk = request.app.state.leases
    return desk


AtDesk = Annotated[Desk, Depends(desk_of)]


async def own_lease(request: Request, desk: AtDesk, lease: LeaseId) -> Lease:
    """The lease of the path, when the caller may touch it: its seat by its token, its user, an admin.

    Raises Problem 404 otherwise, the same for a lease of somebody else as for none.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    found = await desk.find(lease)
    if kind.lower() == "bearer" and token.startswith(PREFIX):
        if found is not None and desk.tokens.proves(token, lease):
            return found
        raise problem("no-such-lease")
    person = await api_person(request)
    if found is None or not (person.admin or person.name == found.user):
        raise problem("no-such-lease")
    return found


OwnLease = Annotated[Lease, Depends(own_lease)]


def problem(code: str, **facts: str) -> Problem:
    """A refusal as the API tells it."""
    status, message, hint = REFUSALS[code]
    return Problem(status, code, message, hint, facts)


async def told(desk: Desk, event: Event, **facts: str) -> None:
    """Tell the broker. Raises Problem when it refuses."""
    try:
        await desk.broker.tell(event)
    except LeaseRefused as refused:
        # Not knowing which devices there are is not the same as having none.
        unknown = refused.code == "not-enough-devices" and desk.broker.unreadable
        raise problem("unreadable" if unknown else refused.code, **(facts | refused.facts)) from None
    except BrokerError:
        raise problem("broker") from None


@api.get("/gpus", responses=answers(401, 503))
async def gpus(request: Request, desk: AtDesk, _person: ApiPerson) -> list[ClassView]:
    """GPU classes: free, held, how many wait."""
    return [ClassView(**row) for row in desk.classes(language_of(request))]


@api.post("/leases", status_code=201, responses=KNOWN | answers(401, 403, 409, 429, 503, *WITH_A_BODY))
async def ask(request: Request, response: Response, desk: AtDesk, person: ApiPerson, body: LeaseRequest) -> Granted:
    """Ask for a lease. It may be granted at once; otherwise it waits, and says where and why."""
    try:
        counted_for = desk.counted_for(person.name)
        asked = lease_of(body, person, desk.settings, desk.broker.now(), counted_for)
    except LeaseRefused as refused:
        raise problem(refused.code, **refused.facts) from None
    known = await desk.find(asked.id)
    if known is None:
        await told(desk, desk.requested(asked), value=str(asked.count), most=desk.most_for(asked))
    response.status_code = 201 if known is None else 200
    lease = await desk.find(asked.id)
    assert lease is not None
    return Granted(lease=desk.view(lease, language_of(request)), token=desk.tokens.of(asked.id))


@api.get("/leases", responses=answers(401, 503))
async def mine(request: Request, desk: AtDesk, person: ApiPerson) -> list[LeaseView]:
    """My live leases."""
    return [desk.view(lease, language_of(request)) for lease in desk.of_user(person.name)]


@api.get("/leases/{lease}", responses=answers(*NAMED))
async def one(request: Request, desk: AtDesk, lease: OwnLease) -> LeaseView:
    """One of my leases: its state, and while it waits its place, reason and estimate."""
    return desk.view(lease, language_of(request))


@api.get("/leases/{lease}/events", response_class=EventSourceResponse, responses=STREAM | answers(*NAMED))
async def events(request: Request, desk: AtDesk, lease: OwnLease) -> EventSourceResponse:
    """The lease now and at every change, as server-sent events; ends with the lease."""
    return EventSourceResponse(_changes(desk, lease, language_of(request)), ping=PING_SECONDS)


async def _changes(desk: Desk, lease: Lease, language: str) -> AsyncIterator[ServerSentEvent]:
    last = ""
    while True:
        changed = asyncio.ensure_future(desk.broker.changed(lease.id))
        try:
            found = await desk.find(lease.id)
            if found is None:
                return
            view = desk.view(found, language)
            now = view.model_dump_json(exclude={"held_seconds", "busy_seconds"})
            if now != last:
                last = now
                yield ServerSentEvent(view.model_dump_json(), event="lease")
            if found.state in ENDED:
                return
            # Others move the line without changing this lease; a place is looked at now and then.
            await asyncio.wait([changed], timeout=_look_after(view.place or 1) if found.is_waiting else None)
        finally:
            changed.cancel()


def _look_after(place: int) -> float:
    """Who is far from the front looks less often, and no two at once: a thousand who wait are otherwise a load."""
    period = min(LOOK_PERIOD * max(1.0, place / FIRST), MOST_LOOK_PERIOD)
    return period * random.uniform(0.75, 1.25)  # noqa: S311


@api.post("/leases/{lease}/bound", responses=CHANGES)
async def bound(request: Request, desk: AtDesk, lease: OwnLease, body: BoundReport) -> LeaseView:
    """The kernel has taken its offer, or was started anew under the same lease."""
    pid = await desk.pid_here(lease, body.pid, body.pid_started)
    return await _act(request, desk, lease, Bound(lease.id, body.epoch, pid, body.pid_started))


@api.post("/leases/{lease}/arrived", responses=CHANGES)
async def arrived(request: Request, desk: AtDesk, lease: OwnLease, body: ArrivedReport) -> LeaseView:
    """On a cluster: the lease's job runs, and its kernel can be started there."""
    if desk.jobs is None or request.client is None:
        raise problem("wrong-state")
    try:
        devices = await desk.jobs.devices_of(lease, body.job)
    except LeaseRefused as refused:
        raise problem(refused.code) from None
    except SlurmError:
        raise problem("slurm-silent") from None
    # Where the request comes from in truth: what it says of itself could name any machine.
    contact = f"tcp://{host_in_address(request.client.host)}:{body.port} {body.key}"
    return await _act(request, desk, lease, Arrived(lease.id, body.job, devices, contact))


def host_in_address(host: str) -> str:
    """As it stands in an address: in brackets where it has colons."""
    return f"[{host}]" if ":" in host else host


@api.post("/leases/{lease}/heartbeat", responses=CHANGES)
async def heartbeat(request: Request, desk: AtDesk, lease: OwnLease, body: Heartbeat) -> LeaseView:
    """The kernel lives, and this is what it does."""
    said = Heard(lease.id, body.epoch, body.busy, body.wants, body.watched, body.unparkable)
    return await _act(request, desk, lease, said)


@api.post("/leases/{lease}/report", responses=CHANGES)
async def report(request: Request, desk: AtDesk, lease: OwnLease, body: ActReport) -> LeaseView:
    """What came of an order to park or resume."""
    outcome = (body.outcome, body.reason, body.bytes, body.seconds)
    return await _act(request, desk, lease, Reported(lease.id, body.epoch, body.act, *outcome, body.movable))


@api.post("/leases/{lease}/keep", responses=answers(*NAMED, 409, 410))
async def keep(request: Request, desk: AtDesk, lease: OwnLease) -> LeaseView:
    """Keep an idle kernel's GPU a while longer."""
    return await _act(request, desk, lease, Kept(lease.id))


@api.post("/leases/{lease}/release", responses=answers(*NAMED, *WITH_A_BODY, 410))
async def release(request: Request, desk: AtDesk, lease: OwnLease, body: Release) -> LeaseView:
    """Give back. Doing so twice changes nothing."""
    if lease.state in ENDED:
        return desk.view(lease, language_of(request))
    return await _act(request, desk, lease, Released(lease.id, body.reason))


async def _act(request: Request, desk: Desk, lease: Lease, event: Event) -> LeaseView:
    await told(desk, event)
    found = await desk.find(lease.id)
    assert found is not None
    return desk.view(found, language_of(request))
