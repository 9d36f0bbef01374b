"""What admins do on the page "Operations"; each act stands in the log with who did it."""

import asyncio

import httpx
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import State

from hub.admin.operations_look import Lookout
from hub.audit import Audit
from hub.leases import admin_acts
from hub.leases.desk import Desk
from hub.leases.routes import problem
from hub.logs import get_logger
from hub.web.gateway_api import GatewayApi
from hub.web.hub_client import HubClient, RunningSeat
from hub.web.problems import Problem
from hub.words import later

log = get_logger("admin")

DONE = {
    "drained": later("It is out of service once its lease ends; nobody gets it anew."),
    "returned": later("It is in service again."),
    "looked-clean": later("It is clean, and in service again."),
    "looked-not-clean": later("It is still not clean, so nobody is given it. It is looked at again by itself."),
    "looked-unreadable": later("It cannot be read now, so nobody is given it. It is looked at again by itself."),
    "looked-not-waiting": later("It is not in quarantine any more."),
    "lease-ended": later("The lease is ended; the kernel runs on without a GPU."),
    "seat-stopped": later("The seat is being stopped. Files stay."),
    "cluster-stopped": later("The cluster is being stopped."),
}
"""What was done, by the code that the page is handed."""


async def drain(state: State, who: str, device: str, draining: bool) -> str:
    """Take a device out of service, or put it back. Raises Problem 404."""
    await admin_acts.drain(state.leases, state.audit, who, device, draining)
    return _done(state, "drained" if draining else "returned")


async def look_again(state: State, who: str, device: str) -> str:
    """Look at a device in quarantine now. Raises Problem 404."""
    return _done(state, f"looked-{await admin_acts.look_again(state.leases, state.audit, who, device)}")


async def end_lease(state: State, who: str, lease: str) -> str:
    """End somebody's lease. Raises Problem 404."""
    desk: Desk = state.leases
    if (found := await desk.find(lease)) is None:
        raise problem("no-such-lease")
    await admin_acts.end(desk, state.audit, who, found)
    return _done(state, "lease-ended")


async def stop_seat(state: State, who: str, user: str, server: str) -> str:
    """Stop somebody's seat through the hub's own API. Raises Problem 404, or 503 when the hub does not answer."""
    lookout: Lookout = state.lookout
    lookout.forget()
    seats = (await lookout.look()).seats
    if seats is None:
        raise Problem(503, "hub-unreachable", later("The hub does not answer."), later("Nothing was changed."))
    if (user, server) not in {(seat.user, seat.server) for seat in seats}:
        raise Problem(404, "no-such-seat", later("There is no such seat any more."))
    try:
        await asyncio.to_thread(HubClient(state.state_directory).stop_seat, RunningSeat(user, server))
    except httpx.HTTPError:
        raise Problem(
            503, "hub-unreachable", later("The hub does not answer."), later("Nothing was changed.")
        ) from None
    log.info("seat.stopped-by-admin", user=user, server=server, admin=who)
    await _tell(state, who, "seat.stopped", f"seat:{user}/{server}")
    return _done(state, "seat-stopped")


async def stop_cluster(state: State, who: str, name: str) -> str:
    """Stop somebody's Dask cluster. Raises Problem 404, or 503 when the gateway does not answer."""
    gateway: GatewayApi | None = state.gateway
    clusters = await gateway.all_clusters() if gateway else []
    away = Problem(503, "gateway-unreachable", later("Dask Gateway does not answer."), later("Nothing was changed."))
    if clusters is None:
        raise away
    owner = next((cluster.user for cluster in clusters if cluster.name == name), None)
    if gateway is None or owner is None:
        raise Problem(404, "no-such-cluster", later("There is no such cluster any more."))
    try:
        await gateway.stop(name)
    except httpx.HTTPError:
        raise away from None
    log.info("cluster.stopped-by-admin", cluster=name, user=owner, admin=who)
    await _tell(state, who, "cluster.stopped", f"cluster:{name}", user=owner)
    return _done(state, "cluster-stopped")


async def _tell(state: State, who: str, what: str, about: str, **detail: str) -> None:
    audit: Audit = state.audit
    await run_in_threadpool(lambda: audit.tell(who, what, about, **detail))


def _done(state: State, code: str) -> str:
    """The next reader sees what came of it."""
    lookout: Lookout = state.lookout
    lookout.forget()
    return code
