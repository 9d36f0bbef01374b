"""From the sign-in form to the first cell's output, in a real browser with empty caches."""

import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from hub.bench import usage
from hub.bench.plan import Plan
from hub.bench.seat import Seat, StartFailed
from hub.bench.side import Side

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
STEP_MS = 90_000
CARD = ".jp-LauncherCard[data-category='Notebook'][title^='Python 3']"
# The indicator in the notebook's own toolbar says idle also before there is a kernel.
IDLE = ".jp-StatusBar-Widget >> text=/\\| Idle/"
EDITOR = ".jp-NotebookPanel:visible .jp-CodeCell .cm-content"
OUTPUT = ".jp-NotebookPanel:visible .jp-OutputArea-output"


def why_not() -> str | None:
    """Why this cannot be measured here; None when it can."""
    try:
        import playwright.async_api  # noqa: F401 - the tests' requirements have it, the workbench's do not
    except ImportError:
        return "Playwright is not installed (`./werkbank test` installs it)"
    return None if _program() else f"there is no Chromium on this machine ({', '.join(PROGRAMS)})"


async def measure(plan: Plan, sides: Sequence[Side]) -> None:
    """In each run a new browser profile and a new seat."""
    async with chromium() as browser:
        for number in range(1, plan.runs + 1):
            for side in sides:
                side.watcher.now(f"{side.peer.name}: sign-in to first cell, run {number} of {plan.runs}")
                await _measure_one(side, browser)
                side.watcher.round_done()


@asynccontextmanager
async def chromium() -> AsyncIterator["Browser"]:
    """A Chromium without a window, inside the block; only where `why_not` says nothing."""
    from playwright.async_api import async_playwright

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses its own to root
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_program(), args=[*QUIET, *sandbox])
        yield browser
        await browser.close()


def _program() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


async def _measure_one(side: Side, browser: "Browser") -> None:
    seat = side.seats[0]
    await usage.wait_until_quiet()
    try:
        found = await side.attempt(seat.user, _visit(side, seat, browser))
    finally:
        await seat.stop()
        # What was open last time is opened again, in place of the launcher.
        shutil.rmtree(side.peer.home(seat.user) / ".jupyter" / "lab" / "workspaces", ignore_errors=True)
    if found is None:
        side.measured.fail("browser")
    else:
        side.measured.add("browser", lab_s=found[0], first_cell_s=found[1])


async def _visit(side: Side, seat: Seat, browser: "Browser") -> tuple[float, float]:
    """Seconds from pressing the button of the sign-in form until JupyterLab is there, and until the output."""
    from playwright.async_api import Error

    context = await browser.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB")
    context.set_default_timeout(STEP_MS)
    try:
        return await _first_cell(await context.new_page(), side, seat)
    except Error as error:
        raise StartFailed(in_short(error.message)) from error
    finally:
        with suppress(Error):  # when all is interrupted, the browser may be gone already
            await context.close()


def in_short(message: str) -> str:
    """What failed, and for what it waited, of Playwright's many lines."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return " ".join([*lines[:1], *(line for line in lines[1:] if "waiting for" in line)][:2])


async def _first_cell(page: "Page", side: Side, seat: Seat) -> tuple[float, float]:
    await page.goto(f"{side.peer.address}/hub/login?next=%2Fhub%2Fspawn")
    await page.fill("#username_input", seat.user)
    await page.fill("#password_input", side.peer.password)
    began = time.perf_counter()
    await page.click("#login_submit")
    await page.wait_for_url(lambda url: "/hub/login" not in url)
    if await page.locator("form button[type=submit], form input[type=submit]").count():
        # Werkbank asks for a profile; the first is chosen already.
        await page.locator("form button[type=submit], form input[type=submit]").last.click()
    card = page.locator(CARD).first
    await card.wait_for()
    lab = time.perf_counter() - began
    await card.click()
    await page.locator(IDLE).first.wait_for()
    # A kernel can be there before the notebook has the keyboard: then keys would be commands, or lost.
    await page.locator(EDITOR).first.click()
    await page.keyboard.type("6*7")
    await page.keyboard.press("Shift+Enter")
    await page.locator(OUTPUT, has_text="42").first.wait_for()
    return lab, time.perf_counter() - began
