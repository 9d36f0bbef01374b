"""What seats, kernels and Dask workers cannot do, tried by those who would like to: real accounts, a real root node."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkbank_zygote.confinement import Confinement, landlock, private, system_calls

from hub.runtime import ROOT
from hub.settings import load
from hub.spawners import confinement as spawners_confinement
from hub.spawners.confinement import confinement_of, shortcomings
from hub.state import StateDirectory
from tests.support.accounts import FIRST_UID, skip_without_rights
from tests.support.zygote import Accounts, node_of_accounts

ANN, BOB = FIRST_UID, FIRST_UID + 1
PLACES = {"ann": "a" * 32, "bob": "b" * 32}
IN_SEAT = "print(run(program, uid=uid, address=address.parent / 'seat', place=place))"


def tried(**attempts: str) -> str:
    """Python that makes these attempts and prints what came of each: `done`, or the name of the error."""
    lines = ["import errno, json, os, pwd", "home, found = pwd.getpwuid(os.getuid()).pw_dir, {}"]
    for name, code in attempts.items():
        body = "\n".join(f"    {line}" for line in code.splitlines())
        lines += [f"try:\n{body}\n    found[{name!r}] = 'done'"]
        lines += [f"except OSError as problem: found[{name!r}] = errno.errorcode[problem.errno]"]
    return "\n".join([*lines, "print(json.dumps(found))"])


def confinement(folder: Path) -> Confinement:
    """Everything closed."""
    for name, mode in {"scratch": 0o1777, "everybodys": 0o1777, "data": 0o755}.items():
        (folder / name).mkdir()
        (folder / name).chmod(mode)
    (folder / "data" / "set").write_text("here")
    for place in PLACES.values():
        private.make(str(folder / "private" / place))
    return Confinement(
        private_folders=str(folder / "private"),
        files=landlock.version() >= landlock.LEAST_VERSION,
        readable=(str(folder / "programs"), str(ROOT)),
        writable=(str(folder / "scratch"),),
        new_privileges=False,
        core_dumps=False,
        filter=b"" if system_calls.reason() else system_calls.compiled(),
    )


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    skip_without_rights()
    with node_of_accounts(["ann", "bob"], "--may-name", "0", roles=("kernel", "seat"), confine=confinement) as running:
        yield running


@pytest.fixture
def folder(accounts: Accounts) -> Path:
    return accounts.node.folder.parent


def in_seat(accounts: Accounts, user: str, code: str) -> Any:
    """What a program prints that runs as this user's seat, as JSON."""
    program, uid = accounts.node.program(code), {"ann": ANN, "bob": BOB}[user]
    printed = accounts.answer(IN_SEAT, 0, program=program, uid=uid, place=PLACES[user])
    try:
        return json.loads(printed)
    except ValueError:
        raise AssertionError(accounts.node.log.read_text()[-3000:]) from None


def in_kernel(accounts: Accounts, user: str, code: str) -> Any:
    """What a program prints that runs as a kernel of this user's seat, as JSON."""
    from tests.support.zygote import CALLER

    name = accounts.node.program(code)
    seat = f"{CALLER}\naddress, programs = Path({str(accounts.node.address())!r}), {str(accounts.node.programs)!r}\n"
    return in_seat(accounts, user, f"{seat}print(run({name!r}))")


# --- folders of its own -----------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/tmp", "/var/tmp", "/dev/shm"])
def test_what_a_seat_puts_into_temporary_folders_nobody_else_sees(accounts: Accounts, target: str) -> None:
    left = in_seat(
        accounts, "ann", f"open('{target}/mine', 'w').write('x'); import os; print(len(os.listdir('{target}')))"
    )
    assert left >= 1
    look = f"import os, json; print(json.dumps(os.listdir('{target}')))"
    assert "mine" not in in_seat(accounts, "bob", look)
    assert not Path(target, "mine").exists()
    # On disk it stays for the seat's next process; shared memory goes with the last one.
    assert ("mine" in in_seat(accounts, "ann", look)) is (target != "/dev/shm")


def test_a_kernel_sees_the_temporary_folders_of_its_seat(accounts: Accounts) -> None:
    look = "import os, json; print(json.dumps([os.listdir('/tmp'), os.readlink('/proc/self/ns/mnt')]))"
    in_seat(accounts, "ann", "open('/tmp/of-the-seat', 'w').close(); print(1)")
    listed, namespace = in_kernel(accounts, "ann", look)
    assert "of-the-seat" in listed
    assert namespace != os.readlink("/proc/self/ns/mnt")


def test_system_v_memory_of_others_is_not_there(accounts: Accounts) -> None:
    assert in_seat(
        accounts, "ann", "import os; print(repr(os.readlink('/proc/self/ns/ipc')).replace(chr(39), chr(34)))"
    ) != (os.readlink("/proc/self/ns/ipc"))


def test_what_lies_in_tmp_and_is_needed_is_seen_there_and_no_link_leads_astray(tmp_path: Path) -> None:
    """The second process of a place finds what its user left there: a link must not lead root anywhere."""
    skip_without_rights()
    if not str(tmp_path).startswith("/tmp/"):
        pytest.skip("tests do not run in /tmp here")
    needed, place = tmp_path / "needed", Path("/srv", f"werkbank-test-{os.getpid()}")
    needed.mkdir()
    (needed / "library").write_text("here")
    code = """
import os, sys
from werkbank_zygote.confinement import private
private.enter(sys.argv[1], [sys.argv[2]])
print(open(sys.argv[2] + "/library").read(), sorted(os.listdir("/tmp")))
"""
    top = needed.relative_to("/tmp").parts[0]
    private.make(str(place))
    try:
        assert python(code, str(place), str(needed)) == f"here ['{top}']"
        shutil.rmtree(place / "tmp" / top)
        (place / "tmp" / top).symlink_to("/etc")
        assert "NotADirectoryError" in python(code, str(place), str(needed))
        (place / "tmp" / top).unlink()
        (place / "tmp" / top).mkdir()
        os.chown(place / "tmp" / top, ANN, ANN)
        assert "somebody else made a part of it" in python(code, str(place), str(needed))
    finally:
        private.remove(str(place))
    assert not place.exists()


def python(code: str, *arguments: str) -> str:
    """What Python prints, or the last line of what it complains of."""
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    return (done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]).strip()


# --- files ------------------------------------------------------------------------------------------


def test_files_beside_the_home_are_out_of_reach_whatever_their_modes(accounts: Accounts, folder: Path) -> None:
    if landlock.version() < landlock.LEAST_VERSION:
        pytest.skip("this kernel has no Landlock")
    bobs = folder / "homes" / "bob"
    bobs.chmod(0o755)
    (bobs / "notes").write_text("for everybody, by mistake")
    (bobs / "notes").chmod(0o666)
    attempts = tried(
        home="open(home + '/own', 'w').close()",
        moved="os.makedirs(home + '/a/b', exist_ok=True)\nos.rename(home + '/own', home + '/a/b/own')",
        scratch=f"open('{folder}/scratch/{os.getpid()}', 'a').close()",
        temporary="open('/tmp/file', 'w').close()",
        system="open('/etc/os-release').read(); os.listdir('/usr/lib')",
        null="open('/dev/null', 'w').write('x')",
        everybodys=f"open('{folder}/everybodys/mine', 'w').close()",
        notes=f"open('{bobs}/notes').read()",
        list=f"os.listdir('{bobs}')",
        homes=f"os.listdir('{folder}/homes')",
        data=f"open('{folder}/data/set').read()",
        linked=f"os.symlink('{bobs}/notes', '/tmp/link')\nopen('/tmp/link').read()",
    )
    expected = dict.fromkeys(("home", "moved", "scratch", "temporary", "system", "null", "data"), "done")
    expected |= dict.fromkeys(("everybodys", "notes", "list", "homes", "linked"), "EACCES")
    assert in_seat(accounts, "ann", attempts) == expected
    shutil.rmtree(folder / "homes" / "ann" / "a")
    (folder / "private" / PLACES["ann"] / "tmp" / "link").unlink()
    assert in_kernel(accounts, "ann", attempts) == expected


# --- rights and system calls --------------------------------------------------------------------------


def test_system_calls_that_people_do_not_need_are_refused_and_the_others_work(accounts: Accounts) -> None:
    if system_calls.reason():
        pytest.skip(system_calls.reason())
    code = """
import ctypes, json, multiprocessing, os, socket, subprocess, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *given):
    ctypes.set_errno(0)
    return ctypes.get_errno() if getattr(libc, name)(*given) == -1 else 0
refused = {
    "user namespace": call("unshare", 0x10000000), "mount": call("mount", b"/", b"/mnt", None, 4096, None),
    "keyring": call("syscall", 250, 0, -3, 0), "bpf": call("syscall", 321, 0, 0, 0),
    "io_uring": call("syscall", 425, 1, 0), "cloned namespace": call("syscall", 56, 0x10000000 | 17, 0, 0, 0, 0),
}
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    with multiprocessing.Pool(2) as pool:
        squares = pool.map(abs, [-1, -2])
    thread = threading.Thread(target=time.sleep, args=(0,)); thread.start(); thread.join()
    import numpy
    said = subprocess.run(["/bin/echo", "ok"], capture_output=True, text=True).stdout
    works = [squares, said, bool(socket.socketpair())]
    status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
    print(json.dumps([refused, works, [float(numpy.linalg.norm([3, 4]))], status["NoNewPrivs"], status["Seccomp"]]))
"""
    for answer in (in_seat(accounts, "ann", code), in_kernel(accounts, "ann", code)):
        refused, works, norm, nothing_new, filtered = answer
        assert set(refused.values()) == {1}, refused
        assert works == [[1, 2], "ok\n", True]
        assert (norm, nothing_new, filtered) == ([5.0], "1", "2")


def test_no_memory_is_dumped(accounts: Accounts) -> None:
    code = "import resource, json; print(json.dumps(resource.getrlimit(resource.RLIMIT_CORE)))"
    assert in_seat(accounts, "bob", code) == [0, 0]
    assert in_kernel(accounts, "bob", code) == [0, 0]


# --- settings -----------------------------------------------------------------------------------------


def test_what_is_closed_goes_through_a_command_line_unchanged() -> None:
    whole = Confinement("/x", True, ("/a",), ("/b", "/c"), False, False, b"\0\1")
    assert Confinement.of(whole.dumped()) == whole
    assert Confinement.of("{}") == Confinement()
    for text in ("[]", "x", '{"unknown": 1}'):
        with pytest.raises(ValueError, match=r".*"):
            Confinement.of(text)


@pytest.mark.parametrize("home", ["/home/ann", "/data/homes/ann", "/ann"])
def test_homes_of_others_are_in_no_rule(home: str) -> None:
    rules = landlock.rules(home, readable=["/usr"], writable=["/scratch"])
    assert rules[home] == rules["/scratch"] == landlock.WRITE
    assert rules["/usr"] == landlock.READ
    assert not {path for path in rules if Path(home).is_relative_to(path) and path != home}
    assert str(Path(home).parent) not in rules


def test_where_namespaces_cannot_be_made_the_rest_confines_and_the_admin_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = load(in_settings(tmp_path))
    confined = confinement_of(settings, StateDirectory.open(tmp_path / "state"))
    assert confined.private_folders
    monkeypatch.setattr(spawners_confinement, "_no_private_folders", lambda: "unshare: Operation not permitted")
    confined = confinement_of(settings, StateDirectory.open(tmp_path / "state"))
    assert (confined.private_folders, confined.files) == ("", False)
    shared, files = shortcomings(settings)
    assert shared.startswith("Seats share /tmp, /var/tmp and /dev/shm")
    assert "unshare: Operation not permitted" in shared
    assert "Landlock needs `site.confinement.new_privileges: false`" in files
    file = in_settings(tmp_path)
    file.write_text(file.read_text().replace("new_privileges: true ", "new_privileges: false"))
    confined = confinement_of(load(file), StateDirectory.open(tmp_path / "state"))
    assert (confined.private_folders, confined.files) == ("", True)


def in_settings(folder: Path) -> Path:
    file = folder / "werkbank.yaml"
    file.write_text((ROOT / "werkbank.yaml").read_text().replace("same-user ", "system-accounts "))
    return file


def test_a_kernel_without_landlock_confines_the_rest_and_the_admin_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "werkbank.yaml"
    stock = (ROOT / "werkbank.yaml").read_text()
    file.write_text(
        stock.replace("same-user ", "system-accounts ").replace("system_calls: all", "system_calls: filtered")
    )
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(system_calls, "reason", lambda: "libseccomp is not installed")
    settings = load(file)
    assert [sentence.split(":")[0] for sentence in shortcomings(settings)] == [
        "Seats are not kept from files beside their homes",
        "System calls of seats are not filtered",
    ]
    assert list(shortcomings(load(ROOT / "werkbank.yaml"))) == []
