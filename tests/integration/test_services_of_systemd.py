"""Warm processes as a service of their own: they outlive the workbench, and systemd understands the units."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.workbench import ROOT, Workbench, eventually, run_werkbank


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    """A workbench, not started, whose warm processes are a service's."""
    settings = tmp_path / "werk bank.yaml"
    settings.write_text((ROOT / "werkbank.yaml").read_text().replace("  node: up ", "  node: service "))
    made = Workbench(tmp_path / "state", settings)
    yield made
    made.close()


def test_systemd_understands_the_units_and_paths_are_whole_words(bench: Workbench, tmp_path: Path) -> None:
    units = tmp_path / "units"
    units.mkdir()
    written = run_werkbank("units", "--to", str(units), "--settings", str(bench.settings), "--state", str(bench.state))
    assert written.returncode == 0, written.stderr
    text = (units / "werkbank-node@.service").read_text()
    assert f'"{bench.settings}"' in text
    assert "werkbank-node@default.service" in (units / "werkbank.service").read_text()
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    files = [str(units / "werkbank.service"), str(units / "werkbank-node@.service")]
    verified = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")


def test_units_of_an_account_name_it_and_one_that_there_is_not_is_refused(bench: Workbench, tmp_path: Path) -> None:
    asks = ("units", "--to", str(tmp_path), "--settings", str(bench.settings), "--state", str(bench.state), "--user")
    assert run_werkbank(*asks, "daemon").returncode == 0
    assert "Type=exec\nUser=daemon\nExecStart=" in (tmp_path / "werkbank.service").read_text()
    assert "User=daemon" in (tmp_path / "werkbank-node@.service").read_text()
    refused = run_werkbank(*asks, "no-such-account\nUser=root")
    assert refused.returncode == 2
    assert "Nothing was written" in refused.stderr


def test_the_workbench_comes_and_goes_and_its_warm_processes_stay(bench: Workbench) -> None:
    options = ["--settings", str(bench.settings), "--state", str(bench.state)]
    log = (bench.settings.parent / "node.log").open("wb")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", "hub.cli", "node", *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as daemon,
    ):
        try:
            pid = bench.state / "node" / "default" / "seat.pid"
            eventually(pid.exists, what="the zygote for seats is ready")
            first = int(pid.read_text())
            for _time in range(2):
                assert bench.up().returncode == 0
                bench.browser("scientist").start_seat("small")
                assert [child.pid for child in psutil.Process(first).children()], "the seat is its child"
                bench.close()
                assert bench.down("--seats").returncode == 0
                assert int(pid.read_text()) == first
                assert psutil.Process(first).is_running()
        finally:
            daemon.terminate()
            daemon.wait(20)
    assert daemon.returncode == 0
    eventually(lambda: not psutil.pid_exists(first), what="the service took its zygotes with it")


def test_a_service_without_the_setting_or_for_no_environment_says_why(bench: Workbench, tmp_path: Path) -> None:
    options = ["--state", str(bench.state)]
    refused = run_werkbank("node", *options)
    assert refused.returncode != 0
    assert "site.node" in refused.stderr
    refused = run_werkbank("node", "--environment", "x", "--settings", str(bench.settings), *options)
    assert 'There is no environment "x"; known here: default.' in refused.stderr
    refused = run_werkbank("units", "--to", os.fspath(tmp_path / "nowhere"))
    assert "nowhere: No such file or directory" in refused.stderr


def test_up_says_that_the_service_of_warm_processes_does_not_run(bench: Workbench) -> None:
    started = bench.up()
    bench.close()
    assert bench.down("--seats").returncode == 0
    told = " ".join(started.stdout.split())
    assert "Nothing is warm for default: werkbank-node@default.service does not run." in told
