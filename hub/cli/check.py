"""`werkbank check`: can this settings file be used?"""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import DEFAULT_SETTINGS
from hub.errors import SettingsError
from hub.settings import Settings, load, schema
from hub.slurm.commands import Slurm, SlurmError
from hub.slurm.doubts import doubts


def check(
    file: Annotated[Path, typer.Argument(help="The settings file.")] = DEFAULT_SETTINGS,
    print_schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema for editors instead.")] = False,
) -> None:
    """Say whether a settings file can be used; list every problem with its line."""
    if print_schema:
        typer.echo(json.dumps(schema(), indent=2))
        return
    settings = load(file)
    if settings.site.kind == "slurm":
        _ask_slurm(settings)
    names = ", ".join(profile.name for profile in settings.profiles)
    typer.echo(
        f"{file} can be used: profiles {names}; {len(settings.programmes)} programmes; "
        f"sign-in {settings.authentication.kind}; site {settings.site.kind}."
    )


def _ask_slurm(settings: Settings) -> None:
    """Raises SettingsError with all that the cluster does not have; where it cannot be asked, that is said."""
    try:
        found = asyncio.run(doubts(Slurm(), settings))
    except SlurmError as error:
        typer.echo(f"! Slurm was not asked whether it has what the settings say: {error}", err=True)
        return
    if found:
        raise SettingsError("The cluster does not fit the settings:\n" + "\n".join(f"  {one}" for one in found))
