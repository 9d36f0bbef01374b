"""Kernels, homes and a real Dask Gateway for the lesson tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from nbclient import NotebookClient

from tutorials.build import notebooks
from tutorials.build.catalogue import read_entry

from .support import LESSON_KIT, OFFLINE, answers, free_port, wait_until

CELL_TIMEOUT = 120  # seconds; a lesson that needs longer on two cores is not in the catalogue


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    """A folder with one kernel, ``lesson``: certainly the Python that runs the tests, whatever else is installed."""
    folder = tmp_path_factory.mktemp("jupyter")
    spec = folder / "kernels" / "lesson" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "Lesson", "language": "python"}))
    return folder


@pytest.fixture
def run_cells(kernels, tmp_path, monkeypatch):
    """Run lesson cells in a fresh kernel without a network and with an empty home; returns the executed notebook."""

    def run(cells, language="en", *, allow_errors=False, **environment):
        offline = os.pathsep.join([str(OFFLINE), str(LESSON_KIT)])
        fresh = {
            "HOME": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "JUPYTER_PATH": str(kernels),
            "PYTHONPATH": offline,
        }
        monkeypatch.delenv("DASK_GATEWAY__ADDRESS", raising=False)
        for name, value in (fresh | {"OMP_NUM_THREADS": "1"} | environment).items():
            monkeypatch.setenv(name, value)
        made = notebooks.notebook(cells, read_entry("D2"), language)
        client = NotebookClient(
            made,
            kernel_name="lesson",
            timeout=CELL_TIMEOUT,
            allow_errors=allow_errors,
            resources={"metadata": {"path": str(tmp_path)}},
        )
        return client.execute()

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
