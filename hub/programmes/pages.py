"""Pages of programmes: one for its leads and admins, all of them for admins, and exceptions that end by themselves."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from hub.accounting.accounts import Accounts
from hub.accounting.query import Whose
from hub.accounting.scope import led_by
from hub.leases.desk import Desk
from hub.pages.service_page import language_of, page
from hub.programmes.allowing import Allowing
from hub.programmes.form import ExceptionForm, Reading, read_form
from hub.programmes.view import programme_view
from hub.settings import Settings
from hub.settings.model import Programme
from hub.web.auth import PagePerson, csrf_token
from hub.web.hub_api import HubApi, Person
from hub.web.problems import Problem
from hub.web.roles import AdminPosting, AdminReading
from hub.words import later, translator

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Path(max_length=32)]
Field = Annotated[str, Form(max_length=1000)]


@router.get("/admin/programmes")
async def every(request: Request, person: AdminReading) -> HTMLResponse:
    """All programmes: who uses what, and who is near a bound."""
    people = await _people(request)
    desk: Desk = request.app.state.leases
    language = language_of(request)
    views = [programme_view(desk, one, people, language) for one in desk.settings.programmes]
    return page(request, "admin_programmes.html", person=person, views=views, csrf=csrf_token(request))


@router.get("/programmes/{name}")
async def one(request: Request, person: PagePerson, name: Name) -> HTMLResponse:
    """One programme, for those who lead it and for admins."""
    return await _page(request, person, _programme(request, person, name), ExceptionForm(), Reading())


@router.post("/programmes/{name}/exceptions")
async def grant(
    request: Request,
    person: AdminPosting,
    name: Name,
    user: Field = "",
    hours: Field = "",
    gpus: Field = "",
    until: Field = "",
    reason: Field = "",
) -> Response:
    """More for the programme or one of its members, until a day. Nothing is kept where something is wrong."""
    programme, desk = _programme(request, person, name), request.app.state.leases
    form = ExceptionForm(user.strip(), hours, gpus, until, reason)
    translate = translator(language_of(request))
    now, rules = desk.broker.now(), desk.broker.state.rules
    reading = read_form(form, name, rules, person.name, now, translate)
    if form.user and form.user not in await _members(request, name):
        sentence = translate("{user} is no member of this programme.")
        reading.mistakes["user"] = sentence.format(user=form.user[:100])
    if reading.mistakes or reading.allowance is None:
        return await _page(request, person, programme, form, reading, status=422)
    allowing: Allowing = request.app.state.allowing
    await allowing.grant(reading.allowance)
    return _back(request, name)


@router.post("/programmes/{name}/exceptions/{id}/end")
async def take_back(request: Request, person: AdminPosting, name: Name, id: int) -> RedirectResponse:
    """End an exception before its time. Doing so twice changes nothing."""
    _programme(request, person, name)
    await request.app.state.allowing.take_back(id, person.name)
    return _back(request, name)


def _back(request: Request, name: str) -> RedirectResponse:
    return RedirectResponse(f"{request.app.state.oauth.prefix}programmes/{name}#exceptions", status_code=303)


def _programme(request: Request, person: Person, name: str) -> Programme:
    """Raises Problem 403 to whoever is neither an admin nor leads it, whether or not there is one; else 404."""
    settings: Settings = request.app.state.settings
    if not person.admin and name not in led_by(person, settings):
        message = later("Only those who lead a programme, and the admins, see its page.")
        raise Problem(403, "not-your-programme", message, later("Ask the programme's leads."))
    found = next((programme for programme in settings.programmes if programme.name == name), None)
    if found is None:
        raise Problem(404, "no-such-programme", later('There is no programme called "{name}".'), "", {"name": name})
    return found


async def _people(request: Request) -> list[Person]:
    hub: HubApi = request.app.state.hub
    return await hub.people()


async def _members(request: Request, name: str) -> set[str]:
    view = programme_view(request.app.state.leases, _named(request, name), await _people(request), "en")
    return {member.name for member in view.members}


def _named(request: Request, name: str) -> Programme:
    settings: Settings = request.app.state.settings
    return next(programme for programme in settings.programmes if programme.name == name)


async def _page(
    request: Request, person: Person, programme: Programme, form: ExceptionForm, reading: Reading, **more: Any
) -> HTMLResponse:
    desk: Desk = request.app.state.leases
    view = programme_view(desk, programme, await _people(request), language_of(request))
    allowing: Allowing = request.app.state.allowing
    users = [member.name for member in view.members]
    past = await run_in_threadpool(allowing.granted.past, programme.name, users)
    accounts: Accounts = request.app.state.accounts
    jobs = await accounts.known_jobs()
    context: dict[str, Any] = {
        "view": view,
        "jobs": jobs,
        "by_jobs": await accounts.week(Whose(programme=programme.name)) if jobs else None,
        "past": past,
        "form": form,
        "mistakes": reading.mistakes,
        "csrf": csrf_token(request),
    }
    return page(request, "programme.html", person=person, **context, **more)
