"""`werkbank bench slurm` for real, with few seats: a cluster with both sides on its head, and nothing left of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.bench.slurm.plan import BESIDE, GOALS
from hub.bench.slurm.run import require_cluster
from hub.errors import StartError
from tests.support.workbench import ROOT, eventually, processes_around

FEW = ("--runs", "1", "--seats", "20", "--seconds", "5")
SIDES = ("stock", "werkbank")


@pytest.fixture
def folder() -> Iterator[Path]:
    """The only folder for temporary files that the benchmark knows; what it leaves is found by it.

    All accounts get to it, as they must to a cluster's, and its name is short: sockets lie in it.
    """
    try:
        require_cluster()
    except StartError as reason:
        pytest.skip(str(reason))
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for process in processes_around(Path(name)):
            process.kill()


def bench(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hub.cli", "bench", "slurm", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def groups() -> set[Path]:
    """Control groups of clusters on this machine; others may have some, too."""
    return set(Path("/sys/fs/cgroup").glob("*/werkbank-slurm-*"))


def assert_nothing_is_left(folder: Path) -> None:
    assert processes_around(folder) == []
    assert list(folder.iterdir()) == []


def test_every_figure_is_measured_at_both_sides_and_nothing_is_left(folder: Path) -> None:
    process = bench(folder, *FEW, "--json")
    clusters = eventually(
        lambda: list(folder.glob("werkbank-bench-*/slurm-*/machines.json")), 400, "a cluster is there"
    )
    name = clusters[0].parent.name
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    report: dict[str, Any] = json.loads(out)
    assert list(report) == ["machine", "versions", "plan", *GOALS, "missed", "notes"]
    assert (report["plan"]["runs"], report["plan"]["seats"], report["plan"]["figures"]) == (1, 20, list(GOALS))
    assert {"batchspawner", "dask-gateway-server", "jupyterhub", "slurm", "werkbank"} < set(report["versions"])
    kernels = report.pop("kernel_s")  # which stock does not have
    assert (kernels["stock"]["n"], kernels["werkbank"]["n"], kernels["werkbank"]["failed"]) == (0, 1, 0)
    for figure in (figure for figure in GOALS if figure != "kernel_s"):
        _assert_measured(report[figure], BESIDE.get(figure, ()))
    judged = report | {"kernel_s": kernels}
    assert report["missed"] == [figure for figure in GOALS if not judged[figure]["met"]]
    # Nobody hears of it before Slurm knows.
    told, known = report["death_s"], report["death_s"]["beside"]["slurm_death_s"]
    assert all(told[side]["median"] > known[side]["median"] - 1 for side in SIDES)
    assert not [group for group in groups() if name in group.name]
    assert_nothing_is_left(folder)


def _assert_measured(found: dict[str, Any], beside: tuple[str, ...]) -> None:
    assert list(found) == [*SIDES, "ratio", "goal", "met", "beside"]
    assert list(found["beside"]) == list(beside)
    for sides in (found, *found["beside"].values()):
        for side in (sides[name] for name in SIDES):
            assert (side["n"], side["failed"]) == (1, 0)
            assert 0 < side["range"][0] <= side["median"] <= side["range"][1]
    assert found["ratio"] == pytest.approx(found["stock"]["median"] / found["werkbank"]["median"], rel=0.01)
    assert found["met"] is (found["werkbank"]["median"] <= found["goal"])


def test_an_interrupted_measurement_leaves_nothing_behind(folder: Path) -> None:
    process = bench(folder, *FEW)
    state = eventually(lambda: list(folder.glob("werkbank-bench-*/werkbank/run.json")), 400, "Werkbank starts")
    (cluster,) = state[0].parents[1].glob("slurm-*")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=150)
    assert process.returncode == 130, err
    assert out == ""
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert not [group for group in groups() if cluster.name in group.name]
    assert_nothing_is_left(folder)
