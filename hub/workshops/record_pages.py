"""A learner's own record as a page that prints well, and as a file."""

import asyncio
import time
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse

from hub.pages.service_page import page
from hub.web.auth import PagePerson
from hub.workshops.catalogue import catalogue
from hub.workshops.classroom import Classroom
from hub.workshops.join_pages import AtDoor, Code, Key, returning
from hub.workshops.people import Member
from hub.workshops.record import Attended, Record, as_json, record_of

router = APIRouter(include_in_schema=False)


@router.get("/record")
async def mine(request: Request, person: PagePerson) -> HTMLResponse:
    """What I did in workshops."""
    made = await _record(request, person.name, await _members(request, person.name))
    return page(request, "record.html", person=person, record=made, download=f"{_prefix(request)}record.json")


@router.get("/record.json")
async def mine_as_file(request: Request, person: PagePerson) -> JSONResponse:
    """The same for programs."""
    return _file(await _record(request, person.name, await _members(request, person.name)))


@router.get("/join/{code}/back/{key}/record")
async def theirs(request: Request, doorman: AtDoor, code: Code, key: Key) -> HTMLResponse:
    """The record of a temporary account, also once it is gone."""
    _, member = await returning(request, doorman, code, key)
    made = await _record(request, member.name, [member])
    download = f"{_prefix(request)}join/{code}/back/{key}/record.json"
    return page(request, "record.html", person=None, record=made, download=download)


@router.get("/join/{code}/back/{key}/record.json")
async def theirs_as_file(
    request: Request, doorman: AtDoor, code: Code, key: Annotated[str, Path(max_length=60)]
) -> JSONResponse:
    """The same for programs."""
    _, member = await returning(request, doorman, code, key)
    return _file(await _record(request, member.name, [member]))


async def _members(request: Request, user: str) -> list[Member]:
    return await asyncio.to_thread(request.app.state.organiser.members.of_user, user)


async def _record(request: Request, name: str, members: list[Member]) -> Record:
    """What these memberships of one person come to."""
    classroom: Classroom = request.app.state.classroom
    workshops = {kept.workshop.id: kept.workshop for kept in await request.app.state.organiser.all()}
    attended = []
    for member in members:
        learner = (await classroom.rooms.of(member.workshop)).learners.get(member.user)
        if member.workshop in workshops and learner is not None:
            attended.append(Attended(workshops[member.workshop], learner))
    return record_of(name, attended, catalogue(), time.time())


def _file(record: Record) -> JSONResponse:
    headers = {"Content-Disposition": 'attachment; filename="ai-literacy.json"'}
    return JSONResponse(as_json(record), headers=headers)


def _prefix(request: Request) -> str:
    return str(request.app.state.oauth.prefix)
