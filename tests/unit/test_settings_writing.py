"""Writing the settings file: whole or not at all, whatever happens on the way."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.settings.writing import KEPT, ChangedMeanwhile, backups, fingerprint, save, why_not_writable

OLD, NEW = "profiles: old\n" * 50, "profiles: new\n" * 50


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "werkbank.yaml"
    path.write_text(OLD)
    path.chmod(0o640)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_mode_stays_and_the_old_text_is_kept_beside_it(file: Path) -> None:
    backup = save(file, NEW, fingerprint(OLD))
    assert (file.read_text(), file.stat().st_mode & 0o777) == (NEW, 0o640)
    assert (backup.text(), backup.path.stat().st_mode & 0o777) == (OLD, 0o640)
    assert [one.name for one in backups(file)] == [backup.name]
    assert len(names(file.parent)) == 2


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "link.yaml"
    link.parent.mkdir()
    link.symlink_to(file)
    save(link, NEW, fingerprint(OLD))
    assert link.is_symlink()
    assert file.read_text() == NEW
    assert names(link.parent) == ["link.yaml"]


def test_a_text_that_somebody_changed_meanwhile_is_left_alone(file: Path) -> None:
    with pytest.raises(ChangedMeanwhile):
        save(file, NEW, fingerprint("something else"))
    assert file.read_text() == OLD
    assert names(file.parent) == ["werkbank.yaml"]


def test_only_the_latest_backups_are_kept(file: Path) -> None:
    for number in range(KEPT + 3):
        save(file, f"n: {number}\n", fingerprint(file.read_text()))
    assert len(backups(file)) == KEPT
    assert backups(file)[0].text() == f"n: {KEPT + 1}\n"


def child(file: Path, before: str) -> subprocess.CompletedProcess[str]:
    code = (
        f"import os, resource, signal, pathlib\nfrom hub.settings import writing\n{before}\n"
        f"writing.save(pathlib.Path({str(file)!r}), {NEW!r}, writing.fingerprint({OLD!r}))\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_full_disk_leaves_the_old_file_whole(file: Path) -> None:
    limit = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    failed = child(file, limit)
    assert "OSError" in failed.stderr
    assert (file.read_text(), names(file.parent)) == (OLD, ["werkbank.yaml"])


@pytest.mark.parametrize("number", [1, 2])
def test_a_writer_that_is_killed_before_a_rename_leaves_the_old_file_whole(file: Path, number: int) -> None:
    kill = (
        "seen = []\nreal = pathlib.Path.replace\n"
        "def replace(self, target):\n"
        f"    seen.append(1)\n    if len(seen) == {number}: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(self, target)\n"
        "pathlib.Path.replace = replace"
    )
    assert child(file, kill).returncode == -signal.SIGKILL
    assert file.read_text() == OLD
    save(file, NEW, fingerprint(OLD))  # the next one clears away what was left
    assert file.read_text() == NEW
    assert [name for name in names(file.parent) if name.endswith(".tmp")] == []


def test_a_file_that_is_gone_cannot_be_written(file: Path) -> None:
    file.unlink()
    assert why_not_writable(file) == "missing"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(file: Path) -> None:
    file.parent.chmod(0o500)
    assert why_not_writable(file) == "folder"
    file.parent.chmod(0o700)
