"""`werkbank check`: can this settings file be used?"""

import json
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import DEFAULT_SETTINGS
from hub.settings import load, schema


def check(
    file: Annotated[Path, typer.Argument(help="The settings file.")] = DEFAULT_SETTINGS,
    print_schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema for editors instead.")] = False,
) -> None:
    """Say whether a settings file can be used; list every problem with its line."""
    if print_schema:
        typer.echo(json.dumps(schema(), indent=2))
        return
    settings = load(file)
    names = ", ".join(profile.name for profile in settings.profiles)
    typer.echo(
        f"{file} can be used: profiles {names}; {len(settings.programmes)} programmes; "
        f"sign-in {settings.authentication.kind}; site {settings.site.kind}."
    )
