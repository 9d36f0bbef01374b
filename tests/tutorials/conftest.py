"""Kernels, homes and a real Dask Gateway for the lesson tests."""

from __future__ import annotations

import subprocess
import sys

import pytest
from werkbank_lessons import words

from tutorials.build.catalogue import lessons, read_entry
from tutorials.build.execution import execute
from tutorials.build.extras import python_for

from . import touched
from .support import ROOT, answers, free_port, wait_until


@pytest.fixture(autouse=True)
def learner(tmp_path, monkeypatch):
    """Somebody who begins: no progress yet, reads English, and is told rather than stopped."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("WERKBANK_LANGUAGE", "en")
    monkeypatch.delenv("WERKBANK_STRICT", raising=False)
    monkeypatch.setattr(words, "_chosen", None)


@pytest.fixture(scope="session")
def fonts(tmp_path_factory):
    """Where matplotlib keeps what it knows of fonts: found once, and not in every empty home."""
    return tmp_path_factory.mktemp("matplotlib")


@pytest.fixture
def execute_cells(tmp_path, fonts):
    """Run cells of a lesson in a fresh kernel without a network and with an empty home; tells what it took too.

    With a Dask Gateway, which listens outside, the kernel keeps this machine's network and only its guard remains.
    """

    def run(lesson, cells, language="en", *, allow_errors=False, **environment):
        entry = read_entry(lesson)
        return execute(
            cells,
            entry,
            language,
            tmp_path,
            python=python_for(entry),
            allow_errors=allow_errors,
            offline="DASK_GATEWAY__ADDRESS" not in environment,
            environment={"MPLCONFIGDIR": str(fonts)} | environment,
        )

    return run


@pytest.fixture
def run_cells(execute_cells):
    """As `execute_cells`, for D2's own tests: only the executed notebook."""

    def run(cells, language="en", lesson="D2", **more):
        return execute_cells(lesson, cells, language, **more).notebook

    return run


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    """The address of a running Dask Gateway whose clusters are processes of this user."""
    folder = tmp_path_factory.mktemp("gateway")
    public, private = free_port(), free_port()
    config = folder / "config.py"
    config.write_text(
        _GATEWAY_CONFIG.format(public=public, private=private, folder=folder / "clusters", python=sys.executable)
    )
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "dask_gateway_server", "-f", str(config)]
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    address = f"http://127.0.0.1:{public}"
    try:
        wait_until(lambda: server.poll() is not None or answers(f"{address}/api/health"))
        assert server.poll() is None, (folder / "log").read_text()
        yield address
    finally:
        server.terminate()
        server.wait(timeout=60)


_GATEWAY_CONFIG = """
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.Proxy.address = "127.0.0.1:{public}"
c.DaskGateway.address = "127.0.0.1:{private}"
c.UnsafeLocalBackend.clusters_directory = "{folder}"
c.UnsafeLocalBackend.inherited_environment = ["PATH", "PYTHONPATH"]
c.ClusterConfig.scheduler_cmd = ["{python}", "-m", "distributed.cli.dask_scheduler"]
c.ClusterConfig.worker_cmd = ["{python}", "-m", "distributed.cli.dask_worker"]
c.ClusterConfig.worker_cores = 1
c.ClusterConfig.cluster_max_workers = 2
"""


def pytest_report_header():
    chosen = touched.touched()
    left_out = [lesson for lesson in lessons() if lesson not in chosen]
    return f"lessons that run: {', '.join(sorted(chosen)) or 'none'}; untouched: {', '.join(left_out) or 'none'}"


def pytest_collection_modifyitems(config, items):
    """Leave out what only concerns lessons that no change touches, and the kit's long tests where it is untouched."""
    chosen, itself = touched.touched(), touched.touched_itself()
    long = set() if chosen == set(lessons()) else {"test_beginning.py"}
    untouched = [
        item
        for item in items
        if _lesson_of(item) not in (None, *chosen) or item.path.name in long or _is_more_than_enough(item, itself)
    ]
    if untouched:
        config.hook.pytest_deselected(items=untouched)
        items[:] = [item for item in items if item not in untouched]


def _is_more_than_enough(item, itself):
    """A run of a lesson that only its kit touches, in a language that another kind of run is for."""
    enough = item.get_closest_marker("enough_in")
    return enough is not None and _lesson_of(item) not in itself and item.callspec.params["language"] not in enough.args


def _lesson_of(item):
    """The lesson that a test is about alone: one in its own file, a run of it, or its exercises."""
    if own := touched.OWN.fullmatch(item.path.relative_to(ROOT).as_posix()):
        return next(filter(None, own.groups())).upper()
    values = item.callspec.params if hasattr(item, "callspec") else {}
    if "ex_id" in values:
        return values["ex_id"].partition("-")[0]
    return values.get("lesson") if item.path.name == "test_lessons_run.py" else None
