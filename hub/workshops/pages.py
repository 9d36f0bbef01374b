"""The trainers' pages: all workshops, one of them, and the form in which it is written down."""

import io
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import segno
from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from markupsafe import Markup
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from starlette.concurrency import run_in_threadpool

from hub.pages.service_page import language_of, page
from hub.settings import Settings
from hub.settings.types import Name
from hub.web.auth import csrf_token
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.web.roles import TrainerPosting, TrainerReading
from hub.words import later, translator
from hub.workshops import form
from hub.workshops.access import organising
from hub.workshops.catalogue import catalogue
from hub.workshops.fits_routes import Organised
from hub.workshops.lifecycle import OPEN, PROMISED, WorkshopState
from hub.workshops.model import Workshop
from hub.workshops.organiser import Organiser
from hub.workshops.page_view import STEPS, agenda, answer_view, rows_by_group
from hub.workshops.rehearsals import MOST_PEOPLE
from hub.workshops.routes import read_workshop
from hub.workshops.store import Kept

router = APIRouter(prefix="/workshops", include_in_schema=False)

WorkshopId = Annotated[Name, Path()]
FIELDS = frozenset(form.blank("", None, datetime.now()))
LONGEST_YAML = 200_000


# --- looking -----------------------------------------------------------------------------------------


@router.get("")
async def workshops(
    request: Request,
    person: TrainerReading,
    organised: Organised,
    words: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """What is planned, what runs, and what was."""
    kept = await organised.of(organising(person))
    groups = rows_by_group(kept, language_of(request), words)
    return page(
        request, "workshops.html", person=person, groups=groups, words=words, total=len(kept), csrf=csrf_token(request)
    )


@router.get("/new")
async def new(
    request: Request,
    person: TrainerReading,
    organised: Organised,
    like: Annotated[str, Query(alias="from", max_length=32)] = "",
) -> HTMLResponse:
    """An empty form, or the form of the same class once more."""
    profiles = _profiles(request, person)
    fields = form.blank(person.name, profiles[0] if profiles else None, datetime.now())
    if like:
        fields = form.next_time((await organised.found(organising(person), like)).workshop)
    return await _form(request, person, organised, form.Form(fields), None)


@router.get("/{id}")
async def workshop(request: Request, person: TrainerReading, organised: Organised, id: WorkshopId) -> HTMLResponse:
    """Will it fit, is it ready?"""
    kept = await organised.found(organising(person), id)
    return await workshop_page(request, person, organised, kept)


@router.get("/{id}/edit")
async def edit(request: Request, person: TrainerReading, organised: Organised, id: WorkshopId) -> HTMLResponse:
    """The form of a draft; fields that the address names are filled in as it says."""
    kept = await organised.found(organising(person), id)
    wanted = {name: value for name, value in request.query_params.items() if name in FIELDS}
    return await _form(request, person, organised, form.Form(form.fields_of(kept.workshop) | wanted), kept)


@router.get("/{id}/yaml")
async def as_yaml(person: TrainerReading, organised: Organised, id: WorkshopId) -> PlainTextResponse:
    """The workshop as a file, which can be read again here or by the command line."""
    kept = await organised.found(organising(person), id)
    headers = {"Content-Disposition": f'attachment; filename="{id}.yaml"'}
    return PlainTextResponse(in_yaml(kept.workshop), media_type="application/yaml", headers=headers)


# --- writing -------------------------------------------------------------------------------------------


@router.post("/new")
async def create(request: Request, person: TrainerPosting, organised: Organised) -> Response:
    """Write a new workshop down."""
    return await _write(request, person, organised, None)


@router.post("/{id}/edit")
async def change(request: Request, person: TrainerPosting, organised: Organised, id: WorkshopId) -> Response:
    """Write a draft down again."""
    return await _write(request, person, organised, await organised.found(organising(person), id))


@router.post("/fits")
async def fits(request: Request, person: TrainerPosting, organised: Organised) -> HTMLResponse:
    """Whether what stands in the form would fit: a part of the page, asked for while somebody types."""
    filled = await _filled(request)
    found, filled.mistakes = form.asked(filled.fields, catalogue(), _translate(request))
    return page(request, "workshop_answer.html", **await _answer(request, organised, person, found, filled.mistakes))


@router.post("/import")
async def read_yaml(
    request: Request, person: TrainerPosting, organised: Organised, text: Annotated[str, Form(max_length=LONGEST_YAML)]
) -> Response:
    """Write down a workshop that is given in YAML."""
    who = organising(person)
    declared = read_workshop(parse_yaml(text))
    known = {kept.workshop.id: kept for kept in await organised.of(who)}
    version = known[declared.id].version if declared.id in known else 0
    kept = await organised.put(declared, who, version)
    return _to(request, f"/{kept.workshop.id}")


@router.post("/{id}/act")
async def act(
    request: Request,
    person: TrainerPosting,
    organised: Organised,
    id: WorkshopId,
    action: Annotated[Literal["publish", "withdraw", "close", "remove"], Form()],
) -> Response:
    """The buttons of the workshop's page. A refusal stands on that page."""
    kept = await organised.found(organising(person), id)
    acts = {
        "publish": organised.publish,
        "withdraw": organised.withdraw,
        "close": organised.close,
        "remove": organised.remove,
    }
    try:
        await acts[action](kept, person.name)
    except Problem as refused:
        said = refused.in_words(_translate(request))
        return await workshop_page(request, person, organised, kept, said)
    return _to(request, "" if action == "remove" else f"/{id}")


@router.post("/{id}/rehearse", response_model=None)
async def rehearse(
    request: Request,
    person: TrainerPosting,
    organised: Organised,
    id: WorkshopId,
    people: Annotated[int, Form(ge=1, le=MOST_PEOPLE)] = 3,
) -> Response:
    """The button of the dress rehearsal."""
    kept = await organised.found(organising(person), id)
    try:
        await request.app.state.rehearsals.begin(kept, people, person.name)
    except Problem as refused:
        return await workshop_page(request, person, organised, kept, refused.in_words(_translate(request)))
    return _to(request, f"/{id}")


# --- parts ---------------------------------------------------------------------------------------------


async def _write(request: Request, person: Person, organised: Organiser, kept: Kept | None) -> Response:
    """Write what stands in the form, or show the form again with what is wrong."""
    filled, who, translate = await _filled(request), organising(person), _translate(request)
    before = kept.workshop if kept else None
    posted = await request.form()
    taken = frozenset(await run_in_threadpool(organised.workshops.ids))
    id = kept.workshop.id if kept else form.id_for(filled.fields["title"], taken)
    version = str(posted.get("version", ""))
    found, filled.mistakes = form.read(form.declared(filled.fields, id, before, catalogue()), translate)
    if found:
        try:
            written = await organised.put(found, who, int(version) if kept and version.isdigit() else 0)
            return _to(request, f"/{written.workshop.id}")
        except Problem as refused:
            said = refused.in_words(translate)
            filled.mistakes = {_PLACES.get(said.code, ""): f"{said.message} {said.hint}".strip()}
    return await _form(request, person, organised, filled, kept, status=422)


_PLACES = {
    "no-such-profile": "profile",
    "profile-not-yours": "profile",
    "class-not-allowed": "gpu_class",
    "no-such-programme": "programme",
    "no-such-lesson": "lessons",
    "no-such-timetable": "timetable",
    "no-temporary-accounts": "temporary_accounts",
    "not-yours": "trainers",
}


async def _filled(request: Request) -> form.Form:
    """The fields as they were sent; one that was left out is empty, of one that came twice the first counts."""
    sent = await request.form()
    values = {name: sent.get(name) for name in FIELDS}
    return form.Form(
        {name: value[: form.LONGEST_FIELD] if isinstance(value, str) else "" for name, value in values.items()}
    )


async def _form(
    request: Request, person: Person, organised: Organiser, filled: form.Form, kept: Kept | None, status: int = 200
) -> HTMLResponse:
    known = catalogue()
    found, _ = form.asked(filled.fields, known, _translate(request))
    settings: Settings = request.app.state.settings
    return page(
        request,
        "workshop_form.html",
        status=status,
        person=person,
        form=filled,
        kept=kept,
        profiles=_profiles(request, person),
        programmes=settings.programmes,
        gpu_classes=settings.gpu_classes,
        catalogue=known,
        csrf=csrf_token(request),
        zone=datetime.now().astimezone().tzname(),
        **await _answer(request, organised, person, found, filled.mistakes),
    )


async def _answer(
    request: Request, organised: Organiser, person: Person, found: Workshop | None, mistakes: dict[str, str]
) -> dict[str, Any]:
    """What the answer's part of a page needs: nothing can be said of a workshop that is not whole."""
    if found is None or found.profile not in {profile.name for profile in organised.settings.profiles}:
        return {"answer": None, "agenda": None, "mistakes": mistakes}
    try:
        answer = await organised.fits(found)
    except Problem as unknown:
        said = unknown.in_words(_translate(request))
        return {"answer": None, "agenda": agenda(found, catalogue()), "mistakes": mistakes | {said.code: said.message}}
    return {
        "answer": answer_view(organising(person).of(answer)),
        "agenda": agenda(found, catalogue()),
        "mistakes": mistakes,
    }


async def workshop_page(
    request: Request,
    person: Person,
    organised: Organiser,
    kept: Kept,
    refused: Problem | None = None,
    roster_mistakes: Sequence[tuple[int, str]] = (),
) -> HTMLResponse:
    """A workshop's page; with why something was refused."""
    settings: Settings = request.app.state.settings
    answered = await _answer(request, organised, person, kept.workshop if _is_planned(kept) else None, {})
    profile = next((one for one in settings.profiles if one.name == kept.workshop.profile), None)
    gpus = kept.workshop.gpus
    log = await run_in_threadpool(organised.workshops.events, kept.workshop.id)
    did = {entry.what for entry in log}
    return page(
        request,
        "workshop.html",
        status=refused.status if refused else 422 if roster_mistakes else 200,
        person=person,
        roster_mistakes=roster_mistakes,
        kept=kept,
        workshop=kept.workshop,
        state=kept.state,
        steps=STEPS,
        refused=refused,
        **answered | {"agenda": agenda(kept.workshop, catalogue())},
        **_nodes(request, organised, kept),
        profile=profile,
        programme=next((one for one in settings.programmes if one.name == kept.workshop.programme), None),
        gpu_class=settings.gpu_classes.get(gpus.gpu_class) if gpus else None,
        devices=gpus.count_for(kept.workshop.seats) if gpus else 0,
        is_over=kept.workshop.window.end <= time.time(),
        **await _people(request, organised, kept),
        log=log,
        rehearsal=await request.app.state.rehearsals.latest(kept.workshop.id),
        most_people=min(MOST_PEOPLE, kept.workshop.seats),
        skipped=() if "workshop.rehearsed" in did else (WorkshopState.REHEARSED,),
        csrf=csrf_token(request),
    )


async def _people(request: Request, organised: Organiser, kept: Kept) -> dict[str, Any]:
    """Who takes part, and how others can."""
    members = await run_in_threadpool(organised.members.of_workshop, kept.workshop.id)
    link = link_of(request, kept)
    return {
        "joined_emails": {member.email for member in members if member.email},
        "members": members,
        "places": await run_in_threadpool(organised.members.counts, kept.workshop),
        "link": link,
        "code": kept.written_code,
        "qr": qr(link),
    }


def link_of(request: Request, kept: Kept) -> str:
    """Where people join it."""
    return f"{request.url.scheme}://{request.headers.get('Host', '')}{request.app.state.oauth.prefix}join/{kept.code}"


def qr(link: str) -> Markup:
    """A link as a picture that telephones read."""
    made = segno.make(link, micro=False).svg_inline(scale=4, border=2, omitsize=True, dark="#14213d", light="#ffffff")
    return Markup(made)  # noqa: S704  # a picture of squares, and no person's text


def _profiles(request: Request, person: Person) -> list[Any]:
    """Profiles that this trainer may hand out."""
    settings: Settings = request.app.state.settings
    return list(settings.profiles if person.admin else settings.profiles_for(person.groups))


def _is_planned(kept: Kept) -> bool:
    return kept.state in PROMISED - OPEN or kept.state is WorkshopState.DRAFT


def _nodes(request: Request, organised: Organiser, kept: Kept) -> dict[str, Any]:
    """Which nodes a cluster keeps for it, or why it does not."""
    held, missing = organised.nodes_of(kept)
    return {"nodes_kept": held, "nodes_missing": missing.in_words(_translate(request)) if missing else None}


def _translate(request: Request) -> Any:
    return translator(language_of(request))


def _to(request: Request, tail: str) -> RedirectResponse:
    return RedirectResponse(f"{request.app.state.oauth.prefix}workshops{tail}", status_code=303)


# --- YAML ------------------------------------------------------------------------------------------------


def in_yaml(workshop: Workshop) -> str:
    """A workshop as people write it: what is left out where it says nothing."""
    text = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    said = {key: value for key, value in workshop.model_dump(mode="json").items() if value not in (None, "", [])}
    yaml.dump(said, text)
    return text.getvalue()


def parse_yaml(text: str) -> dict[str, Any]:
    """What a text in YAML declares. Raises Problem 422."""
    try:
        read = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as problem:
        first = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise Problem(422, "no-yaml", later("This is no YAML: {problem}."), "", {"problem": first[:200]}) from None
    if not isinstance(read, dict):
        hint = later("Take one that was exported here, or one that `./werkbank workshops example` prints.")
        raise Problem(422, "no-workshop", later("This is no workshop."), hint)
    return {str(key): value for key, value in read.items()}
