"""Health and metrics: for load balancers, Prometheus and the admin at two in the morning."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from hub import __version__
from hub.health import Health, check_all
from hub.service.checks import checks_of
from hub.web.hub_api import HubUnreachable

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
    """Prometheus text format."""
    checked: list[Health] = await check_all(checks_of(request.app.state))
    try:
        seats = await request.app.state.hub.running_seats()
    except HubUnreachable:
        seats = []
    request.app.state.metrics.observe(seats, checked)
    request.app.state.metrics.leases.set_gauges(request.app.state.leases.broker.state)
    return Response(request.app.state.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
