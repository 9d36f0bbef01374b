"""Visits to seats in one Chromium: each with empty caches, signed in before."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hub.bench import usage
from hub.bench.lab.world import USERS
from hub.bench.parts.browser import STEP_MS
from hub.bench.peers import Peer

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page, StorageState, ViewportSize

WIDTH, HEIGHT = 1360, 900
TAB = ".jp-SideBar .lm-TabBar-tab[data-id='werkbank-compute']"
HERE = Path(__file__).parent


class Started(NamedTuple):
    """What a start of JupyterLab took."""

    milliseconds: float
    cpu_ms: float
    """Of the page's main thread: other work on the machine hardly changes it."""


@dataclass(frozen=True)
class Visits:
    """Pages of JupyterLab in the seats of USERS, which run."""

    peer: Peer
    browser: "Browser"
    signed_in: "dict[str, StorageState]"
    """Cookies by variant."""

    @classmethod
    async def sign_in(cls, peer: Peer, browser: "Browser") -> "Visits":
        """Sign everybody in once, at the hub and at their seat. Raises playwright's errors."""
        visits = cls(peer, browser, {})
        for variant, user in USERS.items():
            async with visits._context() as context:
                page = await context.new_page()
                await page.goto(f"{peer.address}/hub/login?next=%2Fhub%2Fhome")
                await page.fill("#username_input", user)
                await page.fill("#password_input", peer.password)
                await page.click("#login_submit")
                await page.wait_for_url("**/hub/home")
                await page.goto(visits._lab(variant))
                visits.signed_in[variant] = await context.storage_state()
        return visits

    @asynccontextmanager
    async def lab(self, variant: str = "whole", *scripts: str) -> AsyncIterator["Page"]:
        """JupyterLab with nothing open, once it is there; `scripts` of this folder run before its own."""
        async with self._fresh(variant, *scripts) as page:
            await self._start(page, variant)
            yield page

    async def start(self, variant: str) -> Started:
        """Open JupyterLab with nothing open, and leave it."""
        async with self._fresh(variant) as page:
            session = await page.context.new_cdp_session(page)
            await session.send("Performance.enable", {"timeDomain": "threadTicks"})
            milliseconds = await self._start(page, variant)
            metrics = (await session.send("Performance.getMetrics"))["metrics"]
        return Started(milliseconds, next(m["value"] for m in metrics if m["name"] == "TaskDuration") * 1e3)

    async def _start(self, page: "Page", variant: str) -> float:
        """Milliseconds from the navigation until JupyterLab is there with its launcher."""
        await page.goto(self._lab(variant))
        milliseconds: float = await page.evaluate("werkbankBench.started")
        return milliseconds

    @asynccontextmanager
    async def _fresh(self, variant: str, *scripts: str) -> AsyncIterator["Page"]:
        """A page of somebody with empty caches and nothing open in their seat, who has not gone there yet."""
        # What was open last time is opened again, in place of the launcher.
        workspaces = self.peer.home(USERS[variant]) / ".jupyter" / "lab" / "workspaces"
        shutil.rmtree(workspaces, ignore_errors=True)
        await usage.wait_until_quiet()
        async with self._context(variant) as context:
            for script in ("page.js", *scripts):
                await context.add_init_script(path=HERE / script)
            yield await context.new_page()

    @asynccontextmanager
    async def panel(self, cards: int, *scripts: str) -> AsyncIterator[tuple["Page", float]]:
        """JupyterLab with the panel open, and the milliseconds until that was painted with so many cards."""
        async with self.lab("whole", *scripts) as page:
            await usage.wait_until_quiet()
            await page.evaluate("cards => werkbankBench.watchOpening(cards)", cards)
            await page.click(TAB)
            milliseconds: float = await page.evaluate("werkbankBench.opened")
            yield page, milliseconds

    def _lab(self, variant: str) -> str:
        return f"{self.peer.address}/user/{USERS[variant]}/lab"

    @asynccontextmanager
    async def _context(self, variant: str = "") -> AsyncIterator["BrowserContext"]:
        from playwright.async_api import Error

        options: dict[str, Any] = {"storage_state": self.signed_in[variant]} if variant else {}
        size: ViewportSize = {"width": WIDTH, "height": HEIGHT}
        context = await self.browser.new_context(viewport=size, locale="en-GB", **options)
        context.set_default_timeout(STEP_MS)
        try:
            yield context
        finally:
            with suppress(Error):  # when all is interrupted, the browser may be gone already
                await context.close()
