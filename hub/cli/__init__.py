"""The command line: `werkbank up`, `down`, `status`, `check`, `test`, `leases`, `lessons`, `simulate` and others."""

import logging
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import typer

from hub.errors import WerkbankError
from hub.logs import configure

COMMANDS = {
    "up": "up:up",
    "down": "down:down",
    "status": "status:status",
    "check": "check:check",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "test": "test:run_tests",
    "drain": "leases:drain",
    "simulate": "simulate:simulate",
    "fits": "fits:fits",
    "use": "use:use",
    "warm": "warm:warm_seats",
    "monitoring": "monitoring:monitoring",
    "node": "node:node",
    "units": "node:units",
    "bench": "bench:app",
    "leases": "leases:app",
    "lessons": "lessons:app",
    "explain": "explain:app",
    "slurm": "slurm:app",
    "images": "images:app",
    "workshops": "workshops:app",
    "settings": "settings:app",
}
"""Name → module of this package and what in it: a function, or an app with commands. In the order that help shows."""
CONTEXTS: dict[str, dict[str, Any]] = {"test": {"allow_extra_args": True, "ignore_unknown_options": True}}


def command_line(names: Iterable[str] = tuple(COMMANDS)) -> typer.Typer:
    """An app with these commands; nothing is imported for others."""
    app = typer.Typer(
        name="werkbank",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_werkbank)
    for name in names:
        module, _, what = COMMANDS[name].partition(":")
        found = getattr(import_module(f"hub.cli.{module}"), what)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name, context_settings=CONTEXTS.get(name))(found)
    return app


def asked(arguments: Sequence[str]) -> Iterable[str]:
    """The command that is asked for; all, where none is, for what there is to be told."""
    first = next((argument for argument in arguments if not argument.startswith("-")), None)
    return [first] if first in COMMANDS else COMMANDS


def main() -> None:
    """Run a command; a WerkbankError is one sentence and its exit code, never a stack trace."""
    configure(logging.WARNING)  # what a command prints is its answer; the log of what it did on the way is not
    try:
        command_line(asked(sys.argv[1:]))()
    except WerkbankError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def _werkbank() -> None:
    """Werkbank: the research workbench of an AI facility."""
