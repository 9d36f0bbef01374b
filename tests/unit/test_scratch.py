"""Folders of jobs on a node's disk: they go away with the job, also with one that was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from werkbank_seat.scratch import clear_away, scratch

from tests.support.workbench import eventually

HOLDS = """
import sys, time
from werkbank_seat.scratch import scratch
with scratch("some-", sys.argv[1]) as folder:
    (folder / "spilled").write_text("x")
    print(folder, flush=True)
    time.sleep(600)
"""


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def test_a_folder_is_private_and_goes_away_with_the_block(tmp_path: Path) -> None:
    with scratch("some-", str(tmp_path)) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("x")
    assert names(tmp_path) == []


def test_a_place_that_is_not_there_is_no_reason_not_to_run(tmp_path: Path) -> None:
    with scratch("some-", str(tmp_path / "missing")) as folder:
        assert folder.is_dir()


def test_what_a_killed_job_left_is_taken_away_and_what_somebody_has_stays(tmp_path: Path) -> None:
    others = tmp_path / "some-file-of-other-make", tmp_path / "other-folder"
    others[0].write_text("x")
    others[1].mkdir()
    (tmp_path / "some-link").symlink_to(others[1])
    jobs = [
        subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        killed, lives = (Path(job.stdout.readline().strip()) for job in jobs if job.stdout)
        os.kill(jobs[0].pid, signal.SIGKILL)
        jobs[0].wait()
        assert killed.is_dir(), "nobody could take it away"
        with scratch("some-", str(tmp_path)) as mine:
            clear_away("some-", tmp_path)
            assert names(tmp_path) == sorted(path.name for path in (*others, tmp_path / "some-link", lives, mine))
        jobs[1].send_signal(signal.SIGINT)
        eventually(lambda: not lives.exists(), 10, "one that ends in good order leaves nothing")
    finally:
        for job in jobs:
            job.kill()
            job.wait()
            assert job.stdout
            job.stdout.close()
