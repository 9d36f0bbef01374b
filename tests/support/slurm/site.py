"""A workbench on the head of a cluster, which goes on when the workbench ends."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hub.running.slurm_demo import SETTINGS
from hub.slurm.demo import relay
from hub.slurm.demo.cluster import Cluster
from hub.slurm.demo.machines import PLAIN
from hub.state import StateDirectory, free_ports
from tests.support.slurm import ANN, BEN, CYN, PROGRAMME_ACCOUNT
from tests.support.workbench import ROOT, Visitor, Workbench, end_what_is_left, eventually, text_of

PATIENCE_S = 30


@dataclass
class SlurmWorkbench(Workbench):
    """Like any other, but its commands run on the head."""

    made: Cluster | None = None
    port: int = 0
    runs_as: str = ""
    """The account that it runs as; root where there is none."""

    def up(self, *more: str) -> subprocess.CompletedProcess[str]:
        return self._on_head(
            "up", "--detach", "--settings", str(self.settings), "--state", str(self.state),
            "--port", str(self.port), *more,
        )  # fmt: skip

    def down(self, *more: str) -> subprocess.CompletedProcess[str]:
        return self._on_head("down", "--state", str(self.state), *more)

    def kill_hub(self) -> None:
        """End the hub where it stands."""
        assert self.made is not None
        self.made.run("kill", "-9", str(json.loads((self.state / "run.json").read_text())["hub"]))

    def _on_head(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert self.made is not None
        return on_head(self.made, *arguments, user=self.runs_as)


def on_head(
    made: Cluster, *arguments: str, user: str = "", more: Mapping[str, str] | None = None, setpriv: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the command line on the head: as root, or as somebody at home there, with `more` in the environment."""
    become: list[str] = []
    environment = dict(os.environ)
    besides = ["env", *(f"{name}={value}" for name, value in (more or {}).items())]
    if user:
        become = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", *setpriv, "--"]
        environment = PLAIN | {"HOME": str(made.folder / "home" / user), "USER": user}
    command = [*made.head.enter, *become, *besides, sys.executable, "-m", "hub.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False, env=environment)


@contextmanager
def slurm_workbench(made: Cluster, folder: Path, more: str = "", runs_as: str = "") -> Iterator[SlurmWorkbench]:
    """A workbench of which Ann, of AiNed, Ben and Cyn, an admin, are users; with `more` settings."""
    settings = folder / "werkbank.yaml"
    settings.write_text(settings_text() + more)
    state = StateDirectory.open(folder / "state")
    ports, public = state.ports(), free_ports(1)[0]
    if runs_as:
        give_away(made, folder, runs_as)
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", one))) for one in (public, ports.hub)]
        passes_on = relay.begin(made.head, listeners)
        bench = SlurmWorkbench(state.path, settings, made=made, port=public, runs_as=runs_as)
        try:
            started = bench.up()
            assert started.returncode == 0, started.stdout + started.stderr
            yield bench
        finally:
            bench.close()
            stopped = bench.down("--seats")
            left = end_what_is_left(state.path)
            assert passes_on.stdin is not None
            passes_on.stdin.close()
            passes_on.wait(10)
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        assert left == []


def give_away(made: Cluster, folder: Path, user: str) -> None:
    """Make a folder, with all in it, an account's of the cluster."""
    made.run("chown", "-R", f"{user}:{user}", str(folder))


def settings_text() -> str:
    """The demo's settings, for the cluster of the tests."""
    text = SETTINGS.read_text()
    for demo, ours in (
        ("scientist: [ained]", f"{ANN}: [ained]"),
        ("trainer: [health-ri, trainers]", f"{BEN}: [trainers]"),
        ("admin: [admins]", f"{CYN}: [admins]"),
        ("{ained: ained, health-ri: health-ri}", f"{{ained: {PROGRAMME_ACCOUNT}}}"),
        ("poll_period: 3s", f"poll_period: 2s\n    usage_period: 2s\n    patience: {PATIENCE_S}s"),
    ):
        assert demo in text, demo
        text = text.replace(demo, ours)
    return text


def told_of_failure(visitor: Visitor) -> str:
    """What somebody reads whose start fails: on the page at once within a second, else where it is waited for."""
    reply = begin_start(visitor)
    if reply.is_error:
        return text_of(reply.text)
    told = list(progress_of(visitor))
    if not told:  # it had failed before anybody asked how it goes: the page says so, once what is left has ended
        return str(eventually(lambda: page_of_failure(visitor), what="the page says how the start failed"))
    last = told[-1]
    assert last["failed"], last
    return text_of(last["html_message"]) if "html_message" in last else str(last["message"])


def page_of_failure(visitor: Visitor) -> str:
    """What the page about a start says that has failed; nothing while its seat is still being stopped."""
    page = visitor.http.get(f"/hub/spawn-pending/{visitor.user}")
    return text_of(page.text) if page.is_error else ""


def begin_start(visitor: Visitor, profile: str = "small") -> httpx.Response:
    """Ask for a seat, and do not wait for it."""
    visitor.http.get("/hub/spawn")
    return visitor.http.post(
        "/hub/spawn", params={"_xsrf": visitor.xsrf()}, data={"profile": profile}, follow_redirects=False
    )


def progress_of(visitor: Visitor) -> Iterator[dict[str, Any]]:
    """What the page about a start is told, until it is told no more."""
    path = f"/hub/api/users/{visitor.user}/server/progress"
    with suppress(httpx.RemoteProtocolError), visitor.http.stream("GET", path, headers=visitor.api_headers()) as reply:
        for line in reply.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def jobs_of(made: Cluster, user: str) -> list[int]:
    """The jobs of a user that have not ended, by number; Slurm tells them by priority, which changes."""
    return sorted(int(one) for one in made.run("squeue", "--noheader", f"--user={user}", "--format=%A").split())
