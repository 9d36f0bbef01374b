"""Seats that are containers, as tests see them: the engine's socket, settings, and what runs in a seat."""

import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.containers.names import LABEL, container_name, sockets_folder, volume_name, workbench_id
from tests.support.containers import Engine
from tests.support.workbench import ROOT, Workbench, eventually

IMAGE = "localhost/werkbank/lab"
"""What seats run in these tests."""


@dataclass
class Service:
    """The engine's socket, which may go and come back."""

    engine: Engine
    socket: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Serve."""
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["podman", "system", "service", "--time=0", f"unix://{self.socket}"],
            env=self.engine.environment,
            cwd=self.socket.parent,  # where a container ran out of memory, its monitor leaves a file
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(self.socket.exists, what="the engine serves")

    def stop(self) -> None:
        """Serve no more; containers run on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.socket.unlink(missing_ok=True)

    def containers(self, workbench: Workbench) -> list[str]:
        """Names of all containers of a workbench, running or not."""
        filters = f"label={LABEL}={workbench_id(workbench.state)}"
        return self.engine.run("ps", "--all", "--filter", filters, "--format", "{{.Names}}").stdout.split()

    def clear_away(self, workbench: Workbench) -> None:
        """Remove its volumes, networks and sockets."""
        shutil.rmtree(sockets_folder(workbench.state).parent, ignore_errors=True)
        filters = f"label={LABEL}={workbench_id(workbench.state)}"
        for kind in ("volume", "network"):
            found = self.engine.run(kind, "ls", "--quiet", "--filter", filters).stdout.split()
            if found:
                self.engine.run(kind, "rm", "--force", *found)
        for user in ("scientist", "trainer", "admin"):
            self.engine.run("volume", "rm", "--force", volume_name(workbench.state, user), check=False)

    def inside(self, workbench: Workbench, user: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program in a user's seat, beside it."""
        return self.engine.run("exec", container_name(workbench.state, user, ""), *words, check=False)

    def told(self, workbench: Workbench, user: str) -> dict[str, Any]:
        """What the engine knows of a user's seat."""
        (found,) = self.engine.told("inspect", container_name(workbench.state, user, ""))
        return dict(found)


def settings_of(service: Service, **site: str) -> str:
    """The settings that come with Werkbank, with seats as containers there."""
    text = (ROOT / "werkbank.yaml").read_text()
    site = {"socket": str(service.socket), "image": IMAGE, **site}
    lines = "".join(f"    {key}: {value}\n" for key, value in site.items())
    return (
        text.replace("  kind: local ", f"  containers:\n{lines}  kind: containers ", 1)
        .replace("\ngateway:", "\ngateway: {enabled: false}\n\nnot-used:", 1)
        .replace(_gateway(text), "", 1)
        .replace("not-used:", "", 1)
    )


def _gateway(text: str) -> str:
    """The lines of that section."""
    section = text.partition("\ngateway:")[2]
    lines = section.partition("\n\n")[0]
    return lines
