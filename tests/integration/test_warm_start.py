"""Seats and kernels from the node daemon: how they come to be, and what happens without it."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from hub.cgroups.groups import group_name
from hub.cgroups.limits import controller
from tests.support.notebook import Notebook
from tests.support.workbench import ROOT, Workbench, eventually, seat_process

PID = "import os; print(os.getpid())"


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench whose zygotes are ready; its profile `medium` starts seats anew."""
    folder = tmp_path_factory.mktemp("warm")
    text = (ROOT / "werkbank.yaml").read_text()
    assert text.count("    idle_timeout: 2h\n") == 2
    (folder / "werkbank.yaml").write_text(
        text.replace("    idle_timeout: 2h\n", "    start: exec\n    idle_timeout: 2h\n", 1)
    )
    bench = Workbench(folder / "state", folder / "werkbank.yaml")
    started = bench.up()
    assert started.returncode == 0, started.stdout + started.stderr
    until_warm(bench)
    yield bench
    bench.close()
    assert bench.down("--seats").returncode == 0


def zygote(bench: Workbench, role: str) -> psutil.Process:
    """The process that a role is forked from now."""
    path = bench.state / "node" / "default" / f"{role}.pid"
    return psutil.Process(int(path.read_text()))


def until_warm(bench: Workbench) -> None:
    def ready() -> bool:
        try:
            return all(zygote(bench, role).is_running() for role in ("seat", "kernel", "dask"))
        except (OSError, psutil.NoSuchProcess):
            return False

    eventually(ready, what="the zygotes are ready")


def starts(bench: Workbench) -> dict[str, float]:
    """How many seats were started, by how."""
    headers = {"Authorization": f"token {(bench.state / 'secrets' / 'command-line').read_text().strip()}"}
    lines = bench.browser().http.get("/hub/metrics", headers=headers).text.splitlines()
    found = [line for line in lines if line.startswith("werkbank_seat_starts_total{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in found}


def test_a_seat_and_its_kernel_are_forked_and_know_only_their_own_environment(warm: Workbench) -> None:
    before = starts(warm).get("forked", 0)
    scientist = warm.browser("scientist")
    scientist.start_seat("small")
    seat = seat_process("scientist", warm)
    assert starts(warm)["forked"] == before + 1
    assert seat.ppid() == zygote(warm, "seat").pid
    assert "JUPYTERHUB_API_TOKEN" not in seat.environ()
    notebook = Notebook(scientist, "python3")
    kernel = psutil.Process(int(notebook.done(notebook.run(PID))))
    assert kernel.ppid() == zygote(warm, "kernel").pid
    assert notebook.done(notebook.run("import os; print(os.environ['JUPYTERHUB_USER'], os.getcwd())")).split() == [
        "scientist",
        str(warm.state / "homes" / "scientist"),
    ]
    layout, enforcement = controller()
    if layout is not None and enforcement.enforced:
        assert {seat.pid, kernel.pid} <= set(layout.pids(group_name(warm.state, "scientist", "")))
    notebook.close()
    scientist.stop_seat()
    eventually(lambda: not psutil.pid_exists(kernel.pid) and not psutil.pid_exists(seat.pid), what="both are gone")


def test_a_profile_can_ask_for_an_address_space_of_its_own(warm: Workbench) -> None:
    before = starts(warm).get("executed", 0)
    scientist = warm.browser("scientist")
    scientist.start_seat("medium")
    seat = seat_process("scientist", warm)
    assert starts(warm)["executed"] == before + 1
    assert seat.ppid() != zygote(warm, "seat").pid
    notebook = Notebook(scientist, "python3")
    kernel = psutil.Process(int(notebook.done(notebook.run(PID))))
    assert kernel.ppid() == seat.pid
    notebook.close()
    scientist.stop_seat()


def test_a_seat_that_dies_is_noticed_at_once(warm: Workbench) -> None:
    scientist = warm.browser("scientist")
    scientist.start_seat("small")
    notebook = Notebook(scientist, "python3")
    kernel = int(notebook.done(notebook.run(PID)))
    notebook.leave()
    seat_process("scientist", warm).kill()
    eventually(
        lambda: scientist.hub_user()["servers"] == {}, timeout=10, what="the hub knows, long before its next look"
    )
    eventually(lambda: not psutil.pid_exists(kernel), what="the kernel ended with its seat")


def test_killed_zygotes_take_nobody_with_them_and_are_replaced(warm: Workbench) -> None:
    scientist = warm.browser("scientist")
    scientist.start_seat("small")
    notebook = Notebook(scientist, "python3")
    kernel = int(notebook.done(notebook.run(PID)))
    old = {role: zygote(warm, role) for role in ("seat", "kernel")}
    for process in old.values():
        process.kill()
    assert notebook.done(notebook.run(PID)).strip() == str(kernel)
    asleep = notebook.run("import time; print('asleep', flush=True); time.sleep(600)")
    notebook.shows(asleep, "asleep")
    notebook.interrupt()
    notebook.done(asleep)
    assert notebook.done(notebook.run("print('still here')")).strip() == "still here"
    until_warm(warm)
    assert all(zygote(warm, role).pid != old[role].pid for role in old)
    notebook.restart()
    again = psutil.Process(int(notebook.done(notebook.run(PID), timeout=60)))
    assert again.pid != kernel
    assert again.ppid() == zygote(warm, "kernel").pid
    notebook.close()
    scientist.stop_seat()


def test_without_a_daemon_seats_and_kernels_start_in_the_ordinary_way_and_it_is_told(tmp_path: Path) -> None:
    bench = Workbench(tmp_path / "state", ROOT / "werkbank.yaml")
    assert bench.up().returncode == 0
    until_warm(bench)
    daemon = zygote(bench, "seat").parent()
    assert daemon is not None
    zygotes = [zygote(bench, role) for role in ("seat", "kernel")]
    os.kill(daemon.pid, signal.SIGKILL)
    psutil.wait_procs(zygotes, timeout=30)
    try:
        scientist = bench.browser("scientist")
        scientist.start_seat("small")
        assert starts(bench)["fallback"] == 1
        assert "seat.not-forked" in bench.hub_log
        notebook = Notebook(scientist, "python3")
        assert psutil.Process(int(notebook.done(notebook.run(PID)))).ppid() == seat_process("scientist", bench).pid
        notebook.close()
    finally:
        bench.close()
        bench.down("--seats")


def test_seats_and_kernels_outlive_the_daemon_of_their_run(tmp_path: Path) -> None:
    bench = Workbench(tmp_path / "state", ROOT / "werkbank.yaml")
    assert bench.up().returncode == 0
    until_warm(bench)
    scientist = bench.browser("scientist")
    scientist.start_seat("small")
    notebook = Notebook(scientist, "python3")
    kernel = int(notebook.done(notebook.run("kept = 42; " + PID)))
    kernel_id = notebook.id
    notebook.leave()
    bench.close()
    assert bench.down().returncode == 0
    try:
        assert psutil.pid_exists(kernel)
        assert bench.up().returncode == 0
        scientist = bench.browser("scientist")
        headers = {"Authorization": f"token {scientist.token()}"}
        kernels = scientist.http.get("/user/scientist/api/kernels", headers=headers).json()
        assert [one["id"] for one in kernels] == [kernel_id]
        seat_process("scientist", bench).kill()
        eventually(
            lambda: scientist.hub_user()["servers"] == {}, timeout=10, what="an adopted seat's end is noticed too"
        )
    finally:
        bench.close()
        bench.down("--seats")
    assert not psutil.pid_exists(kernel)


def notebook_for(bench: Workbench, kernel: str, name: str) -> str:
    """A notebook in the scientist's home that names a kernel."""
    content = {"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"kernelspec": {"name": kernel}}}
    (bench.state / "homes" / "scientist" / name).write_text(json.dumps(content))
    return name


def test_the_kernel_of_a_notebook_is_there_before_its_page_asks_for_it_unless_it_leases_a_gpu(warm: Workbench) -> None:
    scientist = warm.browser("scientist")
    scientist.start_seat("small")
    headers = {"Authorization": f"token {scientist.token()}"}

    def sessions() -> list[str]:
        found = scientist.http.get("/user/scientist/api/sessions", headers=headers).json()
        return [one["path"] for one in found]

    wanted = notebook_for(warm, "python3", "a plot.ipynb")
    for name in (notebook_for(warm, "python3-simulated", "gpu.ipynb"), notebook_for(warm, "julia", "other.ipynb")):
        assert scientist.http.get(f"/user/scientist/lab/tree/{name}").status_code == 200
    assert scientist.http.get("/user/scientist/lab/tree/none.ipynb").status_code == 200
    stranger = warm.browser("trainer")
    assert stranger.http.get(f"/user/scientist/lab/tree/{quote(wanted)}").status_code == 403
    assert sessions() == []
    for _time in range(2):
        assert scientist.http.get(f"/user/scientist/lab/tree/{quote(wanted)}").status_code == 200
    eventually(lambda: sessions() == [wanted], what="its kernel is there, once")
    scientist.stop_seat()
