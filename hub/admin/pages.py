"""The admins' front page and the audit log."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from hub.audit import PAGE, Audit, Entry
from hub.pages.service_page import page
from hub.web.roles import AdminReading
from hub.web.sheets import cell

router = APIRouter(prefix="/admin", include_in_schema=False)

COLUMNS = ("number", "at", "who", "what", "about", "detail")


@router.get("")
async def front(request: Request, person: AdminReading) -> HTMLResponse:
    """Where to go."""
    return page(request, "admin_front.html", person=person)


@router.get("/log")
async def log(
    request: Request,
    person: AdminReading,
    words: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> HTMLResponse:
    """Who did what, newest first."""
    audit: Audit = request.app.state.audit
    entries = await run_in_threadpool(audit.latest, words, before)
    older = entries[-1].number if len(entries) == PAGE else None
    return page(request, "admin_log.html", person=person, entries=entries, words=words, older=older)


@router.get("/log.csv")
async def log_as_csv(request: Request, _person: AdminReading) -> StreamingResponse:
    """The whole log for a spreadsheet or an auditor, oldest first."""
    headers = {"Content-Disposition": 'attachment; filename="werkbank-log.csv"'}
    return StreamingResponse(_lines(request.app.state.audit), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(audit: Audit) -> Iterator[str]:
    yield _line(COLUMNS)
    for entry in audit.all():
        yield _line(_cells(entry))


def _cells(entry: Entry) -> tuple[str, ...]:
    detail = json.dumps(entry.detail, ensure_ascii=False, sort_keys=True)
    return str(entry.number), entry.at.isoformat(timespec="seconds"), entry.who, entry.what, entry.about, detail


def _line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cell(text) for text in cells)
    return line.getvalue()
