"""Groups that may open some GPUs and not others: tried on this machine's kernel, with device files and no driver.

A device file without a driver behind it says "no such device" (ENXIO) to whoever may open it, and "not permitted"
(EPERM) to whom the group forbids it.
"""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.cgroups.devices import V1, V2, DeviceGroups, device_groups
from hub.cgroups.groups import GROUP, clusters_group_name, group_name, prefix_of
from hub.cgroups.nodes import GPU_MAJOR, Node, Range, gpu_node, guarded, slice_nodes

BASES = {
    V1: [Path("/sys/fs/cgroup/devices")],
    V2: [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")],
}
MARKERS = {V1: "devices.list", V2: "cgroup.controllers"}
OPEN = """
import errno, os, sys
for procs in sys.argv[2:]:
    open(procs, "w").write("0")
os.setresuid(61000, 61000, 61000)
for line in sys.stdin:
    try:
        os.open(sys.argv[1] + line.strip(), os.O_RDWR)
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)
"""


@pytest.fixture(params=[V1, V2], ids=["v1", "v2"])
def groups(request: pytest.FixtureRequest) -> DeviceGroups:
    """Each layout that this machine has."""
    if os.geteuid() != 0:
        pytest.skip("control groups need root here")
    kind = request.param
    bases = [base for base in BASES[kind] if (base / MARKERS[kind]).exists()]
    if not bases:
        pytest.skip("this machine does not have that layout")
    return kind(bases[0] / GROUP, guarded())


@pytest.fixture
def inside(groups: DeviceGroups, tmp_path: Path) -> Iterator[Callable[[int], str]]:
    """What a process of another account in a new group gets when it opens GPU n."""
    for parent in [tmp_path, *tmp_path.parents]:
        if parent != Path("/tmp") and parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    for minor in (0, 1, 255):
        try:
            os.mknod(tmp_path / f"nvidia{minor}", stat.S_IFCHR | 0o666, os.makedev(GPU_MAJOR, minor))
        except PermissionError:
            pytest.skip("no right to make device files here")
        (tmp_path / f"nvidia{minor}").chmod(0o666)
    name = group_name(tmp_path, "ada", "")
    command = [sys.executable, "-c", OPEN, str(tmp_path / "nvidia"), *map(str, groups.create(name))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout

        def open_gpu(minor: int) -> str:
            process.stdin.write(f"{minor}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield open_gpu
        process.stdin.close()
        process.wait(30)
    assert groups.remove(name)


def test_a_new_group_opens_no_gpu_and_everything_else(inside: Callable[[int], str]) -> None:
    assert [inside(0), inside(1)] == ["EPERM", "EPERM"]
    assert inside(255) != "EPERM"  # the control device is everybody's


def test_a_group_opens_what_it_is_allowed_and_no_longer_once_that_is_taken_back(
    groups: DeviceGroups, inside: Callable[[int], str], tmp_path: Path
) -> None:
    name = group_name(tmp_path, "ada", "")
    groups.allow(name, [gpu_node(1)])
    assert inside(0) == "EPERM"
    assert inside(1) in (errno.errorcode[errno.ENXIO], errno.errorcode[errno.EIO])
    groups.allow(name, [gpu_node(0)])
    assert inside(0) != "EPERM"
    assert inside(1) == "EPERM"
    groups.allow(name, [])
    assert inside(0) == "EPERM"


def test_making_a_group_again_takes_nothing_from_those_inside(
    groups: DeviceGroups, inside: Callable[[int], str], tmp_path: Path
) -> None:
    name = group_name(tmp_path, "ada", "")
    assert inside(0) == "EPERM"
    groups.allow(name, [gpu_node(0)])
    groups.create(name)
    assert inside(0) != "EPERM"


def test_the_groups_of_a_user_are_found_and_nobody_elses(groups: DeviceGroups, tmp_path: Path) -> None:
    names = [group_name(tmp_path, user, "") for user in ("ada", "ada2", "a.b")]
    names.append(clusters_group_name(tmp_path, "ada"))
    for name in names:
        groups.create(name)
    try:
        found = [name for name, _identity in groups.members(prefix_of(tmp_path, "ada"))]
        assert sorted(found) == sorted([names[0], names[3]])
        assert [name for name, _identity in groups.members(prefix_of(tmp_path, "a"))] == []
    finally:
        for name in names:
            assert groups.remove(name)


def test_a_machine_without_control_groups_says_so(tmp_path: Path) -> None:
    layout, enforcement = device_groups(tmp_path)
    assert layout is None
    assert enforcement.reason == "this machine shows no control group for devices"


def test_a_slice_is_opened_by_its_gpu_and_its_two_capabilities(tmp_path: Path) -> None:
    mig = tmp_path / "driver/nvidia/capabilities/gpu2/mig/gi7"
    (mig / "ci0").mkdir(parents=True)
    (mig / "access").write_text("DeviceFileMinor: 66\nDeviceFileMode: 292\nDeviceFileModify: 1\n")
    (mig / "ci0" / "access").write_text("DeviceFileMinor: 67\nDeviceFileMode: 292\nDeviceFileModify: 1\n")
    (tmp_path / "devices").write_text("Character devices:\n195 nvidia\n235 nvidia-caps\n236 nvidia-caps-imex\n")
    caps = tmp_path / "driver/nvidia-caps"
    caps.mkdir()
    (caps / "mig-minors").write_text("config 1\nmonitor 2\ngpu2/gi7/access 66\ngpu2/gi7/ci0/access 67\n")
    assert slice_nodes(2, 7, 0, tmp_path) == (gpu_node(2), Node(235, 66), Node(235, 67))
    assert guarded(tmp_path) == (Range(195, 0, 253), Range(235, 0, 67))


def test_a_slice_whose_nodes_the_driver_does_not_show_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nvidia-caps"):
        slice_nodes(0, 1, 0, tmp_path)
