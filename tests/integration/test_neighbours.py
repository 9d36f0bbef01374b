"""Two people with accounts on one workbench: what one of them can do to the other's seat, kernel and files."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from hub.cgroups.groups import group_name
from hub.settings import load
from hub.spawners.zygotes import node_folder
from tests.support.accounts import FIRST_UID, skip_without_rights, workbench_of_accounts
from tests.support.notebook import Notebook
from tests.support.workbench import Workbench, eventually

SECRET = "the secret of the scientist"
VICTIM = f"""
import ctypes, glob, json, os, socket
from multiprocessing.shared_memory import SharedMemory
secret = "{SECRET}"
home = os.path.expanduser("~")
os.chmod(home, 0o755)
for path in (home + "/notes", "/tmp/notes", "/dev/shm/notes"):
    with open(path, "w") as file:
        file.write(secret)
    os.chmod(path, 0o666)
memory = SharedMemory("secret", create=True, size=64)
memory.buf[:len(secret)] = secret.encode()
key = ctypes.CDLL(None).shmget(0x5EC2E7, 4096, 0o1666)
from jupyter_client.connect import find_connection_file
from ipykernel.connect import get_connection_file
connection = json.load(open(get_connection_file()))
os.environ["SECRET"] = secret
print(json.dumps({{
    "pid": os.getpid(), "home": home,
    "connection": get_connection_file(), "key": connection["key"],
    "sockets": glob.glob("/tmp/kernels-*/*") + glob.glob("/tmp/werkbank-*"),
    "port": os.environ["JUPYTERHUB_SERVICE_URL"],
    "own": [os.path.exists(path) for path in (home + "/notes", "/tmp/notes", "/dev/shm/notes", "/dev/shm/secret")],
}}))
"""
ATTACKS = """
import ctypes, errno, json, os, signal, socket
victim = json.loads({victim!r})
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, IPC = 16, 0x5EC2E7
buffer = ctypes.create_string_buffer(8)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
vectors = vector, 1, (ctypes.c_void_p * 2)(0x400000, 8), 1

def reads(path): open(path, "rb").read(100)
def follows(folder): [os.readlink(entry.path) for entry in os.scandir(folder)]
def call(name, *given):
    if getattr(libc, name)(*given) == -1:
        raise OSError(ctypes.get_errno(), "")
def connects(path):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(path)

attacks = {{}}
for who in ("pid", "seat"):
    pid = victim[who]
    for name in ("mem", "environ", "maps", "smaps", "io", "auxv", "stack", "syscall"):
        attacks[f"{{who}}: {{name}}"] = lambda pid=pid, name=name: reads(f"/proc/{{pid}}/{{name}}")
    for name in ("fd", "map_files", "ns"):
        attacks[f"{{who}}: {{name}}"] = lambda pid=pid, name=name: follows(f"/proc/{{pid}}/{{name}}")
    attacks[f"{{who}}: current folder"] = lambda pid=pid: os.listdir(f"/proc/{{pid}}/cwd")
    attacks[f"{{who}}: root folder"] = lambda pid=pid: os.listdir(f"/proc/{{pid}}/root/tmp")
    attacks[f"{{who}}: signal"] = lambda pid=pid: os.kill(pid, signal.SIGTERM)
    attacks[f"{{who}}: pidfd"] = lambda pid=pid: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGTERM)
    attacks[f"{{who}}: debugger"] = lambda pid=pid: call("ptrace", PTRACE_ATTACH, pid, None, None)
    attacks[f"{{who}}: memory at once"] = lambda pid=pid: call("process_vm_readv", pid, *vectors, 0)
    attacks[f"{{who}}: priority"] = lambda pid=pid: os.setpriority(os.PRIO_PROCESS, pid, 19)
    attacks[f"{{who}}: processors"] = lambda pid=pid: os.sched_setaffinity(pid, {{0}})
    attacks[f"{{who}}: limits"] = lambda pid=pid: __import__("resource").prlimit(pid, 7, (10, 10))
    attacks[f"{{who}}: first to end"] = lambda pid=pid: open(f"/proc/{{pid}}/oom_score_adj", "w").write("1000")
attacks |= {{
    "notes at home": lambda: reads(victim["home"] + "/notes"),
    "written notes": lambda: open(victim["home"] + "/notes", "a").close(),
    "list of the home": lambda: os.listdir(victim["home"]),
    "notes in /tmp": lambda: reads("/tmp/notes"),
    "notes in shared memory": lambda: reads("/dev/shm/notes"),
    "named memory": lambda: reads("/dev/shm/secret"),
    "memory of System V": lambda: call("shmget", IPC, 4096, 0o666),
    "connection file": lambda: reads(victim["connection"]),
    "zygote for seats": lambda: connects(victim["node"] + "/seat"),
    "zygote for Dask": lambda: connects(victim["node"] + "/dask"),
}}
for number, path in enumerate(victim["sockets"]):
    attacks[f"socket {{number}}"] = lambda path=path: connects(path)
found = {{}}
for name, attack in attacks.items():
    try:
        attack()
        found[name] = "done"
    except OSError as problem:
        found[name] = errno.errorcode[problem.errno]
print(json.dumps(found))
"""
DEFEATED = {"EACCES", "EPERM", "ENOENT", "ECONNREFUSED", "ESRCH"}


@pytest.fixture(scope="module")
def neighbours() -> Iterator[Workbench]:
    skip_without_rights()

    def start_medium_anew(text: str) -> str:
        return text.replace("    idle_timeout: 2h\n", "    start: exec\n    idle_timeout: 2h\n", 1)

    with workbench_of_accounts(["scientist", "trainer", "admin"], start_medium_anew) as bench:
        eventually(lambda: (zygotes_of(bench) / "kernel.pid").exists(), what="zygotes are ready")
        yield bench


@pytest.mark.parametrize("profile", ["small", "medium"], ids=["forked", "started anew"])
def test_a_neighbour_reads_writes_and_stops_nothing(neighbours: Workbench, profile: str) -> None:
    scientist, trainer = neighbours.browser("scientist"), neighbours.browser("trainer")
    for visitor in (scientist, trainer):
        visitor.start_seat(profile)
    victim, attacker = Notebook(scientist, "python3"), Notebook(trainer, "python3")
    told = victim.done(victim.run(VICTIM))
    facts: dict[str, Any] = json.loads(told)
    facts |= {"seat": seat_of(FIRST_UID), "node": str(zygotes_of(neighbours))}
    assert facts["own"] == [True] * 4, "all is there for whom it belongs to"
    told = attacker.done(attacker.run(ATTACKS.format(victim=json.dumps(facts))))
    assert told.startswith("{"), told
    found = json.loads(told)
    assert len(found) > 40
    assert {name: what for name, what in found.items() if what not in DEFEATED} == {}
    # Over the network: the seat's port is there for everybody on the machine, and asks who comes.
    seat = f"{facts['port'].rstrip('/')}/api/kernels"
    for headers in ({}, {"Authorization": f"token {trainer.token()}"}):
        reply = httpx.get(seat, headers=headers, trust_env=False)
        assert reply.status_code in (302, 403), reply.text
        assert SECRET not in reply.text
    assert victim.done(victim.run("print(secret)")).strip() == SECRET, "it runs on"
    for notebook in (victim, attacker):
        notebook.close()
    for visitor in (scientist, trainer):
        visitor.stop_seat()


def zygotes_of(bench: Workbench) -> Path:
    """Where the sockets of its zygotes are."""
    return node_folder(bench.state, load(bench.settings), "default")


def seat_of(uid: int) -> int:
    """The process of a user's seat."""
    found = psutil.process_iter(["uids", "cmdline"])
    return next(p.pid for p in found if p.info["uids"].real == uid and "singleuser" in " ".join(p.info["cmdline"]))


def test_two_hundred_starts_and_stops_leave_nothing(neighbours: Workbench) -> None:
    admin = neighbours.browser("admin")
    token = (neighbours.state / "secrets" / "command-line").read_text().strip()
    hub = httpx.Client(
        base_url=f"{neighbours.address}/hub/api",
        headers={"Authorization": f"token {token}"},
        trust_env=False,
        timeout=60,
    )

    def cycle() -> None:
        begun = hub.post("/users/admin/server", json={"profile": "small"})
        assert begun.status_code in (201, 202), begun.text
        eventually(lambda: admin.hub_user()["servers"].get("", {}).get("ready"), what="the seat is ready")
        ended = hub.delete("/users/admin/server")
        assert ended.status_code in (202, 204), ended.text
        eventually(lambda: not admin.hub_user()["servers"], what="the seat is gone")

    for _warm_up in range(3):
        cycle()
    before = traces(neighbours)
    for _time in range(200):
        cycle()
    hub.close()
    eventually(lambda: traces(neighbours)["processes"] == before["processes"], what="no process is left")
    after = traces(neighbours)
    # The hub's own pool of connections breathes by a few.
    assert abs(after.pop("hub's descriptors") - before.pop("hub's descriptors")) < 10
    assert after == before


def traces(bench: Workbench) -> dict[str, Any]:
    """What a seat could leave behind."""
    run = json.loads((bench.state / "run.json").read_text())
    zygotes = [psutil.Process(int((zygotes_of(bench) / f"{role}.pid").read_text())) for role in ("seat", "kernel")]
    return {
        "processes": sum(facts.info["uids"].real == FIRST_UID + 2 for facts in psutil.process_iter(["uids"])),
        "hub's descriptors": psutil.Process(run["hub"]).num_fds(),
        "zygotes": [process.num_fds() for process in zygotes],
        "groups": list(Path("/sys/fs/cgroup").glob(f"**/werkbank/{group_name(bench.state, 'admin', '')}")),
        "private folders": sorted(os.listdir(bench.state / "private")),
        "mounts": sum(str(bench.state) in line for line in Path("/proc/self/mounts").read_text().splitlines()),
    }
