"""Podman or Docker, as its command line: both take the same words for what we ask."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import WerkbankError

LAST_LINES = 12


class ImagesError(WerkbankError):
    """An image cannot be built, or looked into."""


@dataclass(frozen=True)
class Program:
    """One of the two."""

    path: str

    @property
    def is_docker(self) -> bool:
        return self.path.rpartition("/")[2] == "docker"

    def run(self, *words: str, timeout: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run it and return what it printed. Raises ImagesError with its last lines where it fails."""
        done = subprocess.run([self.path, *words], capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode:
            raise ImagesError(f"{self.path} {words[0]}: {last_lines(done.stderr or done.stdout)}")
        return done

    def image(self, name: str) -> Mapping[str, Any] | None:
        """What it knows of an image; None where there is none of that name."""
        done = self.run("image", "inspect", name, check=False)
        return json.loads(done.stdout)[0] if done.returncode == 0 else None


def find(program: str = "") -> Program:
    """The engine that is asked for; else Podman where it is, else Docker. Raises ImagesError."""
    for name in (program,) if program else ("podman", "docker"):
        if found := shutil.which(name):
            return Program(found)
    wanted = f"{program} is" if program else "neither podman nor docker is"
    raise ImagesError(f"Images need a container engine, and {wanted} on PATH (on Debian: apt install podman).")


def last_lines(text: str) -> str:
    """What says why, of a long output."""
    lines: Sequence[str] = [line.strip() for line in text.splitlines() if line.strip()] or ["it said nothing"]
    return " · ".join(lines[-LAST_LINES:])[:2000]
