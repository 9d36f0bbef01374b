"""The command line: `werkbank up`, `down`, `status`, `check`, `test`, `leases`, `lessons`, `simulate` and others."""

import logging
import sys

import typer

from hub.cli import (
    backup,
    bench,
    check,
    down,
    explain,
    fits,
    images,
    leases,
    lessons,
    monitoring,
    node,
    settings,
    simulate,
    slurm,
    status,
    test,
    up,
    use,
    warm,
    workshops,
)
from hub.errors import WerkbankError
from hub.logs import configure

app = typer.Typer(
    name="werkbank",
    help="Werkbank: the research workbench of an AI facility.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(up.up)
app.command("down")(down.down)
app.command("status")(status.status)
app.command("check")(check.check)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(test.run_tests)
app.add_typer(bench.app, name="bench")
app.add_typer(leases.app, name="leases")
app.add_typer(lessons.app, name="lessons")
app.add_typer(explain.app, name="explain")
app.add_typer(slurm.app, name="slurm")
app.add_typer(images.app, name="images")
app.command("drain")(leases.drain)
app.command("simulate")(simulate.simulate)
app.command("fits")(fits.fits)
app.command("use")(use.use)
app.command("warm")(warm.warm_seats)
app.add_typer(workshops.app, name="workshops")
app.add_typer(settings.app, name="settings")
app.command("monitoring")(monitoring.monitoring)
app.command("node")(node.node)
app.command("units")(node.units)


def main() -> None:
    """Run a command; a WerkbankError is one sentence and its exit code, never a stack trace."""
    configure(logging.WARNING)  # what a command prints is its answer; the log of what it did on the way is not
    try:
        app()
    except WerkbankError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
