"""The seat's own interface to Werkbank, for the extension in the browser.

GET  /werkbank/lab/state                    everything; whoever asks is told of changes for two and a half minutes
POST /werkbank/lab/leases/{lease}/{act}     keep, release or cancel a lease of mine, of whichever seat
     /werkbank/lab/clusters…                my Dask clusters: `clusters.py`
     /werkbank/lab/workshops…               my hand, my name and my notebook in a workshop: `workshops.py`
     /werkbank/lab/shown…                   that notebook, for the service, which shows it to trainers: `shown.py`

Changes come as events on the socket that JupyterLab has open anyway (schema EVENTS): {"part": name, "value": the part}.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web
from werkbank_kernels.errors import Told
from werkbank_kernels.words import tr

from . import clusters, shown, workshops
from .copies import FreshCopies
from .errors import NoAnswer, Refused
from .follow import Follower
from .reports import Front, Reports
from .seat import Kernels, Usage
from .showing import Showing
from .view import View

ACTS = ("keep", "release", "cancel")
EVENTS = "https://schema.werkbank.example/lab/part/v1"
_LEASE = r"(?P<lease>[0-9a-zA-Z-]{1,40})"


class StateHandler(APIHandler):
    """All there is to see."""

    def initialize(self, follower: Follower, view: View) -> None:
        self._follower, self._view = follower, view

    @web.authenticated
    def get(self) -> None:
        self._follower.watch()
        self.finish(json.dumps(self._view.all()))


class ActHandler(APIHandler):
    """What people can do with a lease of theirs."""

    def initialize(self, follower: Follower) -> None:
        self._follower = follower

    @web.authenticated
    async def post(self, lease: str, act: str) -> None:
        if act not in ACTS:
            raise Told(tr("error.unknown_act", act=act, acts=", ".join(ACTS)), 404)
        if (broker := self._follower.broker()) is None:
            raise Told(tr("error.no_broker"))
        try:
            self.finish(json.dumps(await broker.act(lease, act)))
        except Refused as refusal:
            raise Told(str(refusal), refusal.status) from refusal
        except NoAnswer as problem:
            self.log.warning("lab.no-answer act=%s why=%s", act, problem)
            raise Told(tr("stopped.no_answer"), 503) from problem


def _load_jupyter_server_extension(serverapp: Any) -> None:
    serverapp.event_logger.register_event_schema(Path(__file__).with_name("events.yaml"))

    def tell(part: str, value: Any) -> None:
        serverapp.event_logger.emit(schema_id=EVENTS, data={"part": part, "value": value})

    view, kernels, front, log = View(tell), serverapp.kernel_manager, Front(), serverapp.log
    reports = Reports(kernels, front, lambda: follower.broker(), log)
    showing = Showing(lambda: follower.broker(), log)
    sources = [Kernels(kernels), Usage(kernels), reports, FreshCopies(log), showing]
    follower = Follower(_broker, view, sources, log)
    base = url_path_join("werkbank", "lab")
    handlers = [
        (url_path_join(base, "state"), StateHandler, {"follower": follower, "view": view}),
        (url_path_join(base, "leases", _LEASE, r"(?P<act>[a-z]+)"), ActHandler, {"follower": follower}),
    ]
    handlers += [(url_path_join(base, path), *rest) for path, *rest in clusters.handlers(clusters.Seat())]
    handlers += [
        (url_path_join(base, path), *rest) for path, *rest in workshops.handlers(follower, view, front, showing)
    ]
    handlers += shown.handlers(showing)
    handlers = [(url_path_join(serverapp.base_url, path), *rest) for path, *rest in handlers]
    serverapp.web_app.add_handlers(".*$", handlers)


def _broker() -> Any:
    """None outside a workbench: then there is what the seat knows by itself."""
    if not os.environ.get("WERKBANK_API") or not os.environ.get("JUPYTERHUB_API_TOKEN"):
        return None
    from werkbank_kernels.broker import Address

    from .broker import Broker

    return Broker(Address.of_seat())
