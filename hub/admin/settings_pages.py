"""The settings page: what holds and where it comes from, changed in forms or as text, looked at before it is saved."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from hub.admin import settings_edits as edits
from hub.admin.settings_change import SECTIONS, Change, applied, base_of, sheet_of
from hub.admin.settings_review import Review, Reviewer, changes_of, diff
from hub.admin.settings_view import Overview, overview
from hub.audit import note
from hub.declared import Finding
from hub.errors import SettingsError
from hub.logs import get_logger
from hub.pages.service_page import language_of, page
from hub.settings import Current, Settings, judge
from hub.settings.document import NotYaml
from hub.settings.effects import ENTRIES
from hub.settings.reading import SETTINGS
from hub.settings.shape import in_words
from hub.settings.writing import Backup, ChangedMeanwhile, backups, save, why_not_writable
from hub.web.admin import Admin
from hub.web.auth import csrf_token
from hub.web.hub_api import Person
from hub.web.problems import Problem, answers
from hub.web.roles import AdminPosting, AdminReading
from hub.words import later, translator

log = get_logger("settings")
router = APIRouter(prefix="/admin/settings", include_in_schema=False)
api = APIRouter(prefix="/api/v1/admin", tags=["admin"])

SEEN = 30
"""Texts of the file that are remembered, so that a form of an hour ago can be told what changed since."""


class Seen:
    """Texts of the settings file by their fingerprint, the latest only."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()

    def remember(self, text: str) -> str:
        """The text's fingerprint."""
        base = base_of(text)
        self._texts[base] = text
        self._texts.move_to_end(base)
        while len(self._texts) > SEEN:
            self._texts.popitem(last=False)
        return base

    def text(self, base: str) -> str | None:
        """The text with that fingerprint, if it is remembered."""
        return self._texts.get(base)


# --- reading ------------------------------------------------------------------------------------------


@router.get("")
async def front(request: Request, person: AdminReading, saved: Annotated[str, Query(max_length=5)] = "") -> Response:
    """What holds now, and where each value comes from."""
    return await _show(request, person, "settings_front.html", saved=bool(saved))


@router.get("/section/{section}")
async def section_form(
    request: Request, person: AdminReading, section: str, kind: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """The form of a section."""
    _require_section(section, entries=False)
    change = Change.of({"act": ["section"], "section": [section], **({"f.kind": [kind]} if kind else {})})
    assert change is not None
    return await _form(request, person, change)


@router.get("/entry/{section}")
async def entry_form(
    request: Request,
    person: AdminReading,
    section: str,
    name: Annotated[str, Query(max_length=64)] = "",
    copy: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The form of a profile, programme, environment or GPU class; of a new one without a name."""
    _require_section(section, entries=True)
    text = await _text(request)
    known = await run_in_threadpool(_entries, text, section)
    for wanted in filter(None, (name, copy)):
        if known is not None and wanted not in known:
            raise _gone(wanted)
    return await _form(request, person, Change("entry", section, name, copy=copy))


@router.get("/text")
async def text_form(
    request: Request, person: AdminReading, section: Annotated[str, Query(max_length=32)] = ""
) -> Response:
    """A section, or the whole file, as text."""
    text = await _text(request)
    known = await run_in_threadpool(_entries, text, "profiles") is not None
    section = section if known else ""
    part = edits.part_of(text, section)
    return await _form(request, person, Change("text", section, text=edits.masked(part)))


@router.get("/backups")
async def earlier(request: Request, person: AdminReading) -> Response:
    """Earlier texts of the file, who changed them, and how they differ from the text now."""
    current: Current = request.app.state.current
    text = await _text(request)
    kept = await run_in_threadpool(backups, current.file)
    entries = await run_in_threadpool(request.app.state.audit.about, "settings")
    who = {entry.detail.get("backup"): entry.who for entry in entries}
    rows = [(one, who.get(one.name, ""), _masked_diff(one.text(), text, (one.name, current.file.name))) for one in kept]
    return await _show(request, person, "settings_backups.html", rows=rows)


def _entries(text: str, section: str) -> set[str] | None:
    """The names of a section's entries; None where the file is not YAML."""
    try:
        return set(edits.entries(text, section))
    except NotYaml:
        return None


def _require_section(section: str, *, entries: bool) -> None:
    if section not in SECTIONS or (section in ENTRIES) is not entries:
        raise Problem(404, "http", "{detail}.", "", {"detail": "Not Found"})


def _gone(name: str) -> Problem:
    return Problem(404, "no-such-entry", later("There is no {name} in the settings any more."),
                   later("Open the settings again."), {"name": name})  # fmt: skip


# --- changing -----------------------------------------------------------------------------------------


@router.post("/change")
async def change(request: Request, person: AdminPosting) -> Response:
    """Look at a change, go back to its form, or save it."""
    form = await request.form()
    sent = {name: [one for one in form.getlist(name) if isinstance(one, str)] for name in form}
    asked = Change.of(sent)
    if asked is None:
        raise Problem(422, "no-such-change", later("No form here sends that."), later("Open the settings again."))
    text = await _text(request)
    step = (sent.get("do") or ["review"])[0]
    if step == "edit":
        return await _form(request, person, asked)
    if asked.base != base_of(text) and asked.act not in ("up", "down"):
        return await _form(request, person, asked, meanwhile=True)
    return await _next(request, person, asked, text, step)


async def _next(request: Request, person: Person, asked: Change, text: str, step: str) -> Response:
    current: Current = request.app.state.current
    try:
        new, findings = await run_in_threadpool(applied, asked, text, await _backup_text(current, asked))
        settings, found = await run_in_threadpool(judge, new, current.overrides) if not findings else (None, findings)
    except SettingsError as error:
        settings, found = None, [Finding((), 0, str(error))]
    if settings is None:
        return await _form(request, person, asked, found)
    if step == "download":
        return _download(edits.masked(new), current.file.name)
    if step == "save" and not why_not_writable(current.file):
        return await _saved(request, person, asked, (text, new), settings)
    return await _review(request, person, asked, (text, new), settings)


async def _backup_text(current: Current, asked: Change) -> str:
    if asked.act != "restore":
        return ""
    kept = {one.name: one for one in await run_in_threadpool(backups, current.file)}
    if asked.name not in kept:
        raise _gone("backup")
    return await run_in_threadpool(kept[asked.name].text)


async def _review(
    request: Request, person: Person, asked: Change, texts: tuple[str, str], settings: Settings
) -> Response:
    state = request.app.state
    old = _usable(texts[0], state.current) or state.current.written
    reviewer = Reviewer(state.hub, state.leases, state.organiser, state.keeps)
    review: Review = await reviewer.review(old, settings, state.settings)
    return await _show(
        request,
        person,
        "settings_review.html",
        change=asked,
        review=review,
        diff=_masked_diff(*texts, ("as it is now", "as it would be")),
        titles={one.name: one.title for tree in (old, settings) for one in tree.profiles},
    )


def _usable(text: str, current: Current) -> Settings | None:
    try:
        return judge(text, current.overrides)[0]
    except SettingsError:
        return None


async def _saved(
    request: Request, person: Person, asked: Change, texts: tuple[str, str], settings: Settings
) -> Response:
    state = request.app.state
    old = _usable(texts[0], state.current) or state.current.written
    keys = [one.key for one in changes_of(old, settings)]
    try:
        await run_in_threadpool(_write, state, person.name, asked, texts, keys)
    except ChangedMeanwhile:
        return await _form(request, person, asked, meanwhile=True)
    except OSError as error:
        log.error("settings.not-saved", who=person.name, error=str(error))
        sentence = later("The file could not be written ({reason}); it is as it was.")
        told = translator(language_of(request))(sentence).format(reason=error.strerror or str(error))
        return await _form(request, person, asked, [Finding((), 0, told)])
    log.info("settings.saved", who=person.name, changed=keys)
    await state.following.look()
    return RedirectResponse(f"{state.oauth.prefix}admin/settings?saved=1", status_code=303)


def _write(state: Any, who: str, asked: Change, texts: tuple[str, str], keys: Sequence[str]) -> Backup:
    """The file and the log's entry: both or neither, as far as two places allow."""
    file = state.current.file
    with Session(state.engine) as session, session.begin():
        what = "settings.restored" if asked.act == "restore" else "settings.saved"
        # The entry goes first, unfinished: a log that cannot be written must not find the file changed.
        backup = None
        note(session, who, what, "settings", changed=", ".join(keys)[:2000])
        row = next(iter(session.new))
        session.flush()
        backup = save(file, texts[1], base_of(texts[0]))
        row.detail = {**row.detail, "backup": backup.name}
    return backup


# --- showing ------------------------------------------------------------------------------------------


async def _form(
    request: Request, person: Person, asked: Change, findings: Sequence[Finding] = (), *, meanwhile: bool = False
) -> Response:
    """The form as it was sent, made anew from the file as it is: with what is wrong, and what others changed."""
    seen: Seen = request.app.state.seen_settings
    text, language = await _text(request), language_of(request)
    before = seen.text(asked.base)
    others = _masked_diff(before, text, ("as you read it", "as it is now")) if meanwhile and before is not None else []
    fresh = Change(**{**vars(asked), "base": seen.remember(text)})
    known: dict[str, Any] = {"change": fresh, "meanwhile": meanwhile, "others": others, "findings": findings}
    if asked.act not in ("section", "entry"):
        back = "settings_text.html" if asked.act == "text" else "settings_front.html"
        return await _show(request, person, back, status=_status(findings, meanwhile), **known)
    try:
        sheet = await run_in_threadpool(sheet_of, fresh, text, language, findings)
    except NotYaml:  # then there are no fields either: the text is what can be mended
        return RedirectResponse(f"{request.app.state.oauth.prefix}admin/settings/text", status_code=303)
    known["findings"] = [
        *sheet.form.unplaced(sheet.fields),
        *(one for one in findings if _is_elsewhere(one, sheet.place)),
    ]
    return await _show(request, person, "settings_form.html", status=_status(findings, meanwhile), sheet=sheet, **known)


def _is_elsewhere(finding: Finding, place: tuple[str | int, ...]) -> bool:
    return finding.place[: len(place)] != place


def _status(findings: Sequence[Finding], meanwhile: bool) -> int:
    return 409 if meanwhile else 422 if findings else 200


async def _show(request: Request, person: Person, template: str, *, status: int = 200, **more: Any) -> HTMLResponse:
    """The page with what every page of settings shows: can the file be written, what waits for a restart."""
    state, language = request.app.state, language_of(request)
    await state.following.look()
    current: Current = state.current
    text = await _text(request)
    context: dict[str, Any] = {
        "change": Change("section", base=state.seen_settings.remember(text)),
        "findings": (),
        "meanwhile": False,
        "others": [],
        "saved": False,
    }
    if template == "settings_front.html":
        shown: Overview = await run_in_threadpool(overview, current, state.settings, text, language)
        context["overview"] = shown
    return page(
        request,
        template,
        status=status,
        person=person,
        csrf=csrf_token(request),
        file=current.file,
        unwritable=why_not_writable(current.file),
        waiting=[in_words(key, language) for key in current.waiting],
        broken=current.problem,
        in_words=lambda key: in_words(key, language),
        **context | more,
    )


async def _text(request: Request) -> str:
    """The file as it is; empty where there is none that can be read."""
    current: Current = request.app.state.current
    try:
        return await run_in_threadpool(SETTINGS.text, current.file)
    except SettingsError:
        return ""


def _masked_diff(before: str, after: str, names: tuple[str, str]) -> list[str]:
    """The diff without secrets; where only a secret differs, that is said."""
    lines = diff(edits.masked(before), edits.masked(after), names)
    return lines if lines or before == after else ["~"]


def _download(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return PlainTextResponse(text, media_type="application/yaml; charset=utf-8", headers=headers)


# --- for the command line -----------------------------------------------------------------------------


class Waiting(BaseModel):
    """How the file differs from what is in effect."""

    file: str
    problem: str
    """Why the file cannot be used now; empty when it can."""
    waiting: list[str]
    """Keys whose change waits for a restart."""


@api.get("/settings", responses=answers(401, 403))
async def waiting(request: Request, _who: Admin) -> Waiting:
    """What of the settings file is not in effect yet."""
    await request.app.state.following.look()
    current: Current = request.app.state.current
    return Waiting(file=str(current.file), problem=current.problem, waiting=current.waiting)
