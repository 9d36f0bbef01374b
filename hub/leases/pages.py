"""The page "My GPUs": what I hold, what I wait for, what it costs; it changes by itself while it is open."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from hub.leases.desk import Desk
from hub.leases.events import Event, Kept, Released
from hub.leases.listening import LOOK_PERIOD, PING_SECONDS, STREAM_LIFE, WAIT_PERIOD, ping, rung_within
from hub.leases.model import ENDED, Lease, LeaseState
from hub.leases.page_view import GpuPage, gpu_page
from hub.leases.routes import AtDesk, problem, told
from hub.leases.sentences import ENDED as ENDED_WORDS
from hub.leases.sentences import REFUSALS, say
from hub.pages.service_page import language_of, page, rendered
from hub.web.auth import ApiPerson, PagePerson, PostingPerson, csrf_token
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.words import translator

router = APIRouter(include_in_schema=False)

LEAST_PERIOD = 1.0
"""Seconds between two parts sent, at least."""

LeaseField = Annotated[str, Form(max_length=40)]


@router.get("/gpus")
async def my_gpus(request: Request, desk: AtDesk, person: PagePerson) -> HTMLResponse:
    """What do I hold, what do I wait for, and what does it cost?"""
    seen = await _seen(desk, person, language_of(request))
    return page(request, "my_gpus.html", **_context(request, desk, person, seen) | _said(request))


@router.get("/gpus/live", response_class=EventSourceResponse)
async def live(request: Request, desk: AtDesk, person: ApiPerson) -> EventSourceResponse:
    """The page's main part now and whenever it changes, as server-sent events."""
    return EventSourceResponse(_parts(request, desk, person), ping=PING_SECONDS, ping_message_factory=ping)


@router.post("/gpus/keep")
async def keep(request: Request, desk: AtDesk, person: PostingPerson, lease: LeaseField) -> RedirectResponse:
    """The page's "keep" button."""
    return await _act(request, desk, person, lease, Kept(lease))


@router.post("/gpus/release")
async def release(request: Request, desk: AtDesk, person: PostingPerson, lease: LeaseField) -> RedirectResponse:
    """The page's "give back" and "stop waiting" buttons. Doing so twice changes nothing."""
    found = desk.broker.state.leases.get(lease)
    reason = "cancelled" if found and found.state is LeaseState.QUEUED else "user"
    return await _act(request, desk, person, lease, Released(lease, reason))


async def _act(request: Request, desk: Desk, person: Person, id: str, event: Event) -> RedirectResponse:
    """Do it and show the page again; a refusal is a sentence on that page."""
    try:
        lease = await _own(desk, person, id)
        if isinstance(event, Released) and lease.state not in ENDED:
            await told(desk, event)
            request.session["told"] = {"done": event.reason}
        elif isinstance(event, Kept):
            await told(desk, event)
    except Problem as refused:
        request.session["told"] = {"refused": refused.code, "facts": refused.facts}
    return RedirectResponse(f"{request.app.state.oauth.prefix}gpus", status_code=303)


async def _own(desk: Desk, person: Person, id: str) -> Lease:
    """A lease of this person. Raises Problem, the same for a lease of somebody else as for none."""
    found = await desk.find(id)
    if found is None or found.user != person.name:
        raise problem("no-such-lease")
    return found


def _said(request: Request) -> dict[str, Any]:
    """What came of the form that led here, once, in words."""
    said = request.session.pop("told", None) or {}
    translate = translator(language_of(request))
    refusal = ""
    if said.get("refused") in REFUSALS:
        refused = problem(said["refused"], **said["facts"]).in_words(translate)
        refusal = f"{refused.message} {refused.hint}".strip()
    return {"refusal": refusal, "done": say(ENDED_WORDS, said["done"], translate) if "done" in said else ""}


async def _seen(desk: Desk, person: Person, language: str) -> GpuPage:
    recent = await desk.recent.of_user(person.name, desk.broker.now())
    return gpu_page(desk, person, language, recent)


def _context(request: Request, desk: Desk, person: Person, seen: GpuPage) -> dict[str, Any]:
    return {
        "person": person,
        "gpus": seen,
        "keep_for": desk.settings.leases.keep_for,
        "csrf": csrf_token(request),
    }


# --- while it is open ----------------------------------------------------------------------------------


async def _parts(request: Request, desk: Desk, person: Person) -> AsyncIterator[ServerSentEvent]:
    clock, language = asyncio.get_running_loop().time, language_of(request)
    end, shown = clock() + STREAM_LIFE, None
    with desk.bells.of(person.name) as rung:
        while clock() < end:
            rung.clear()
            seen = await _seen(desk, person, language)
            if seen != shown:
                shown = seen
                text = rendered(request, "my_gpus_live.html", **_context(request, desk, person, seen))
                yield ServerSentEvent(text, event="page")
            await asyncio.sleep(LEAST_PERIOD)
            await rung_within(rung, WAIT_PERIOD - LEAST_PERIOD if seen.waits else LOOK_PERIOD)
