"""A learner's notebook, for the trainers whom its learner lets look: read-only, and as it is saved."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from hub.pages.service_page import language_of, page
from hub.settings.types import Name
from hub.web.problems import Problem
from hub.web.roles import TrainerReading
from hub.words import later, translator
from hub.workshops.access import organising
from hub.workshops.classroom import Class, Classroom
from hub.workshops.fits_routes import Organised
from hub.workshops.learning import InClass, Looks
from hub.workshops.people import Member

router = APIRouter(prefix="/workshops/{id}/notebooks/{number}", include_in_schema=False)

WorkshopId = Annotated[Name, Path()]
Number = Annotated[int, Path(ge=0, le=100_000)]
CLOSED = {
    # Whatever its cells and outputs say: no script runs, nothing is fetched, no form is sent.
    "Content-Security-Policy": (
        "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""`allow-same-origin` lets the page around it keep the place where its reader was."""


class Now(BaseModel):
    """What the page's script asks every few seconds."""

    saved: float | None
    """Unix seconds; None while there is nothing to see."""
    said: str
    """Why not."""


@router.get("")
async def notebook(
    request: Request,
    person: TrainerReading,
    organised: Organised,
    classroom: InClass,
    looking: Looks,
    id: WorkshopId,
    number: Number,
) -> HTMLResponse:
    """The page around it; that somebody opens it stands in the log."""
    await organised.found(organising(person), id)
    refused, shown, member = None, None, None
    try:
        one, member = _found(classroom, id, number)
        shown = await looking.open(one, member, person)
    except Problem as problem:
        refused = problem.in_words(translator(language_of(request)))
    here = f"{request.app.state.oauth.prefix}workshops/{id}"
    name = member.name if member is not None and member.shares_name else ""
    reply = page(
        request,
        "room_notebook.html",
        status=refused.status if refused else 200,
        person=person,
        here=here,
        number=number,
        name=name,
        shown=shown,
        refused=refused,
    )
    # A link in it leads nowhere: the frame may hold nothing else.
    reply.headers["Content-Security-Policy"] = f"frame-src {request.url.scheme}://{request.url.netloc}{here}/notebooks/"
    return reply


@router.get("/content")
async def content(
    person: TrainerReading, organised: Organised, classroom: InClass, looking: Looks, id: WorkshopId, number: Number
) -> Response:
    """What is in it, in a page of its own."""
    await organised.found(organising(person), id)
    one, member = _found(classroom, id, number)
    return Response(await looking.notebook(one, member), media_type="text/html; charset=utf-8", headers=CLOSED)


@router.get("/state")
async def state(
    request: Request,
    person: TrainerReading,
    organised: Organised,
    classroom: InClass,
    looking: Looks,
    id: WorkshopId,
    number: Number,
) -> Now:
    """Has it changed?"""
    await organised.found(organising(person), id)
    try:
        one, member = _found(classroom, id, number)
        return Now(saved=(await looking.shown(one, member)).saved, said="")
    except Problem as problem:
        told = problem.in_words(translator(language_of(request)))
        return Now(saved=None, said=f"{told.message} {told.hint}".strip())


def _found(classroom: Classroom, id: str, number: int) -> tuple[Class, Member]:
    """Raises Problem 409 for a workshop that is not on, and 404 for a number that nobody in it has."""
    if (one := classroom.classes.get(id)) is None:
        raise Problem(409, "not-on", later("The workshop is not on."))
    return one, one.member(number)
