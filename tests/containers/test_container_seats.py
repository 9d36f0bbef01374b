"""Seats as containers: how they start, what holds them, and what is left of them."""

import textwrap
from collections.abc import Iterator

import httpx
import pytest

from hub.containers.names import container_name, volume_name
from tests.support.notebook import Notebook
from tests.support.seat_containers import IMAGE, Service
from tests.support.workbench import Visitor, Workbench, eventually


@pytest.fixture(scope="module")
def scientist(docked: Workbench) -> Iterator[Visitor]:
    """Somebody with a seat."""
    visitor = docked.browser("scientist")
    visitor.start_seat("small")
    yield visitor
    visitor.stop_seat()


@pytest.fixture(scope="module")
def notebook(scientist: Visitor) -> Iterator[Notebook]:
    """A notebook in that seat."""
    opened = Notebook(scientist, "python3")
    yield opened
    opened.close()


def told(notebook: Notebook, code: str) -> str:
    """What a cell shows."""
    return notebook.done(notebook.run(code)).strip()


def test_a_kernel_runs_in_a_container_as_nobody_special(notebook: Notebook) -> None:
    assert told(notebook, "import os; print(os.getuid(), os.getgid(), os.getcwd())") == "1000 1000 /home/werkbank"
    status = told(notebook, "print(open('/proc/self/status').read())")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")


def test_limits_are_the_profiles(docked: Workbench, service: Service, scientist: Visitor) -> None:
    config = service.told(docked, scientist.user)["HostConfig"]
    assert config["Memory"] == config["MemorySwap"] == 2 * 2**30
    assert config["PidsLimit"] == 4096
    assert config["CpuQuota"] == config["CpuPeriod"] == 100_000
    read = service.inside(docked, scientist.user, "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes").stdout
    assert int(read or 2 * 2**30) == 2 * 2**30


def test_only_the_home_and_temporary_folders_can_be_written(notebook: Notebook) -> None:
    tried = """
        import os, pathlib
        for folder in ("/", "/etc", "/opt/werkbank/bin", "/usr", "/run", "/run/werkbank", "/home/werkbank", "/tmp"):
            try:
                (pathlib.Path(folder) / "x").write_text("x")
                print(folder)
            except OSError as error:
                pass
    """
    assert told(notebook, textwrap.dedent(tried)).split() == ["/home/werkbank", "/tmp"]


def test_what_the_workbench_gives_its_container_no_kernel_sees(notebook: Notebook) -> None:
    seen = told(notebook, "import os; print(sorted(n for n in os.environ if n.startswith('WERKBANK_DOOR')))")
    assert seen == "[]"


def test_the_container_is_gone_after_the_stop_and_the_files_are_there_at_the_next(
    docked: Workbench, service: Service
) -> None:
    trainer = docked.browser("trainer")
    trainer.start_seat()
    first = Notebook(trainer, "python3")
    told(first, "open('kept.txt', 'w').write('mine')")
    first.close()
    trainer.stop_seat()
    assert container_name(docked.state, "trainer", "") not in service.containers(docked)
    assert volume_name(docked.state, "trainer") in service.engine.run("volume", "ls", "--quiet").stdout
    assert "Jupyter Server" in (docked.state / "logs" / "seat-trainer.default.log").read_text()
    trainer.start_seat()
    second = Notebook(trainer, "python3")
    assert told(second, "print(open('kept.txt').read())") == "mine"
    second.close()
    trainer.stop_seat()


def test_a_seat_whose_container_is_killed_is_noticed_at_once(docked: Workbench, service: Service) -> None:
    trainer = docked.browser("trainer")
    trainer.start_seat()
    service.engine.run("kill", container_name(docked.state, "trainer", ""))
    eventually(lambda: "" not in trainer.hub_user()["servers"], 10, "the seat is gone")
    assert container_name(docked.state, "trainer", "") not in service.containers(docked)


def test_a_person_has_two_seats_with_the_same_files(docked: Workbench) -> None:
    trainer = docked.browser("trainer")
    trainer.start_seat()
    trainer.start_seat(server="second")
    for seat in ("", "second"):
        trainer.stop_seat(seat)


@pytest.mark.parametrize(
    "fields",
    [
        {"profile": "small", "image": "docker.io/library/busybox"},
        {"profile": "small; touch /tmp/x"},
        {"profile": "small", "volumes": "/:/host"},
    ],
)
def test_what_somebody_sends_does_not_reach_the_engine(docked: Workbench, fields: dict[str, str]) -> None:
    admin = docked.browser("admin")
    assert admin.post_spawn(fields).status_code == httpx.codes.BAD_REQUEST
    reply = admin.http.post("/hub/api/users/admin/server", json=fields, headers=admin.api_headers())
    assert reply.status_code == httpx.codes.BAD_REQUEST


def test_seats_survive_the_hub_and_are_known_again(own_docked: Workbench, service: Service) -> None:
    scientist = own_docked.browser("scientist")
    scientist.start_seat()
    notebook = Notebook(scientist, "python3")
    told(notebook, "x = 41")
    assert own_docked.down().returncode == 0
    assert len(service.containers(own_docked)) == 1
    assert own_docked.up("--simulate-gpus", "2").returncode == 0
    again = own_docked.browser("scientist")
    assert again.hub_user()["servers"][""]["ready"]
    second = Notebook(again, "", running=notebook.id)
    assert told(second, "print(x + 1)") == "42"
    second.close()
    # Its line is there again: its end is noticed at once.
    service.engine.run("kill", container_name(own_docked.state, "scientist", ""))
    eventually(lambda: "" not in again.hub_user()["servers"], 25, "the seat is gone")


def test_the_engine_knows_whose_seat_a_container_is(docked: Workbench, service: Service, scientist: Visitor) -> None:
    known = service.told(docked, scientist.user)
    assert known["Config"]["Image"].removesuffix(":latest") == IMAGE
    assert known["Config"]["Labels"]["werkbank.user"] == "scientist"


DASK = """
from dask.distributed import Client, LocalCluster
with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
    print(client.submit(lambda x: x + 1, 41).result())
"""


def test_dask_runs_inside_a_seat_as_a_local_cluster(docked: Workbench, notebook: Notebook) -> None:
    assert told(notebook, DASK) == "42"
    assert told(notebook, "import os; print([name for name in os.environ if 'DASK_GATEWAY' in name])") == "[]"
