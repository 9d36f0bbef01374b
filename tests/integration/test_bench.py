"""`werkbank bench start` for real: both hubs, real seats and kernels, and nothing of it left afterwards."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.workbench import ROOT, eventually

MILESTONES = ("ready_s", "first_200_s", "kernel_reply_s")
ONE = ("--users", "1", "--runs", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The only folder for temporary files that the benchmark knows; what it leaves is found by it."""
    yield tmp_path
    for process in _left(tmp_path):
        process.kill()


def _bench(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hub.cli", "bench", "start", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _left(folder: Path) -> list[psutil.Process]:
    """Processes that have anything to do with `folder`, however they came to be."""
    found = []
    for process in psutil.process_iter():
        try:
            traces = [process.cwd(), *process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if any(str(folder) in trace for trace in traces):
            found.append(process)
    return found


def _assert_nothing_is_left(folder: Path) -> None:
    assert _left(folder) == []
    assert list(folder.glob("werkbank-bench-*")) == []
    for layout in ("werkbank", "*/werkbank"):  # cgroups of version 2 and 1
        assert list(Path("/sys/fs/cgroup").glob(f"{layout}/bench-*")) == []


def test_one_start_at_each_hub_is_measured_and_nothing_is_left(folder: Path) -> None:
    bench = _bench(folder, *ONE, "--json")
    out, err = bench.communicate(timeout=280)
    assert bench.returncode == 0, err
    report: dict[str, Any] = json.loads(out)
    assert list(report) == ["stock", "werkbank", "ratio"]
    for side in (report["stock"], report["werkbank"]):
        _assert_plausible(side)
    for name, ratio in report["ratio"]["users_1"].items():
        stock, ours = report["stock"]["users_1"][name], report["werkbank"]["users_1"][name]
        assert ratio == pytest.approx(stock / ours, rel=0.01), name
    assert set(MILESTONES) < set(report["ratio"]["users_1"])
    _assert_nothing_is_left(folder)


def _assert_plausible(side: dict[str, Any]) -> None:
    cell = side["users_1"]
    assert (cell["n"], cell["rounds"], cell["failed"]) == (1, 1, 0)
    assert side["versions"]["jupyterhub"].startswith("6.")
    assert len(side["load_average"]) == 3
    assert 0 < cell["ready_s"] <= cell["first_200_s"] < cell["kernel_reply_s"]
    assert 0 < cell["server_pss_mb"] < cell["server_and_kernel_pss_mb"]
    assert side["base_pss_mb"] > 0
    assert cell["seat_cpu_s"] > 0
    assert cell["hub_cpu_s"] > 0
    assert set(cell["range"]) >= set(MILESTONES)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_an_interrupted_measurement_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    bench = _bench(folder, *ONE)
    eventually(lambda: _seat_runs(folder), timeout=120, what="a seat runs")
    bench.send_signal(number)
    out, err = bench.communicate(timeout=150)
    assert bench.returncode == 130, err
    assert out == ""
    assert "Interrupted" in err
    assert "Traceback" not in err
    _assert_nothing_is_left(folder)


def _seat_runs(folder: Path) -> bool:
    return any("jupyterhub-singleuser" in " ".join(_command(process)) for process in _left(folder))


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_seat_that_does_not_start_is_reported_with_the_end_of_its_log(folder: Path) -> None:
    bench = _bench(folder, *ONE, "--json", "--settings", str(_settings_with_a_broken_environment(folder)))
    out, err = bench.communicate(timeout=280)
    assert bench.returncode == 1, err
    assert "werkbank: bench-00: 500" in err
    assert "no python here" in err
    report = json.loads(out)
    assert report["stock"]["users_1"]["n"] == 1
    assert report["werkbank"]["users_1"] == {
        "n": 0,
        "rounds": 1,
        "failed": 1,
        "busy_before": report["werkbank"]["users_1"]["busy_before"],
        "range": {},
    }
    assert report["ratio"]["users_1"] == {}
    _assert_nothing_is_left(folder)


def _settings_with_a_broken_environment(folder: Path) -> Path:
    program = folder / "broken" / "bin" / "jupyterhub-singleuser"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho no python here\nexit 3\n")
    program.chmod(0o755)
    text = (ROOT / "werkbank.yaml").read_text()
    title = "    title: {en: Standard, nl: Standaard}\n"
    assert title in text
    settings = folder / "given.yaml"
    settings.write_text(text.replace(title, f"{title}    prefix: {program.parents[1]}\n"))
    return settings
