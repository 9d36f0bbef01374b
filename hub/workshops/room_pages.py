"""The room: who needs me? For the trainer in front of a class, and for the projector behind them."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from sse_starlette import EventSourceResponse, ServerSentEvent

from hub.leases.desk import Desk
from hub.leases.listening import LOOK_PERIOD, PING_SECONDS, STREAM_LIFE, ping, rung_within
from hub.leases.routes import AtDesk
from hub.pages import piece
from hub.pages.service_page import language_of, page, rendered
from hub.settings.types import Name
from hub.web.auth import csrf_token
from hub.web.hub_api import Person
from hub.web.hub_client import HubClient, RunningSeat
from hub.web.problems import Problem
from hub.web.roles import TrainerPosting, TrainerReading
from hub.words import later, translator
from hub.workshops.access import organising
from hub.workshops.catalogue import catalogue
from hub.workshops.classroom import Class, Classroom
from hub.workshops.fits_routes import Organised
from hub.workshops.learning import InClass
from hub.workshops.lifecycle import WorkshopState
from hub.workshops.model import Workshop
from hub.workshops.organiser import Organiser
from hub.workshops.room_view import RoomView, Tile, room_view

router = APIRouter(prefix="/workshops", include_in_schema=False)

WorkshopId = Annotated[Name, Path()]
LEAST_PERIOD = 0.8
"""Seconds between two parts sent, at least."""
LONGEST_MESSAGE = 500
Act = Literal["say", "unsay", "extend", "pause", "resume", "fresh", "lower", "restart", "ask"]


@router.get("/{id}/room", response_model=None)
async def room(
    request: Request, desk: AtDesk, person: TrainerReading, organised: Organised, classroom: InClass, id: WorkshopId
) -> Response:
    """Who is there, how far are they, who needs me?"""
    kept = await organised.found(organising(person), id)
    if (one := classroom.classes.get(id)) is None:
        return RedirectResponse(f"{request.app.state.oauth.prefix}workshops/{kept.workshop.id}", status_code=303)
    return _page(request, desk, person, one)


@router.get("/{id}/room/live", response_class=EventSourceResponse)
async def live(
    request: Request, desk: AtDesk, person: TrainerReading, organised: Organised, classroom: InClass, id: WorkshopId
) -> EventSourceResponse:
    """The page's main part now, and those of its parts that change whenever they do, as server-sent events."""
    await organised.found(organising(person), id)
    parts = _parts(request, desk, person, classroom, id)
    return EventSourceResponse(parts, ping=PING_SECONDS, ping_message_factory=ping)


@router.post("/{id}/room", response_model=None)
async def act(
    request: Request,
    desk: AtDesk,
    person: TrainerPosting,
    organised: Organised,
    classroom: InClass,
    id: WorkshopId,
    action: Annotated[Act, Form()],
    text: Annotated[str, Form(max_length=LONGEST_MESSAGE)] = "",
    minutes: Annotated[int, Form(ge=5, le=240)] = 15,
    lesson: Annotated[str, Form(max_length=16)] = "",
    number: Annotated[int, Form(ge=0, le=100_000)] = 0,
) -> Response:
    """The room's buttons. A refusal stands on the page."""
    kept = await organised.found(organising(person), id)
    if (one := classroom.classes.get(id)) is None:
        return RedirectResponse(f"{request.app.state.oauth.prefix}workshops/{id}", status_code=303)
    try:
        if action == "extend":
            await organised.extend(kept, minutes, person.name)
            await classroom.refresh()
        elif action in ("lower", "restart", "ask"):
            await _for_one(request, one, action, number)
        else:
            await _for_all(organised, classroom, one, person, action, text, lesson)
    except Problem as refused:
        said = refused.in_words(translator(language_of(request)))
        return _page(request, desk, person, one, said)
    return RedirectResponse(f"{request.app.state.oauth.prefix}workshops/{id}/room", status_code=303)


async def _for_all(
    organised: Organiser, classroom: Classroom, one: Class, person: Person, action: Act, text: str, lesson: str
) -> None:
    """What concerns everybody in the room."""
    if action in ("say", "unsay"):
        one.room.say(text.strip() if action == "say" else "", person.name, time.time())
    elif action == "fresh":
        if lesson not in one.workshop.lessons:
            raise Problem(422, "no-such-lesson", later("There is no lesson {value}."), "", {"value": lesson})
        one.room.give_fresh(lesson)
    elif action == "pause" and not one.lends:
        sentence = later("Nodes of a cluster cannot be lent out: whoever got one would keep it for hours.")
        raise Problem(409, "not-lent", sentence, later("End the class when nobody needs them any more."))
    else:
        one.room.pause(action == "pause")
        await classroom.refresh()
        await organised.people_changed()


async def _for_one(request: Request, one: Class, action: Act, number: int) -> None:
    """What concerns one learner. Raises Problem 404 for a number that nobody has."""
    user = one.member(number).user
    if action == "lower":
        one.room.lower_hand(user)
        return
    if action == "ask":
        one.room.ask(user, time.time())
        return
    await asyncio.to_thread(_restart, HubClient(request.app.state.state_directory), user, one.workshop.profile)


def _restart(hub: HubClient, user: str, profile: str) -> None:
    """Stop a learner's seat and start it again. Raises Problem when it does not stop."""
    hub.stop_seat(RunningSeat(user, ""))
    for _ in range(100):
        if hub.ended_user(user):
            hub.start_seat(user, profile)
            return
        time.sleep(0.1)
    raise Problem(503, "not-stopped", later("Their seat does not stop."), later("Try again in a minute."))


# --- the page ------------------------------------------------------------------------------------------


def _page(request: Request, desk: Desk, person: Person, one: Class, refused: Problem | None = None) -> HTMLResponse:
    status = refused.status if refused else 200
    context = _context(request, desk, person, one)
    return page(request, "room.html", status=status, refused=refused, **context)


def _context(request: Request, desk: Desk, person: Person, one: Class) -> dict[str, Any]:
    leases = {user: desk.of_user(user) for user in one.members}
    language, csrf = language_of(request), csrf_token(request)
    here = f"{request.app.state.oauth.prefix}workshops/{one.workshop.id}"
    return {
        "person": person,
        "workshop": one.workshop,
        "state": one.kept.state,
        "view": room_view(one, leases, catalogue(), language, time.time()),
        "lessons": catalogue().lessons,
        "join_address": f"{request.headers.get('Host', '')}{request.app.state.oauth.prefix}join",
        "code": one.kept.written_code,
        "csrf": csrf,
        "here": here,
        "tile_html": partial(_tile, language, here, csrf),
    }


@lru_cache(maxsize=4096)
def _tile(language: str, here: str, csrf: str, tile: Tile) -> Markup:
    """One tile. Most of a class stay as they are while somebody gets on, so each is drawn once."""
    return piece("room_tile.html", "seat", language, tile, here, csrf, language)


@dataclass(frozen=True)
class _Seen:
    """What somebody's page shows, from which follows what is sent next."""

    view: RoomView
    state: WorkshopState
    workshop: Workshop

    @property
    def numbers(self) -> tuple[int, ...]:
        """Whose tiles stand there, in their order."""
        return tuple(tile.number for tile in self.view.tiles)

    @property
    def around(self) -> dict[str, object]:
        """What the parts above and beside the tiles show, by their templates."""
        view = replace(self.view, tiles=())
        return {
            "room_top.html": (replace(view, bars=(), hands=()), self.state, self.workshop),
            "room_side.html": (replace(view, counts=(), minutes_left=0, part_minutes_left=0), self.workshop),
        }


async def _parts(
    request: Request, desk: Desk, person: Person, classroom: Classroom, id: str
) -> AsyncIterator[ServerSentEvent]:
    clock = asyncio.get_running_loop().time
    end, shown = clock() + STREAM_LIFE, None
    with (await classroom.rooms.of(id)).bell() as rung:
        while clock() < end and (one := classroom.classes.get(id)) is not None:
            rung.clear()
            context = _context(request, desk, person, one)
            seen = _Seen(context["view"], context["state"], one.workshop)
            if (news := _news(request, context, shown, seen)) is not None:
                shown = seen
                yield news
            await asyncio.sleep(LEAST_PERIOD)
            await rung_within(rung, LOOK_PERIOD)


def _news(request: Request, context: dict[str, Any], shown: _Seen | None, seen: _Seen) -> ServerSentEvent | None:
    """The whole for a page that shows nothing yet or other people; otherwise what differs; None where nothing does."""
    if shown is None or shown.numbers != seen.numbers:
        return ServerSentEvent(rendered(request, "room_live.html", **context), event="page")
    around = [part for part, now in seen.around.items() if now != shown.around[part]]
    changed = (now for before, now in zip(shown.view.tiles, seen.view.tiles, strict=True) if now != before)
    parts = [rendered(request, part, **context) for part in around] + [context["tile_html"](tile) for tile in changed]
    return ServerSentEvent("".join(parts), event="parts") if parts else None
