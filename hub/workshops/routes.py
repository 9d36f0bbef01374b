"""Workshops as programs and the command line handle them: write down, publish, withdraw, close, look."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from hub.settings.types import Name
from hub.web.problems import WITH_A_BODY, Problem, answers
from hub.words import later
from hub.workshops.access import Organises
from hub.workshops.fits_routes import FitsView, Organised, view_of
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.model import Workshop
from hub.workshops.organiser import Organiser
from hub.workshops.store import Kept

api = APIRouter(prefix="/api/v1/workshops", tags=["workshops"])

WorkshopId = Annotated[Name, Path()]
NAMED = answers(401, 403, 404, 409, 422, 503)


class WorkshopView(BaseModel):
    """A workshop, where it is on its way, and the version to give back with a change."""

    workshop: Workshop
    state: WorkshopState
    version: int
    devices: int
    """GPUs that are reserved for it once it is published."""
    nodes: list[str]
    """Nodes that a cluster keeps for it now."""
    nodes_missing: str
    """Why it has not the nodes that it should; empty where nothing is missing."""


class EventView(BaseModel):
    """Who did what to a workshop, and when."""

    at: datetime
    who: str
    what: str


class Draft(BaseModel):
    """A workshop as it shall be. `version` is the one that was read; 0 for a new one."""

    workshop: dict[str, Any]
    version: int = 0


@api.get("", responses=answers(401, 403, 503))
async def workshops(organised: Organised, who: Organises) -> list[WorkshopView]:
    """The workshops that the caller gives, by their start; an admin's are all."""
    return [_view(organised, kept) for kept in await organised.of(who)]


@api.get("/{id}", responses=NAMED)
async def workshop(organised: Organised, who: Organises, id: WorkshopId) -> WorkshopView:
    """One workshop."""
    return _view(organised, await organised.found(who, id))


@api.get("/{id}/events", responses=NAMED)
async def events(organised: Organised, who: Organises, id: WorkshopId) -> list[EventView]:
    """What happened to it, oldest first; to an admin also of one that was removed."""
    if not who.admin:
        await organised.found(who, id)
    return [
        EventView(at=event.at, who=event.who, what=event.what)
        for event in await run_in_threadpool(organised.workshops.events, id)
    ]


@api.get("/{id}/fits", responses=NAMED)
async def fits(organised: Organised, who: Organises, id: WorkshopId) -> FitsView:
    """Would it fit, and what would if not?"""
    found = await organised.found(who, id)
    answer = await organised.fits(found.workshop)
    return view_of(who.of(answer), found.workshop.profile)


@api.put("/{id}", responses={**NAMED, **answers(*WITH_A_BODY)})
async def write(organised: Organised, who: Organises, id: WorkshopId, draft: Draft) -> WorkshopView:
    """Write a workshop down, new or over the version that was read; only a draft can be changed."""
    return _view(organised, await organised.put(read_workshop({**draft.workshop, "id": id}), who, draft.version))


@api.post("/{id}/{action}", responses=NAMED)
async def act(
    organised: Organised, who: Organises, id: WorkshopId, action: Literal["publish", "withdraw", "close"]
) -> WorkshopView:
    """Publish it (reserve what it needs), withdraw it (a draft again), or close it. Twice is as once."""
    acts = {"publish": organised.publish, "withdraw": organised.withdraw, "close": organised.close}
    return _view(organised, await acts[action](await organised.found(who, id), who.name))


@api.delete("/{id}", status_code=204, responses=NAMED)
async def remove(organised: Organised, who: Organises, id: WorkshopId, version: Annotated[int, Query(ge=1)]) -> None:
    """Forget a draft or a closed workshop; its log stays."""
    found = await organised.found(who, id)
    if found.version != version:
        raise Problem(409, "changed", later("Somebody else changed the workshop meanwhile; nothing was written."), "")
    await organised.remove(found, who.name)


def read_workshop(declared: dict[str, Any]) -> Workshop:
    """The workshop of a request. Raises Problem 422 that names the place of the first mistake."""
    try:
        return Workshop.model_validate(declared)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "workshop"
        facts = {"place": place, "problem": str(first["msg"]).removeprefix("Value error, ")}
        raise Problem(422, "invalid", later("{place}: {problem}."), "", facts) from None


def _view(organised: Organiser, kept: Kept) -> WorkshopView:
    gpus = kept.workshop.gpus
    devices = gpus.count_for(kept.workshop.seats) if gpus else 0
    held, missing = organised.nodes_of(kept)
    return WorkshopView(
        workshop=kept.workshop,
        state=kept.state,
        version=kept.version,
        devices=devices,
        nodes=sorted(held.nodes) if held else [],
        nodes_missing=missing.in_words(str).message if missing else "",
    )
