"""The class list on the trainers' pages: sent as a file, given back with everybody's own link."""

import csv
import io
from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from hub.pages.service_page import language_of
from hub.settings.types import Name
from hub.web.problems import Problem
from hub.web.roles import TrainerPosting, TrainerReading
from hub.web.sheets import cell
from hub.words import Translate, later, translator
from hub.workshops.access import organising
from hub.workshops.fits_routes import Organised
from hub.workshops.pages import link_of, workshop_page
from hub.workshops.people import invitation
from hub.workshops.roster import MOST_BYTES, MOST_PROBLEMS, Mistake, read_roster
from hub.workshops.routes import read_workshop

router = APIRouter(prefix="/workshops", include_in_schema=False)

WorkshopId = Annotated[Name, Path()]

SENTENCES = {
    "too-large": later("The file is larger than {value}."),
    "no-text": later("This is no text. Save the list as CSV in your spreadsheet."),
    "empty": later("The file is empty."),
    "no-row": later("The file cannot be read as a table: {value}."),
    "no-name": later("There is no column for names; call it “name”. The columns are: {value}."),
    "no-email": later("There is no column for e-mail addresses; call it “e-mail”. The columns are: {value}."),
    "too-many": later("There are more than {value} people."),
    "nobody": later("Below the headings there is nobody."),
    "nameless": later("{value} has no name."),
    "formula": later("“{value}” begins like a formula. Take the first character away."),
    "too-long": later("“{value}…” is longer than 200 characters."),
    "email": later("“{value}” is no e-mail address."),
    "twice": later("{value}: this address stands in an earlier line already."),
}


@router.post("/{id}/roster", response_model=None)
async def send(
    request: Request,
    person: TrainerPosting,
    organised: Organised,
    id: WorkshopId,
    file: Annotated[UploadFile, File()],
    version: Annotated[int, Form()] = 0,
) -> Response:
    """Take the list of a file over, whole or not at all."""
    who, translate = organising(person), translator(language_of(request))
    kept = await organised.found(who, id)
    roster = await run_in_threadpool(read_roster, await file.read(MOST_BYTES + 1))
    mistakes = told(roster.mistakes, translate)
    if not mistakes:
        record = {**kept.workshop.model_dump(), "roster": [one.model_dump() for one in roster.learners]}
        try:
            await organised.put(read_workshop(record), who, version)
        except Problem as refused:
            said = refused.in_words(translate)
            mistakes = [(0, f"{said.message} {said.hint}".strip())]
    if mistakes:
        return await workshop_page(request, person, organised, kept, roster_mistakes=mistakes)
    return RedirectResponse(f"{request.app.state.oauth.prefix}workshops/{id}", status_code=303)


@router.get("/{id}/roster.csv")
async def links(request: Request, person: TrainerReading, organised: Organised, id: WorkshopId) -> Response:
    """The list with everybody's own link, for a mail merge."""
    kept = await organised.found(organising(person), id)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("name", "e-mail", "affiliation", "link"))
    for one in kept.workshop.roster:
        own = f"{link_of(request, kept)}?for={invitation(request.app.state.doorman.secret, id, one)}"
        rows.writerow((*(cell(value) for value in (one.name, one.email, one.affiliation)), own))
    headers = {"Content-Disposition": f'attachment; filename="{id}-links.csv"'}
    # With a mark at its beginning spreadsheets read it as UTF-8.
    return Response(b"\xef\xbb\xbf" + text.getvalue().encode(), media_type="text/csv; charset=utf-8", headers=headers)


def told(mistakes: tuple[Mistake, ...], translate: Translate) -> list[tuple[int, str]]:
    """The first mistakes with their lines, in words; then how many more."""
    said = [(one.line, translate(SENTENCES[one.code]).format(value=one.value)) for one in mistakes[:MOST_PROBLEMS]]
    if (more := len(mistakes) - MOST_PROBLEMS) > 0:
        said.append((0, translate(later("… and {count} more.")).format(count=more)))
    return said
