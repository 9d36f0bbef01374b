"""From a plan to figures: a year of leases with its ledger, and the pages asked for, once per database.

The ledger of all but the year's last leases is written at once; those last ones it counts itself, which is measured.
"""

import asyncio
import logging
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from ruamel.yaml import YAML
from sqlalchemy import Engine, create_engine, func, make_url, select, text

from hub import __version__, logs
from hub.accounting.ledger import Ledger
from hub.accounting.periods import period_of
from hub.accounting.query import Fresh, Use, Whose
from hub.accounting.source import Source
from hub.bench.leases.figures import percentile, rounded
from hub.bench.leases.world import PROGRAMMES
from hub.bench.use.records import CLASSES, Shelf, Year, fill, user_name
from hub.db import engine_of
from hub.leases import tables
from hub.runtime import Runtime
from hub.service.app import create_app
from hub.state import StateDirectory
from hub.web.auth import OAuthClient, page_person
from hub.web.hub_api import Person

COUNTED_ITSELF = 20_000
"""So many leases, and no more than a tenth, the ledger counts itself."""
AGREES = 1e-6
"""The most by which sums may differ from a scan of the leases, as a share: they are added up in another order."""
TARGET_S = 1.0
"""A page about a year is answered within this."""
PREFIX = "/services/werkbank/"
YEAR = 2025

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    settings: Path
    leases: int = 2_000_000
    users: int = 10_000
    runs: int = 5
    postgres: str | None = None
    """URL of a server; a database of its own is made there, and removed."""

    @property
    def counted_itself(self) -> int:
        """Leases that the ledger counts itself."""
        return min(COUNTED_ITSELF, self.leases // 10)

    @property
    def year(self) -> Year:
        return Year(self.leases, self.users, 1_000, PROGRAMMES, datetime(YEAR, 1, 1, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Place:
    """Where leases and ledger lie."""

    leases: str
    ledger: str
    """SQLAlchemy URLs."""


def run(plan: Plan, tell: Tell) -> dict[str, Any]:
    """Measure; blocks. Everything is removed afterwards."""
    logs.configure(logging.CRITICAL)  # there is no hub here, and the service says so
    report: dict[str, Any] = {"machine": _machine(), "plan": _plan(plan), "databases": {}, "missed": []}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="werkbank-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        places = {"sqlite": stack.enter_context(_sqlite(folder))}
        if plan.postgres:
            places["postgresql"] = stack.enter_context(_postgres(plan.postgres))
        else:
            report["left_out"] = "postgresql: no --postgres URL was given"
        shelves = {kind: stack.enter_context(_opened(place)) for kind, place in places.items()}
        tell(f"{plan.leases} leases and their ledger, to {' and '.join(places)}")
        fill(list(shelves.values()), plan.year, plan.leases - plan.counted_itself)
        report["filled_s"] = rounded(time.perf_counter() - began)
        for kind, shelf in shelves.items():
            report["databases"][kind] = _measure(plan, places[kind], shelf, folder / f"on-{kind}", tell)
    report["took_s"] = rounded(time.perf_counter() - began)
    report["missed"] = [sentence for kind, found in report["databases"].items() for sentence in _missed(kind, found)]
    return report


def _missed(kind: str, found: dict[str, Any]) -> Iterator[str]:
    for page, took in found["pages_s"].items():
        if took["largest"] >= TARGET_S:
            yield f"{page} on {kind}: {took['largest']:g} s, {took['largest'] / TARGET_S:.2g} times the target"
    if found["differs_by"] > AGREES:
        yield f"the year by person on {kind} differs from a scan of the leases by {found['differs_by']:.2g}"


@contextmanager
def _opened(place: Place) -> Iterator[Shelf]:
    leases = engine_of(place.leases)
    # One database for both gets one pool of connections.
    ledger = leases if place.ledger == place.leases else engine_of(place.ledger)
    try:
        yield Shelf(leases, ledger)
    finally:
        leases.dispose()
        ledger.dispose()


@contextmanager
def _sqlite(folder: Path) -> Iterator[Place]:
    yield Place(f"sqlite:///{folder}/leases.sqlite", f"sqlite:///{folder}/werkbank.sqlite")


@contextmanager
def _postgres(url: str) -> Iterator[Place]:
    """A database of our own on the server. Raises SQLAlchemyError when it cannot be made."""
    name = f"werkbank_bench_{secrets.token_hex(4)}"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    own = make_url(url).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield Place(own, own)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def _measure(plan: Plan, place: Place, shelf: Shelf, folder: Path, tell: Tell) -> dict[str, Any]:
    kind = shelf.leases.dialect.name
    _refreshed(shelf.leases, shelf.ledger)
    tell(f"{kind}: the ledger counts {plan.counted_itself} leases itself")
    books = Ledger(shelf.ledger, Source(shelf.leases, lambda _class: False))
    books.begin()
    began = time.perf_counter()
    counted = books.count_leases(time.time())
    fill_s = time.perf_counter() - began
    tell(f"{kind}: asking for pages")
    pages = asyncio.run(_pages(plan, place, shelf.ledger, folder))
    tell(f"{kind}: scanning the leases instead")
    began = time.perf_counter()
    scanned = _scanned(shelf.leases, plan.year)  # once: it takes longer than all pages together
    scan = time.perf_counter() - began
    again = _timed(lambda: books.count_leases(time.time()))
    return {
        "fill": {"leases": counted, "seconds": rounded(fill_s), "leases_per_s": rounded(counted / fill_s)},
        "round_with_nothing_new_s": rounded(again),
        "pages_s": pages,
        "direct_scan_s": rounded(scan),
        "scan_over_page": rounded(scan / pages["everybody's year, by person"]["median"]),
        "differs_by": _differs_by(shelf, scanned),
    }


def _refreshed(*engines: Engine) -> None:
    """What a database learns of its tables by itself after a while."""
    for engine in engines:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


def _scanned(engine: Engine, year: Year) -> dict[str, float]:
    """Device-seconds by user: the same question to the leases themselves, which are not even cut at midnights."""
    at = tables.leases.c
    asked = select(at.user, func.sum(at.held_seconds), func.sum(at.busy_seconds), func.count())
    asked = asked.where(at.ended_at >= year.start, at.ended_at < year.start + 366 * 86400).group_by(at.user)
    with engine.connect() as connection:
        return {row[0]: float(row[1]) for row in connection.execute(asked)}


def _differs_by(shelf: Shelf, scanned: Mapping[str, float]) -> float:
    """By how much the ledger's sums by person, over all time, differ from the leases', as a share of the largest."""
    use = Use(shelf.ledger, Source(shelf.leases, lambda _class: False))
    both = period_of("", date(YEAR - 1, 1, 1), date(YEAR, 12, 31), 0)  # what ends in January may have begun before
    told = {
        name: tally.amounts.held_seconds for (name, _), tally in use.tallies("user", both, Whose(), Fresh()).items()
    }
    most = max(scanned.values())
    return max(abs(told.get(user, 0.0) - scanned.get(user, 0.0)) for user in told.keys() | scanned.keys()) / most


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


# --- pages ---------------------------------------------------------------------------------------------


async def _pages(plan: Plan, place: Place, ledger: Engine, folder: Path) -> dict[str, dict[str, float]]:
    """Seconds that the service takes to answer with each page, from the request to its last byte."""
    app = create_app(_runtime(plan, place, folder), ledger, _nobody(), "http://127.0.0.1:9/hub/api")
    admin = Person(user_name(0), (), True, "", ())
    app.dependency_overrides[page_person] = lambda: admin
    found = {}
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=120) as client:
            for name, path in _asked(plan).items():
                await _asking(client, path)  # templates are compiled at their first use
                times = [await _asking(client, path) for _run in range(plan.runs)]
                found[name] = {"median": rounded(percentile(times, 0.5)), "largest": rounded(max(times))}
    return found


async def _asking(client: httpx.AsyncClient, path: str) -> float:
    began = time.perf_counter()
    reply = await client.get(f"{PREFIX}{path}")
    took = time.perf_counter() - began
    reply.raise_for_status()
    return took


def _asked(plan: Plan) -> dict[str, str]:
    return {
        "my year": f"use?period={YEAR}",
        "my year, by notebook": f"use?period={YEAR}&by=notebook",
        "a programme's year, by person": f"use/programmes/{plan.year.programmes[0]}?period={YEAR}",
        "everybody's year, by programme": f"admin/use?period={YEAR}",
        "everybody's year, by person": f"admin/use?period={YEAR}&by=user",
        "everybody's year, by GPU": f"admin/use?period={YEAR}&by=device",
        "everybody, 10 January to 20 December, by person": f"admin/use?from={YEAR}-01-10&to={YEAR}-12-20&by=user",
        "everybody's November, by person": f"admin/use?period={YEAR}-11&by=user",
        "the report on November": f"admin/use/report?month={YEAR}-11",
        "everybody's year, by person, as CSV": f"admin/use?period={YEAR}&by=user&file=csv",
    }


def _runtime(plan: Plan, place: Place, folder: Path) -> Runtime:
    folder.mkdir()
    yaml = YAML(typ="safe")
    tree = yaml.load(plan.settings)
    title = {"en": "Measured", "nl": "Gemeten"}
    classes = {name: {"title": title, "memory": "16GiB", "model": name} for name in CLASSES}
    tree |= {
        "gpu_classes": tree.get("gpu_classes", {}) | classes,
        "programmes": [{"name": name, "title": title} for name in PROGRAMMES],
        "leases": tree.get("leases", {}) | {"database": place.leases},
        "gateway": {"enabled": False},
    }
    with (folder / "werkbank.yaml").open("w") as file:
        yaml.dump(tree, file)
    return Runtime(folder / "werkbank.yaml", StateDirectory.open(folder / "state"))


def _nobody() -> OAuthClient:
    """The service's sign-in, which nobody uses here."""
    return OAuthClient("bench", "bench", f"{PREFIX}oauth_callback", "/hub/api/oauth2/authorize", PREFIX, "bench")


def _plan(plan: Plan) -> dict[str, Any]:
    return {"leases": plan.leases, "users": plan.users, "devices": plan.year.devices, "runs": plan.runs, "year": YEAR}


def _machine() -> dict[str, Any]:
    cores, memory = psutil.cpu_count(), psutil.virtual_memory().total
    versions = {"python": platform.python_version(), "werkbank": __version__}
    return {"cores": cores, "memory_gb": rounded(memory / 1e9), "load_average": list(os.getloadavg())} | versions
