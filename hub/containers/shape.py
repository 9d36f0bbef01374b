"""How the container of a seat is closed in: what the engine is asked for, from a profile and the site."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker.types

from hub.settings import ContainersSite, GpuClass, Profile

HOME = "/home/werkbank"
DOORS = "/run/werkbank"
"""Where a seat finds the sockets of its workbench."""
LAB_SETTINGS = "/opt/werkbank-lab-settings"
PERIOD_US = 100_000
LOG = docker.types.LogConfig(type="json-file", config={"max-size": "10m"})
SHARED_MEMORY = 1 / 2
"""Of the seat's memory, for /dev/shm; it counts as the seat's."""
OPEN, OURS = "rw,nosuid,nodev,mode=1777", "rw,nosuid,nodev,mode=0755"
FOLDERS = {"/tmp": OPEN, "/var/tmp": OPEN, "/run": OURS}  # noqa: S108 - in the container
"""In memory, each seat's own; all else but the home is read only."""


@dataclass(frozen=True)
class Places:
    """What of this machine a seat is shown, and what of the engine it gets."""

    doors: Path
    lab_settings: Path
    volume: str
    network: str
    """Its name; `none` for none."""


def limits(profile: Profile) -> dict[str, Any]:
    """What holds a seat to its profile: bytes, cores and processes."""
    memory = int(profile.memory)
    return {
        "mem_limit": memory,
        "memswap_limit": memory,  # no swap besides
        "cpu_period": PERIOD_US,
        "cpu_quota": int(profile.cpu * PERIOD_US),
        "pids_limit": profile.processes,
        "shm_size": int(memory * SHARED_MEMORY),
    }


def walls() -> dict[str, Any]:
    """What no seat may. The engine's own filter for system calls stays on, since nothing here says otherwise."""
    return {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "privileged": False,
        "read_only": True,
        "tmpfs": FOLDERS,
        "log_config": LOG,
    }


def host_config(profile: Profile, places: Places) -> dict[str, Any]:
    """Arguments of docker-py's `create_host_config`."""
    binds = {
        places.volume: {"bind": HOME, "mode": "rw"},
        str(places.doors): {"bind": DOORS, "mode": "ro"},
        str(places.lab_settings): {"bind": LAB_SETTINGS, "mode": "ro"},
    }
    return {
        **limits(profile),
        **walls(),
        "binds": binds,
        "network_mode": places.network,
    }


def devices_of(profile: Profile, classes: Mapping[str, GpuClass], site: ContainersSite) -> tuple[str, ...]:
    """CDI names of what a seat of this profile is given."""
    if site.gpus != "cdi":
        return ()
    return tuple(dict.fromkeys(name for one in profile.gpu_classes for name in classes[one].cdi))


def image_of(profile: Profile, site: ContainersSite) -> str:
    """What a seat of this profile runs."""
    return profile.image or site.image
