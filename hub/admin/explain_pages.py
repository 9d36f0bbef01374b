"""The pages that explain: may they start it, could they get one, why does it wait, what would a quota have done?"""

import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse

from hub.accounting.asking import AtAccounts
from hub.admin.explain_answer import Answer
from hub.admin.explain_asking import (
    could_get,
    led_by,
    may_start,
    member,
    require_lead,
    require_lease,
    require_programme,
)
from hub.admin.explain_quota import quota_view
from hub.admin.explain_routes import require_known
from hub.leases.desk import Desk
from hub.leases.explain_view import LineRow, holder_rows, line_rows, what_changes_it, why_waits, without_names
from hub.leases.model import Lease
from hub.leases.waiting import standing
from hub.pages.service_page import language_of, page
from hub.web.auth import PagePerson
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.web.roles import AdminReading
from hub.words import later, translator

router = APIRouter(prefix="/admin/explain", include_in_schema=False)

Text = Annotated[str, Query(max_length=255)]
Short = Annotated[str, Query(max_length=32)]


async def lead_reading(request: Request, person: PagePerson) -> Person:
    """An admin, or somebody who leads a programme."""
    return require_lead(person, request.app.state.settings)


LeadReading = Annotated[Person, Depends(lead_reading)]


@router.get("")
async def front(request: Request, person: LeadReading) -> HTMLResponse:
    """What can be asked, and who waits now."""
    return _page(request, person)


@router.get("/start")
async def start(request: Request, person: AdminReading, user: Text = "", profile: Short = "") -> HTMLResponse:
    """May they start a seat with this profile now?"""
    asked: dict[str, Any] = {"asked": "start", "user": user.strip(), "profile": profile}
    try:
        found = await member(request.app.state, person, asked["user"])
        answer = await may_start(request.app.state, found, profile, language_of(request))
    except Problem as problem:
        return _told(request, person, problem, asked)
    return _page(request, person, answer=answer, **asked)


@router.get("/gpu")
async def gpu(request: Request, person: LeadReading, user: Text = "", gpu: Short = "") -> HTMLResponse:
    """Could a kernel of theirs get a GPU of this class now?"""
    asked: dict[str, Any] = {"asked": "gpu", "user": user.strip(), "gpu": gpu}
    try:
        found = await member(request.app.state, person, asked["user"])
        answer = await could_get(request.app.state, found, gpu, language_of(request))
    except Problem as problem:
        return _told(request, person, problem, asked)
    return _page(request, person, answer=_seen(request, person, answer), **asked)


@router.get("/lease/{id}")
async def lease(request: Request, person: LeadReading, id: Annotated[str, Path(max_length=40)]) -> HTMLResponse:
    """Why does this lease wait?"""
    desk: Desk = request.app.state.leases
    found = require_lease(person, await desk.find(id), request.app.state.settings)
    answer = _seen(request, person, _of_lease(desk, found, language_of(request)))
    view = desk.view(found, language_of(request))
    return _page(request, person, answer=answer, asked="lease", lease=view)


@router.get("/quota")
async def quota(
    request: Request, person: LeadReading, accounts: AtAccounts, programme: Short = "", gpu_hours: Short = "",
    gpus: Short = "", period: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:  # fmt: skip
    """What would this quota have held back last month?"""
    require_programme(person, programme, request.app.state.settings)
    asked: dict[str, Any] = {
        "asked": "quota",
        "programme": programme,
        "gpu_hours": gpu_hours,
        "gpus": gpus,
        "period": period,
    }
    translate = translator(language_of(request))
    try:
        require_known(request, programme)
        hours, devices = _number(gpu_hours), _number(gpus)
        count = None if devices is None else int(devices)
        told = await quota_view(accounts, programme, hours, count, period, translate)
    except Problem as problem:
        return _told(request, person, problem, asked)
    return _page(request, person, told=told, **asked)


# --- how ------------------------------------------------------------------------------------------------


def _of_lease(desk: Desk, found: Lease, language: str) -> Answer:
    """Why it waits; of one that does not wait there is nothing to explain."""
    state, _ = desk.broker.state, translator(language)
    stands = standing(state, found)
    if stands is None:
        sentence = _("This lease does not wait: it is {state}.").format(state=found.state)
        return Answer(verdict="yes", code="", sentence=sentence, facts=[], changes=[])
    reason = "unreadable" if desk.broker.unreadable else stands.reason
    return Answer(
        verdict="waits",
        code=reason,
        sentence=why_waits(state, found, reason, language),
        facts=[],
        changes=[what_changes_it(reason, language)],
        line=line_rows(state, found.gpu_class, language),
        devices=holder_rows(state, found, language),
        asked=found.id,
    )


def _seen(request: Request, person: Person, answer: Answer) -> Answer:
    """What the asker may see of it: a lead reads no names of other programmes."""
    if person.admin:
        return answer
    led = led_by(person, request.app.state.settings)
    state = request.app.state.leases.broker.state
    line, devices = without_names(answer.line, answer.devices, state, led, language_of(request))
    return answer.model_copy(update={"line": line, "devices": devices})


def _waiting(request: Request, person: Person) -> list[tuple[str, LineRow]]:
    """Whoever waits now and may be asked about, by class and place."""
    desk: Desk = request.app.state.leases
    language, led = language_of(request), led_by(person, desk.settings)
    rows = [(name, row) for name in desk.settings.gpu_classes for row in line_rows(desk.broker.state, name, language)]
    return [(name, row) for name, row in rows if person.admin or row.programme in led]


def _page(request: Request, person: Person, *, status: int = 200, **more: Any) -> HTMLResponse:
    settings = request.app.state.settings
    led = led_by(person, settings)
    language = language_of(request)
    context = {
        "profiles": [(one.name, one.title.in_language(language)) for one in settings.profiles],
        "gpu_classes": [(name, one.title.in_language(language)) for name, one in settings.gpu_classes.items()],
        "programmes": [(one.name, one.title.in_language(language)) for one in settings.programmes if one.name in led],
        "waiting": _waiting(request, person),
        "asked": "",
        **dict.fromkeys(("answer", "told", "lease", "mistake")),
    }
    return page(request, "admin_explain.html", status=status, person=person, **context | more)


def _told(request: Request, person: Person, problem: Problem, asked: dict[str, Any]) -> HTMLResponse:
    """A question that cannot be answered, with what was asked; what the asker may not know stays a problem."""
    if problem.status not in (404, 422):
        raise problem
    said = problem.in_words(translator(language_of(request)))
    return _page(request, person, status=problem.status, mistake=f"{said.message} {said.hint}".strip(), **asked)


def _number(text: str) -> float | None:
    """A number that somebody typed, with a comma or a point; None for nothing. Raises Problem 422."""
    if not text.strip():
        return None
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1e9:
        message = later('"{value}" is no number of at least 0.')
        raise Problem(422, "bad-number", message, "", {"value": text.strip()})
    return number
