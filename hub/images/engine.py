"""Podman or Docker, as its command line: both take the same words for what we ask."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import WerkbankError

LAST_LINES = 12


class EngineError(WerkbankError):
    """The container engine did not do it."""


@dataclass(frozen=True)
class Engine:
    """One of the two programs."""

    program: str

    @property
    def is_docker(self) -> bool:
        return self.program.rpartition("/")[2] == "docker"

    def run(self, *words: str, timeout: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run it and return what it printed. Raises EngineError with its last lines where it fails."""
        done = subprocess.run([self.program, *words], capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode:
            raise EngineError(f"{self.program} {words[0]}: {last_lines(done.stderr or done.stdout)}")
        return done

    def image(self, name: str) -> Mapping[str, Any] | None:
        """What it knows of an image; None where there is none of that name."""
        done = self.run("image", "inspect", name, check=False)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None


def find(program: str = "") -> Engine:
    """The engine that is asked for; else Podman where it is, else Docker. Raises EngineError."""
    for name in (program,) if program else ("podman", "docker"):
        if found := shutil.which(name):
            return Engine(found)
    wanted = f"{program} is" if program else "neither podman nor docker is"
    raise EngineError(f"Images need a container engine, and {wanted} on PATH (on Debian: apt install podman).")


def last_lines(text: str) -> str:
    """What says why, of a long output."""
    lines: Sequence[str] = [line.strip() for line in text.splitlines() if line.strip()] or ["it said nothing"]
    return " · ".join(lines[-LAST_LINES:])[:2000]
