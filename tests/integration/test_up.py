"""`werkbank up`, `down` and `status`: what a person at the terminal sees."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from hub.running import processes
from hub.state import StateDirectory
from tests.support.notebook import Notebook
from tests.support.workbench import (
    ROOT,
    Workbench,
    end_what_is_left,
    eventually,
    processes_around,
    run_werkbank,
)


def test_up_prints_address_and_password_and_status_repeats_them_for_machines(workbench: Workbench) -> None:
    report = workbench.status()
    assert report["running"]
    assert report["healthy"]
    assert report["address"].startswith("http://127.0.0.1:")
    assert report["demo_users"] == ["scientist", "trainer", "admin"]
    assert set(report["pids"]) == {"up", "hub", "proxy", "service", "dask-gateway", "idle-culler"}
    assert report["versions"]["jupyterhub"].startswith("6.")
    password_file = Path(report["password_file"])
    assert password_file.stat().st_mode & 0o077 == 0
    assert password_file.read_text().strip() == workbench.password


def test_what_answers_starts_together_and_waits_neither_for_the_hub_nor_for_each_other(workbench: Workbench) -> None:
    log = (workbench.state / "logs" / "hub.log").read_text()
    hub_answers = log.index("Hub API listening")

    assert log.index("-m hub.service") < hub_answers
    assert log.index("-m dask_gateway_server") < hub_answers
    assert hub_answers < log.index("-m jupyterhub_idle_culler")


def test_nothing_but_loopback_is_listened_on(workbench: Workbench) -> None:
    for pid in workbench.status()["pids"].values():
        for connection in psutil.Process(pid).net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                assert connection.laddr.ip == "127.0.0.1", connection


def test_a_second_up_on_the_same_state_refuses_kindly_and_the_first_runs_on(workbench: Workbench) -> None:
    second = workbench.up()
    assert second.returncode == 2
    assert "already runs" in second.stderr
    assert "werkbank down" in second.stderr
    assert workbench.status()["healthy"]


def test_a_taken_port_gets_one_sentence_and_nothing_is_started(own_workbench: Workbench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        started = own_workbench.up("--port", str(port))
    assert started.returncode == 2
    assert len(started.stderr.strip().splitlines()) == 1
    assert f"Port {port} on 127.0.0.1 is taken" in started.stderr
    assert "Choose another with --port" in started.stderr
    assert processes.of_workbench(StateDirectory(own_workbench.state)) == []


def test_a_taken_port_of_the_workbenchs_own_gets_a_sentence_with_its_owner(own_workbench: Workbench) -> None:
    port = StateDirectory.open(own_workbench.state).ports().gateway_tcp
    with socket.create_server(("127.0.0.1", port)):
        started = own_workbench.up()
    assert started.returncode == 2
    assert f"Port {port}, which this workbench keeps for itself (ports.json), is taken by" in started.stderr
    assert str(os.getpid()) in started.stderr


def test_settings_that_cannot_be_used_stop_up_before_anything_starts(own_workbench: Workbench, tmp_path: Path) -> None:
    own_workbench.settings = tmp_path / "bad.yaml"
    own_workbench.settings.write_text("profile: []\n")
    started = own_workbench.up()
    assert started.returncode == 2
    assert "`profile` is not a setting. Did you mean `profiles`?" in started.stderr
    assert not (own_workbench.state / "run.json").exists()


def test_down_where_nothing_runs_says_so(tmp_path: Path) -> None:
    stopped = run_werkbank("down", "--state", str(tmp_path))
    assert stopped.returncode == 0
    assert "nothing to stop" in stopped.stdout


def test_check_tells_which_profiles_there_are_and_refuses_with_exit_2(tmp_path: Path) -> None:
    good = run_werkbank("check")
    assert good.returncode == 0
    assert "profiles small, medium, large" in good.stdout
    bad = tmp_path / "empty.yaml"
    bad.write_text("")
    refused = run_werkbank("check", str(bad))
    assert refused.returncode == 2
    assert "is empty" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture
def with_kernel(own_workbench: Workbench) -> tuple[Workbench, str, int]:
    """A workbench where the scientist's seat runs a kernel: the kernel's id and process."""
    started = own_workbench.up()
    assert started.returncode == 0, started.stderr
    scientist = own_workbench.browser("scientist")
    scientist.start_seat("small")
    notebook = Notebook(scientist, "python3")
    pid = int(notebook.done(notebook.run("import os; os.getpid()")))
    notebook.leave()
    return own_workbench, notebook.id, pid


def has_ended(pid: int) -> bool:
    """Gone, or a zombie: a container's first process may not reap what it did not start."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kernels(workbench: Workbench) -> list[str]:
    visitor = workbench.browser("scientist")
    headers = {"Authorization": f"token {visitor.token()}"}
    reply = visitor.http.get("/user/scientist/api/kernels", headers=headers)
    return [kernel["id"] for kernel in reply.json()]


def test_stopping_and_starting_loses_no_running_kernel_and_no_file(with_kernel: tuple[Workbench, str, int]) -> None:
    workbench, kernel, pid = with_kernel
    note = workbench.state / "homes" / "scientist" / "note.txt"
    note.write_text("mine")
    old_password = workbench.password
    assert "Running seats stay" in workbench.down().stdout
    assert psutil.pid_exists(pid)
    workbench.close()
    assert workbench.up().returncode == 0
    assert workbench.password != old_password
    assert kernels(workbench) == [kernel]
    assert note.read_text() == "mine"


def test_after_kill_9_of_the_hub_up_finds_the_running_seats_again(with_kernel: tuple[Workbench, str, int]) -> None:
    workbench, kernel, pid = with_kernel
    os.kill(workbench.status()["pids"]["hub"], signal.SIGKILL)
    workbench.close()
    again = workbench.up()
    assert again.returncode == 0, again.stderr
    assert psutil.pid_exists(pid)
    assert kernels(workbench) == [kernel]
    visitor = workbench.browser("scientist")
    assert visitor.hub_user()["servers"][""]["ready"]
    visitor.stop_seat()
    eventually(lambda: has_ended(pid), what="the kernel ends with its seat")


def test_after_kill_9_of_up_and_hub_the_next_up_clears_away_what_they_left(own_workbench: Workbench) -> None:
    assert own_workbench.up().returncode == 0
    before = own_workbench.status()["pids"]
    for name in ("up", "hub"):
        os.kill(before[name], signal.SIGKILL)
    assert own_workbench.up().returncode == 0
    assert own_workbench.status()["healthy"]
    assert all(has_ended(pid) for pid in before.values())


def test_after_kill_9_of_up_and_gateway_the_next_up_ends_the_clusters_they_left(own_workbench: Workbench) -> None:
    assert own_workbench.up().returncode == 0
    scientist = own_workbench.browser("scientist")
    scientist.start_seat("small")
    notebook = Notebook(scientist, "python3")
    code = (
        "from dask_gateway import Gateway\ncluster = Gateway().new_cluster(shutdown_on_close=False)\ncluster.scale(1)"
    )
    name = notebook.done(notebook.run(f"{code}\nprint(cluster.name)")).strip()
    cluster = own_workbench.state / "clusters" / name
    eventually(lambda: len(processes_around(cluster)) >= 2, what="scheduler and worker run")
    notebook.leave()
    before = own_workbench.status()["pids"]
    for role in ("up", "dask-gateway"):
        os.kill(before[role], signal.SIGKILL)
    own_workbench.close()
    assert own_workbench.up().returncode == 0
    assert end_what_is_left(cluster) == []


def test_status_answers_while_the_hub_does_not(own_workbench: Workbench) -> None:
    assert own_workbench.up().returncode == 0
    hub = psutil.Process(own_workbench.status()["pids"]["hub"])
    hub.suspend()
    try:
        report = own_workbench.status()
        assert (report["running"], report["healthy"], report["seats"]) == (True, False, None)
    finally:
        hub.resume()


def test_ctrl_c_stops_everything_seats_too(own_workbench: Workbench) -> None:
    workbench = own_workbench
    command = [sys.executable, "-m", "hub.cli", "up", "--port", "0", "--state", str(workbench.state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up:
        said: list[str] = []
        assert up.stdout is not None
        reader = threading.Thread(target=lambda: said.extend(iter(up.stdout.readline, "")))  # type: ignore[union-attr]
        reader.start()
        try:
            eventually(lambda: "Every seat runs as" in "".join(said), what="up says all that it says when it is ready")
            text = "".join(said)
            assert "Stop with" in text
            assert workbench.address in text
            assert workbench.password in text
            workbench.browser("scientist").start_seat("small")
            workbench.close()
            up.send_signal(signal.SIGINT)
            assert up.wait(60) == 0
        finally:
            up.kill()  # or its pipes would be waited for until the end of all days
        reader.join()
        errors = up.stderr.read() if up.stderr else ""
    assert "Stopping seat 1 of 1: scientist" in errors
    state = StateDirectory(workbench.state)
    assert processes.of_workbench(state) == []
    assert not state.run_file.exists()
    assert end_what_is_left(workbench.state) == []


def test_a_database_that_does_not_exist_is_told_in_a_sentence(own_workbench: Workbench, tmp_path: Path) -> None:
    before, leases, after = (ROOT / "werkbank.yaml").read_text().partition("\nleases:")
    own_workbench.settings = tmp_path / "werkbank.yaml"
    own_workbench.settings.write_text(before + leases + after.replace("database: sqlite", "database: nosuchdb://", 1))
    started = own_workbench.up()
    assert started.returncode == 2
    assert "The database of the GPU leases cannot be used" in started.stderr
    assert "Traceback" not in started.stderr


def test_a_hub_that_cannot_start_is_told_with_its_last_words(own_workbench: Workbench, tmp_path: Path) -> None:
    settings = (ROOT / "werkbank.yaml").read_text().replace("database: sqlite ", "database: nosuchdb:// ", 1)
    own_workbench.settings = tmp_path / "werkbank.yaml"
    own_workbench.settings.write_text(settings)
    started = own_workbench.up()
    assert started.returncode == 2
    assert "The hub did not start. Its last words" in started.stderr
    assert "nosuchdb" in started.stderr
    assert json.loads(run_werkbank("status", "--state", str(own_workbench.state), "--json").stdout)["running"] is False


def test_a_service_that_ends_while_it_starts_ends_the_start_at_once(own_workbench: Workbench, tmp_path: Path) -> None:
    ends = "import os, sys\nif 'hub.service' in sys.orig_argv:\n    os._exit(3)\n"
    (tmp_path / "sitecustomize.py").write_text(ends)
    own_workbench.environment = {"PYTHONPATH": str(tmp_path)}
    started = own_workbench.up()
    assert started.returncode == 2
    assert "Service werkbank exited with status 3" in started.stderr
    assert end_what_is_left(own_workbench.state) == []
