"""A real Slurm of three machines: made in seconds, confines its jobs, and is taken away without a trace."""

from pathlib import Path

import psutil
import pytest

from hub.slurm.demo.cluster import Cluster, found
from hub.slurm.demo.configuration import GPU_TYPE, Shape
from hub.slurm.demo.machines import groups_of
from tests.support.slurm import ANN, BEN, give, output, slurm_cluster, wait_until
from tests.support.workbench import eventually


def test_a_job_sees_the_device_that_it_was_given_and_no_other(quiet: Cluster) -> None:
    if not quiet.confined:
        pytest.skip("this machine has no control groups of the first version: devices are not confined")
    looks = f"""echo "given $SLURM_JOB_GPUS, sees $CUDA_VISIBLE_DEVICES"
for one in 0 1; do
    python3 -c 'import errno, os, sys
try: os.open(sys.argv[1], os.O_RDONLY)
except OSError as error: print(sys.argv[1][-1], errno.errorcode[error.errno])' {quiet.folder}/devices/gpu$one
done"""
    asked = ("--nodelist=n1", f"--gres=gpu:{GPU_TYPE}:1")
    first = give(quiet, ANN, *asked, script=f"{looks}\nsleep 3")
    second = give(quiet, BEN, *asked, script=looks)
    # Nothing answers behind a simulated device (ENXIO); one that is another's cannot even be asked (EPERM).
    assert output(quiet, BEN, second) == "given 1, sees 0\n0 EPERM\n1 ENXIO\n"
    assert output(quiet, ANN, first) == "given 0, sees 0\n0 ENXIO\n1 EPERM\n"


def test_a_job_that_takes_more_memory_than_it_asked_for_is_ended(quiet: Cluster) -> None:
    if not quiet.confined:
        pytest.skip("this machine has no control groups of the first version: memory is not confined")
    job = give(quiet, ANN, "--mem=60M", script="python3 -c 'x = bytearray(200_000_000); print(len(x))'; echo $?")
    assert "200000000" not in output(quiet, ANN, job)
    asks = ("sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={job}", "--format=State")
    eventually(lambda: quiet.run(*asks).strip() == "OUT_OF_MEMORY", 30, "the accounting says so")


def test_users_are_told_apart_by_the_homes_that_they_have(quiet: Cluster) -> None:
    script = f"id -un; cat {quiet.folder}/home/{BEN}/job.sh >/dev/null 2>&1 || echo refused"
    give(quiet, BEN, script="true")
    assert output(quiet, ANN, give(quiet, ANN, script=script)) == "ann\nrefused\n"


def test_a_cluster_that_is_ended_leaves_nothing_and_meets_no_other(slurm: Cluster) -> None:
    with slurm_cluster(Shape(nodes=1)) as other:
        assert other.run("sinfo", "--noheader", "--format=%D").strip() == "1"
        assert slurm.run("sinfo", "--noheader", "--format=%D").strip() == "3"
        give(other, ANN)
        folder, again = other.folder, found(other.folder)
        assert again is not None
        assert again.machines == other.machines
        inside = [process.pid for process in psutil.process_iter() if _is_in(process, folder)]
        assert len(inside) >= 8, "machines, daemons and the job"
    eventually(lambda: not [pid for pid in inside if psutil.pid_exists(pid)], 10, "all of them are gone")
    assert not folder.exists()
    assert not [group for name in ("head", "n1") for group in groups_of(folder, name) if group.exists()]
    assert not [name for name in psutil.net_if_addrs() if name.startswith("v-")]
    assert str(folder) not in Path("/proc/mounts").read_text()
    assert slurm.run("sinfo", "--noheader", "--format=%T").strip() == "idle"


def _is_in(process: psutil.Process, folder: Path) -> bool:
    """Whether a process lives in one of the machines of a cluster."""
    try:
        return str(folder) in Path(f"/proc/{process.pid}/mountinfo").read_text()
    except OSError:
        return False


def test_a_node_that_loses_its_power_is_noticed_and_comes_back(quiet: Cluster) -> None:
    job = give(quiet, ANN, "--nodelist=n3", "--no-requeue")
    wait_until(quiet, job, "RUNNING")
    quiet.end_node("n3")
    try:
        wait_until(quiet, job, "NODE_FAIL", "", seconds=40)
        assert "n3" not in quiet.machines
        assert not [group for group in groups_of(quiet.folder, "n3") if group.exists()]
    finally:
        quiet.begin_node("n3")
    quiet.wait_until_idle()
