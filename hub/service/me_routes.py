"""Who am I here, and what have I: seats, leases, use."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from sse_starlette import EventSourceResponse

from hub.accounting.accounts import Accounts
from hub.accounting.query import Whose
from hub.leases.listening import PING_SECONDS, ping
from hub.leases.me import MeView, me_view
from hub.leases.me_events import me_events
from hub.leases.routes import AtDesk, language_of
from hub.seats.routes import Seat, seats_of
from hub.web.auth import ApiPerson
from hub.web.problems import Answers, answers
from hub.workshops.learning import WorkshopNews

api = APIRouter(prefix="/api/v1", tags=["me"])

STREAM: Answers = {
    200: {
        "description": "An event `me` at the start and whenever something changed, as `GET /me` without who I am and "
        "my seats; an event `counters` every five seconds while I hold devices, with what each of them does; "
        "an event `workshops` at the start and on changes, as `GET /me/workshops`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


class MyJobs(BaseModel):
    """What my jobs on the cluster held since Monday, 00:00 UTC; kernels are leases, and told in `use`."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    jobs: int
    """Each counted once, in the week in which it began. Seats and Dask clusters are jobs, too."""
    gpu_hours: float
    core_hours: float
    known_until: float | None
    """Unix seconds; null where nothing was read so far."""
    is_unknown: bool
    """What they held since then is unknown: the cluster's accounting does not answer."""


class Me(MeView):
    """Who I am here, and what I have."""

    name: str
    groups: list[str]
    admin: bool
    seats: list[Seat]
    jobs: MyJobs | None
    """Null where seats are no jobs."""


@api.get("/me", responses=answers(401, 503))
async def me(request: Request, desk: AtDesk, person: ApiPerson) -> Me:
    """Who am I, which seats have I, what do I hold and wait for, and what did I use?"""
    return Me(
        **dict(me_view(desk, person, language_of(request))),
        name=person.name,
        groups=list(person.groups),
        admin=person.admin,
        seats=seats_of(request, person),
        jobs=await _jobs(request.app.state.accounts, person.name),
    )


async def _jobs(accounts: Accounts, user: str) -> MyJobs | None:
    if (known := await accounts.known_jobs()) is None:
        return None
    had = await accounts.week(Whose(user=user))
    return MyJobs(
        jobs=had.jobs,
        gpu_hours=had.job_gpu_seconds / 3600,
        core_hours=had.core_seconds / 3600,
        known_until=known.until,
        is_unknown=known.is_away,
    )


@api.get("/me/events", response_class=EventSourceResponse, responses=STREAM | answers(401, 503))
async def events(request: Request, desk: AtDesk, person: ApiPerson) -> EventSourceResponse:
    """The same while it changes, as server-sent events; it ends after ten minutes, for the listener to come again."""
    language = language_of(request)
    workshops = WorkshopNews(request.app.state.classroom, person.name, language)
    told = me_events(desk, person, language, {"workshops": workshops})
    return EventSourceResponse(told, ping=PING_SECONDS, ping_message_factory=ping)
