"""`werkbank settings`: what holds, where it comes from, and what of the file is not in effect yet."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from hub.cli.options import DEFAULT_SETTINGS, DEFAULT_STATE, SettingsFile, State
from hub.errors import SettingsError
from hub.running.broker_client import BrokerClient
from hub.runtime import Runtime
from hub.settings.effects import when
from hub.settings.reading import SETTINGS
from hub.settings.sources import Sourced, sourced
from hub.state import StateDirectory

app = typer.Typer(help="What holds, and where it comes from.", no_args_is_help=True)


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="Only this key and those below it, such as profiles.small.")] = "",
    settings: SettingsFile = DEFAULT_SETTINGS,
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show settings, each with its source; secrets are not shown. Of a running workbench, those it runs with."""
    runtime = _runtime(settings, state)
    found = sourced(runtime.settings, SETTINGS.text(runtime.settings_file), runtime.overrides)
    wanted = [one for one in found if not key or one.key == key or one.key.startswith(f"{key}.")]
    if not wanted:
        raise SettingsError(f"There is no setting {key}; `./werkbank settings show` lists all of them.")
    if as_json:
        typer.echo(json.dumps([vars(one) for one in wanted], indent=2, default=str))
        return
    table = Table("Setting", "Value", "From", box=None, pad_edge=False)
    for one in wanted:
        table.add_row(one.key, json.dumps(one.value, ensure_ascii=False, default=str), _source(one))
    Console().print(table, markup=False)


@app.command()
def diff(state: State = DEFAULT_STATE) -> None:
    """Say what of the settings file is not in effect on the running workbench."""
    told = BrokerClient(StateDirectory.open(state)).get("/settings")
    if told["problem"]:
        raise SettingsError(f"The workbench goes on with what it last read: {told['problem']}")
    for key in told["waiting"]:
        typer.echo(f"{key} takes effect after a restart")
    if not told["waiting"]:
        typer.echo(f"All of {told['file']} is in effect.")


def _runtime(settings: Path, state: Path) -> Runtime:
    folder = StateDirectory.open(state)
    run = folder.read_run()
    if run is None:
        return Runtime(settings.resolve(), folder)
    return Runtime(Path(run["settings"]), folder, run["overrides"])


def _source(one: Sourced) -> str:
    if one.source == "file":
        return f"line {one.line}, changes take effect: {when(one.key)}"
    return f"up {one.option}" if one.source == "command-line" else "default"
