"""`up --site slurm-demo`: a Slurm cluster on this machine, and a workbench on its head for as long as it runs.

The workbench lives in the head's network and sees the head's processes and accounts. From outside it is reached by the
same ports on 127.0.0.1, so every other command works as ever.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from hub.errors import StartError
from hub.running import ports
from hub.runtime import ROOT
from hub.settings import DemoAuthentication, Settings, load
from hub.slurm.demo import relay
from hub.slurm.demo.cluster import Cluster, cluster, found, why_not
from hub.slurm.demo.machines import Process, child_of, remove_folder
from hub.state import StateDirectory, write_private

SETTINGS = ROOT / "hub" / "slurm" / "demo" / "settings.yaml"
EVERYBODY = "werkbank"
"""The account of those who are in no programme."""


def run(state: StateDirectory, port: int, arguments: list[str]) -> int:
    """Run `up` with these arguments on the head of a cluster until it ends; its exit status. Raises StartError."""
    if reason := why_not():
        raise StartError(f"No Slurm cluster can be made here: {reason}. Nothing was started.")
    if state.is_held():
        with state.held():  # says where it runs
            pass
    clear_away(state)
    settings = load(SETTINGS)
    with _listening(settings, state, port) as listeners, _cluster(state, settings) as made:
        passes_on = relay.begin(made.head, listeners)
        try:
            return _until_it_ends(made, [*arguments, "--port", str(listeners[0].getsockname()[1])])
        finally:
            assert passes_on.stdin is not None
            passes_on.stdin.close()
            passes_on.wait(10)


def runs_in(state: StateDirectory) -> Process | None:
    """The process around the workbench of this state directory, if it is a demo's that runs."""
    noted = _note(state)
    process = Process(noted["pid"], noted["began"]) if noted else None
    return process if process is not None and process.is_alive else None


def clear_away(state: StateDirectory) -> None:
    """End the cluster of a demo that was killed, and remove what is left of it."""
    if (noted := _note(state)) is None or runs_in(state) is not None:
        return
    folder = Path(noted["folder"])
    if (left := found(folder)) is not None:
        left.end()
    if folder.exists():
        remove_folder(folder)
    _file(state).unlink()


@contextmanager
def _listening(settings: Settings, state: StateDirectory, port: int) -> Iterator[list[socket.socket]]:
    """The ports by which the workbench is reached from here: its own, the hub's and the service's."""
    own = state.ports()
    ports.require_free(own)
    public = ports.choose(settings.server.address, port, own)
    with contextlib.ExitStack() as stack:
        wanted = (public, own.hub, own.service)
        yield [stack.enter_context(socket.create_server(("127.0.0.1", one))) for one in wanted]


@contextmanager
def _cluster(state: StateDirectory, settings: Settings) -> Iterator[Cluster]:
    sign_in = settings.authentication
    assert isinstance(sign_in, DemoAuthentication)
    # Other accounts go through it, and sockets lie in it: not in the state, which is private and may be deep.
    folder = Path(tempfile.mkdtemp(prefix="werkbank-slurm-"))
    folder.chmod(0o755)
    me = Process.of(os.getpid())
    noted = {"folder": str(folder), "pid": me.pid, "began": me.began}
    write_private(_file(state), json.dumps(noted))
    ways = [ROOT, Path(sys.prefix), Path(sys.base_prefix)]
    try:
        with cluster(folder, list(sign_in.users), ways=ways) as made:
            _add_accounts(made, sign_in.users)
            yield made
    finally:
        remove_folder(folder)
        _file(state).unlink()


def _add_accounts(made: Cluster, users: Mapping[str, tuple[str, ...]]) -> None:
    """An account for each programme, and one for everybody."""
    site = load(SETTINGS).site.slurm
    assert site is not None
    made.run("sacctmgr", "--immediate", "add", "account", ",".join([EVERYBODY, *site.accounts.values()]))
    for user, groups in users.items():
        accounts = ",".join([EVERYBODY, *(account for name, account in site.accounts.items() if name in groups)])
        made.run("sacctmgr", "--immediate", "add", "user", user, f"account={accounts}", f"defaultaccount={EVERYBODY}")


def _until_it_ends(made: Cluster, arguments: list[str]) -> int:
    entering = subprocess.Popen(
        [*made.head.enter, sys.executable, "-m", "hub.cli", "up", "--settings", str(SETTINGS), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # the terminal's Ctrl-C is for us; we pass it on, once
    )
    inner = Process.of(child_of(entering))

    def pass_on(number: int, _frame: FrameType | None) -> None:
        inner.end(signal.Signals(number))

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        return entering.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _file(state: StateDirectory) -> Path:
    return state.path / "slurm-demo.json"


def _note(state: StateDirectory) -> dict[str, Any] | None:
    with contextlib.suppress(FileNotFoundError):
        noted: dict[str, Any] = json.loads(_file(state).read_text())
        return noted
    return None
