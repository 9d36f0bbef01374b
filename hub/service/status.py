"""Health and metrics: for load balancers, Prometheus and the admin at two in the morning."""

import contextlib
import time

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from hub import __version__
from hub.backup.record import last_backup
from hub.health import check_all
from hub.service.checks import checks_of
from hub.service.metrics import Metrics
from hub.web.hub_api import HubUnreachable, SeatRecord

router = APIRouter(tags=["status"])


class Dependency(BaseModel):
    """One thing the service needs."""

    name: str
    ok: bool
    detail: str


class HealthReport(BaseModel):
    """Is everything there?"""

    ok: bool
    version: str
    dependencies: list[Dependency]


@router.get("/health", responses={503: {"model": HealthReport}})
async def health(request: Request, response: Response) -> HealthReport:
    """Each dependency by name; 503 when one does not answer."""
    checked = await check_all(checks_of(request.app.state))
    ok = all(dependency.ok for dependency in checked)
    response.status_code = 200 if ok else 503
    return HealthReport(ok=ok, version=__version__, dependencies=[Dependency(**vars(h)) for h in checked])


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Prometheus text format. What hangs is not asked again: Prometheus waits for ten seconds at most."""
    state = request.app.state
    found: Metrics = state.metrics
    checked = await check_all(checks_of(state))
    well = {dependency.name for dependency in checked if dependency.ok}
    seats = await _seats(request) if "hub" in well else []
    found.observe(seats, checked, state.settings)
    found.observe_dask(await state.gateway.all_clusters() if "dask-gateway" in well else None)
    found.leases.set_gauges(state.leases.broker.state, state.leases.broker.now())
    backup = await run_in_threadpool(last_backup, state.state_directory)
    found.observe_backup(backup.made if backup else None)
    if "database" in well:
        with contextlib.suppress(SQLAlchemyError):  # it may have gone since
            states = await run_in_threadpool(state.organiser.workshops.count_by_state)
            found.workshops.set_gauges(states, state.classroom.classes.values(), seats, time.time())
    return Response(found.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _seats(request: Request) -> list[SeatRecord]:
    try:
        seats: list[SeatRecord] = await request.app.state.hub.running_seats()
    except HubUnreachable:  # it may have gone since
        return []
    return seats
