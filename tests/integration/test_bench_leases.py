"""`werkbank bench leases` for real, with few leases: service, stand-in and decisions, and nothing left afterwards."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.workbench import ROOT, eventually

FEW = ("--waiting", "20", "--seconds", "2", "--records", "500", "--kernels", "2")


def bench(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hub.cli", "bench", "leases", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left(folder: Path) -> list[str]:
    """Processes and folders that have anything to do with this folder."""
    found = [str(path) for path in folder.glob("werkbank-bench-*")]
    for process in psutil.process_iter():
        try:
            traces = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        found += [f"{process} {traces}"] if any(str(folder) in trace for trace in traces) else []
    return found


def test_decisions_and_the_service_are_measured_and_nothing_is_left(tmp_path: Path) -> None:
    process = bench(tmp_path, *FEW, "--json")
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    report: dict[str, Any] = json.loads(out)
    assert list(report) == [
        "machine",
        "plan",
        "decision",
        "http",
        "memory_mb",
        "records",
        "growth",
        "kernel_start",
        "missed",
    ]
    _assert_decisions(report)
    _assert_answers(report)
    assert 20 < report["memory_mb"] < 2_000
    assert report["records"]["count"] == 500
    assert report["records"]["cpu_ratio"] > 0
    started = report["kernel_start"]
    assert started["n"] == 2
    assert started["plain_ms"] > 0
    assert started["adds_ms"] == pytest.approx(started["leased_ms"] - started["plain_ms"], rel=0.1, abs=1)
    assert left(tmp_path) == []


def _assert_decisions(report: dict[str, Any]) -> None:
    decision, growth = report["decision"], report["growth"]
    assert (decision["waiting"], decision["devices"]) == (20, 256)
    for figures in (decision, *decision["by_event"].values()):
        assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"]
    assert {"heartbeat", "tick", "request", "release", "look"} <= set(decision["by_event"])
    assert list(growth["mean_ms"]) == ["10", "20", "200"]


def _assert_answers(report: dict[str, Any]) -> None:
    for http in (report["http"], report["http"]["listening"], report["records"]["http"]):
        assert http["n"] + sum(http["errors"].values()) == 200
        assert 0 < http["p50_ms"] <= http["p99_ms"]
        assert {"heartbeat", "read", "ask"} <= set(http["by_event"])
        assert http["hub"].startswith("stand-in")
    assert report["http"]["errors"] == {}


def interrupted(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[str, str]:
    """Interrupt it, and again where nothing happens, as one does: Python loses what comes while it collects garbage."""
    for _ in range(3):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=20)
    return process.communicate(timeout=90)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_an_interrupted_measurement_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    process = bench(tmp_path, *FEW)
    eventually(lambda: any("hub.service" in trace for trace in left(tmp_path)), timeout=120, what="the service runs")
    out, err = interrupted(process, number)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert left(tmp_path) == []


def test_settings_that_cannot_be_used_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("profiles: 3\n")
    process = bench(tmp_path, *FEW, "--settings", str(tmp_path / "bad.yaml"))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "bad.yaml" in err
    assert "Traceback" not in err
