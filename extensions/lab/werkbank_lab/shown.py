"""The notebook that a learner lets trainers look at, read-only. The service asks, and hands it on.

GET /werkbank/lab/shown/state      {"path": …, "saved": Unix seconds}; 404 while nothing is shown
GET /werkbank/lab/shown/content    the notebook as HTML

What is in it runs nowhere: the service puts it into a page without scripts, and fetches nothing that it names.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import APIHandler
from tornado import web
from werkbank_kernels.errors import Told
from werkbank_kernels.words import tr

from .errors import NoAnswer, Refused
from .showing import Agreement, Showing

BASE = "werkbank/lab/shown"


class ShownHandler(APIHandler):
    """What the two have in common."""

    def initialize(self, showing: Showing) -> None:
        self._showing = showing

    async def _agreed(self) -> Agreement:
        """Raises Told 404 while nothing is shown, and 503 while nobody can say."""
        try:
            found = await self._showing.now()
        except (NoAnswer, Refused) as problem:
            self.log.warning("lab.shown-unknown why=%s", problem)
            raise Told(tr("workshops.no_answer"), 503) from problem
        if found is None:
            raise Told(tr("workshops.nothing_shown"), 404)
        return found

    async def _model(self, agreed: Agreement, is_whole: bool) -> dict[str, Any]:
        """The notebook as Jupyter's contents have it. Raises Told 404 for one that is not there any more."""
        try:
            found = self.contents_manager.get(agreed.path, content=is_whole, type="notebook" if is_whole else None)
            model: dict[str, Any] = await ensure_async(found)
        except (web.HTTPError, OSError) as problem:
            raise Told(tr("workshops.nothing_shown"), 404) from problem
        return model


class StateHandler(ShownHandler):
    """Which, and has it changed?"""

    @web.authenticated
    async def get(self) -> None:
        agreed = await self._agreed()
        model = await self._model(agreed, is_whole=False)
        self.finish(json.dumps({"path": agreed.path, "saved": model["last_modified"].timestamp()}))


class ContentHandler(ShownHandler):
    """The notebook itself."""

    @web.authenticated
    async def get(self) -> None:
        model = await self._model(await self._agreed(), is_whole=True)
        page = await asyncio.to_thread(_rendered, model["content"])
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(page)


def handlers(showing: Showing) -> list[tuple[str, type[ShownHandler], dict[str, Any]]]:
    """Paths below the seat's address, with what answers them."""
    known = {"showing": showing}
    return [(f"{BASE}/state", StateHandler, known), (f"{BASE}/content", ContentHandler, known)]


def _rendered(notebook: Any) -> str:
    """A notebook as a page. Imported here: a seat is started far more often than looked at."""
    from jinja2 import Environment, PackageLoader
    from nbconvert.exporters import HTMLExporter
    from pygments.formatters import HtmlFormatter

    body, _resources = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    light = HtmlFormatter(style="xcode").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    style = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
    pages = Environment(loader=PackageLoader(__package__, "pages"), autoescape=True)
    return pages.get_template("notebook.html").render(body=body, style=style)
