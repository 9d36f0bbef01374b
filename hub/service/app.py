"""Assembles the one web service: pages, API, health and metrics."""

import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware

from hub import __version__
from hub.accounting import pages as use_pages
from hub.accounting import routes as use
from hub.accounting import workshop_pages as workshop_reports
from hub.accounting.accounts import Accounts
from hub.accounting.bookkeeper import Bookkeeper
from hub.admin import explain_pages, explain_routes, operations_pages, operations_routes, settings_pages
from hub.admin import pages as admin_pages
from hub.admin.operations_look import Lookout
from hub.audit import Audit
from hub.health import Sightings
from hub.leases import admin_routes as admin_leases
from hub.leases import gateway_routes as gateway_leases
from hub.leases import pages as gpu_pages
from hub.leases import routes as leases
from hub.leases.desk import Desk, open_desk
from hub.logs import get_logger
from hub.pages import STATIC
from hub.programmes import pages as programme_pages
from hub.programmes.allowing import Allowing
from hub.runtime import Runtime
from hub.seats import routes as seats
from hub.seats import warming_routes as warmings
from hub.seats.keep import Keeps
from hub.seats.warming_routes import Warmings
from hub.service import home, me_routes, status
from hub.service.checks import checks_of
from hub.service.following import Following
from hub.service.metrics import Metrics
from hub.settings import Settings
from hub.web import auth
from hub.web.auth import OAuthClient, SignInNeeded
from hub.web.bodies import BodyLimit
from hub.web.broken_json import broken_json
from hub.web.gateway_api import GatewayApi
from hub.web.hub_api import HubApi, HubUnreachable
from hub.web.problems import Problem
from hub.web.proxy_api import ProxyApi, site_of
from hub.web.seat_api import SeatApi
from hub.words import COOKIE, choose_language, later, translator
from hub.workshops import fits_routes, join_pages, learning, notebook_pages, record_pages, room_pages, roster_pages
from hub.workshops import pages as workshop_pages
from hub.workshops import routes as workshops
from hub.workshops.belongings import Belongings
from hub.workshops.classroom import Classroom
from hub.workshops.guests import Tickets
from hub.workshops.joining import Doorman
from hub.workshops.looking import Looking
from hub.workshops.nodes import keeper_of
from hub.workshops.organiser import Organiser
from hub.workshops.people import Members
from hub.workshops.progress import Progress
from hub.workshops.rehearsal import Stage
from hub.workshops.rehearsals import Rehearsals
from hub.workshops.room import Rooms
from hub.workshops.roster import MOST_BYTES as MOST_ROSTER_BYTES
from hub.workshops.store import Workshops
from hub.workshops.timeline import Timeline

log = get_logger("service")

SESSION_SECONDS = 12 * 3600


def create_app(runtime: Runtime, engine: Engine, oauth: OAuthClient, hub_api_url: str) -> FastAPI:
    """The service as an ASGI app; it answers under `oauth.prefix` only."""
    prefix, current = oauth.prefix.rstrip("/"), runtime.current()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # trust_env: a proxy for the outside world must not be asked for addresses on this machine.
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            app.state.hub = HubApi(client, hub_api_url, oauth.secret)
            app.state.gateway, app.state.proxy = GatewayApi.of(runtime, client), ProxyApi(client, current.settings)
            try:
                async with (
                    open_desk(runtime, current.settings, prefix) as desk,
                    Warmings(runtime.state).running() as app.state.warmings,
                ):
                    app.state.leases, desk.metrics = desk, app.state.metrics.leases
                    app.state.accounts = accounts = Accounts(current.settings, engine, desk)
                    books = Bookkeeper(runtime, engine, desk, app.state.hub, accounts.ledger, accounts.jobs)
                    following = Following(current, app.state)
                    async with (
                        _workshops(app, runtime, current.settings, engine, desk, client),
                        following.running() as app.state.following,
                        books.running(),
                        Allowing(engine, desk).running() as app.state.allowing,
                        Sightings(checks_of(app.state), time.time).running() as app.state.sightings,
                    ):
                        yield
            except BaseExceptionGroup as failed:
                # A service without its broker would only say no. The hub starts it anew, and it reads what is written.
                log.critical("broker.failed", errors=[str(error) for error in failed.exceptions])
                signal.raise_signal(signal.SIGTERM)

    app = FastAPI(
        title="Werkbank",
        version=__version__,
        lifespan=lifespan,
        openapi_url=f"{prefix}/openapi.json",
        docs_url=None,  # the stock documentation page loads its scripts from a foreign host
        redoc_url=None,
    )
    app.state.current, app.state.settings = current, current.settings
    app.state.keeps, app.state.oauth, app.state.state_directory = Keeps(engine), oauth, runtime.state
    app.state.metrics, app.state.audit, app.state.engine = Metrics(), Audit(engine), engine
    app.state.lookout = Lookout(app.state)
    app.state.seen_settings = settings_pages.Seen()
    app.state.gateway_secret = runtime.state.secret("gateway-leases")
    app.state.command_line = runtime.state.secret("command-line")
    app.add_middleware(BodyLimit, larger={"/roster": MOST_ROSTER_BYTES + 65_536})
    app.add_middleware(
        SessionMiddleware,
        secret_key=runtime.state.secret("service-session"),
        session_cookie="werkbank-session",
        path=oauth.prefix,
        max_age=SESSION_SECONDS,
    )
    for router in (
        leases.api,  # what seats tell many times a minute is found first
        learning.api,
        home.router,
        auth.router,
        status.router,
        seats.forms,
        seats.api,
        warmings.api,
        me_routes.api,
        admin_leases.api,
        gateway_leases.api,
        fits_routes.api,
        workshops.api,
        use.api,
        gpu_pages.router,
        use_pages.router,
        admin_pages.router,
        workshop_pages.router,
        join_pages.router,
        roster_pages.router,
        room_pages.router,
        notebook_pages.router,
        record_pages.router,
        workshop_reports.router,
        settings_pages.router,
        settings_pages.api,
        explain_pages.router,
        explain_routes.api,
        programme_pages.router,
        operations_pages.router,
        operations_routes.api,
    ):
        app.include_router(router, prefix=prefix)
    app.mount(f"{prefix}/static", StaticFiles(directory=STATIC), name="static")
    _tell_errors(app)
    return app


@asynccontextmanager
async def _workshops(
    app: FastAPI, runtime: Runtime, settings: Settings, engine: Engine, desk: Desk, client: httpx.AsyncClient
) -> AsyncIterator[None]:
    """What workshops need, and the clock that they follow."""
    state, workshops, members = app.state, Workshops(engine), Members(engine)
    nodes = keeper_of(settings, runtime.state.secret("leases"))
    state.organiser = Organiser(settings, desk, state.hub, workshops, members, nodes)
    state.doorman = Doorman(workshops, members, runtime.state.secret("invitations"))
    state.tickets = Tickets(runtime.state.secret("guest-tickets"))
    progress = Progress(engine)
    async with Rooms(progress).running() as rooms:
        state.belongings = Belongings(runtime.state, workshops, members, rooms, state.audit)
        state.classroom = Classroom(state.organiser, rooms, desk.bells)
        site = site_of(settings)
        seats = SeatApi(client, site, state.oauth.secret)
        state.looking = Looking(state.hub, seats, rooms, progress, state.audit)
        stage = Stage(site, state.oauth.base_url, state.tickets)
        desk.counted_for = state.classroom.programme_of
        state.rehearsals = Rehearsals(engine, state.organiser, runtime.state, stage)
        timeline = Timeline(state.organiser, state.warmings, state.belongings, state.classroom, state.looking)
        async with state.rehearsals.running(), timeline.running():
            yield


def _tell_errors(app: FastAPI) -> None:
    """Every error becomes a sentence: JSON for the API, a page for people."""

    @app.exception_handler(SignInNeeded)
    async def sign_in(request: Request, _error: SignInNeeded) -> Response:
        return auth.sign_in(request)

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return _answer(request, error)

    @app.exception_handler(HubUnreachable)
    async def hub_unreachable(request: Request, _error: HubUnreachable) -> Response:
        hint = later("Running seats and kernels go on. Try again in a minute.")
        return _answer(request, Problem(503, "hub-unreachable", later("The hub does not answer."), hint))

    @app.exception_handler(NoConnection)
    @app.exception_handler(InterfaceError)
    @app.exception_handler(OperationalError)
    async def database(request: Request, error: Exception) -> Response:
        log.error("database.unanswered", path=request.url.path, error=str(error))
        hint = later("Running seats and kernels go on. Try again in a minute.")
        return _answer(request, Problem(503, "database", later("The database does not answer."), hint))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return _answer(request, broken_json(error.__cause__))
        place = ".".join(str(step) for step in first["loc"])
        return _answer(
            request,
            Problem(
                422,
                "invalid",
                later("{place}: {problem}."),
                later("The interface's description, openapi.json, says what is allowed."),
                {"place": place, "problem": first["msg"]},
            ),
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if _is_unread_json(request, error):
            return _answer(request, broken_json(error.__cause__))
        response = _answer(request, Problem(error.status_code, "http", "{detail}.", "", {"detail": str(error.detail)}))
        response.headers.update(error.headers or {})  # such as the methods that a 405 allows
        return response


def _is_unread_json(request: Request, error: HTTPException) -> bool:
    """Whether FastAPI gave up reading a body as JSON for a reason it has no error for."""
    is_json = "json" in request.headers.get("Content-Type", "").lower()
    return error.status_code == 400 and is_json and isinstance(error.__cause__, ValueError | RecursionError)


def _answer(request: Request, problem: Problem) -> Response:
    wants_page = "text/html" in request.headers.get("Accept", "") and "/api/" not in request.url.path
    if wants_page:
        return home.problem_page(request, problem)
    language = choose_language(request.cookies.get(COOKIE), request.headers.get("Accept-Language"))
    response: JSONResponse = problem.in_words(translator(language)).as_json()
    return response
