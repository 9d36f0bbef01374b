"""The page "Operations": is everything there, what is wrong, who has what; and the page of one device."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from hub.admin import operations_acts as acts
from hub.admin.operations_devices import device_fact
from hub.admin.operations_history import PAGE, history
from hub.admin.operations_look import Lookout
from hub.admin.operations_model import Asked, Operations
from hub.admin.operations_view import operations
from hub.leases.listening import LOOK_PERIOD, PING_SECONDS, STREAM_LIFE, ping
from hub.leases.routes import AtDesk, problem
from hub.pages.service_page import language_of, page, rendered
from hub.web.auth import csrf_token, same_site
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.web.roles import AdminPosting, AdminReading
from hub.words import translator

router = APIRouter(prefix="/admin/operations", include_in_schema=False)

Text = Annotated[str, Form(max_length=255)]
Device = Annotated[str, Path(max_length=80)]
ListName = Literal["", "queue", "devices", "parked", "seats", "clusters"]


async def asked(
    words: Annotated[str, Query(max_length=200)] = "", whole: Annotated[ListName, Query(alias="all")] = ""
) -> Asked:
    """Which rows the reader wants to see."""
    return Asked(tuple(words.lower().split()[:10]), whole)


Which = Annotated[Asked, Depends(asked)]


@router.get("")
async def front(request: Request, person: AdminReading, which: Which) -> HTMLResponse:
    """Is everything there, and who has what?"""
    seen = await _seen(request, person, which)
    return page(request, "admin_operations.html", **_context(request, person, which, seen), **_said(request))


@router.get("/live", response_class=EventSourceResponse)
async def live(request: Request, person: AdminReading, which: Which) -> EventSourceResponse:
    """The page's main part now and whenever it changes, as server-sent events."""
    return EventSourceResponse(_parts(request, person, which), ping=PING_SECONDS, ping_message_factory=ping)


@router.get("/devices/{uuid:path}")
async def device(
    request: Request,
    desk: AtDesk,
    person: AdminReading,
    uuid: Device,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> HTMLResponse:
    """Who had it, from when to when, and how did each lease end?"""
    state, language = request.app.state, language_of(request)
    if (found := desk.broker.state.devices.get(uuid)) is None:
        raise problem("no-such-device")
    look = await state.lookout.look()
    fact = device_fact(desk, found, look.left_over.get(uuid, ""), look.drained.get(uuid), language)
    given = (desk.broker.store.engine, state.engine, uuid, before, language, desk.broker.now())
    held = await run_in_threadpool(history, *given)
    noted = await run_in_threadpool(state.audit.about, f"device:{uuid}")
    return page(
        request,
        "admin_operations_device.html",
        person=person,
        device=fact,
        held=held,
        older=held[-1].number if len(held) == PAGE else None,
        noted=noted[::-1],
        csrf=csrf_token(request),
        **_said(request),
    )


# --- acts ---------------------------------------------------------------------------------------------


@router.post("/devices")
async def act_on_device(
    request: Request,
    person: AdminPosting,
    action: Annotated[Literal["drain", "return", "look"], Form()],
    device: Annotated[str, Form(max_length=80)],
) -> RedirectResponse:
    """Drain a device, put it back, or look whether it is clean."""
    state = request.app.state
    if action == "look":
        return await _shown(request, acts.look_again(state, person.name, device))
    return await _shown(request, acts.drain(state, person.name, device, action == "drain"))


@router.post("/leases")
async def end_lease(
    request: Request, person: AdminPosting, lease: Annotated[str, Form(max_length=40)]
) -> RedirectResponse:
    """End somebody's lease."""
    return await _shown(request, acts.end_lease(request.app.state, person.name, lease))


@router.post("/seats")
async def stop_seat(request: Request, person: AdminPosting, user: Text, server: Text = "") -> RedirectResponse:
    """Stop somebody's seat."""
    return await _shown(request, acts.stop_seat(request.app.state, person.name, user, server))


@router.post("/clusters")
async def stop_cluster(request: Request, person: AdminPosting, cluster: Text) -> RedirectResponse:
    """Stop somebody's Dask cluster."""
    return await _shown(request, acts.stop_cluster(request.app.state, person.name, cluster))


async def _shown(request: Request, act: Any) -> RedirectResponse:
    """Do it and show the page again that it was done on; a refusal is a sentence on that page."""
    try:
        request.session["operations"] = {"done": await act}
    except Problem as refused:
        said = refused.in_words(translator(language_of(request)))
        request.session["operations"] = {"refusal": f"{said.message} {said.hint}".strip()}
    back = same_site(request)
    own = f"{request.app.state.oauth.prefix}admin/operations"
    return RedirectResponse(back if back.startswith(own) else own, status_code=303)


def _said(request: Request) -> dict[str, Any]:
    """What came of the form that led here, once, in words."""
    said = request.session.pop("operations", None) or {}
    done = acts.DONE.get(said.get("done", ""), "")
    return {"refusal": said.get("refusal", ""), "done": translator(language_of(request))(done) if done else ""}


# --- while it is open ---------------------------------------------------------------------------------


async def _seen(request: Request, person: Person, which: Asked) -> Operations:
    lookout: Lookout = request.app.state.lookout
    return operations(request.app.state, await lookout.look(), person.name, language_of(request), which)


def _context(request: Request, person: Person, which: Asked, seen: Operations) -> dict[str, Any]:
    return {"person": person, "view": seen, "asked": which, "csrf": csrf_token(request)}


async def _parts(request: Request, person: Person, which: Asked) -> AsyncIterator[ServerSentEvent]:
    clock = asyncio.get_running_loop().time
    end, shown = clock() + STREAM_LIFE, None
    while clock() < end:
        seen = await _seen(request, person, which)
        if seen != shown:
            shown = seen
            text = rendered(request, "admin_operations_live.html", **_context(request, person, which, seen))
            yield ServerSentEvent(text, event="page")
        await asyncio.sleep(LOOK_PERIOD)
