"""Dask Gateway asks here for its workers' leases, on behalf of the user whose cluster it is."""

import hmac

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from hub.errors import LeaseRefused
from hub.leases.routes import AtDesk, Granted, language_of, problem, told
from hub.leases.seat_requests import LeaseRequest, lease_of
from hub.web.hub_api import HubApi
from hub.web.problems import Problem
from hub.words import later

api = APIRouter(prefix="/api/v1/gateway", include_in_schema=False)


async def gateway(request: Request) -> None:
    """The caller is this workbench's gateway. Raises Problem 401."""
    _kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if not hmac.compare_digest(token.encode(), request.app.state.gateway_secret.encode()):
        raise Problem(401, "not-the-gateway", later("Only Dask Gateway asks here."))


class WorkerRequest(LeaseRequest):
    """A lease for one worker of a user's cluster."""

    user: str = Field(min_length=1, max_length=255)


@api.post("/leases", dependencies=[Depends(gateway)])
async def ask(request: Request, desk: AtDesk, body: WorkerRequest) -> Granted:
    """Ask for a worker's lease: the user's own rights and caps decide."""
    hub: HubApi = request.app.state.hub
    person = await hub.person_named(body.user)
    if person is None:
        raise problem("no-seat")
    try:
        counted_for = desk.counted_for(person.name)
        asked = lease_of(body, person, desk.settings, desk.broker.now(), counted_for)
    except LeaseRefused as refused:
        raise problem(refused.code, **refused.facts) from None
    if await desk.find(asked.id) is None:
        await told(desk, desk.requested(asked), value=str(asked.count), most=desk.most_for(asked))
    lease = await desk.find(asked.id)
    assert lease is not None
    return Granted(lease=desk.view(lease, language_of(request)), token=desk.tokens.of(asked.id))
