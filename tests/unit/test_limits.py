"""Limits of seats: what happens to a seat's cgroup when the seat ends."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from hub.cgroups import limits
from hub.cgroups.groups import group_name
from hub.cgroups.limits import empty_and_remove, used_memory


class GroupThatNeverEmpties:
    """Holds one process, and is never gone: as when a process hangs in the kernel."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def create(self, name: str, memory: int, processes: int) -> list[Path]:
        raise AssertionError("not asked for here")

    def limit_cpu(self, name: str, cpu: float) -> None:
        raise AssertionError("not asked for here")

    def pids(self, name: str) -> list[int]:
        return [self.pid]

    def remove(self, name: str) -> bool:
        return False


@pytest.mark.timeout(30)
def test_stopping_a_seat_ends_its_stragglers_and_then_ends_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limits, "STRAGGLERS_TIMEOUT", 0.1)
    with subprocess.Popen(["sleep", "600"]) as straggler:
        asyncio.run(empty_and_remove(GroupThatNeverEmpties(straggler.pid), "seat"))
        assert straggler.wait(10) == -9
    assert "limits.left" in capsys.readouterr().out


def test_two_workbenches_on_one_machine_do_not_share_a_group() -> None:
    assert group_name(Path("/a/.werkbank"), "ada", "") != group_name(Path("/b/.werkbank"), "ada", "")


def test_memory_in_use_is_read_where_groups_count_it_without_files_that_are_only_cached(tmp_path: Path) -> None:
    assert used_memory("seat", tmp_path) is None
    v1 = tmp_path / "memory" / "werkbank" / "seat"
    v1.mkdir(parents=True)
    (v1 / "memory.usage_in_bytes").write_text("5000\n")
    (v1 / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 2000\n")
    assert used_memory("seat", tmp_path) == 3000
    v2 = tmp_path / "werkbank" / "seat"
    v2.mkdir(parents=True)
    (v2 / "memory.current").write_text("7000\n")
    (v2 / "memory.stat").write_text("anon 5\ninactive_file 3000\n")
    assert used_memory("seat", tmp_path) == 4000
