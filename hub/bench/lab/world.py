"""The workplace that is measured: simulated devices for one user, and a seat for each variant of JupyterLab."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hub.bench.peers import Peer
from hub.bench.settings import generated

GPU_CLASS = "bench"
PLUGINS = ("werkbank", "status", "panel", "notebook", "launcher", "lessons", "clusters", "tour", "workshop")
"""All but `startup`."""
USERS = {"whole": "bench-00", "startup": "bench-01", "without": "bench-02"}
"""Whose seat shows which of the variants."""
DISABLED = {
    "whole": [],
    "startup": [f"werkbank-lab:{plugin}" for plugin in PLUGINS],
    "without": ["werkbank-lab"],
}


def write_settings(settings: Path, copy: Path, leases: int) -> Path:
    """Write `copy`: `settings` for these users, where one may hold half of so many leases and wait for the others."""
    generated(settings, copy, list(USERS.values()))
    yaml = YAML(typ="safe")
    tree: dict[str, Any] = yaml.load(copy)
    with copy.open("w") as file:
        yaml.dump(_with_devices(tree, leases), file)
    return copy


def _with_devices(tree: dict[str, Any], leases: int) -> dict[str, Any]:
    devices = max(1, leases // 2)
    title = {"en": "Bench", "nl": "Meting"}
    # Nothing is parked: who parks is a kernel, and these leases have none.
    limits = {"database": "sqlite", "devices_per_user": devices, "waiting_per_user": leases, "parking": False}
    profiles = [
        profile | {"gpu_classes": [] if number else [GPU_CLASS]} for number, profile in enumerate(tree["profiles"])
    ]
    programmes = [{key: value for key, value in one.items() if key != "quota"} for one in tree.get("programmes", [])]
    return tree | {
        "site": tree["site"] | {"simulate_gpus": devices},
        "gpu_classes": {GPU_CLASS: {"title": title, "memory": "16GiB", "simulated": True}},
        "profiles": profiles,
        "programmes": programmes,
        "leases": tree.get("leases", {}) | limits,
        "gateway": {"enabled": False},
    }


def disable_plugins(peer: Peer) -> None:
    """Write the page configs that JupyterLab reads in the homes of USERS; for seats that do not run yet."""
    for variant, names in DISABLED.items():
        folder = peer.home(USERS[variant]) / ".jupyter" / "labconfig"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "page_config.json").write_text(json.dumps(_page_config(names)))


def _page_config(names: list[str]) -> Mapping[str, Any]:
    return {"disabledExtensions": dict.fromkeys(names, True)}
