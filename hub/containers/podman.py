"""A container as Podman's own interface takes it: the one that gives devices, which its Docker interface leaves out.

Podman 4.3 answers a Docker request for CDI devices with a container that has none.
"""

from collections.abc import Mapping
from typing import Any

CREATE = "/v4.0.0/libpod/containers/create"
NAME = "Podman Engine"
LOG_BYTES = 10 * 10**6


def is_podman(version: Mapping[str, Any]) -> bool:
    """Whether what an engine says of its version is Podman's."""
    return any(part.get("Name") == NAME for part in version.get("Components") or ())


def specification(wanted: Mapping[str, Any], host: Mapping[str, Any], devices: tuple[str, ...]) -> dict[str, Any]:
    """The same container as `create_container(**wanted)` with `create_host_config(**host)`, with these CDI devices."""
    return {
        "name": wanted["name"],
        "image": wanted["image"],
        "command": wanted["command"],
        "env": wanted["environment"],
        "labels": wanted["labels"],
        "work_dir": wanted["working_dir"],
        "cap_drop": host["cap_drop"],
        "no_new_privileges": "no-new-privileges" in host["security_opt"],
        "read_only_filesystem": host["read_only"],
        "shm_size": host["shm_size"],
        "resource_limits": {
            "memory": {"limit": host["mem_limit"], "swap": host["memswap_limit"]},
            "cpu": {"quota": host["cpu_quota"], "period": host["cpu_period"]},
            "pids": {"limit": host["pids_limit"]},
        },
        "devices": [{"path": name} for name in devices],
        "log_configuration": {"driver": "json-file", "size": LOG_BYTES},
        **_mounts(host),
        **_network(host["network_mode"]),
    }


def _mounts(host: Mapping[str, Any]) -> dict[str, Any]:
    """Named volumes, folders of this machine, and folders in memory."""
    binds = {source: to for source, to in host["binds"].items() if source.startswith("/")}
    named = [
        {"Name": source, "Dest": to["bind"], "Options": [to["mode"]]}
        for source, to in host["binds"].items()
        if source not in binds
    ]
    shown = [
        {"Destination": to["bind"], "Type": "bind", "Source": source, "Options": ["rbind", to["mode"]]}
        for source, to in binds.items()
    ]
    memory = [
        {"Destination": folder, "Type": "tmpfs", "Source": "tmpfs", "Options": options.split(",")}
        for folder, options in host["tmpfs"].items()
    ]
    return {"volumes": named, "mounts": [*memory, *shown]}


def _network(name: str) -> dict[str, Any]:
    if name == "none":
        return {"netns": {"nsmode": "none"}}
    return {"netns": {"nsmode": "bridge"}, "networks": {name: {}}}
