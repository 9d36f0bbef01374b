"""A hub whose sign-in is configured by `hub.authentication`, behind the real proxy."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from hub.runtime import ROOT, proxy_command
from hub.state import StateDirectory

_TOKEN = "a-token-for-the-tests-of-signing-in"
_START_SECONDS = 60

_CONFIG = """
import json
from pathlib import Path

from hub.authentication.configuring import configure
from hub.settings import load
from hub.runtime import ROOT, proxy_command
from hub.state import StateDirectory

here = Path({folder!r})
configure(c, load(here / "werkbank.yaml"), StateDirectory.open(here / "state"))
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub_port}"
c.JupyterHub.db_url = "sqlite:///" + str(here / "hub.sqlite")
c.JupyterHub.cookie_secret_file = str(here / "cookie-secret")
c.JupyterHub.default_url = "/hub/home"
c.JupyterHub.services = [{{"name": "test", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"], "scopes": ["admin:users", "list:users"]}}]
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.ConfigurableHTTPProxy.pid_file = str(here / "proxy.pid")
"""

PROFILE = {
    "name": "small",
    "title": {"en": "Small", "nl": "Klein"},
    "description": {"en": "For the tests.", "nl": "Voor de tests."},
    "cpu": 1,
    "memory": "512MiB",
}


@dataclass(frozen=True)
class Hub:
    """One that runs."""

    url: str
    """Its address, without a slash at the end."""
    password: str
    """The demo users' password."""
    log: Path

    def users(self) -> dict[str, dict[str, Any]]:
        """All users in the hub's database, by name."""
        headers = {"Authorization": f"token {_TOKEN}"}
        response = httpx.get(f"{self.url}/hub/api/users", headers=headers, trust_env=False)
        response.raise_for_status()
        return {user["name"]: user for user in response.json()}


@dataclass(frozen=True)
class Address:
    """Where a hub will listen; a provider has to know before either runs."""

    port: int = field(default_factory=lambda: _free_port())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def callback(self) -> str:
        return f"{self.url}/hub/oauth_callback"


@contextmanager
def running_hub(settings: Mapping[str, Any], folder: Path, address: Address | None = None) -> Iterator[Hub]:
    """A hub with `settings` (a profile is added), its state and log under `folder`."""
    address = address or Address()
    state = StateDirectory.open(folder / "state")
    # JSON is YAML.
    (folder / "werkbank.yaml").write_text(json.dumps({"profiles": [PROFILE], **settings}))
    (folder / "config.py").write_text(_config(folder, address))
    hub = Hub(url=address.url, password=state.demo_password(), log=folder / "hub.log")
    with _process(folder, hub.log) as process:
        _wait_until_it_answers(hub, process)
        yield hub


def _config(folder: Path, address: Address) -> str:
    ports = {"port": address.port, "hub_port": _free_port(), "proxy_port": _free_port()}
    return _CONFIG.format(folder=str(folder), token=_TOKEN, proxy=proxy_command(), **ports)


@contextmanager
def _process(folder: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "jupyterhub", "--config", str(folder / "config.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the hub, which stops its proxy; then end what is left of its session."""
    process.terminate()
    try:
        process.wait(timeout=30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def _wait_until_it_answers(hub: Hub, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{hub.url}/hub/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"The hub did not start:\n{hub.log.read_text()}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
