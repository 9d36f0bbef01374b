"""`werkbank check`: can this settings file be used?"""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import DEFAULT_SETTINGS
from hub.containers import doubts as containers_doubts
from hub.containers.engine import Engine, EngineClosed, EngineSilent
from hub.errors import SettingsError
from hub.names import own_account
from hub.running import privileges
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
    for one in privileges.shortcomings(settings):
        typer.echo(f"! {one}", err=True)
    if settings.site.kind == "slurm":
        _ask_slurm(settings)
    if settings.site.containers is not None:
        _ask_engine(settings)
    names = ", ".join(profile.name for profile in settings.profiles)
    typer.echo(
        f"{file} can be used: profiles {names}; {len(settings.programmes)} programmes; "
        f"sign-in {settings.authentication.kind}; site {settings.site.kind}."
    )


def _ask_engine(settings: Settings) -> None:
    """Raises SettingsError with all that the engine does not have. Where it cannot be asked, that is said."""
    assert settings.site.containers is not None
    for one in containers_doubts.shortcomings(settings):
        typer.echo(f"! {one}", err=True)
    try:
        found = containers_doubts.doubts(Engine(settings.site.containers.socket), settings)
    except EngineClosed:
        raise SettingsError(
            f"`site.containers.socket`: {own_account()} may not use {settings.site.containers.socket}. Run this as the "
            "user who runs Werkbank, and let that user into the socket's group."
        ) from None
    except EngineSilent:
        typer.echo(
            f"! Nobody answers at {settings.site.containers.socket} (site.containers.socket), so it was not asked "
            "whether the images are there. For Podman: systemctl enable --now podman.socket",
            err=True,
        )
        return
    if found:
        raise SettingsError("\n".join(["The engine does not fit the settings:", *(f"  {one}" for one in found)]))


def _ask_slurm(settings: Settings) -> None:
    """Raises SettingsError with all that the cluster does not have and all that we may not do there.

    Where it cannot be asked, that is said.
    """
    found: dict[str, list[str]] = {
        "Werkbank may not do what it has to; run this as the user who runs Werkbank:": privileges.lacks(settings)
    }
    try:
        found["The cluster does not fit the settings:"] = asyncio.run(doubts(Slurm(), settings))
    except SlurmError as error:
        typer.echo(f"! Slurm was not asked whether it has what the settings say: {error}", err=True)
    if any(found.values()):
        lines = (line for title, those in found.items() if those for line in (title, *(f"  {one}" for one in those)))
        raise SettingsError("\n".join(lines))
