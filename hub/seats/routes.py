"""My seats: see them, keep them, stop them. For the API and for the home page's forms."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from hub.errors import Refusal
from hub.seats.view import SeatView, views
from hub.web.auth import ApiPerson, PostingPerson
from hub.web.hub_api import Person
from hub.web.problems import Problem, answers
from hub.words import later

api = APIRouter(prefix="/api/v1", tags=["seats"])
forms = APIRouter(include_in_schema=False)

ServerName = Annotated[str, Path(max_length=255, description="The seat's name; `-` is the one without a name.")]


class Seat(BaseModel):
    """One of my running seats."""

    server: str
    profile: str | None
    url: str
    ready: bool
    stops_at: datetime | None
    """When it stops if nothing else happens (UTC)."""
    why: str | None
    """`idle` or `life`."""
    keeps_left: int


class Kept(BaseModel):
    """Until when a seat is kept (UTC)."""

    until: datetime


def seats_of(request: Request, person: Person) -> list[Seat]:
    """A person's running seats, as the API tells them."""
    state = request.app.state
    return [_as_model(view) for view in views(person, state.settings, state.keeps, datetime.now(UTC))]


@api.post("/seats/{server}/keep", responses=answers(401, 404, 409, 422, 503))
async def keep_seat(request: Request, person: ApiPerson, server: ServerName) -> Kept:
    """Keep one of my idle seats for a while; each seat can be kept a few times."""
    return Kept(until=_keep(request, person, "" if server == "-" else server))


@forms.post("/seats/keep")
async def keep_from_page(
    request: Request, person: PostingPerson, server: Annotated[str, Form(max_length=255)] = ""
) -> RedirectResponse:
    """The home page's "keep" button."""
    _keep(request, person, server)
    return _home(request)


@forms.post("/seats/stop")
async def stop_from_page(
    request: Request, person: PostingPerson, server: Annotated[str, Form(max_length=255)] = ""
) -> RedirectResponse:
    """The home page's "stop" button."""
    await request.app.state.hub.stop_seat(person, server)
    return _home(request)


def _keep(request: Request, person: Person, server: str) -> datetime:
    state = request.app.state
    seat = next((seat for seat in person.seats if seat.server == server and seat.started), None)
    if seat is None:
        raise Problem(404, "no-such-seat", later("You have no running seat of that name."))
    assert seat.started is not None
    try:
        until: datetime = state.keeps.keep(person.name, server, seat.started, state.settings.culling, datetime.now(UTC))
    except Refusal as refusal:
        hint = later("Run a cell: a seat that works is not stopped.")
        raise Problem(refusal.status_code, refusal.reason, str(refusal), hint) from None
    state.metrics.keeps.inc()
    return until


def _as_model(view: SeatView) -> Seat:
    return Seat(
        server=view.seat.server,
        profile=view.seat.profile,
        url=view.seat.url,
        ready=view.seat.ready,
        stops_at=view.outlook.stops_at if view.outlook else None,
        why=view.outlook.why if view.outlook else None,
        keeps_left=view.keeps_left,
    )


def _home(request: Request) -> RedirectResponse:
    return RedirectResponse(request.app.state.oauth.prefix, status_code=303)
