"""Whether a kernel may be parked, and what to do about an act that was cut short: plain tables."""

import platform
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from werkbank_kernels.parking.answers import LATER, MIGRATION, PRECHECK, REFUSED
from werkbank_kernels.parking.driver import STATES
from werkbank_kernels.parking.facts import DeviceFacts, Facts, Unreadable, cgroup_headrooms, mem_available
from werkbank_kernels.parking.migrate import obstacle, pairs_of
from werkbank_kernels.parking.precheck import HOST_MARGIN, nothing_on_device, precheck
from werkbank_kernels.parking.recover import Remedy, remedy

GIB = 2**30
KERNEL, STRANGER = 100, 200
EMPTY = DeviceFacts(
    "GPU-b", model="NVIDIA H200", memory=140 * GIB, used=0, free=140 * GIB, mig=False, mps=False, processes={}
)
DEVICE = replace(EMPTY, uuid="GPU-a", used=10 * GIB, free=130 * GIB, processes={KERNEL: 10 * GIB})
GOOD = Facts(
    driver="580.95.05",
    machine="x86_64",
    devices=(DEVICE, EMPTY),
    leased=frozenset({"GPU-a"}),
    state="running",
    has_cuda=True,
    others_with_cuda=(),
    host_room=10 * GIB + HOST_MARGIN,
)


def on(device: DeviceFacts) -> Facts:
    return replace(GOOD, devices=(device, EMPTY))


def test_an_idle_kernel_alone_on_its_device_may_be_parked() -> None:
    assert precheck(GOOD, KERNEL, ["numpy", "torch"]) is None


AGAINST = [
    ("driver-too-old", replace(GOOD, driver="565.57.01"), []),
    ("driver-too-old", replace(GOOD, driver="580.95.05", machine="aarch64"), []),
    ("driver-too-old", replace(GOOD, driver="who knows"), []),
    ("not-supported", replace(GOOD, machine="riscv64"), []),
    ("mig", on(replace(DEVICE, mig=True)), []),
    ("mig", replace(GOOD, leased=frozenset({"GPU-a", "MIG-b"})), []),
    ("mps", on(replace(DEVICE, mps=True)), []),
    ("uvm", GOOD, ["cudf"]),
    ("uvm", GOOD, ["numpy", "cudf.pandas"]),
    ("uvm", GOOD, ["rmm"]),
    ("uvm", GOOD, ["cupy-managed"]),
    ("uvm", GOOD, ["numba-managed"]),
    ("process-group", replace(GOOD, others_with_cuda=(101,)), []),
    ("device-not-leased", replace(GOOD, leased=frozenset({"GPU-b"})), []),
    ("other-process-on-device", on(replace(DEVICE, processes={KERNEL: GIB, STRANGER: GIB})), []),
    ("other-process-on-device", on(replace(DEVICE, processes={STRANGER: GIB})), []),
    ("process-not-listed", on(replace(DEVICE, processes={})), []),
    ("not-running-state", replace(GOOD, state="locked"), []),
    ("not-running-state", replace(GOOD, state="unknown"), []),
    ("host-memory", replace(GOOD, host_room=GOOD.host_room - 1), []),
    ("host-memory", on(replace(DEVICE, used=11 * GIB, processes={KERNEL: None})), []),
]


@pytest.mark.parametrize(("code", "facts", "modules"), AGAINST)
def test_each_obstacle_has_its_code(code: str, facts: Facts, modules: list[str]) -> None:
    assert precheck(facts, KERNEL, modules) == code
    assert PRECHECK[code] in (REFUSED, LATER)


def test_cupy_and_numba_without_managed_memory_are_no_obstacle() -> None:
    assert precheck(GOOD, KERNEL, ["cupy", "numba", "cudf_but_not_really"]) is None


def test_a_kernel_that_has_not_begun_with_cuda_has_nothing_to_park() -> None:
    fresh = replace(on(EMPTY), has_cuda=False, state="")
    assert nothing_on_device(fresh, KERNEL)
    assert not nothing_on_device(replace(fresh, has_cuda=True), KERNEL)
    assert not nothing_on_device(replace(fresh, others_with_cuda=(101,)), KERNEL)
    assert not nothing_on_device(on(DEVICE), KERNEL)


PAIRS = [
    ("one for another", "a", "a", "b", {"a": "b"}),
    ("in place", "a", "a", "a", {}),
    ("in another order is in place", "ab", "ab", "ba", {}),
    ("two for two, in the order of the lease", "ab", "ab", "cd", {"a": "c", "b": "d"}),
    ("what both name stays", "ab", "ab", "bc", {"a": "c"}),
    ("what was not used moves too", "ab", "a", "cd", {"a": "c", "b": "d"}),
    ("what was used goes first", "ab", "b", "c", {"b": "c"}),
    ("what was not used may be left out", "ab", "a", "a", {}),
    ("too few for what was used", "ab", "ab", "c", None),
    ("one too few though the other stays", "ab", "ab", "a", None),
    ("more than there were", "a", "a", "bc", {"a": "b"}),
]


@pytest.mark.parametrize(
    ("parked_on", "used", "ordered", "expected"), [row[1:] for row in PAIRS], ids=[row[0] for row in PAIRS]
)
def test_devices_take_each_others_place(
    parked_on: str, used: str, ordered: str, expected: dict[str, str] | None
) -> None:
    assert pairs_of(parked_on, used, ordered) == expected


SWAP = {"GPU-a": "GPU-b", "GPU-b": "GPU-a"}
AGAINST_MOVING = [
    ("driver-too-old", "579.99", EMPTY, SWAP),
    ("driver-too-old", "who knows", EMPTY, SWAP),
    ("mig", "580.95.05", replace(EMPTY, mig=True), SWAP),
    ("mig", "580.95.05", EMPTY, {"GPU-a": "MIG-b"}),
    ("mig", "580.95.05", EMPTY, {"MIG-a": "GPU-b"}),
    ("mps", "580.95.05", replace(EMPTY, mps=True), SWAP),
    ("other-model", "580.95.05", replace(EMPTY, model="NVIDIA H100"), SWAP),
    ("other-model", "580.95.05", replace(EMPTY, memory=EMPTY.memory + 1), SWAP),
    ("device-not-listed", "580.95.05", EMPTY, {"GPU-a": "GPU-c"}),
    ("device-not-listed", "580.95.05", EMPTY, {"GPU-c": "GPU-a"}),
]


@pytest.mark.parametrize(("code", "release", "other", "moves"), AGAINST_MOVING)
def test_each_obstacle_to_moving_has_its_code(
    code: str, release: str, other: DeviceFacts, moves: dict[str, str]
) -> None:
    assert obstacle(release, {"GPU-a": DEVICE, "GPU-b": other}, moves) == code
    assert MIGRATION[code] in (REFUSED, LATER)


def test_a_kernel_may_move_between_devices_of_one_kind_past_others_that_stay() -> None:
    machine = {"GPU-a": DEVICE, "GPU-b": EMPTY, "GPU-c": replace(EMPTY, uuid="GPU-c", model="NVIDIA L4", mig=True)}
    assert obstacle("580.95.05", machine, SWAP | {"GPU-c": "GPU-c"}) is None


RECOVERY = {
    ("park", "running"): Remedy.UNDONE,
    ("park", "locked"): Remedy.UNLOCK,
    ("park", "checkpointed"): Remedy.VERIFY,
    ("park", "failed"): Remedy.BREAK,
    ("resume", "running"): Remedy.RESUMED,
    ("resume", "locked"): Remedy.UNLOCK,
    ("resume", "checkpointed"): Remedy.RESTORE,
    ("resume", "failed"): Remedy.BREAK,
}


@pytest.mark.parametrize(("act", "state", "failed"), list(product(["park", "resume"], STATES.values(), [False, True])))
def test_every_interrupted_act_has_one_remedy(act: str, state: str, failed: bool) -> None:
    waits = state in ("checkpointing", "restoring")
    spoilt = failed and state == "checkpointed"
    expected = Remedy.WAIT if waits else Remedy.BREAK if spoilt else RECOVERY[act, state]
    assert remedy(act, True, state, failed) is expected
    assert remedy(act, False, state, failed) is Remedy.LOST


def test_a_state_that_nobody_knows_is_waited_for() -> None:
    assert remedy("park", True, "unknown", False) is Remedy.WAIT


def lay(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_tightest_group_of_version_2_decides_and_file_cache_counts_as_free(tmp_path: Path) -> None:
    lay(tmp_path, {"proc/7/cgroup": "0::/users/seat\n"})
    lay(tmp_path / "fs/users", {"memory.max": "1000", "memory.current": "900", "memory.stat": "inactive_file 50\n"})
    lay(tmp_path / "fs/users/seat", {"memory.max": "max", "memory.high": "700", "memory.current": "100"})
    assert sorted(cgroup_headrooms(7, tmp_path / "proc", tmp_path / "fs")) == [150, 600]


def test_groups_of_version_1_count_too(tmp_path: Path) -> None:
    lay(tmp_path, {"proc/7/cgroup": "4:cpu,cpuacct:/a\n3:memory:/a/b\n0::/\n"})
    lay(tmp_path / "fs/memory/a/b", {"memory.limit_in_bytes": "500", "memory.usage_in_bytes": "100"})
    lay(tmp_path / "fs/memory/a/b", {"memory.stat": "inactive_file 1\ntotal_inactive_file 20\n"})
    assert cgroup_headrooms(7, tmp_path / "proc", tmp_path / "fs") == [420]


def test_a_container_that_sees_only_its_own_group_is_read_from_the_root(tmp_path: Path) -> None:
    lay(tmp_path, {"proc/7/cgroup": "0::/../../pod\n"})
    lay(tmp_path / "fs", {"memory.max": "64", "memory.current": "4"})
    assert cgroup_headrooms(7, tmp_path / "proc", tmp_path / "fs") == [60]


def test_what_cannot_be_read_is_not_guessed(tmp_path: Path) -> None:
    lay(tmp_path, {"proc/7/cgroup": "0::/x\n", "proc/meminfo": "MemFree: 1 kB\n"})
    lay(tmp_path / "fs/x", {"memory.max": "garbage", "memory.current": "1"})
    with pytest.raises(Unreadable):
        cgroup_headrooms(7, tmp_path / "proc", tmp_path / "fs")
    with pytest.raises(Unreadable):
        cgroup_headrooms(8, tmp_path / "proc", tmp_path / "fs")
    with pytest.raises(Unreadable):
        mem_available(tmp_path / "proc")


def test_this_machine_can_be_read() -> None:
    assert mem_available() > 0
    assert platform.machine() in ("x86_64", "aarch64")
