"""A learner's notebook, for the trainers whom its learner lets look: read-only, and as it is saved."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel

from hub.pages.service_page import language_of, page
from hub.settings.types import Name
from hub.web.problems import Problem
from hub.web.roles import TrainerReading
from hub.words import later, translator
from hub.workshops.access import organising
from hub.workshops.classroom import Class
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


class Learner(NamedTuple):
    """A learner in the class in which they are."""

    one: Class
    member: Member


class Now(BaseModel):
    """What the page's script asks every few seconds."""

    saved: float | None
    """Unix seconds; None while there is nothing to see."""
    said: str
    """Why not."""


async def learner_of(
    person: TrainerReading, organised: Organised, classroom: InClass, id: WorkshopId, number: Number
) -> Learner:
    """Somebody in a workshop that the reader gives. Raises Problem 404, or 409 for one that is not on."""
    await organised.found(organising(person), id)
    if (one := classroom.classes.get(id)) is None:
        raise Problem(409, "not-on", later("The workshop is not on."))
    return Learner(one, one.member(number))


ALearner = Annotated[Learner, Depends(learner_of)]


@router.get("")
async def notebook(request: Request, person: TrainerReading, looking: Looks, learner: ALearner) -> HTMLResponse:
    """The page around it; that somebody opens it stands in the log."""
    refused, shown = None, None
    try:
        shown = await looking.open(*learner, person)
    except Problem as problem:
        refused = problem.in_words(translator(language_of(request)))
    here = f"{request.app.state.oauth.prefix}workshops/{learner.one.workshop.id}"
    reply = page(
        request,
        "room_notebook.html",
        status=refused.status if refused else 200,
        person=person,
        here=here,
        number=learner.member.number,
        name=learner.member.name if learner.member.shares_name else "",
        shown=shown,
        refused=refused,
    )
    # A link in it leads nowhere: the frame may hold nothing else.
    reply.headers["Content-Security-Policy"] = f"frame-src {request.url.scheme}://{request.url.netloc}{here}/notebooks/"
    return reply


@router.get("/content")
async def content(looking: Looks, learner: ALearner) -> Response:
    """What is in it, in a page of its own."""
    return Response(await looking.notebook(*learner), media_type="text/html; charset=utf-8", headers=CLOSED)


@router.get("/state")
async def state(request: Request, looking: Looks, learner: ALearner) -> Now:
    """Has it changed?"""
    try:
        return Now(saved=(await looking.shown(*learner)).saved, said="")
    except Problem as problem:
        told = problem.in_words(translator(language_of(request)))
        return Now(saved=None, said=f"{told.message} {told.hint}".strip())
