"""The measurement: a class joins, then rooms are open with people who report, and one of them raises a hand."""

import asyncio
import contextlib
import re
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import psutil
from ruamel.yaml import YAML

from hub.bench.figures import rounded
from hub.bench.parts.browser import chromium, why_not
from hub.bench.peers import Peer, werkbank
from hub.bench.seat import Seat
from hub.bench.settings import generated
from hub.bench.workshops import capacity
from hub.bench.workshops.people import SERVICE, Guest, NotJoined, Office, spread
from hub.settings import load

GOALS = {
    "lesson_s": 90.0,
    "page_p99_s": 1.0,
    "first_paint_ms": 500.0,
    "event_ms": 1000.0,
    "core_percent": 5.0,
    "capacity_ms": 200.0,
}
REPORT_PERIOD = 30.0


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    settings: Path
    learners: int = 40
    """Who join with temporary accounts, within `within` seconds."""
    within: float = 60.0
    rooms: int = 5
    seats: int = 60
    """Learners in each room."""
    seconds: float = 60.0
    """How long the rooms are watched."""
    reservations: int = 200
    leases: int = 10_000
    """What is there when it is asked whether a class fits."""


def run(plan: Plan, tell: Callable[[str], None]) -> dict[str, Any]:
    """The report. Raises StartError when Werkbank does not start."""
    with tempfile.TemporaryDirectory(prefix="werkbank-bench-") as name:
        folder = Path(name)
        users = ["trainer", *(f"learner-{number:02}" for number in range(plan.seats))]
        settings = generated(plan.settings, folder / "settings.yaml", users)
        _let_train(settings)
        with werkbank(folder / "state", settings) as peer:
            found = asyncio.run(_measure(plan, peer, load(settings).profiles[0].name, users[1:], tell))
    told = ("learners", "rooms", "seats", "reservations", "leases")
    return {"plan": {name: getattr(plan, name) for name in told}, "goals": GOALS, **found}


def _let_train(settings: Path) -> None:
    """The trainer is one, and there is room for all rooms."""
    yaml = YAML(typ="safe")
    tree = yaml.load(settings)
    tree["authentication"]["users"]["trainer"] = ["trainers"]
    tree["trainer_groups"] = ["trainers"]
    tree["site"]["simulate_gpus"] = capacity.DEVICES
    simulated = {"title": {"en": "Simulated", "nl": "Gesimuleerd"}, "memory": "1GiB", "simulated": True}
    tree["gpu_classes"] = {capacity.GPU_CLASS: simulated}
    for profile in tree["profiles"]:
        profile["gpu_classes"] = [capacity.GPU_CLASS]
        profile["memory"] = "512MiB"  # rooms whose seats nobody starts are promised all the same
    with settings.open("w") as file:
        yaml.dump(tree, file)


async def _measure(
    plan: Plan, peer: Peer, profile: str, learners: Sequence[str], tell: Callable[[str], None]
) -> dict[str, Any]:
    office = Office.of(peer)
    with office.http:
        tell(f"{plan.learners} learners join within {plan.within:g} s")
        office.give("class", plan.learners + 2, profile=profile)
        joined = await _join(plan, peer)
        tell(f"{plan.rooms} rooms with {plan.seats} seats each")
        rooms = [f"room-{number}" for number in range(plan.rooms)]
        for room in rooms:
            office.give(room, plan.seats + 1, profile=profile)
        watched = await _rooms(plan, peer, rooms, learners, tell)
        tell(f"Would it fit, beside {plan.reservations} reservations?")
        fits = capacity.measured(peer, office, profile, plan.reservations, plan.leases)
    return {"join": joined, "room": watched, "fits": fits}


# --- joining -------------------------------------------------------------------------------------------


async def _join(plan: Plan, peer: Peer) -> dict[str, Any]:
    with sqlite3.connect(peer.state.path / "werkbank.sqlite") as records:
        (code,) = records.execute("select code from workshops where id = 'class'").fetchone()
    guests = [Guest.at(peer.address) for _ in range(plan.learners)]

    async def come(guest: Guest, after: float) -> float:
        await asyncio.sleep(after)
        return await guest.join(code)

    times = spread(plan.learners, plan.within)
    outcomes = await asyncio.gather(*map(come, guests, times), return_exceptions=True)
    await asyncio.gather(*(guest.http.aclose() for guest in guests))
    there = [outcome for outcome in outcomes if isinstance(outcome, float)]
    lost = [str(outcome) for outcome in outcomes if isinstance(outcome, NotJoined | httpx.HTTPError)]
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and str(outcome) not in lost:
            raise outcome
    pages = [seconds for guest in guests for seconds in guest.pages]
    figures = {"lesson_s": max(there, default=0.0), "lesson_median_s": median(there or [0.0])}
    return {"there": len(there), "lost": lost[:5], **rounded(figures | {"page_p99_s": _p99(pages)})}


# --- rooms -----------------------------------------------------------------------------------------------


async def _rooms(
    plan: Plan, peer: Peer, rooms: Sequence[str], learners: Sequence[str], tell: Callable[[str], None]
) -> dict[str, Any]:
    tell(f"{len(learners)} learners sign in")
    seats = await asyncio.gather(*(Seat.sign_in(peer.address, user, peer.password) for user in learners))
    trainer = await Seat.sign_in(peer.address, "trainer", peer.password)
    try:
        _enrol(peer, rooms, learners)
        await _until_they_are_in(seats[0].http, rooms)
        quiet = await _core_percent(peer, plan.seconds / 2)
        async with _open_rooms(trainer, rooms) as watched, _reports(seats, rooms):
            tell(f"Rooms are open and everybody reports, {plan.seconds:g} s")
            busy = await _core_percent(peer, plan.seconds)
            events = [await _hand(seats[0].http, rooms[0], watched[rooms[0]]) for _ in range(10)]
        pages = [await _page(trainer.http, rooms[0]) for _ in range(20)]
        figures = {
            "event_ms": 1000 * max(events),
            "event_median_ms": 1000 * median(events),
            "page_ms": 1000 * median(pages),
            "core_percent": busy,
            "core_percent_before": quiet,
        }
        paint = await _first_paint(peer, rooms[0])
        return {**rounded(figures), **paint}
    finally:
        await asyncio.gather(*(seat.http.aclose() for seat in (*seats, trainer)))


def _enrol(peer: Peer, rooms: Sequence[str], learners: Sequence[str]) -> None:
    """Everybody into every room, as if they had joined: the joining was measured before."""
    row = "insert into workshop_members values (?, ?, ?, 'code', ?, '', 1, ?, '')"
    with contextlib.closing(sqlite3.connect(peer.state.path / "werkbank.sqlite", timeout=30)) as records, records:
        for room in rooms:
            for number, user in enumerate(learners, 1):
                records.execute(row, (room, user, number, user, time.strftime("%Y-%m-%d %H:%M:%S")))


async def _until_they_are_in(http: httpx.AsyncClient, rooms: Sequence[str]) -> None:
    async with asyncio.timeout(60):
        while len((await http.get(f"{SERVICE}/api/v1/me/workshops")).json()["workshops"]) < len(rooms):  # noqa: ASYNC110
            await asyncio.sleep(0.5)


async def _core_percent(peer: Peer, seconds: float) -> float:
    """CPU of the service's process over a while, in percent of one core."""
    service = next(one for one in peer.hub.children() if "hub.service" in one.cmdline())
    before, began = _cpu(service), time.monotonic()
    await asyncio.sleep(seconds)
    return 100 * (_cpu(service) - before) / (time.monotonic() - began)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@dataclass
class Watched:
    """What a browser at a room has heard last."""

    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    has_hand: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, part: str) -> None:
        """The main part of the page, or parts of it that changed."""
        if tile := re.search(r'class="([^"]*)" id="tile-1"', part):
            self.has_hand = "tile--hand" in tile[1]
        self.is_open.set()
        self.changed.set()

    async def until(self, has_hand: bool) -> None:
        """Wait until a hand is shown, or none."""
        async with asyncio.timeout(10):
            while self.has_hand is not has_hand:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def _open_rooms(trainer: Seat, rooms: Sequence[str]) -> AsyncIterator[dict[str, Watched]]:
    """A browser at each room."""
    watched = {room: Watched() for room in rooms}

    async def listen(room: str) -> None:
        url, part = f"{SERVICE}/workshops/{room}/room/live", ""
        async with trainer.http.stream("GET", url, timeout=None) as stream:
            async for line in stream.aiter_lines():
                if line:
                    part += line
                    continue
                if part.startswith(("event: page", "event: parts")):
                    watched[room].hear(part)
                part = ""

    async with asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(listen(room)) for room in rooms]
        await asyncio.gather(*(one.is_open.wait() for one in watched.values()))
        yield watched
        for task in listening:
            task.cancel()


@asynccontextmanager
async def _reports(seats: Sequence[Seat], rooms: Sequence[str]) -> AsyncIterator[None]:
    """Every learner tells every room now and then how far they are, and gets further; begins when all have come."""
    there: set[int] = set()
    all_there = asyncio.Event()

    async def report(number: int, seat: Seat) -> None:
        await asyncio.sleep(REPORT_PERIOD * number / len(seats))
        tries = 0
        while True:
            tries += 1
            told = {"exercises": {"S1-1": {"tries": tries, "last": time.time()}}, "lesson": "S1", "ran_ago": 5}
            for room in rooms:
                await seat.http.put(f"{SERVICE}/api/v1/me/workshops/{room}/progress", json=told)
            there.add(number)
            if len(there) == len(seats):
                all_there.set()
            await asyncio.sleep(REPORT_PERIOD)

    async with asyncio.TaskGroup() as tasks:
        reporting = [tasks.create_task(report(number, seat)) for number, seat in enumerate(seats)]
        await all_there.wait()
        yield
        for task in reporting:
            task.cancel()


async def _hand(http: httpx.AsyncClient, room: str, watched: Watched) -> float:
    """Seconds from raising a hand until the trainer's page shows it."""
    url = f"{SERVICE}/api/v1/me/workshops/{room}/hand"
    await http.post(url, json={"raised": False})
    await watched.until(has_hand=False)
    await asyncio.sleep(1.0)
    began = time.perf_counter()
    await http.post(url, json={"raised": True})
    await watched.until(has_hand=True)
    return time.perf_counter() - began


async def _page(http: httpx.AsyncClient, room: str) -> float:
    reply = await http.get(f"{SERVICE}/workshops/{room}/room", headers={"Accept": "text/html"})
    return reply.raise_for_status().elapsed.total_seconds()


async def _first_paint(peer: Peer, room: str) -> dict[str, Any]:
    """What a browser says of its first paint of the room; why not, where there is none."""
    if reason := why_not():
        return {"first_paint_ms": None, "left_out": reason}
    async with chromium() as browser:
        page = await (await browser.new_context()).new_page()
        await page.goto(f"{peer.address}/hub/login")
        await page.fill("#username_input", "trainer")
        await page.fill("#password_input", peer.password)
        await page.click("#login_submit")
        url = f"{peer.address}{SERVICE}/workshops/{room}/room"
        await page.goto(url)
        paints = []
        for _ in range(5):
            await page.goto(url)
            script = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            painted = await page.wait_for_function(script)  # a page may be loaded before it is painted
            paints.append(float(await painted.json_value()))
    return rounded({"first_paint_ms": max(paints), "first_paint_median_ms": median(paints)})


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98] if len(values) > 1 else max(values, default=0.0)
