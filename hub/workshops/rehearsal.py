"""A dress rehearsal: people who do not exist come in as a class will, do its first cells, and never log out.

They go through the same doors: a ticket at the hub's sign-in, the spawn page, the link to the first lesson, a kernel
over its websocket, a lease. Afterwards they are removed as temporary accounts are, also when the service was killed
meanwhile.
"""

import asyncio
import html
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any
from urllib.parse import quote

import httpx
from tornado.httpclient import HTTPClientError
from tornado.iostream import StreamClosedError

from hub.errors import WerkbankError
from hub.logs import get_logger
from hub.seats.kernel import Kernel
from hub.words import later
from hub.workshops.guests import COOKIE, Tickets
from hub.workshops.model import Workshop

log = get_logger("workshops")

AT_ONCE = 8
"""People who come in at the same moment: a class drips through the door."""
CELLS = 2
"""Code cells of the first lesson that are run."""
STEP_SECONDS = 120.0
PROBLEMS = (WerkbankError, httpx.HTTPError, HTTPClientError, StreamClosedError, OSError, LookupError, ValueError)


class Step(StrEnum):
    """What one person does, in order."""

    SIGN_IN = "sign-in"
    SEAT = "seat"
    LESSON = "lesson"
    CELLS = "cells"
    GPU = "gpu"
    CLEANED = "cleaned"
    """Their seat, account and files are gone although they never logged out."""


@dataclass(frozen=True)
class Outcome:
    """What became of one step of one person."""

    person: int
    step: str
    seconds: float
    why: str
    """Why it failed, as a sentence to be translated and filled in; "" when it went well."""
    facts: dict[str, str] = field(default_factory=dict)
    """What the sentence is filled in with."""


@dataclass
class Rehearsal:
    """One rehearsal, while it runs and afterwards."""

    workshop: str
    version: int
    """Of the workshop as it was rehearsed."""
    people: int
    began: float
    who: str
    outcomes: list[Outcome] = field(default_factory=list)
    ended: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether somebody is still at it."""
        return self.ended is None

    @property
    def failures(self) -> list[Outcome]:
        """Steps that did not go well."""
        return [outcome for outcome in self.outcomes if outcome.why]

    @property
    def has_passed(self) -> bool:
        """Whether everybody came through all of it."""
        whole = Counter(outcome.person for outcome in self.outcomes if outcome.step == Step.CLEANED and not outcome.why)
        return not self.is_running and not self.failures and len(whole) == self.people

    def steps(self) -> list[tuple[str, int, int, float | None]]:
        """By step: how many went well, how many did not, and the median of the seconds of those that did."""
        rows = []
        for step in Step:
            mine = [outcome for outcome in self.outcomes if outcome.step == step]
            well = [outcome.seconds for outcome in mine if not outcome.why]
            if mine or self.is_running:
                rows.append((str(step), len(well), len(mine) - len(well), median(well) if well else None))
        return rows

    def as_record(self) -> dict[str, Any]:
        """What JSON can hold."""
        return asdict(self)

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> "Rehearsal":
        """The rehearsal of a record."""
        outcomes = [Outcome(**outcome) for outcome in record["outcomes"]]
        return cls(**{**record, "outcomes": outcomes})


class NotThere(WerkbankError):
    """Something that a learner would find is not there."""

    def __init__(self, sentence: str, **facts: str) -> None:
        super().__init__(sentence.format(**facts))
        self.sentence, self.facts = sentence, facts


@dataclass(frozen=True)
class Stage:
    """Where a rehearsal is given: the workbench as people reach it."""

    address: str
    """Such as http://127.0.0.1:8000"""
    base_url: str
    tickets: Tickets


class Extra:
    """Somebody who does not exist."""

    def __init__(self, stage: Stage, workshop: Workshop, user: str, number: int) -> None:
        self._stage, self._workshop, self.user, self.number = stage, workshop, user, number
        self._browser = _client(stage.address)
        self._seat: httpx.AsyncClient | None = None
        self._code: Sequence[str] = ()

    @property
    def _path(self) -> str:
        return f"{self._stage.base_url}user/{quote(self.user, safe='')}/"

    async def close(self) -> None:
        """Shut the browser; nobody logs out."""
        await self._browser.aclose()
        if self._seat is not None:
            await self._seat.aclose()

    async def sign_in(self) -> None:
        """With a ticket, as temporary accounts do; then a token, which stands for the browser's cookies."""
        hub = f"{self._stage.base_url}hub/"
        ticket, nonce = self._stage.tickets.make(self.user, self._workshop.id)
        self._browser.cookies.set(COOKIE, nonce, path=f"{hub}guest")
        reply = await self._browser.get(f"{hub}guest", params={"ticket": ticket, "next": f"{hub}home"})
        if reply.status_code != httpx.codes.FOUND:
            raise NotThere(later("The hub answered with status {status}."), status=str(reply.status_code))
        page = await self._browser.get(f"{hub}home")
        xsrf = next((one.value for one in self._browser.cookies.jar if one.name == "_xsrf" and one.path == hub), "")
        made = await self._browser.post(
            f"{hub}api/users/{quote(self.user, safe='')}/tokens",
            json={"note": "rehearsal", "expires_in": 3600},
            headers={"X-XSRFToken": xsrf or "", "Referer": str(page.url)},
        )
        token = made.raise_for_status().json()["token"]
        self._seat = _client(self._stage.address, {"Authorization": f"token {token}"})

    async def start_seat(self) -> None:
        """By the same link as a learner, and wait until it serves."""
        asked = {"opt-profile": self._workshop.profile, "next": f"{self._path}lab"}
        spawn = f"{self._stage.base_url}hub/spawn/{quote(self.user, safe='')}"
        reply = await self._browser.get(spawn, params=asked)
        if reply.status_code != httpx.codes.FOUND:
            raise NotThere(later("The spawn page says: {said}"), said=_said(reply))
        assert self._seat is not None
        while (await self._seat.get(f"{self._path}api/status")).status_code != httpx.codes.OK:  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def open_lesson(self) -> None:
        """The first lesson, by its link."""
        assert self._seat is not None
        link = f"{self._path}werkbank/lessons/{self._workshop.lessons[0]}/en"
        reply = await self._seat.get(link)
        place = reply.headers.get("Location", "")
        if reply.status_code != httpx.codes.FOUND or "/lab/tree/" not in place:
            sentence = later("The link to {lesson} answered with status {status}.")
            raise NotThere(sentence, lesson=self._workshop.lessons[0], status=str(reply.status_code))
        file = place.split("/lab/tree/", 1)[1]
        notebook = (await self._seat.get(f"{self._path}api/contents/{file}")).raise_for_status().json()["content"]
        self._code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"][:CELLS]

    async def run_cells(self) -> None:
        """The lesson's first cells, in a kernel that runs on."""
        assert self._seat is not None
        kernel = await Kernel.start(self._seat, self._path)
        try:
            for code in self._code:
                await kernel.run(code)
        finally:
            kernel.leave()

    async def use_gpu(self) -> None:
        """A kernel with a GPU of the workshop's class, which runs a cell and gives it back."""
        assert self._seat is not None
        assert self._workshop.gpus is not None
        kernel = await Kernel.start(self._seat, self._path, f"python3-{self._workshop.gpus.gpu_class}")
        try:
            told = await kernel.run("", device="__import__('os').environ.get('CUDA_VISIBLE_DEVICES', '')")
            if not told["device"]:
                raise NotThere(later("The kernel ran its cell and has no GPU."))
        finally:
            await kernel.end()


async def rehearse(
    rehearsal: Rehearsal, extras: Sequence[Extra], workshop: Workshop, clean: Callable[[str], Awaitable[None]]
) -> None:
    """Have all of them come in, and remove them with `clean` although they never logged out.

    What happens stands in `rehearsal.outcomes` as it does. Never raises for what goes wrong with one of them.
    """
    door = asyncio.Semaphore(AT_ONCE)
    devices = workshop.gpus.count_for(workshop.seats) if workshop.gpus else 0
    shared = asyncio.Semaphore(max(1, devices))

    async def come_in(extra: Extra) -> None:
        acts = {Step.SIGN_IN: extra.sign_in, Step.SEAT: extra.start_seat, Step.LESSON: extra.open_lesson}
        acts |= {Step.CELLS: extra.run_cells} | ({Step.GPU: extra.use_gpu} if devices else {})
        for step, act in acts.items():
            async with door if step is not Step.GPU else shared:
                if not await _attempt(rehearsal, extra.number, step, act):
                    return

    try:
        await asyncio.gather(*(come_in(extra) for extra in extras))
    finally:
        await asyncio.gather(*(extra.close() for extra in extras))
        for extra in extras:
            await _attempt(rehearsal, extra.number, Step.CLEANED, lambda extra=extra: clean(extra.user))  # type: ignore[misc]
        rehearsal.ended = time.time()


async def _attempt(rehearsal: Rehearsal, person: int, step: Step, act: Callable[[], Awaitable[None]]) -> bool:
    """One step of one person; whether it went well."""
    began, why, facts = time.perf_counter(), "", {}
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await act()
    except TimeoutError:
        why, facts = later("It was not done within {seconds} s."), {"seconds": f"{STEP_SECONDS:g}"}
    except NotThere as missing:
        why, facts = missing.sentence, missing.facts
    except PROBLEMS as problem:
        why, facts = "{problem}", {"problem": str(problem)[:300] or type(problem).__name__}
    rehearsal.outcomes.append(Outcome(person, step, round(time.perf_counter() - began, 3), why, facts))
    if why:
        told = why.format(**facts)
        log.warning("workshop.rehearsal-step", workshop=rehearsal.workshop, person=person, step=str(step), why=told)
    return not why


def _client(address: str, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    # On this machine: no outside proxy is asked, and reading certificates would be for nothing.
    return httpx.AsyncClient(base_url=address, headers=headers, timeout=STEP_SECONDS, trust_env=False, verify=False)  # noqa: S501


def _said(reply: httpx.Response) -> str:
    """What a page of the hub says where it refuses; else its status."""
    alert = re.search(r'role="alert"[^>]*>(.*?)</(?:div|p)>', reply.text, re.DOTALL)
    said = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", alert[1])).split()) if alert else ""
    return said[:300] or str(reply.status_code)
