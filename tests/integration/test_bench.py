"""`werkbank bench start` for real: both hubs, real seats and kernels, and nothing of it left afterwards."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hub.bench.parts.browser import why_not
from tests.support.workbench import ROOT, eventually, processes_around

MILESTONES = ("ready_s", "first_200_s", "kernel_reply_s")
ONE = ("--users", "1", "--runs", "1", "--parts", "seats")
SIDES = ("stock", "lean", "werkbank")


@pytest.fixture
def folder() -> Iterator[Path]:
    """The only folder for temporary files that the benchmark knows; what it leaves is found by it.

    Its name is short: sockets of the browser lie in it.
    """
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)
        for process in processes_around(Path(name)):
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


def _assert_nothing_is_left(folder: Path) -> None:
    assert processes_around(folder) == []
    assert list(folder.glob("werkbank-bench-*")) == []
    for layout in ("werkbank", "*/werkbank"):  # cgroups of version 2 and 1
        assert list(Path("/sys/fs/cgroup").glob(f"{layout}/bench-*")) == []


def test_one_start_at_each_hub_is_measured_and_nothing_is_left(folder: Path) -> None:
    bench = _bench(folder, *ONE, "--json")
    out, err = bench.communicate(timeout=580)
    assert bench.returncode == 0, err
    report: dict[str, Any] = json.loads(out)
    assert list(report) == [*SIDES, "ratio", "ratio_lean", "client", "cores", "left_out"]
    for side in SIDES:
        _assert_plausible(report[side])
    for theirs, key in (("stock", "ratio"), ("lean", "ratio_lean")):
        for name, ratio in report[key]["users_1"].items():
            their, ours = report[theirs]["users_1"][name], report["werkbank"]["users_1"][name]
            assert ratio == pytest.approx(their / ours, rel=0.01), name
        assert set(MILESTONES) < set(report[key]["users_1"])
        assert report[key]["one_seat"] == report[key]["users_1"]["first_200_s"]
    # Stock's seats import what Werkbank's do not, and Werkbank's are forked.
    assert report["stock"]["users_1"]["server_cpu_s"] > 2 * report["lean"]["users_1"]["server_cpu_s"]
    assert report["stock"]["users_1"]["warm_cpu_s"] == 0 < report["werkbank"]["users_1"]["warm_cpu_s"]
    assert report["lean"]["users_1"]["server_cpu_s"] > 2 * report["werkbank"]["users_1"]["server_cpu_s"]
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


@pytest.mark.timeout(1200)
def test_kernels_memory_clusters_and_growth_are_measured_at_each_hub_and_the_crowd_at_werkbank(folder: Path) -> None:
    parts = ("--parts", "memory,kernel,cluster,growth", "--runs", "1", "--memory", "2", "--crowd", "3")
    bench = _bench(folder, *parts, "--json")
    out, err = bench.communicate(timeout=1100)
    assert bench.returncode == 0, err
    report = json.loads(out)
    for side in (report[name] for name in SIDES):
        assert [side[part]["failed"] for part in ("memory", "kernel", "cluster", "growth")] == [0, 0, 0, 0]
        assert side["memory"]["server_pss_mb"] + side["memory"]["kernel_pss_mb"] > 0
        assert side["kernel"]["plain_s"] > 0
        assert 0 < side["cluster"]["created_s"] < side["cluster"]["first_result_s"] <= side["cluster"]["both_workers_s"]
        assert side["growth"]["uss_after_mb"] > side["growth"]["uss_growth_mb"]
    ours = report["werkbank"]["memory"]
    zygotes = sum(size for name, size in ours.items() if name.startswith("zygote_"))
    own = ours["server_pss_mb"] + ours["kernel_pss_mb"]
    assert 0 < ours["one_more_mb"] < ours["seat_and_kernel_pss_mb"]
    assert ours["seat_and_kernel_pss_mb"] == pytest.approx(own + zygotes / 2, rel=0.01)
    assert {"memory_seat_kernel", "kernel_imports", "cluster"} < set(report["ratio"])
    assert (report["crowd"]["seats"], report["crowd"]["healthy"], report["crowd"]["within"]) == (3, 3, True)
    assert 0 < report["client"]["cpu_s"] < report["client"]["wall_s"]
    _assert_nothing_is_left(folder)


def test_the_first_cell_is_measured_in_a_browser(folder: Path) -> None:
    if why := why_not():
        pytest.skip(why)
    bench = _bench(folder, "--parts", "browser", "--runs", "1", "--json")
    out, err = bench.communicate(timeout=580)
    assert bench.returncode == 0, err
    report = json.loads(out)
    for side in (report[name] for name in SIDES):
        assert 0 < side["browser"]["lab_s"] < side["browser"]["first_cell_s"]
    assert report["ratio"]["first_cell"] > 0
    _assert_nothing_is_left(folder)


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
    return any("singleuser" in " ".join(_command(process)) for process in processes_around(folder))


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_seat_that_does_not_start_is_reported_with_the_end_of_its_log(folder: Path) -> None:
    bench = _bench(folder, *ONE, "--json", "--settings", str(_settings_with_a_broken_environment(folder)))
    out, err = bench.communicate(timeout=580)
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
