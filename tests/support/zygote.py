"""A real node with real zygotes in a folder of its own, and programs that are forked from them."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from werkbank_zygote.client import NoZygote, Process, fork
from werkbank_zygote.confinement import Confinement

from tests.support.accounts import folder_of_accounts, private_accounts, way_to_python
from tests.support.workbench import eventually

READY_TIMEOUT_S = 60.0
MODULE = "werkbank_test_program"


@dataclass
class Outcome:
    """What a forked program left."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> Any:
        """What it printed as JSON."""
        assert self.status == 0, (self.status, self.out, self.err)
        return json.loads(self.out)


@dataclass
class Node:
    """One running node."""

    folder: Path
    programs: Path
    daemon: "subprocess.Popen[bytes]"
    log: Path
    _count: int = 0
    started: list[Process] = field(default_factory=list)

    def address(self, role: str = "kernel") -> Path:
        return self.folder / role

    def zygote(self, role: str = "kernel") -> psutil.Process:
        """The process that serves the role."""
        return psutil.Process(self.served_by(role))

    def served_by(self, role: str = "kernel") -> int:
        """The process id of who serves the role, or served it last."""
        return int((self.folder / f"{role}.pid").read_text())

    def program(self, code: str) -> str:
        """A module with this code that forked programs can run; its name."""
        self._count += 1
        name = f"{MODULE}_{self._count}"
        (self.programs / f"{name}.py").write_text(code)
        return name

    def start(
        self,
        code: str,
        env: Mapping[str, str] | None = None,
        role: str = "kernel",
        module: str = "",
        out: int | None = None,
        **more: Any,
    ) -> Process:
        """Fork a program of this code."""
        name = module or self.program(code)
        variables = {"PATH": os.environ["PATH"], "HOME": str(self.programs), "PYTHONPATH": str(self.programs)}
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            output = nothing if out is None else out
            process = fork(
                self.address(role),
                name,
                more.pop("argv", [name]),
                variables | dict(env or {}),
                more.pop("cwd", self.programs),
                (nothing, output, more.pop("err", output)),
                **more,
            )
        finally:
            os.close(nothing)
        self.started.append(process)
        return process

    def run(self, code: str, env: Mapping[str, str] | None = None, timeout: float = 60, **more: Any) -> Outcome:
        """Fork a program, and wait for its end and its output."""
        name = f"{self._count}"
        paths = self.programs / f"out-{name}", self.programs / f"err-{name}"
        with paths[0].open("wb") as out, paths[1].open("wb") as err:
            status = self.start(code, env, out=out.fileno(), err=err.fileno(), **more).wait(timeout)
        return Outcome(status, *(path.read_text(errors="replace") for path in paths))

    def serves(self, role: str = "kernel") -> bool:
        """Whether a child comes of a request."""
        with suppress(NoZygote):
            return self.start("", role=role).wait(30) == 0
        return False

    def said(self, pattern: str) -> list[str]:
        """Lines of the log with this in it."""
        return [line for line in self.log.read_text(errors="replace").splitlines() if re.search(pattern, line)]

    def close(self) -> None:
        for process in self.started:
            if process.returncode is None and process.fileno() >= 0:
                with suppress(OSError):
                    process.kill()
                    process.wait(10)
            process.close()


@contextmanager
def node(
    folder: Path,
    *options: str,
    roles: tuple[str, ...] = ("kernel",),
    env: Mapping[str, str] | None = None,
    starter: tuple[str, ...] = (),
) -> Iterator[Node]:
    """A node whose zygotes are ready. It is stopped at the end, with all that was forked from it."""
    programs, log = folder / "programs", folder / "node.log"
    programs.mkdir(mode=0o755)
    command = [*starter, sys.executable, "-P", "-m", "werkbank_zygote.node", "--folder", str(folder / "node")]
    for role in roles:
        command += ["--role", role]
    paths = [found["PYTHONPATH"] for found in (env or {}, os.environ) if found.get("PYTHONPATH")]
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            [*command, *options],
            env=os.environ | dict(env or {}) | {"PYTHONPATH": os.pathsep.join(paths)},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    running = Node(folder / "node", programs, daemon, log)
    try:
        for role in roles:
            ready = (running.folder / f"{role}.pid").exists
            eventually(ready, READY_TIMEOUT_S, f"the zygote for {role} is ready")
        yield running
    finally:
        running.close()
        end(daemon)


def end(daemon: "subprocess.Popen[bytes]") -> None:
    """Stop it as its supervisor does, and wait until its zygotes are gone."""
    family = psutil.Process(daemon.pid).children() if daemon.poll() is None else []
    assert daemon.stdin is not None
    daemon.stdin.close()
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
        raise
    psutil.wait_procs(family, timeout=10)


def descriptors(pid: int) -> dict[int, str]:
    """What a process has open."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found[int(entry.name)] = os.readlink(entry)
    return found


def memory_has(pid: int, *markers: bytes) -> set[bytes]:
    """Which of these are in the private, writable memory of a process."""
    found = set()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if not rights.startswith("rw") or "[vv" in line:
                continue
            begin, end_ = (int(part, 16) for part in place.split("-"))
            with suppress(OSError, ValueError):
                memory.seek(begin)
                content = _whole(memory, end_ - begin)
                found |= {marker for marker in markers if marker in content}
    return found


def _whole(memory: Any, length: int) -> bytes:
    parts = []
    while length > 0 and (part := memory.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def gone(pid: int) -> bool:
    """Whether there is no such process, or only what is left of one whose new parent collects no statuses."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)


@contextmanager
def node_of_accounts(
    users: Sequence[str],
    *options: str,
    roles: tuple[str, ...] = ("kernel",),
    confine: Callable[[Path], Confinement] = lambda folder: Confinement(),
) -> Iterator["Accounts"]:
    """A root's node where each of `users` has an account, the first with FIRST_UID: in a mount namespace of its own.

    `confine` says how children are confined; it is given the folder in which everything lies.
    """
    with folder_of_accounts() as folder:
        options = (*options, "--confinement", confine(folder).dumped())
        lines = ["mount --make-rprivate /", *private_accounts(folder, users), *way_to_python(folder), 'exec "$@"']
        starter = ("unshare", "--mount", "sh", "-euc", "\n".join(lines), "sh")
        with node(folder, "--public", "--preload-uid", "65534", *options, roles=roles, starter=starter) as running:
            yield Accounts(running)


@dataclass
class Accounts:
    """What people with accounts do at a node."""

    node: Node

    def ask(self, code: str, caller: int, *before: str, **names: Any) -> "subprocess.Popen[str]":
        """Python of the user id `caller`, with `fork`, `Header`, `socket` … and `names`, at the node's side."""
        beginning = CALLER + "".join(f"{name} = {value!r}\n" for name, value in names.items())
        beginning += f"address, programs = Path({str(self.node.address())!r}), {str(self.node.programs)!r}\n"
        become = ["setpriv", "--reuid", str(caller), "--regid", str(caller), "--clear-groups"]
        command = ["nsenter", "-t", str(self.node.daemon.pid), "-m", *(become if caller else []), *before]
        return subprocess.Popen(
            [*command, sys.executable, "-c", beginning + code],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def answer(self, code: str, caller: int, *before: str, **names: Any) -> str:
        """What it prints, when it does not fail."""
        process = self.ask(code, caller, *before, **names)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out


CALLER = """
import json, os, socket, struct, sys, time
from pathlib import Path
from werkbank_zygote.client import NoZygote, _connect, fork
from werkbank_zygote.header import SELF, Header

def run(name, uid=None, address=None, **more):
    "Run a program, and return what it printed; None when no process comes of it."
    reader, writer = os.pipe()
    nothing = os.open("/dev/null", os.O_RDWR)
    env = {"PYTHONPATH": programs, "HOME": "/"} | more.pop("env", {})
    try:
        process = fork(address or globals()["address"], name, [name], env, "/", (nothing, writer, 2), uid=uid, **more)
    except NoZygote:
        return None
    finally:
        os.close(writer)
    with open(reader) as lines:
        printed = lines.read()
    process.wait(30)
    return printed
"""
