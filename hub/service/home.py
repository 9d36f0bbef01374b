"""The service's pages: who am I, my seats, my clusters."""

from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from hub.leases.page_facility import allowed
from hub.leases.page_facility import programmes as programme_uses
from hub.pages.service_page import language_of, page
from hub.seats.view import views
from hub.web.auth import PagePerson, csrf_token, same_site
from hub.web.problems import Problem
from hub.words import COOKIE, translator

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request, person: PagePerson) -> HTMLResponse:
    """What do I have running, when does it stop, and how do I keep it?"""
    state = request.app.state
    now = datetime.now(UTC)
    mine = {programme.name for programme in state.settings.programmes} & set(person.groups)
    return page(
        request,
        "home_service.html",
        person=person,
        programmes=[p for p in state.settings.programmes if p.name in mine],
        seats=views(person, state.settings, state.keeps, now),
        gateway_enabled=state.gateway is not None,
        clusters=await state.gateway.clusters(person) if state.gateway else [],
        culling=state.settings.culling,
        uses=list(programme_uses(state.leases, person, language_of(request))),
        allowances=allowed(state.leases, person, language_of(request)),
        leases=len(state.leases.of_user(person.name)),
        workshops=await state.organiser.taken_part_in_by(person.name),
        now=now,
        csrf=csrf_token(request),
    )


@router.get("/language/{language}")
async def language(request: Request, language: Literal["en", "nl"]) -> Response:
    """Remember the reader's language for every page of the workbench."""
    response = RedirectResponse(same_site(request), status_code=303)
    response.set_cookie(COOKIE, language, max_age=365 * 86400, samesite="lax", path="/")
    return response


def problem_page(request: Request, problem: Problem) -> Response:
    """An error as a page."""
    # Problems are raised where the reader's language is not known; here it is. Plain text, so the page escapes it.
    said = problem.in_words(translator(language_of(request)))
    return page(request, "problem.html", status=problem.status, problem=said)
