"""What a forked program does differently from one that was started afresh: four small things in ipykernel.

The same programs run unchanged when they are started with exec.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

READY = "WERKBANK_READY_FD"
KERNELS = ("ipykernel_launcher", "werkbank_kernels.kernel")


@contextlib.contextmanager
def around(module: str) -> Iterator[None]:
    """The changes for the program `module`, while it runs."""
    if module in KERNELS:
        _draw_inline()
        _tell_when_bound()
        _walk_light_modules()
        _mind_no_parent()
    if module == "dask" and sys.argv[1:2] == ["worker"]:
        _start_workers_warm()
    yield


def _start_workers_warm() -> None:
    """A nanny's worker is a fork too, unless its user chose otherwise."""
    import dask.config
    import distributed  # noqa: F401 - brings the default that is asked for

    from .warm_forkserver import open_forkserver

    method = "distributed.worker.multiprocessing-method"
    if dask.config.get(method) == "spawn":
        open_forkserver()
        dask.config.set({method: "forkserver"})


def _mind_no_parent() -> None:
    """`watch` minds the seat: ipykernel would look every second whether its parent, the zygote, is still the same."""
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.init_poller = lambda self: None


def _draw_inline() -> None:
    """The kernel names its backend in MPLBACKEND, which matplotlib reads when it is imported: here it has been."""
    if (matplotlib := sys.modules.get("matplotlib")) is not None and not os.environ.get("MPLBACKEND"):
        matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"


def _tell_when_bound() -> None:
    """The first message to a kernel is lost while its sockets are not bound, and is repeated after half a second."""
    ready = os.environ.pop(READY, "")
    if not ready:
        return
    from ipykernel.kernelapp import IPKernelApp

    original = IPKernelApp.init_kernel

    def init_kernel(self: Any) -> None:
        original(self)
        with contextlib.suppress(OSError):
            os.write(int(ready), b"READY=1\n")
            os.close(int(ready))

    IPKernelApp.init_kernel = init_kernel


class _Module:
    __slots__ = ("__file__",)


class _Modules:
    """The files of all modules, in memory of its own: stands for sys.modules where only files are asked for."""

    def __init__(self) -> None:
        self._all = []
        for module in list(sys.modules.values()):
            if file := getattr(module, "__file__", None):
                light = _Module()
                light.__file__ = "".join((file[:1], file[1:]))  # a copy beside the others, not in the module's page
                self._all.append(light)

    def copy(self) -> _Modules:
        return self

    def values(self) -> list[_Module]:
        return self._all


class _Sys:
    def __init__(self, modules: _Modules) -> None:
        self.modules = modules

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


_light: _Sys | None = None


def prepare() -> None:
    """Before the fork: list the modules once for all kernels."""
    global _light
    if "ipykernel.ipkernel" in sys.modules:
        _light = _Sys(_Modules())


def _walk_light_modules() -> None:
    """The kernel asks every module for its file: with 2,500 imported, that alone un-shares 10 MB a kernel."""
    if _light is None:
        return
    from ipykernel import ipkernel

    original = ipkernel.IPythonKernel.__init__

    def init(self: Any, **arguments: Any) -> None:
        ipkernel.sys = _light
        try:
            original(self, **arguments)
        finally:
            ipkernel.sys = sys

    ipkernel.IPythonKernel.__init__ = init
