"""`up --site slurm-demo`: a cluster around one run, reached as any workbench is, and gone with it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hub.slurm.demo.cluster import found, why_not
from hub.slurm.demo.configuration import Shape
from hub.slurm.demo.machines import closed_above, remove_folder
from tests.support.slurm import slurm_cluster
from tests.support.workbench import ROOT, Workbench, end_what_is_left, eventually, run_werkbank


class Demo(Workbench):
    def up(self, *more: str) -> subprocess.CompletedProcess[str]:
        return run_werkbank(
            "up", "--site", "slurm-demo", "--detach", "--state", str(self.state), "--port", "0", *more
        )  # fmt: skip


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    if reason := why_not():
        pytest.skip(f"no Slurm cluster here: {reason}")
    bench = Demo(tmp_path / "state", ROOT / "hub" / "slurm" / "demo" / "settings.yaml")
    started = bench.up()
    assert started.returncode == 0, started.stdout + started.stderr
    yield bench
    bench.close()
    bench.down()
    assert end_what_is_left(bench.state) == []


def note_of(demo: Demo) -> Path:
    return Path(json.loads((demo.state / "slurm-demo.json").read_text())["folder"])


def test_somebody_tries_it_and_everything_goes_with_it(demo: Demo) -> None:
    scientist = demo.browser("scientist")
    scientist.start_seat()
    folder = note_of(demo)
    made = found(folder)
    assert made is not None
    assert "ained" in made.run("squeue", "--noheader", "--format=%a")
    report = demo.status()
    assert (report["healthy"], report["seats"]) == (True, ["scientist/"])
    machines = [one.first.pid for one in made.machines.values()]
    refused = demo.up()
    assert refused.returncode == 2
    assert "already runs" in refused.stderr
    stopped = demo.down()
    assert stopped.returncode == 0, stopped.stderr
    assert not [pid for pid in machines if psutil.pid_exists(pid)]
    assert not folder.exists()
    assert not (demo.state / "slurm-demo.json").exists()


def test_what_a_killed_demo_left_is_cleared_away_by_the_next(demo: Demo) -> None:
    folder = note_of(demo)
    psutil.Process(json.loads((demo.state / "slurm-demo.json").read_text())["pid"]).kill()
    stopped = demo.down()
    assert stopped.returncode == 0, stopped.stderr
    eventually(lambda: not folder.exists(), 20, "the cluster's folder is gone")


@pytest.mark.parametrize("more", [("--site", "moon"), ("--site", "slurm-demo", "--simulate-gpus", "2")])
def test_what_cannot_be_tried_is_refused(tmp_path: Path, more: tuple[str, ...]) -> None:
    refused = run_werkbank("up", *more, "--state", str(tmp_path))
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_people_get_to_a_way_through_a_closed_folder_and_to_nothing_else_there() -> None:
    if reason := why_not():
        pytest.skip(f"no Slurm cluster here: {reason}")
    with tempfile.TemporaryDirectory() as name:  # closed for others, as a home is
        closed = Path(name)
        way = closed / "a folder" / "way"
        way.mkdir(parents=True)
        (way / "file").write_text("here")
        (closed / "secret").write_text("not for others")
        assert list(closed_above([way, way / "below", ROOT / "hub"])) == [closed, way]
        with slurm_cluster(Shape(nodes=1), ways=(way,)) as made:
            node = made.machines["n1"]
            assert node.run("cat", str(way / "file"), user="ann").stdout == "here"
            assert node.run("ls", str(closed), user="ann").stdout == "a folder\n"
            assert node.run("touch", str(way / "file")).returncode != 0, "not even root changes it there"
        assert (way / "file").read_text() == "here"
        assert (closed / "secret").exists()


def test_a_folder_in_which_something_is_mounted_is_not_removed(tmp_path: Path) -> None:
    inside = tmp_path / "folder" / "with a mount"
    inside.mkdir(parents=True)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    script = """
import subprocess, sys
from pathlib import Path
from hub.slurm.demo.machines import remove_folder
subprocess.run(["mount", "--bind", sys.argv[1], sys.argv[2]], check=True)
remove_folder(Path(sys.argv[2]).parent)
"""
    apart = ["unshare", "--mount", "--propagation", "private", "--", sys.executable, "-c", script]
    run = subprocess.run(
        [*apart, str(tmp_path / "kept"), str(inside)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if "unshare" in run.stderr:
        pytest.skip(f"no namespaces here: {run.stderr}")
    assert "is mounted there" in run.stderr
    assert (tmp_path / "kept" / "file").exists()
    remove_folder(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
