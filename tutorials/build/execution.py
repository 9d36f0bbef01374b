"""Runs cells of a lesson as on a learner's machine that has no network and an empty home, and tells what that took."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

from .catalogue import ROOT, Entry
from .notebooks import notebook
from .source import Cell

KIT = ROOT.parent / "extensions" / "lessons"
OFFLINE = Path(__file__).parent / "offline"
SECONDS = 120  # of a lesson, top to bottom on two cores; what needs longer is not in the catalogue
MEBIBYTES = 2048  # of a lesson at its peak, with its workers
_LOOK = 0.1  # seconds between looks at the memory

# What a learner's own cells do that will break some day is an error today.
_WARNINGS = "error::DeprecationWarning:__main__,error::PendingDeprecationWarning:__main__"


@dataclass(frozen=True)
class Executed:
    """A notebook with its outputs, how long it took with the start of its kernel, and the memory of all its processes
    at their peak (shared pages counted once).
    """

    notebook: Any
    seconds: float
    peak_mib: float


def execute(
    cells: list[Cell],
    entry: Entry,
    language: str,
    home: Path,
    *,
    python: str = sys.executable,
    allow_errors: bool = False,
    offline: bool = True,
    environment: Mapping[str, str] | None = None,
    on_cell: Callable[[int, int], None] = lambda _number, _of: None,
) -> Executed:
    """Run ``cells`` in a fresh kernel of ``python``; raises nbclient's errors unless ``allow_errors``.

    ``offline`` puts the kernel and its children in a network of their own where the system allows it; a guard in
    Python's sockets is there always. ``on_cell`` hears which cell begins.
    """
    made = notebook(cells, entry, language)
    began = time.monotonic()
    with _kernel(python) as manager, _memory_of(manager) as peak:
        client = NotebookClient(
            made,
            km=manager,
            timeout=SECONDS,
            allow_errors=allow_errors,
            resources={"metadata": {"path": str(home)}},
            on_cell_start=lambda cell, cell_index: on_cell(cell_index, len(made.cells)),
        )
        client.owns_km = True  # so that it ends kernel and channels, whatever happens
        executed = client.execute(env=_environment(home, offline) | (environment or {}))
    return Executed(executed, time.monotonic() - began, peak[0] / 1024**2)


def _environment(home: Path, offline: bool) -> dict[str, str]:
    fresh = {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "PYTHONPATH": os.pathsep.join([str(OFFLINE), str(KIT)]),
        "PYTHONWARNINGS": _WARNINGS,
        "WERKBANK_LESSONS": str(ROOT / "notebooks"),
        "OMP_NUM_THREADS": "1",  # two lessons' worth of threads on two cores take minutes instead of seconds
    }
    if offline:
        fresh["WERKBANK_OFFLINE"] = "namespace"
    ours = ("DASK_GATEWAY__", "WERKBANK_", "JPY_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | fresh


@contextmanager
def _kernel(python: str) -> Iterator[AsyncKernelManager]:
    """A kernel of certainly this Python, reached over files: there is no network to reach it over."""
    with tempfile.TemporaryDirectory(prefix="lesson-") as folder:
        spec = Path(folder, "kernels", "lesson", "kernel.json")
        spec.parent.mkdir(parents=True)
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "Lesson", "language": "python"}))
        yield AsyncKernelManager(
            kernel_name="lesson",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(Path(folder, "kernels"))]),
            transport="ipc",
            connection_file=str(Path(folder, "kernel.json")),
        )


@contextmanager
def _memory_of(manager: AsyncKernelManager) -> Iterator[list[float]]:
    """The most bytes that the kernel and its children have had together so far."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(_LOOK):
            with suppress(psutil.Error, AttributeError):  # not started yet, or gone
                kernel = psutil.Process(manager.provisioner.pid)
                peak[0] = max(peak[0], sum(map(_bytes, [kernel, *kernel.children(recursive=True)])))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _bytes(process: psutil.Process) -> float:
    try:
        memory = process.memory_full_info()
        return float(getattr(memory, "pss", memory.rss))
    except psutil.Error:
        return 0.0
