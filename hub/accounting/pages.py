"""Use on pages: mine, my programme's, my workshop's, everybody's; the same as files; and the monthly report."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from hub.accounting.accounts import Accounts, Told
from hub.accounting.asking import OWN, AtAccounts, When, told
from hub.accounting.charts import Chart, chart_of
from hub.accounting.exports import CSV, PARQUET, as_csv, as_parquet, writes_parquet
from hub.accounting.months import date_of, today
from hub.accounting.periods import choices
from hub.accounting.report import Entry, Line, UseReport, found
from hub.accounting.scope import EVERYTHING, Scope, given_by, led_by, of_myself, of_programme, of_workshop
from hub.accounting.steering import steering
from hub.pages.service_page import language_of, page
from hub.web.auth import PagePerson
from hub.web.hub_api import Person
from hub.web.problems import Problem
from hub.web.roles import AdminReading
from hub.words import later

router = APIRouter(include_in_schema=False)

ROWS = 50
"""Lines on one page."""
FileKind = Literal["csv", "parquet"]


class OnPage(When):
    """What a page is asked for."""

    by: Annotated[str, Query(max_length=20)] = ""
    words: Annotated[str, Query(max_length=200)] = ""
    page: Annotated[int, Query(ge=1, le=100_000)] = 1
    file: Annotated[FileKind | None, Query()] = None


@dataclass(frozen=True)
class Shown:
    """A report as a page shows it."""

    told: Told
    lines: list[Line]
    most: float
    """GPU-hours of the largest line, on whatever page it is."""
    has_seats: bool
    has_homes: bool
    has_jobs: bool
    has_parquet: bool
    """Whether it can be had as such a file."""
    count: int
    """Lines that the search found, on all pages."""
    page: int
    pages: int
    by: str
    groupings: tuple[str, ...]
    chosen: str
    """The period, as it is asked for; empty for days from one to another."""
    choices: list[str]
    words: str
    chart: Chart
    query: dict[str, str]
    """What the page was asked for, but for the page's number."""

    def link(self, **changed: Any) -> str:
        """Where the same is found with something changed."""
        asked = self.query | {name: str(value) for name, value in changed.items()}
        return "?" + urlencode({name: value for name, value in asked.items() if value})


@router.get("/use")
async def mine(
    request: Request, accounts: AtAccounts, person: PagePerson, asked: Annotated[OnPage, Query()]
) -> Response:
    """What did I use?"""
    more: dict[str, Any] = {"leads": led_by(person, accounts.settings)}
    gives = await run_in_threadpool(given_by, person, accounts.workshops)
    names = {one.name: one.title for one in accounts.settings.programmes}
    more |= {"gives": gives[:20], "programme_titles": names}
    return await _answer(request, accounts, person, of_myself(person), asked, "use.html", more)


@router.get("/use/programmes/{name}")
async def programme(
    request: Request,
    accounts: AtAccounts,
    person: PagePerson,
    name: Annotated[str, Path(max_length=32)],
    asked: Annotated[OnPage, Query()],
) -> Response:
    """What did a programme use?"""
    scope = of_programme(person, name, accounts.settings)
    title = next((one.title for one in accounts.settings.programmes if one.name == name), None)
    return await _answer(request, accounts, person, scope, asked, "use_programme.html", {"title": title})


@router.get("/use/workshops/{id}")
async def workshop(
    request: Request,
    accounts: AtAccounts,
    person: PagePerson,
    id: Annotated[str, Path(max_length=32)],
    asked: Annotated[OnPage, Query()],
) -> Response:
    """What did a workshop use?"""
    scope = await run_in_threadpool(of_workshop, person, id, accounts.workshops)
    window = scope.workshop and scope.workshop.window
    if window and not (asked.period or asked.first or asked.last):
        asked = asked.model_copy(update={"first": _day(window.start), "last": _day(window.end)})
    return await _answer(request, accounts, person, scope, asked, "use_workshop.html", {"workshop": scope.workshop})


@router.get("/admin/use")
async def everything(
    request: Request, accounts: AtAccounts, person: AdminReading, asked: Annotated[OnPage, Query()]
) -> Response:
    """What did everybody use?"""
    return await _answer(request, accounts, person, EVERYTHING, asked, "admin_use.html", {})


@router.get("/admin/use/report")
async def report(
    request: Request,
    accounts: AtAccounts,
    person: AdminReading,
    month: Annotated[str, Query(max_length=20)] = "",
) -> HTMLResponse:
    """A month on one sheet of paper, for a steering board."""
    shown = await steering(accounts, month, language_of(request))
    return page(request, "admin_use_report.html", person=person, report=shown, choices=choices(accounts.now())[:13])


# --- how -----------------------------------------------------------------------------------------------


async def _answer(
    request: Request,
    accounts: Accounts,
    person: Person,
    scope: Scope,
    asked: OnPage,
    template: str,
    more: dict[str, Any],
) -> Response:
    by = asked.by or OWN[scope.kind][0]
    whole = await told(request, accounts, scope, by, asked)
    some = found(whole.entries, asked.words)
    if asked.file:
        return await _file(whole, some, asked.file)
    shown = _shown(accounts, whole, some, asked, by, language_of(request))
    factors = accounts.settings.site.footprint
    return page(request, template, person=person, use=shown, factors=factors, **more)


def _shown(accounts: Accounts, whole: Told, some: list[Entry], asked: OnPage, by: str, language: str) -> Shown:
    pages = max(1, -(-len(some) // ROWS))
    if asked.page > pages:
        raise Problem(404, "no-such-page", later("There are not so many pages."), later("Go back to the first one."))
    first = (asked.page - 1) * ROWS
    query = {"by": asked.by, "words": asked.words, "period": asked.period}
    query |= {"from": str(asked.first or ""), "to": str(asked.last or "")}
    return Shown(
        told=whole,
        lines=whole.lines(some[first : first + ROWS]),
        most=max((one.tally.amounts.held_seconds for one in whole.entries), default=0.0) / 3600,
        has_seats=any(one.tally.amounts.seat_seconds for one in whole.entries),
        has_homes=any(one.size is not None for one in whole.entries),
        has_jobs=any(one.tally.amounts.jobs or one.tally.amounts.core_seconds for one in whole.entries),
        has_parquet=writes_parquet(),
        count=len(some),
        page=asked.page,
        pages=pages,
        by=by,
        groupings=OWN[whole.scope.kind],
        chosen=whole.period.name,
        choices=choices(accounts.now()),
        words=asked.words,
        chart=chart_of(whole, language),
        query=query,
    )


async def _file(whole: Told, some: list[Entry], kind: str) -> Response:
    if kind == "parquet" and not writes_parquet():
        sentence = later("This Werkbank writes no Parquet: the library for it is not installed.")
        raise Problem(501, "no-parquet", sentence, later("Ask for CSV; it is the same table."))
    name = "-".join(["werkbank-use", whole.scope.name or whole.scope.kind, f"by-{whole.by}", str(whole.period.first)])
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    make, media_type = (as_csv, CSV) if kind == "csv" else (as_parquet, PARQUET)
    return Response(await run_in_threadpool(_made, make, whole, some), media_type=media_type, headers=headers)


def _made(make: Callable[[UseReport, list[Line]], str | bytes], whole: Told, some: list[Entry]) -> str | bytes:
    return make(whole.view(), whole.lines(some))


def _day(moment: float) -> date:
    return date_of(today(moment))
