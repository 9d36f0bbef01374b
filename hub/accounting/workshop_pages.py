"""The report on a workshop: a page that prints on paper, and a file for spreadsheets."""

import csv
import io
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from hub.accounting.accounts import Accounts
from hub.accounting.asking import When
from hub.accounting.scope import workshop_scope
from hub.pages.service_page import language_of, page
from hub.settings.types import Name
from hub.web.roles import TrainerReading
from hub.web.sheets import cell
from hub.workshops.access import organising
from hub.workshops.catalogue import catalogue
from hub.workshops.classroom import Classroom
from hub.workshops.fits_routes import Organised
from hub.workshops.organiser import Organiser
from hub.workshops.report import Report, report_of
from hub.workshops.store import Kept

router = APIRouter(prefix="/workshops", include_in_schema=False)

WorkshopId = Annotated[Name, Path()]
COLUMNS = ("learner", "name", "affiliation", "was_there", "minutes_present", "exercises_passed", "exercises_tried")


@router.get("/{id}/report")
async def report(request: Request, person: TrainerReading, organised: Organised, id: WorkshopId) -> HTMLResponse:
    """What did it come to?"""
    kept = await organised.found(organising(person), id)
    made = await _made(request, organised, kept)
    return page(
        request,
        "workshop_report.html",
        person=person,
        workshop=kept.workshop,
        state=kept.state,
        report=made,
        lessons=catalogue().lessons,
        **await _use(request, kept),
    )


@router.get("/{id}/report.csv")
async def report_as_csv(request: Request, person: TrainerReading, organised: Organised, id: WorkshopId) -> Response:
    """A line for each learner."""
    made = await _made(request, organised, await organised.found(organising(person), id))
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for row in made.learners:
        names = (cell(row.name), cell(row.affiliation))
        rows.writerow((row.number, *names, "yes" if row.was_there else "no", row.minutes, row.passed, row.tried))
    headers = {"Content-Disposition": f'attachment; filename="{id}-report.csv"'}
    # With a mark at its beginning spreadsheets read it as UTF-8.
    return Response(b"\xef\xbb\xbf" + text.getvalue().encode(), media_type="text/csv; charset=utf-8", headers=headers)


async def _made(request: Request, organised: Organiser, kept: Kept) -> Report:
    classroom: Classroom = request.app.state.classroom
    members = await run_in_threadpool(organised.members.of_workshop, kept.workshop.id)
    room = await classroom.rooms.of(kept.workshop.id)
    return report_of(kept.workshop, members, room.learners, catalogue())


async def _use(request: Request, kept: Kept) -> dict[str, Any]:
    """What its people had in its hours: GPU-hours, waits, energy."""
    accounts: Accounts = request.app.state.accounts
    window = kept.workshop.window
    first, last = (datetime.fromtimestamp(moment, UTC).date() for moment in (window.start, window.end))
    period = When(first=first, last=last).read(accounts.now())
    scope = await run_in_threadpool(workshop_scope, kept.workshop, accounts.workshops)
    told = await accounts.report(scope, "gpu_class", period, language_of(request))
    return {"totals": told.total, "factors": told.factors}
