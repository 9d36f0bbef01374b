"""Many users, one root zygote: everybody gets a process of their own account, for good, and nobody anything else."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accounts import FIRST_UID, skip_without_rights
from tests.support.workbench import eventually
from tests.support.zygote import Accounts, node_of_accounts

ANN, BOB = FIRST_UID, FIRST_UID + 1
WHO = """
import json, os, pathlib
status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
back = []
for call in (os.setuid, os.seteuid, os.setgid, os.setegid):
    try: call(0); back.append(call.__name__)
    except PermissionError: pass
try: os.setgroups([0]); back.append("setgroups")
except PermissionError: pass
print(json.dumps({
    "ids": [os.getresuid(), os.getresgid(), os.getgroups()], "back": back, "none": status["NoNewPrivs"],
    "caps": {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16},
    "proc": os.stat("/proc/self/mem").st_uid, "score": pathlib.Path("/proc/self/oom_score_adj").owner(),
    "mnt": os.readlink("/proc/self/ns/mnt"), "groups": open("/proc/self/cgroup").read(),
    "adjusted": open("/proc/self/oom_score_adj").read(), "nice": os.nice(0),
    "listed": sorted(os.listdir("/tmp")),
}))
"""
SLEEP = "import time; print('here', flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    skip_without_rights()
    with node_of_accounts(["ann", "bob"], "--may-name", "0", roles=("kernel", "seat")) as running:
        running.node.programs.joinpath("who.py").write_text(WHO)
        running.node.programs.joinpath("sleeping.py").write_text(SLEEP)
        yield running


def ids(uid: int) -> list[list[int]]:
    return [[uid] * 3, [uid] * 3, [uid]]


def test_a_user_gets_a_process_of_their_own_for_good(accounts: Accounts) -> None:
    found = json.loads(accounts.answer("print(run('who'))", ANN))
    assert found["ids"] == ids(ANN)
    assert found["back"] == []
    assert found["caps"]
    assert found["proc"] == ANN, "its /proc is its own, or debuggers and psutil fail"
    assert found["score"] == "ann"


@pytest.mark.parametrize("asked", [0, BOB, 65_534, 2**32 - 2, 70_000])
def test_a_user_gets_nobody_elses(accounts: Accounts, asked: int) -> None:
    assert accounts.answer("print(run('who', uid=asked))", ANN, asked=asked) == "None\n"
    assert accounts.node.said(f"user {ANN} asked for user {asked}")


def test_a_user_may_ask_for_themselves_by_number(accounts: Accounts) -> None:
    assert json.loads(accounts.answer("print(run('who', uid=os.getuid()))", BOB))["ids"] == ids(BOB)


def test_the_hub_names_whom_a_seat_is_for_and_it_is_for_good(accounts: Accounts) -> None:
    found = json.loads(accounts.answer("print(run('who', uid=uid, address=address.parent / 'seat'))", 0, uid=BOB))
    assert found["ids"] == ids(BOB)
    assert (found["back"], found["caps"], found["proc"]) == ([], True, BOB)


def test_nobody_but_the_hub_gets_a_seat(accounts: Accounts) -> None:
    assert accounts.answer("print(run('who', address=address.parent / 'seat'))", ANN) == "None\n"


def test_a_user_without_an_account_gets_nothing(accounts: Accounts) -> None:
    assert accounts.answer("print(run('who'))", 70_000) == "None\n"
    assert accounts.answer("print(run('who', uid=70000, address=address.parent / 'seat'))", 0) == "None\n"


def test_the_account_that_imports_gets_nothing(accounts: Accounts) -> None:
    assert accounts.answer("print(run('who'))", 65_534) == "None\n"


def test_zygotes_import_without_rights_and_show_their_memory_to_nobody(accounts: Accounts) -> None:
    for role in ("kernel", "seat"):
        status = Path(f"/proc/{accounts.node.served_by(role)}/status").read_text()
        assert "Uid:\t65534\t65534\t0\t65534" in status
        assert "CapEff:\t0000000000000000" in status
        code = "try: open(f'/proc/{pid}/mem'); print('read')\nexcept PermissionError: print('refused')"
        for uid in (ANN, 65_534):
            assert accounts.answer(code, uid, pid=accounts.node.served_by(role)) == "refused\n"


def test_until_the_word_to_start_nobody_can_speak_for_a_child(accounts: Accounts) -> None:
    """With a debugger its user could hand the hub another process's number and descriptor, to be signalled as root."""
    code = """
def look(pid):
    try: open(f"/proc/{pid}/mem"); print("read")
    except PermissionError: print("refused")
    print(os.stat(f"/proc/{pid}/mem").st_uid, os.stat(f"/proc/{pid}").st_uid)
run("who", before_start=look)
"""
    assert accounts.answer(code, ANN).splitlines() == ["refused", f"0 {ANN}"]


def test_a_renunciation_of_privileges_is_taken_over(accounts: Accounts) -> None:
    assert json.loads(accounts.answer("print(run('who'))", ANN))["none"] == "0"
    assert json.loads(accounts.answer("print(run('who'))", ANN, "setpriv", "--no-new-privs"))["none"] == "1"


def test_who_is_to_end_first_when_memory_is_short_is_taken_over(accounts: Accounts) -> None:
    found = json.loads(accounts.answer("print(run('who'))", ANN, "choom", "-n", "300", "--", "nice", "-n", "7"))
    assert (found["adjusted"], found["nice"]) == ("300\n", 7)


def test_a_kernel_enters_the_mount_namespace_of_its_seat(accounts: Accounts) -> None:
    ours = accounts.node.folder.parent
    script = f"""
mount --make-rprivate /
mkdir -p /run/werkbank-test && mount --bind {ours} /run/werkbank-test
mount -t tmpfs -o mode=1777 tmpfs /tmp && touch /tmp/only-here
exec setpriv --reuid {ANN} --regid {ANN} --clear-groups "$@"
"""
    code = """
address, programs = Path("/run/werkbank-test/node/kernel"), "/run/werkbank-test/programs"
print(json.dumps([os.readlink("/proc/self/ns/mnt"), json.loads(run("who"))]))
"""
    namespace, found = json.loads(accounts.answer(code, 0, "unshare", "--mount", "sh", "-euc", script, "sh"))
    assert found["mnt"] == namespace
    assert found["listed"] == ["only-here"]
    assert found["ids"] == ids(ANN)


def test_a_namespace_that_a_user_made_is_not_entered(accounts: Accounts) -> None:
    """There /etc/passwd, /etc/group and what every set-uid program reads are the user's."""
    group = accounts.node.programs / "group"
    group.write_text("root:x:0:ann\nann:x:61000:\n")
    group.chmod(0o644)
    script = f'mount --bind {group} /etc/group && exec "$@"'
    inside = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh")
    assert accounts.answer("print(run('who'))", ANN, *inside) == "None\n"
    assert accounts.node.said(f"uid={ANN} why=.*namespaces of its own: user")


FILTERED = """
import ctypes
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_char_p)]
allow = Program(1, struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
prctl = ctypes.CDLL(None, use_errno=True).prctl
assert prctl(38, 1, 0, 0, 0) == 0
assert prctl(22, 2, ctypes.byref(allow), 0, 0) == 0, ctypes.get_errno()
print(run("who"))
"""


def test_a_caller_whose_bounds_cannot_be_taken_over_is_refused(accounts: Accounts) -> None:
    drop = f'exec setpriv --reuid {ANN} --regid {ANN} --clear-groups "$@"'
    chroot = f"""
mount -t tmpfs tmpfs /mnt
for d in /*; do
  if [ -L $d ]; then cp -a $d /mnt; elif [ -d $d ] && [ $d != /mnt ]; then mkdir /mnt$d; mount --rbind $d /mnt$d; fi
done
exec chroot --userspec {ANN}:{ANN} --groups {ANN} /mnt "$@"
"""
    for why, inside in {
        "namespaces of its own: pid": ("unshare", "--pid", "--fork", "sh", "-c", drop, "sh"),
        "namespaces of its own: net": ("unshare", "--net", "sh", "-c", drop, "sh"),
        "a root folder of its own": ("unshare", "--mount", "sh", "-c", chroot, "sh"),
    }.items():
        assert accounts.answer("print(run('who'))", 0, *inside) == "None\n", why
        assert accounts.node.said(why)
    assert accounts.answer(FILTERED, ANN) == "None\n"
    assert accounts.node.said("filters for system calls")


def test_a_sibling_is_not_touched(accounts: Accounts) -> None:
    one, other = (accounts.ask("print(run('sleeping'))", uid) for uid in (ANN, BOB))
    zygote = accounts.node.zygote()
    try:
        eventually(lambda: len(zygote.children()) == 2, what="both run")
        pids = {child.uids().real: child.pid for child in zygote.children()}
        code = """
def refused(act, *given):
    try: act(*given)
    except (PermissionError, FileNotFoundError): return True
print(all([refused(os.kill, pid, 9), refused(open, f"/proc/{pid}/mem"), refused(os.listdir, f"/proc/{pid}/fd")]))
"""
        assert accounts.answer(code, ANN, pid=pids[BOB]) == "True\n"
        assert accounts.answer(code, ANN, pid=zygote.pid) == "True\n"
    finally:
        for child in zygote.children():
            child.kill()
        for process in (one, other):
            process.communicate(timeout=30)


def test_groups_of_the_seat_are_entered(accounts: Accounts) -> None:
    base = Path("/sys/fs/cgroup/pids")
    if not os.access(base, os.W_OK):
        pytest.skip("no control groups to write here")
    group = base / "werkbank" / f"test-{os.getpid()}"
    group.mkdir(parents=True)
    try:
        code = "print(json.dumps([open('/proc/self/cgroup').read(), json.loads(run('who'))['groups']]))"
        into = (
            "sh",
            "-c",
            f'echo 0 > {group}/cgroup.procs && exec setpriv --reuid {ANN} --regid {ANN} --clear-groups "$@"',
            "sh",
        )
        own, of_child = json.loads(accounts.answer(code, 0, *into))
        assert f"pids:/werkbank/{group.name}" in of_child
        assert f"pids:/werkbank/{group.name}" in own
    finally:
        eventually(lambda: not (group / "cgroup.procs").read_text(), what="the group is empty")
        group.rmdir()
