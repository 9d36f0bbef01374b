"""The settings that Werkbank is measured with: somebody's own, made to run beside another hub."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from hub.settings import load

MOST_OVERCOMMIT = 20.0


def generated(settings: Path, copy: Path, users: Sequence[str]) -> Path:
    """Write `copy`: `settings` for these demo users only, on loopback, on any free port, with its own database.

    Profiles stay as they are, limits too. Raises SettingsError when `settings` cannot be used.
    """
    profile = load(settings).profiles[0]
    yaml = YAML(typ="safe")
    tree: dict[str, Any] = yaml.load(settings)
    tree["authentication"] = {"kind": "demo", "users": {user: list(profile.groups[:1]) for user in users}}
    tree["server"] = {"address": "127.0.0.1", "port": 0}
    # A crowd of measured seats is idle: memory is promised to all of them, and used by none.
    tree["site"] = tree.get("site", {}) | {"seats_run_as": "same-user", "memory_overcommit": MOST_OVERCOMMIT}
    with copy.open("w") as file:
        yaml.dump(tree, file)
    return copy
