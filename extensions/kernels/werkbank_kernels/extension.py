"""The seat's own interface to the leases of its kernels, for the JupyterLab extension.

GET /werkbank/kernels/{kernel}/lease -> {"lease": Lease or null, "silent": bool}
POST /werkbank/kernels/{kernel}/lease/{cancel|release|keep|cpu} -> the same
"""

from __future__ import annotations

import json
import os
import threading
from importlib import import_module
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from .ahead import install
from .specs import CLASSES, KERNELS_ARE_JOBS
from .warm import NODE
from .words import tr

ACTS = ("cancel", "release", "keep", "cpu")
_MANAGERS = {
    "kernel_websocket_connection_class": "werkbank_kernels.last_words.SeatConnection",
    "kernel_manager_class": "werkbank_kernels.manager.SeatKernelManager",
    "kernel_spec_manager_class": "werkbank_kernels.specs.SeatKernelSpecManager",
}
_KERNEL = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"


class _LeaseOfKernel(APIHandler):
    def provisioner(self, kernel_id: str) -> Any:
        found = getattr(self.kernel_manager, "provisioner_of", lambda _: None)(kernel_id)
        if found is None:
            raise web.HTTPError(404, tr("error.unknown_kernel"))
        return found

    def answer(self, provisioner: Any) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(provisioner.lease()))


class LeaseHandler(_LeaseOfKernel):
    """What a kernel leases."""

    @web.authenticated
    async def get(self, kernel_id: str) -> None:
        self.answer(self.provisioner(kernel_id))


class ActHandler(_LeaseOfKernel):
    """What people can ask for."""

    @web.authenticated
    async def post(self, kernel_id: str, act: str) -> None:
        if act not in ACTS:
            raise web.HTTPError(404, tr("error.unknown_act", act=act, acts=", ".join(ACTS)))
        provisioner = self.provisioner(kernel_id)
        await provisioner.act(act)
        self.answer(provisioner)


def _link_jupyter_server_extension(serverapp: Any) -> None:
    """Before the server makes its managers: a seat's own, unless the server was configured to have others.

    Files in jupyter_server_config.d can only enable extensions, so the classes are set here.
    """
    if os.environ.get(NODE):
        serverapp.config.KernelProvisionerFactory.default_provisioner_name = "werkbank-warm"
    if not os.environ.get("WERKBANK_API"):
        return
    if os.environ.get(KERNELS_ARE_JOBS) and "database_filepath" not in serverapp.config.SessionManager:
        from .job.records import sessions_file

        # Kernels outlive the seat, and so must the notebooks that they belong to.
        serverapp.config.SessionManager.database_filepath = str(sessions_file(_server()))
    for trait, manager in _MANAGERS.items():
        if trait in serverapp.config.ServerApp:
            serverapp.log.warning("kernels.managers ServerApp.%s is set elsewhere and stays as it is", trait)
        else:
            setattr(serverapp, trait, manager)


def _server() -> str:
    return os.environ.get("JUPYTERHUB_SERVER_NAME", "")


async def _adopt(serverapp: Any) -> None:
    from .job.adopting import adopt_all

    await adopt_all(serverapp.kernel_manager, _server())


def _load_jupyter_server_extension(serverapp: Any) -> None:
    if os.environ.get(NODE):
        install(serverapp)
    base = url_path_join(serverapp.base_url, "werkbank", "kernels", _KERNEL, "lease")
    handlers = [(base, LeaseHandler), (url_path_join(base, r"(?P<act>[a-z]+)"), ActHandler)]
    serverapp.web_app.add_handlers(".*$", handlers)
    if os.environ.get(KERNELS_ARE_JOBS):
        serverapp.io_loop.add_callback(_adopt, serverapp)
    if os.environ.get(CLASSES):
        # Its libraries take a third of a second to import: not while the seat starts, nor in the first leased kernel.
        warm = threading.Thread(target=import_module, args=("werkbank_kernels.provisioner",), daemon=True)
        serverapp.io_loop.call_later(1, warm.start)
