"""Zygotes come and go: none of it is seen by who asks, by what was forked, or by the machine."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.workbench import eventually
from tests.support.zygote import Node, descriptors, end, gone, kill, memory_has, node

SLEEP = "import time; time.sleep(600)"
TICK = "import time\nwhile True: print('.', end='', flush=True); time.sleep(0.02)"


@pytest.fixture
def kernels(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as running:
        yield running


def works_on(node: Node, name: str) -> bool:
    """Whether a program that ticks still ticks."""
    path = node.programs / name
    before = path.stat().st_size
    eventually(lambda: path.stat().st_size > before, 10, f"{name} ticks on")
    return True


def ticking(node: Node, name: str) -> psutil.Process:
    with (node.programs / name).open("wb") as out:
        process = psutil.Process(node.start(TICK, out=out.fileno()).pid)
    works_on(node, name)
    return process


class Asking:
    """Asks for children all the time, in a thread; `refused` counts those that did not come."""

    def __init__(self, node: Node) -> None:
        self.node, self.forked, self.refused = node, 0, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._stop.is_set():
            if self.node.serves():
                self.forked += 1
            else:
                self.refused += 1

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_children_of_a_killed_zygote_run_on_and_the_next_one_serves(kernels: Node) -> None:
    child, first = ticking(kernels, "ticks"), kernels.zygote()
    lost = kernels.started[-1]
    kill(first)
    eventually(lambda: kernels.served_by() != first.pid, 30, "a new zygote is ready")
    assert kernels.serves()
    assert works_on(kernels, "ticks")
    child.kill()
    assert lost.wait(10) == 1  # nobody collected its status
    assert len(kernels.said("zygote.lost")) == 1


def test_a_zygote_that_dies_again_and_again_is_started_with_pauses(kernels: Node) -> None:
    known = len(descriptors(kernels.daemon.pid))
    for _time in range(3):
        zygote = kernels.zygote()
        kill(zygote)
        eventually(lambda pid=zygote.pid: kernels.served_by() != pid, 30, "a new zygote is ready")
    assert [line.split("again_in=")[1] for line in kernels.said("zygote.lost")] == ["0.0", "1.0", "3.0"]
    assert kernels.serves()
    assert len(descriptors(kernels.daemon.pid)) == known


def test_a_zygote_that_is_slow_to_begin_has_not_lived_long_when_it_dies_at_once(tmp_path: Path) -> None:
    site = tmp_path / "slow"
    site.mkdir()
    slow = "import os, time\nif 'WERKBANK_ZYGOTE' in os.environ:\n    time.sleep(5.5)\n"
    (site / "sitecustomize.py").write_text(slow)
    with node(tmp_path, env={"PYTHONPATH": str(site)}) as kernels:
        first = kernels.zygote()
        kill(first)
        eventually(lambda: kernels.served_by() != first.pid, 30, "a new zygote is ready")
        kill(kernels.zygote())
        lost = eventually(lambda: (said := kernels.said("zygote.lost"))[1:] and said, 10, "both are missed")
    assert [line.split("again_in=")[1] for line in lost] == ["0.0", "1.0"]


def test_a_killed_node_takes_its_zygote_with_it_and_no_child(kernels: Node) -> None:
    ticking(kernels, "ticks")
    zygote = kernels.zygote()
    kernels.daemon.kill()
    kernels.daemon.wait()
    eventually(lambda: gone(zygote.pid), 10, "the zygote has ended")
    assert works_on(kernels, "ticks")
    assert not kernels.serves()


def test_a_node_that_is_stopped_ends_at_once_and_no_child_does(kernels: Node) -> None:
    ticking(kernels, "ticks")
    zygote = kernels.zygote()
    began = time.monotonic()
    kernels.daemon.terminate()
    assert kernels.daemon.wait(10) == 0
    assert time.monotonic() - began < 1
    eventually(lambda: gone(zygote.pid), 10, "the zygote has ended")
    assert works_on(kernels, "ticks")


def test_a_node_ends_when_its_supervisor_does(kernels: Node) -> None:
    zygote = kernels.zygote()
    end(kernels.daemon)
    assert gone(zygote.pid)


def test_a_changed_package_relieves_the_zygote_and_no_caller_is_refused(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    with node(tmp_path, env={"PYTHONPATH": str(site)}) as kernels:
        child, first = ticking(kernels, "ticks"), kernels.zygote()
        with Asking(kernels) as asking:
            (site / "new_package").mkdir()
            eventually(lambda: kernels.served_by() != first.pid, 30, "the zygote is relieved")
            so_far = asking.forked
            eventually(lambda: asking.forked > so_far + 5, 30, "the next one serves")
        assert asking.refused == 0
        assert works_on(kernels, "ticks")
        assert not gone(first.pid)  # it waits for its child, to tell how it ended
        child.kill()
        assert kernels.started[0].wait(10) == -9
        eventually(lambda: gone(first.pid), 10, "the old zygote has ended with its last child")


def test_a_zygote_that_has_forked_enough_is_relieved_before_it_stops(tmp_path: Path) -> None:
    with node(tmp_path, "--most-forks", "10") as kernels:
        ticking(kernels, "ticks")
        pids = {kernels.zygote().pid}
        with Asking(kernels) as asking:
            for _time in range(2):
                eventually(lambda: kernels.served_by() not in pids, 30, "the zygote is relieved")
                pids.add(kernels.zygote().pid)
        assert asking.refused == 0
        assert asking.forked > 20
        assert works_on(kernels, "ticks")
        assert len(kernels.said("zygote.full")) >= 2


def test_a_zygote_that_is_old_is_relieved(tmp_path: Path) -> None:
    with node(tmp_path, "--most-age", "3") as kernels:
        first = kernels.zygote().pid
        with Asking(kernels) as asking:
            eventually(lambda: kernels.served_by() != first, 30, "the zygote is relieved")
        assert asking.refused == 0
        eventually(lambda: gone(first), 10, "the old one has ended")


def test_a_folder_that_others_may_write_to_holds_no_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node").mkdir()
    (tmp_path / "node").chmod(0o777)
    monkeypatch.setattr("tests.support.zygote.READY_TIMEOUT_S", 3.0)
    with pytest.raises(AssertionError, match="is ready"), node(tmp_path):
        pass
    assert "others may write to it" in (tmp_path / "node.log").read_text()


def test_nothing_of_any_user_comes_into_a_zygotes_memory(tmp_path: Path) -> None:
    markers = {
        name: os.urandom(12).hex() for name in ("USER", "HOME", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_SERVICE_URL")
    }
    with node(tmp_path, roles=("kernel", "seat"), env=markers) as running:
        zygotes = {role: running.zygote(role).pid for role in ("kernel", "seat")}
        made_up = b"rehearsal"
        assert memory_has(zygotes["seat"], made_up) == {made_up}  # the scan sees what is there
        before = [value.encode() for value in markers.values()]
        for role in zygotes:
            for number in range(5):
                env = {name: f"/{value}{number}" for name, value in markers.items()}
                child = running.start(
                    SLEEP, env, role=role, argv=[f"argument-{markers['USER']}"], title=markers["HOME"]
                )
                if number == 0:
                    eventually(lambda pid=child.pid: memory_has(pid, *before) == set(before), what="the child knows")
        running.run("raise SystemExit('x')", markers)
        for pid in zygotes.values():
            assert memory_has(pid, *before) == set()
