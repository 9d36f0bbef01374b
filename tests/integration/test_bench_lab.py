"""`werkbank bench lab` for real, with few leases and one hour: Werkbank, seats and Chromium, and nothing left of it."""

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

from hub.bench.lab.figures import GOALS
from hub.bench.parts.browser import why_not
from tests.support.workbench import ROOT, eventually, processes_around

FEW = ("--runs", "1", "--leases", "5", "--hours", "1")
EVENTS_AN_HOUR = 2 * 3600 // 5 + 3600 // 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """The only folder for temporary files that the benchmark knows; what it leaves is found by it.

    Its name is short: sockets of the browser lie in it.
    """
    if why := why_not():
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)
        for process in processes_around(Path(name)):
            process.kill()


def bench(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hub.cli", "bench", "lab", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_nothing_is_left(folder: Path) -> None:
    assert processes_around(folder) == []
    assert list(folder.glob("werkbank-bench-*")) == []


@pytest.mark.timeout(1200)
def test_files_panel_events_memory_and_start_are_measured_and_nothing_is_left(folder: Path) -> None:
    process = bench(folder, *FEW, "--json")
    out, err = process.communicate(timeout=1100)
    assert process.returncode == 0, err
    report: dict[str, Any] = json.loads(out)
    assert list(report) == ["machine", "plan", *GOALS, "missed", "left_out"]
    assert report["plan"] == {"settings": "werkbank.yaml", "runs": 1, "leases": 5, "hours": 1}
    assert report["missed"] == [name for name in GOALS if not report[name]["met"]]
    assert 1 < report["bundle_kb"]["total"] < 1000
    for name in ("panel_ms", "event_ms"):
        assert report[name]["n"] == 1
        assert 0 <= report[name]["median"] == report[name]["worst"] < 60_000
    _assert_memory(report["heap_mb"])
    started = report["start_ms"]
    assert started["adds"] == pytest.approx(started["whole"] - started["without"], abs=20)
    assert started["adds_to_startup"] == pytest.approx(started["whole"] - started["startup"], abs=20)
    assert min(started["cpu_ms"].values()) > 50
    assert min(started[variant] for variant in ("whole", "startup", "without")) > 100
    assert_nothing_is_left(folder)


def _assert_memory(heap: dict[str, Any]) -> None:
    assert heap["events"] == EVENTS_AN_HOUR
    assert 1 < heap["before"] < 1000
    assert heap["growth"] == pytest.approx(heap["after"] - heap["before"], abs=0.02)
    # JupyterLab itself has a few thousand.
    assert min(heap["nodes_before"], heap["nodes_after"]) > 500


def test_an_interrupted_measurement_leaves_nothing_behind(folder: Path) -> None:
    process = bench(folder, *FEW)
    eventually(lambda: any("chrom" in one.name() for one in _alive(folder)), timeout=120, what="a browser runs")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=150)
    assert process.returncode == 130, err
    assert out == ""
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert_nothing_is_left(folder)


def _alive(folder: Path) -> list[Any]:
    return [process for process in processes_around(folder) if process.is_running()]
