"""`werkbank monitoring`: what Prometheus and Grafana need to watch this workbench, as files."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import DEFAULT_SETTINGS, DEFAULT_STATE, SettingsFile, State, runtime
from hub.errors import WerkbankError
from hub.monitoring.files import TOKEN, files_for


class NotWritten(WerkbankError):
    """The files could not be written."""


def monitoring(
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write them; what has their names is replaced.")],
    settings: SettingsFile = DEFAULT_SETTINGS,
    state: State = DEFAULT_STATE,
) -> None:
    """Write scrape configuration, alert rules and dashboards for Prometheus and Grafana."""
    wanted = runtime(settings, state)
    try:
        for place, text in files_for(wanted).items():
            _write(to / place, text, 0o600 if place == TOKEN else 0o644)
            typer.echo(f"{to / place}")
    except OSError as error:
        raise NotWritten(f"{error.filename or to}: {error.strerror}.") from None
    typer.echo(
        f"Next: prometheus --config.file={to}/prometheus/prometheus.yaml; hub/README.md, Monitoring, says the rest."
    )


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        os.fchmod(file.fileno(), mode)  # also where it was there already
        file.write(text)
