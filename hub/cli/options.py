"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.runtime import ROOT, SETTINGS, STATE, Runtime
from hub.state import StateDirectory

SettingsFile = Annotated[Path, typer.Option("--settings", metavar="FILE", envvar=SETTINGS, help="The settings file.")]
State = Annotated[Path, typer.Option("--state", metavar="FOLDER", envvar=STATE, help="Where state lives.")]

DEFAULT_SETTINGS = ROOT / "werkbank.yaml"
DEFAULT_STATE = ROOT / ".werkbank"


def runtime(settings: Path, state: Path, port: int | None = None, simulate_gpus: int | None = None) -> Runtime:
    """The runtime that a command line describes."""
    overrides: dict[str, dict[str, Any]] = {}
    if port is not None:
        overrides["server"] = {"port": port}
    if simulate_gpus is not None:
        overrides["site"] = {"simulate_gpus": simulate_gpus}
    return Runtime(settings.resolve(), StateDirectory.open(state), overrides)
