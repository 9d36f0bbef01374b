"""A container engine for tests: Podman with a store of its own, set up for what root may do in here."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Limits that podman asks for by itself cannot be set where root lacks CAP_SYS_RESOURCE, and crun refuses a machine
# whose controllers are divided between both versions of cgroups.
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
STORAGE = """\
[storage]
driver = "overlay"
runroot = "{folder}/run"
graphroot = "{folder}/store"
"""


@dataclass(frozen=True)
class Engine:
    """Podman and buildah as a test calls them."""

    folder: Path
    """Holds its settings and images; those stay for the next run."""

    @property
    def environment(self) -> dict[str, str]:
        """What both programs, and whatever starts them, are to be started with."""
        own = {
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }
        return os.environ | own

    def run(self, *words: str, check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run `podman` with these words."""
        return subprocess.run(
            ["podman", *words], env=self.environment, check=check, timeout=timeout, capture_output=True, text=True
        )

    def told(self, *words: str) -> Any:
        """What podman answers in JSON."""
        return json.loads(self.run(*words).stdout)


def engine_in(folder: Path) -> Engine:
    """An engine whose images are in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "containers.conf").write_text(CONTAINERS, encoding="utf-8")
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder), encoding="utf-8")
    return Engine(folder)
