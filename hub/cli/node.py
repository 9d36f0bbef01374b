"""`werkbank node` and `werkbank units`: warm processes, and the whole workbench, as services of systemd."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import DEFAULT_SETTINGS, DEFAULT_STATE, SettingsFile, State, runtime
from hub.errors import WerkbankError
from hub.running import node as nodes
from hub.running.units import written_units
from hub.spawners.zygotes import zygote_environment


class NoSuchEnvironment(WerkbankError):
    """There is no such environment; nothing was started."""


class NotWritten(WerkbankError):
    """The units could not be written."""


def node(
    environment: Annotated[str, typer.Option(help="One of `environments` in the settings.")] = "default",
    settings: SettingsFile = DEFAULT_SETTINGS,
    state: State = DEFAULT_STATE,
) -> None:
    """Keep the warm processes of one environment, until it is stopped (with `site.node: service`)."""
    wanted = runtime(settings, state)
    tree = wanted.settings
    if environment not in tree.environments:
        known = ", ".join(sorted(tree.environments))
        raise NoSuchEnvironment(
            f'There is no environment "{environment[:40]}"; known here: {known}. Nothing was started.'
        )
    if tree.site.node != "service":
        raise WerkbankError("`up` keeps the warm processes here. Set site.node to service first. Nothing was started.")
    words = nodes.command(wanted.state, tree, environment)
    os.chdir("/")
    os.execve(words[0], words, zygote_environment(tree.environments[environment]))  # noqa: S606 - a list, no shell


def units(
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write them, such as /etc/systemd/system.")],
    user: Annotated[str, typer.Option(metavar="USER", help="Who Werkbank runs as; left out, root.")] = "",
    settings: SettingsFile = DEFAULT_SETTINGS,
    state: State = DEFAULT_STATE,
) -> None:
    """Write units for systemd: the workbench, and the warm processes of its environments."""
    wanted = runtime(settings, state)
    try:
        for name, text in written_units(wanted, user).items():
            (to / name).write_text(text)
            typer.echo(f"{to / name}")
    except OSError as error:
        raise NotWritten(f"{to}: {error.strerror}.") from None
    typer.echo("Next: systemctl daemon-reload && systemctl enable --now werkbank")
