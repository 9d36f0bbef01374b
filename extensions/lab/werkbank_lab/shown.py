"""The notebook that a learner lets trainers look at, read-only. All of it is for guests.

GET /werkbank/lab/shown            the page around it: whose it is, which, and when it was saved
GET /werkbank/lab/shown/content    the notebook as HTML in which nothing runs
GET /werkbank/lab/shown/state      {"path": …, "saved": Unix seconds}; 404 while nothing is shown

What is in a notebook was written by somebody else than its reader: in its page no script runs, nothing is fetched, no
form is sent and no link leads away, whatever its cells and outputs say.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from functools import cache
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.utils import url_path_join
from tornado import web
from werkbank_kernels.errors import Told
from werkbank_kernels.words import tr

from .errors import NoAnswer, Refused
from .guests import ForGuests
from .reader import language_of
from .showing import Agreement, Showing

BASE = "werkbank/lab/shown"
CONTENT_POLICY = (
    "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
PAGE_POLICY = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
    "frame-src {content}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class ShownHandler(ForGuests):
    """What the three have in common."""

    def initialize(self, showing: Showing) -> None:
        self._showing = showing

    async def _agreed(self) -> Agreement:
        """Raises Told 404 while nothing is shown, and 503 while nobody can say."""
        try:
            found = await self._showing.now()
        except (NoAnswer, Refused) as problem:
            self.log.warning("lab.shown-unknown why=%s", problem)
            raise Told(self._say("shown.unknown"), 503) from problem
        if found is None:
            raise Told(self._say("shown.nothing", owner=_owner()), 404)
        return found

    async def _model(self, agreed: Agreement, is_whole: bool) -> dict[str, Any]:
        """The notebook as Jupyter's contents have it. Raises Told 404 for one that is not there any more."""
        try:
            found = self.contents_manager.get(agreed.path, content=is_whole, type="notebook" if is_whole else None)
            model: dict[str, Any] = await ensure_async(found)
        except (web.HTTPError, OSError) as problem:
            raise Told(self._say("shown.gone", path=agreed.path), 404) from problem
        return model

    def _say(self, key: str, **values: str) -> str:
        return tr(key, language_of(self), **values)

    def write_error(self, status_code: int, **options: Any) -> None:
        """A page of ours; Jupyter's error page is for who may use the rest of the seat."""
        error = (options.get("exc_info") or (None, None))[1]
        sentence = error.sentence if isinstance(error, Told) else self._say("shown.unknown")
        self._page(sentence=sentence, path="")

    def _page(self, **values: Any) -> None:
        nonce, language = secrets.token_urlsafe(16), language_of(self)
        content = f"{self.request.protocol}://{self.request.host}{url_path_join(self.base_url, BASE, 'content')}"
        self._close(PAGE_POLICY.format(nonce=nonce, content=content))
        state = url_path_join(self.base_url, BASE, "state")
        known = {"nonce": nonce, "language": language, "owner": _owner(), "content": content, "state": state}
        self.finish(
            _template("shown.html").render(say=lambda key, **more: tr(key, language, **more), **known, **values)
        )

    def _close(self, policy: str) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", policy)
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")


class PageHandler(ShownHandler):
    """The page around it."""

    @web.authenticated
    async def get(self) -> None:
        agreed = await self._agreed()
        model = await self._model(agreed, is_whole=False)
        token = self.xsrf_token.decode()  # JupyterHub takes no cookie from a script that does not know it
        self._page(path=agreed.path, saved=_saved(model), sentence="", token=token)


class ContentHandler(ShownHandler):
    """The notebook itself."""

    @web.authenticated
    async def get(self) -> None:
        agreed = await self._agreed()
        model = await self._model(agreed, is_whole=True)
        body, style = await asyncio.to_thread(_rendered, model["content"])
        self._close(CONTENT_POLICY)
        self.finish(_template("notebook.html").render(body=body, style=style, language=language_of(self)))


class StateHandler(ShownHandler):
    """Has it changed?"""

    @web.authenticated
    async def get(self) -> None:
        agreed = await self._agreed()
        model = await self._model(agreed, is_whole=False)
        self.finish(json.dumps({"path": agreed.path, "saved": _saved(model)}))

    def write_error(self, status_code: int, **options: Any) -> None:
        """For the page's script."""
        error = (options.get("exc_info") or (None, None))[1]
        sentence = error.sentence if isinstance(error, Told) else self._say("shown.unknown")
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"message": sentence}))


def handlers(showing: Showing) -> list[tuple[str, type[ShownHandler], dict[str, Any]]]:
    """Paths below the seat's address, with what answers them."""
    known = {"showing": showing}
    return [
        (BASE, PageHandler, known),
        (f"{BASE}/content", ContentHandler, known),
        (f"{BASE}/state", StateHandler, known),
    ]


def _owner() -> str:
    return os.environ.get("JUPYTERHUB_USER", "")


def _saved(model: dict[str, Any]) -> float:
    return float(model["last_modified"].timestamp())


def _rendered(notebook: Any) -> tuple[str, str]:
    """A notebook's HTML and the style of its code. Imported here: a seat is started far more often than looked at."""
    from nbconvert.exporters import HTMLExporter
    from pygments.formatters import HtmlFormatter

    body, _resources = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    light = HtmlFormatter(style="xcode").get_style_defs(".highlight")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    return body, f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader

    return Environment(loader=PackageLoader(__package__, "pages"), autoescape=True, trim_blocks=True)


def _template(name: str) -> Any:
    return _environment().get_template(name)
