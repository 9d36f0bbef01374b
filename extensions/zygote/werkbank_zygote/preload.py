"""What is imported before the fork, and what must not exist then."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from .log import log

SEAT = (
    "jupyterhub.singleuser",
    "jupyter_server.serverapp",
    "jupyterlab.labapp",
    "jupyterlab_server",
    "jupyterhub.singleuser.extension",
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "werkbank_kernels.manager",
    "werkbank_kernels.provisioner",
    "werkbank_kernels.parking.client",
    "werkbank_zygote.client",
    "babel.dates",
    "babel.numbers",
    "nbconvert.exporters",
    "ipykernel.kernelspec",
)
"""With what the server imports only when it serves: read in each child, that would be memory of its own."""
KERNEL = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel_launcher",
    "matplotlib.pyplot",  # not the inline backend: it looks for a living kernel when it is imported
    "matplotlib.backends.backend_agg",
    "comm",
    "debugpy.server.api",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.logger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "IPython.utils.wildcard",
    "faulthandler",
    "ipykernel.debugger",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
    "tornado.queues",
    "werkbank_kernels.kernel",
    "numpy",
    "pandas",
    "xarray",
    "torch",
)
DASK = (
    "distributed",
    "distributed.cli.dask_scheduler",
    "distributed.cli.dask_worker",
    "distributed.dashboard.scheduler",
    "dask.__main__",
    "dask.cli",
    "dask.array",
    "dask.dataframe",
    "dask_gateway.scheduler_preload",
    "dask_gateway.comm",
    "numpy",
    "pandas",
    "xarray",
)
FOR_OTHERS = ("seat", "dask")
"""Roles whose children the workbench asks for in the names of users; for the others each user asks alone."""
PRELOADS = {"seat": SEAT, "kernel": KERNEL, "dask": DASK}
NO_THREADS = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


class NotForkable(RuntimeError):
    """Something exists that must not be shared by a fork."""


def before_imports() -> None:
    """Pools of threads do not survive a fork: libraries are told to have none. Children choose anew."""
    os.environ.update(NO_THREADS)


def load(names: Iterable[str]) -> list[str]:
    """Import what there is of these; the names of those that are not installed or do not load."""
    missing = []
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as problem:
            missing.append(name)
            if problem.name not in (name, name.partition(".")[0]):
                log("warning", "zygote.not-loaded", module=name, why=problem)
        except (Exception, SystemExit) as problem:
            missing.append(name)
            log("warning", "zygote.not-loaded", module=name, why=problem)
    return missing


def insist_on_packages_of_root() -> None:
    """NotForkable when somebody else could change what is imported with a way back to root."""
    for folder in filter(os.path.isdir, sys.path):
        facts = os.stat(folder)
        if facts.st_uid != 0 or facts.st_mode & 0o022:
            raise NotForkable(f"{folder} is not only root's to write")


def insist_forkable() -> None:
    """NotForkable with everything that is wrong at once."""
    if problems := list(_problems()):
        raise NotForkable("; ".join(problems))


def _problems() -> Iterator[str]:
    if (threads := len(os.listdir("/proc/self/task"))) != 1:
        yield f"{threads} threads run"
    policy = asyncio.events._event_loop_policy  # type: ignore[attr-defined]
    if policy is not None and getattr(policy._local, "_loop", None) is not None:
        yield "there is an event loop"
    zmq: Any = sys.modules.get("zmq")
    if zmq is not None and zmq.Context._instance is not None:
        yield "there is a ZeroMQ context"
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        yield "CUDA is initialised"
    if _maps_cuda():
        yield "the CUDA driver is loaded"
    yield from (f"{name} has an instance" for name in _living_singletons())


def _maps_cuda() -> bool:
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        return any("libcuda.so" in line for line in maps)


def _living_singletons() -> Iterator[str]:
    traitlets: Any = sys.modules.get("traitlets.config")
    if traitlets is not None:
        for kind in (traitlets.SingletonConfigurable, *subclasses(traitlets.SingletonConfigurable)):
            if kind.__dict__.get("_instance") is not None:
                yield kind.__name__


def subclasses(kind: type) -> Iterator[type]:
    """All classes below this one."""
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)
