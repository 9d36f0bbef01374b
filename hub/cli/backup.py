"""`werkbank backup` and `werkbank restore`: one file with all that a workbench must not lose, and back."""

from pathlib import Path
from typing import Annotated

import typer

from hub.backup.make import SETTINGS_COPY, make
from hub.backup.restore import restore as bring_back
from hub.cli.options import DEFAULT_SETTINGS, DEFAULT_STATE, SettingsFile, State
from hub.errors import StateError
from hub.runtime import Runtime
from hub.state import StateDirectory


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write, such as werkbank.tar.gz.")],
    settings: SettingsFile = DEFAULT_SETTINGS,
    state: State = DEFAULT_STATE,
    homes: Annotated[bool, typer.Option("--homes", help="With the home folders.")] = False,
) -> None:
    """Write databases, secrets, ports and settings to one file, also while the workbench runs. Keep it secret."""
    if not state.is_dir():
        raise StateError(f"{state} is no state directory; name it with --state. Nothing was written.")
    runtime = _as_it_runs(settings, StateDirectory(state.resolve()))
    made = make(runtime, file.absolute(), homes=homes)
    size = file.stat().st_size / 1e6
    typer.echo(f"{file}: {len(made.files)} files, {size:.1f} MB. It holds secrets: only you can read it; keep it so.")
    for sentence in made.left_out:
        typer.echo(sentence)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that `werkbank backup` wrote.")],
    state: State = DEFAULT_STATE,
    force: Annotated[bool, typer.Option("--force", help="Set a state that is there aside.")] = False,
) -> None:
    """Put the state of an archive in place, all of it or nothing. Refused while a workbench runs there."""
    manifest, aside = bring_back(file, state, force=force)
    typer.echo(f"The state of {manifest.made:%Y-%m-%d %H:%M} UTC is in {state}.")
    if aside is not None:
        typer.echo(f"What was there is in {aside}.")
    for sentence in manifest.left_out:
        typer.echo(sentence)
    typer.echo(
        f"Its settings are in {state / SETTINGS_COPY}: `./werkbank up --state {state} --settings FILE` uses them."
    )


def _as_it_runs(settings: Path, state: StateDirectory) -> Runtime:
    """With the settings file that a running workbench has."""
    run = state.read_run()
    return Runtime(Path(run["settings"]), state) if run and settings == DEFAULT_SETTINGS else Runtime(settings, state)
