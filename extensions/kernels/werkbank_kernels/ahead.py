"""The kernel of a notebook is started when its page is asked for, seconds before the page asks for it.

Only kernels that lease nothing: a GPU is somebody's act, not a guess.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any
from urllib.parse import unquote

from jupyter_client.kernelspec import NoSuchKernel

_LARGEST_NOTEBOOK = 64 * 2**20
_running: dict[str, asyncio.Task[None]] = {}


def install(serverapp: Any) -> None:
    """Look at which notebook the lab page is asked for, from now on."""
    from jupyterlab_server.handlers import LabHandler

    if hasattr(LabHandler, "_werkbank_get"):
        return
    LabHandler._werkbank_get = original = LabHandler.get

    @functools.wraps(original)
    def get(self: Any, mode: Any = None, workspace: Any = None, tree: Any = None) -> Any:
        if self.current_user and tree and tree.endswith(".ipynb"):
            _begin(self.settings, unquote(tree).removeprefix("/tree").strip("/"), serverapp.log)
        return original(self, mode, workspace, tree)

    LabHandler.get = get


def _begin(settings: dict[str, Any], path: str, log: Any) -> None:
    if path in _running:
        return
    _running[path] = task = asyncio.get_running_loop().create_task(start_ahead(settings, path), name="kernel-ahead")

    def ended(task: asyncio.Task[None]) -> None:
        del _running[path]
        if not task.cancelled() and (problem := task.exception()) is not None:
            # The page asks for the kernel itself and shows what is wrong.
            log.info("kernel.not-ahead path=%s why=%r", path, problem)

    task.add_done_callback(ended)


async def start_ahead(settings: dict[str, Any], path: str) -> None:
    """Give the notebook at `path` its session, unless it has one or wants a kernel that leases."""
    sessions = settings["session_manager"]
    if await sessions.session_exists(path=path):
        return
    kernel = await _kernel_of(settings, path)
    if kernel:
        await sessions.create_session(path=path, name=path.rpartition("/")[2], type="notebook", kernel_name=kernel)


async def _kernel_of(settings: dict[str, Any], path: str) -> str:
    """The kernel that the notebook names; empty when it names none that can be started unasked."""
    contents = settings["contents_manager"]
    facts = await _awaited(contents.get(path, content=False))
    if facts["type"] != "notebook" or (facts.get("size") or 0) > _LARGEST_NOTEBOOK:
        return ""
    notebook = (await _awaited(contents.get(path, content=True, type="notebook")))["content"]
    name = str(notebook.get("metadata", {}).get("kernelspec", {}).get("name") or "")
    if not name:
        return ""
    try:
        spec = await _awaited(settings["kernel_spec_manager"].get_kernel_spec(name))
    except NoSuchKernel:
        return ""
    return "" if leases(spec.metadata) else name


def leases(metadata: dict[str, Any]) -> bool:
    """Whether kernels of this specification ask the broker for a device."""
    provisioner = metadata.get("kernel_provisioner")
    return isinstance(provisioner, dict) and provisioner.get("provisioner_name") == "werkbank"


async def _awaited(value: Any) -> Any:
    return await value if asyncio.iscoroutine(value) or asyncio.isfuture(value) else value
