"""`up`: one process that starts the hub, tells when everything answers, and stops it again.

The hub starts the proxy, the service, the gateway and the culler as its own; this watches the hub.
When the hub ends unasked, what it left is ended too, but never the seats: the next `up` finds them.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import httpx

from hub.errors import HubDied, StartError
from hub.running import databases, ports, processes
from hub.running.node import Nodes
from hub.runtime import ROOT, Runtime
from hub.web.hub_client import HubClient, PublicClient

READY_TIMEOUT = 120.0
STOP_TIMEOUT = 30.0

# The hub logs every request; its last words are what remains without them.
REQUEST_NOISE = re.compile(r" log:\d+\] |_xsrf_utils|\[ConfigProxy\]")

Tell = Callable[[str], None]


class End(Enum):
    """Why the workbench ends."""

    INTERRUPTED = "Ctrl-C"
    TERMINATED = "asked to stop"
    HUB_DIED = "the hub ended"


@dataclass
class Supervisor:
    """One run of the workbench. `tell` gets short sentences about what happens now."""

    runtime: Runtime
    address: str
    tell: Tell
    _nodes: Nodes = field(default_factory=Nodes)

    @property
    def log_file(self) -> Path:
        return self.runtime.state.logs / "hub.log"

    def run(self, when_ready: Callable[[], None]) -> None:
        """Start, call `when_ready`, wait for the end, stop. Raises StartError or HubDied."""
        with self._signals() as ended:
            hub = self._start()
            try:
                self._wait_until_ready(hub, ended)
                self._record(ready=True)
                when_ready()
                end = self._wait_for_end(hub, ended)
            except BaseException:
                self._stop(hub)
                raise
            if end is End.INTERRUPTED:
                self._stop_seats()
            self._stop(hub)
            if end is End.HUB_DIED:
                raise HubDied(f"{HubDied.__doc__} Its last words are in {self.log_file}.")

    # --- start ----------------------------------------------------------------------------------

    def _start(self) -> subprocess.Popen[bytes]:
        state = self.runtime.state
        leftovers = processes.of_workbench(state)
        if leftovers:
            self.tell("Clearing away what an earlier run left")
            processes.end(leftovers)
        ports.require_free(state.ports())
        databases.bring_up_to_date(self.runtime)
        with (state.logs / "node.log").open("ab") as log:
            self._nodes.start(state, self.runtime.settings, log)
        with self.log_file.open("ab") as log:
            hub = subprocess.Popen(
                [sys.executable, "-m", "hub.running.hub", "-f", str(ROOT / "jupyterhub_config.py")],
                cwd=state.path,
                env=os.environ | self.runtime.environment() | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for us; we stop the hub in order
            )
        self._hub = hub
        self._record(ready=False)
        return hub

    def _record(self, *, ready: bool) -> None:
        run = {
            "ready": ready,
            "address": self.address,
            "supervisor": os.getpid(),
            "hub": self._hub.pid,
            "settings": str(self.runtime.settings_file),
            "overrides": self.runtime.overrides,
        }
        self.runtime.state.write_run(run)

    def _wait_until_ready(self, hub: subprocess.Popen[bytes], ended: threading.Event) -> None:
        client, public = HubClient(self.runtime.state), PublicClient(self.address)
        deadline = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < deadline:
            missing = self._missing(client, public)
            if not missing:
                return
            self.tell(f"Starting: {', '.join(missing)}")
            if hub.poll() is not None:
                raise StartError(f"The hub did not start. Its last words:\n{self._last_words()}")
            if self._asked is not None:
                raise StartError("Stopped while starting.")
            ended.wait(0.2)
        raise StartError(f"Not ready after {READY_TIMEOUT:g} s; missing: {', '.join(missing)}. See {self.log_file}.")

    def _missing(self, hub: HubClient, public: PublicClient) -> list[str]:
        if hub.version() is None:
            return ["hub", "proxy", "service", "dask-gateway"]
        report = public.health()
        if report is None:
            return ["proxy", "service"]
        return [dependency["name"] for dependency in report["dependencies"] if not dependency["ok"]]

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").splitlines()[-400:]
        telling = [line for line in lines if not REQUEST_NOISE.search(line)]
        return "\n".join(f"  {line}" for line in telling[-8:])

    # --- the end --------------------------------------------------------------------------------

    @contextmanager
    def _signals(self) -> Iterator[threading.Event]:
        """Turn signals into an event that waiting code wakes up from."""
        event = threading.Event()
        self._asked: End | None = None

        def handler(number: int, _frame: object) -> None:
            if number != signal.SIGCHLD:
                self._asked = End.INTERRUPTED if number == signal.SIGINT else End.TERMINATED
            event.set()

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
        before = {number: signal.signal(number, handler) for number in numbers}
        try:
            yield event
        finally:
            for number, previous in before.items():
                signal.signal(number, previous)

    def _wait_for_end(self, hub: subprocess.Popen[bytes], ended: threading.Event) -> End:
        while True:
            ended.wait(timeout=5)
            ended.clear()
            if self._asked is not None:
                return self._asked
            if hub.poll() is not None:
                return End.HUB_DIED

    def _stop_seats(self) -> None:
        client = HubClient(self.runtime.state)
        try:
            seats = client.seats()
            for number, seat in enumerate(seats, 1):
                self.tell(f"Stopping seat {number} of {len(seats)}: {seat.user} {seat.server}".rstrip())
                client.stop_seat(seat)
            deadline = time.monotonic() + STOP_TIMEOUT
            while client.seats() and time.monotonic() < deadline:
                time.sleep(0.1)
        except httpx.HTTPError:
            self.tell("The hub does not answer; seats could not be stopped and run on")

    def _stop(self, hub: subprocess.Popen[bytes]) -> None:
        self.tell("Stopping hub, proxy, service and gateway")
        if hub.poll() is None:
            hub.terminate()
            try:
                hub.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                hub.kill()
                hub.wait()
        self._nodes.stop()
        processes.end(processes.of_workbench(self.runtime.state))
        self.runtime.state.clear_run()


def resolve_port(runtime: Runtime) -> tuple[Runtime, str]:
    """The runtime with its public port settled, and its address. Raises PortTaken."""
    server = runtime.settings.server
    port = ports.choose(server.address, server.port, runtime.state.ports())
    overrides = {**runtime.overrides, "server": {**runtime.overrides.get("server", {}), "port": port}}
    host = "127.0.0.1" if server.address in ("0.0.0.0", "::", "") else server.address  # noqa: S104 - compared, not bound
    return Runtime(runtime.settings_file, runtime.state, overrides), f"http://{host}:{port}"
