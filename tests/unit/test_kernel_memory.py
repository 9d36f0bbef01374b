"""A kernel that the machine ended for want of memory is told apart from one that died of something else."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from werkbank_kernels.deaths import Deaths
from werkbank_kernels.memory import EndedForMemory
from werkbank_kernels.words import size


def group(folder: Path, line: str, file: str, count: int) -> EndedForMemory:
    """A machine whose process is in a group with this count."""
    (folder / "groups").write_text(f"{line}\n")
    place = folder / "mount" / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"oom_kill_disable 0\nunder_oom 0\noom_kill {count}\n")
    return EndedForMemory(folder / "groups", folder / "mount")


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("0::/werkbank/ada", "werkbank/ada/memory.events"),
        ("0::/", "memory.events"),
        ("4:memory:/werkbank/ada", "memory/werkbank/ada/memory.oom_control"),
        ("4:memory:/libpod_parent/libpod-1", "memory/memory.oom_control"),
    ],
)
def test_the_count_is_read_in_both_versions_of_cgroups_and_in_a_container(tmp_path: Path, line: str, file: str) -> None:
    ended = group(tmp_path, line, file, 2)
    assert not ended.is_new(), "that was before"
    (tmp_path / "mount" / file).write_text("oom_kill 3\n")
    assert [ended.is_new(), ended.is_new()] == [True, False]


@pytest.mark.parametrize("text", ["", "oom_kill many\n", "oom_kill\n", "low 0\n"])
def test_without_a_count_nothing_is_known(tmp_path: Path, text: str) -> None:
    group(tmp_path, "0::/", "memory.events", 1)
    (tmp_path / "mount" / "memory.events").write_text(text)
    ended = EndedForMemory(tmp_path / "groups", tmp_path / "mount")
    (tmp_path / "mount" / "memory.events").write_text("oom_kill 9\n")
    assert not ended.is_new()


def process_that_ends(how: int) -> subprocess.Popen[bytes]:
    """A process that a signal ended; 0 for one that ended by itself."""
    code = f"import os; os.kill(os.getpid(), {how}) if {how} else None"
    process = subprocess.Popen([sys.executable, "-c", code])
    process.wait()
    return process


def test_a_death_by_memory_is_a_sentence_for_each_that_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEM_LIMIT", str(3 * 2**29))
    monkeypatch.setenv("WERKBANK_LANGUAGE", "nl")
    deaths = Deaths(group(tmp_path, "0::/", "memory.events", 0))
    died = process_that_ends(signal.SIGKILL)
    (tmp_path / "mount" / "memory.events").write_text("oom_kill 1\n")
    first = deaths.reason("k", died)
    assert "dan deze werkplek heeft (1,5 GiB)" in first
    assert deaths.reason("k", died) == first


@pytest.mark.parametrize("how", [0, signal.SIGTERM, signal.SIGSEGV])
def test_another_death_is_not_blamed_on_memory(tmp_path: Path, how: int) -> None:
    deaths = Deaths(group(tmp_path, "0::/", "memory.events", 0))
    died = process_that_ends(how)
    (tmp_path / "mount" / "memory.events").write_text("oom_kill 1\n")
    assert deaths.reason("k", died) == ""


def test_a_kernel_that_is_killed_otherwise_is_not_blamed_on_memory(tmp_path: Path) -> None:
    deaths = Deaths(group(tmp_path, "0::/", "memory.events", 1))
    assert deaths.reason("k", process_that_ends(signal.SIGKILL)) == ""
    assert deaths.reason("k", None) == ""


def test_sizes_are_written_as_people_say_them() -> None:
    assert [size(2 * 2**30, "en"), size(3 * 2**29, "en"), size(512 * 2**20, "nl")] == ["2 GiB", "1.5 GiB", "512 MiB"]
