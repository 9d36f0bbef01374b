"""The learners' pages: type the code, read what the trainer will see, come in."""

import asyncio
from typing import Annotated, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from hub.pages.service_page import language_of, page
from hub.web.auth import PagePerson, PostingPerson, SignInNeeded, csrf_token, person_or_none, require_csrf
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.words import later, translator
from hub.workshops.admission import is_guest
from hub.workshops.catalogue import catalogue
from hub.workshops.guests import COOKIE, SECONDS
from hub.workshops.joining import Door, Doorman, Standing
from hub.workshops.people import Member

router = APIRouter(prefix="/join", include_in_schema=False)

Code = Annotated[str, Path(max_length=40)]
Invitation = Annotated[str, Query(alias="for", max_length=40)]


Key = Annotated[str, Path(max_length=60)]


async def doorman_of(request: Request) -> Doorman:
    doorman: Doorman = request.app.state.doorman
    return doorman


AtDoor = Annotated[Doorman, Depends(doorman_of)]
Anybody = Annotated[Person | None, Depends(person_or_none)]


@router.get("", response_model=None)
async def ask(request: Request, person: Anybody, code: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Where a code is typed."""
    if code.strip():
        return RedirectResponse(f"{_prefix(request)}join/{quote(code.strip(), safe='')}", status_code=303)
    return page(request, "join_code.html", person=person, code="", wrong=None)


@router.get("/{code}")
async def door(
    request: Request, person: Anybody, doorman: AtDoor, code: Code, invitation: Invitation = ""
) -> HTMLResponse:
    """What is this workshop, can I still join, and what will the trainer see?"""
    try:
        found = await doorman.door(code, invitation, _address(request))
    except Problem as problem:
        said = problem.in_words(translator(language_of(request)))
        return page(request, "join_code.html", status=said.status, person=person, code=code, wrong=said)
    return await _door_page(request, person, doorman, found, code, invitation)


@router.post("/{code}", response_model=None)
async def come_in(
    request: Request,
    person: Anybody,
    doorman: AtDoor,
    code: Code,
    how: Annotated[Literal["account", "temporary"], Form()],
    invitation: Invitation = "",
    csrf: Annotated[str, Form(max_length=100)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    shares_name: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """The door's buttons."""
    require_csrf(request, csrf)
    shares, address = bool(shares_name), _address(request)
    try:
        if how == "temporary" and person is None:
            member, key = await doorman.enrol_guest(code, invitation, address, name, shares)
            await _somebody_came(request)
            return _with_ticket(request, member, code, key)
        if person is None:
            raise SignInNeeded
        await doorman.enrol(code, invitation, address, person.name, name, shares)
    except Problem as problem:
        return await _refused(request, person, doorman, problem, code, invitation)
    await _somebody_came(request)
    return RedirectResponse(f"{_prefix(request)}join/{quote(code, safe='')}/seat", status_code=303)


@router.get("/{code}/seat", response_model=None)
async def seat(request: Request, person: PagePerson, doorman: AtDoor, code: Code) -> Response:
    """To the first lesson on one's own seat, which is started where it does not run."""
    found = await doorman.door(code, "", _address(request))
    member = await doorman.membership(found, person.name)
    if member is None and person.name not in found.workshop.people:
        return RedirectResponse(f"{_prefix(request)}join/{quote(code, safe='')}", status_code=303)
    if not found.is_on:
        return await _door_page(request, person, doorman, found, code, "")
    profile, mine = found.workshop.profile, next((one for one in person.seats if one.server == ""), None)
    if mine and mine.ready and mine.profile != profile:
        return page(
            request,
            "join_other_seat.html",
            person=person,
            door=found,
            code=code,
            csrf=csrf_token(request),
            running=_title(request, mine.profile),
            wanted=_title(request, profile),
            lesson=_lesson(request, person, found),
        )
    asked = {"opt-profile": profile, "next": _lesson(request, person, found)}
    user = quote(person.name, safe="")
    return RedirectResponse(f"{_base(request)}hub/spawn/{user}?{urlencode(asked)}", status_code=303)


@router.get("/{code}/sign-in")
async def sign_in_first(request: Request, _person: PagePerson, code: Code, invitation: Invitation = "") -> Response:
    """To the hub's sign-in, and back to the door."""
    tail = f"?{urlencode({'for': invitation})}" if invitation else ""
    return RedirectResponse(f"{_prefix(request)}join/{quote(code, safe='')}{tail}", status_code=303)


@router.post("/{code}/restart")
async def restart(request: Request, person: PostingPerson, code: Code) -> Response:
    """Stop the seat that runs with another profile; `seat` starts the workshop's."""
    await request.app.state.hub.stop_seat(person, "")
    return RedirectResponse(f"{_prefix(request)}join/{quote(code, safe='')}/seat", status_code=303)


@router.get("/{code}/back/{key}", response_model=None)
async def come_back(request: Request, person: Anybody, doorman: AtDoor, code: Code, key: Key) -> Response:
    """The link with which a temporary account comes back, from whichever browser."""
    found, member = await returning(request, doorman, code, key)
    if found.standing is Standing.OVER:
        has_files = await asyncio.to_thread(request.app.state.belongings.archive_of(member).is_file)
        return page(request, "join_after.html", person=person, door=found, code=code, key=key, has_files=has_files)
    if person is not None and person.name == member.user:
        return RedirectResponse(f"{_prefix(request)}join/{quote(code, safe='')}/seat", status_code=303)
    return _with_ticket(request, member, code, "")


@router.get("/{code}/back/{key}/files")
async def files(request: Request, doorman: AtDoor, code: Code, key: Key) -> FileResponse:
    """What a temporary account left, in one file."""
    found, member = await returning(request, doorman, code, key)
    archive = request.app.state.belongings.archive_of(member)
    if not await asyncio.to_thread(archive.is_file):
        hint = later("They are put together when the workshop is over, and removed when its days are past.")
        raise Problem(404, "no-files", later("There are no files of this account."), hint)
    return FileResponse(archive, media_type="application/zip", filename=f"{found.workshop.id}.zip")


# --- parts ---------------------------------------------------------------------------------------------


async def _somebody_came(request: Request) -> None:
    """The room shows them, and what is reserved is for them too."""
    await request.app.state.classroom.refresh()
    await request.app.state.organiser.people_changed()


def _with_ticket(request: Request, member: Member, code: str, key: str) -> Response:
    """To the hub, which signs the temporary account in, and on to its seat."""
    tail = f"join/{quote(code, safe='')}"
    onward = f"{_prefix(request)}{tail}/{f'keep/{key}' if key else 'seat'}"
    ticket, nonce = request.app.state.tickets.make(member.user, member.workshop)
    reply = RedirectResponse(
        f"{_base(request)}hub/guest?{urlencode({'ticket': ticket, 'next': onward})}", status_code=303
    )
    reply.set_cookie(
        COOKIE,
        nonce,
        max_age=SECONDS,
        httponly=True,
        samesite="lax",
        path=f"{_base(request)}hub/guest",
        secure=request.url.scheme == "https",
    )
    request.session.clear()  # whoever was signed in to these pages is not any more
    return reply


@router.get("/{code}/keep/{key}")
async def keep(request: Request, person: PagePerson, doorman: AtDoor, code: Code, key: Key) -> Response:
    """Shown once to a new temporary account: how to come back."""
    found, member = await returning(request, doorman, code, key)
    if member.user != person.name:
        return RedirectResponse(f"{_prefix(request)}join/{quote(code, safe='')}", status_code=303)
    link = f"{_site(request)}{_prefix(request)}join/{quote(code, safe='')}/back/{quote(key, safe='')}"
    return page(request, "join_keep.html", person=person, door=found, code=code, link=link)


async def returning(request: Request, doorman: Doorman, code: str, key: str) -> tuple[Door, Member]:
    """The workshop and the temporary account of a link. Raises Problem 404."""
    found = await doorman.door(code, "", _address(request))
    member = await asyncio.to_thread(doorman.members.back, found.workshop.id, key)
    if member is None:
        doorman.wrong(_address(request))
        sentence = later("This link leads to no account.")
        raise Problem(404, "no-such-link", sentence, later("Ask the trainer for the link of the workshop."))
    return found, member


async def _door_page(
    request: Request,
    person: Person | None,
    doorman: Doorman,
    found: Door,
    code: str,
    invitation: str,
    refused: Problem | None = None,
) -> HTMLResponse:
    member = await doorman.membership(found, person.name) if person else None
    is_named = person is not None and person.name in found.workshop.people
    return page(
        request,
        "join_door.html",
        status=refused.status if refused else 200,
        person=person,
        door=found,
        workshop=found.workshop,
        standing=found.standing,
        member=member,
        is_in=member is not None or is_named,
        is_guest=person is not None and is_guest(person.name),
        lessons=[catalogue().lessons[id] for id in found.workshop.lessons if id in catalogue().lessons],
        opens=found.workshop.starts.timestamp() - request.app.state.organiser.warm_before,
        code=code,
        invitation=invitation,
        csrf=csrf_token(request),
        refused=refused,
        Standing=Standing,
    )


async def _refused(
    request: Request, person: Person | None, doorman: Doorman, problem: Problem, code: str, invitation: str
) -> Response:
    said = problem.in_words(translator(language_of(request)))
    if problem.code in ("no-such-code", "too-many-codes"):
        return page(request, "join_code.html", status=said.status, person=person, code=code, wrong=said)
    found = await doorman.door(code, invitation, _address(request))
    return await _door_page(request, person, doorman, found, code, invitation, said)


def _lesson(request: Request, person: Person, door: Door) -> str:
    """The first lesson on somebody's own seat."""
    user, language = quote(person.name, safe=""), language_of(request)
    return f"{_base(request)}user/{user}/werkbank/lessons/{door.workshop.lessons[0]}/{language}"


def _title(request: Request, profile: str | None) -> str:
    known = {one.name: one.title.in_language(language_of(request)) for one in request.app.state.settings.profiles}
    return str(known.get(profile or "", profile or "-"))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _prefix(request: Request) -> str:
    return str(request.app.state.oauth.prefix)


def _base(request: Request) -> str:
    return _prefix(request).removesuffix("services/werkbank/")


def _site(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('Host', '')}"
