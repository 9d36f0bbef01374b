"""The command line: all commands are told, and the one that is asked for waits for no other's imports."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from hub.cli import COMMANDS, asked, command_line


def imported_by(code: str) -> set[str]:
    """The modules that a process has after it."""
    told = f"{code}\nimport sys\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.split())


def test_help_tells_every_command() -> None:
    told = CliRunner().invoke(command_line(asked(["--help"])), ["--help"], env={"COLUMNS": "120"}).output

    assert [name for name in COMMANDS if f"│ {name} " not in told] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_stands_alone(name: str) -> None:
    done = CliRunner().invoke(command_line(asked([name, "--help"])), [name, "--help"])

    assert done.exit_code == 0
    assert f"Usage: werkbank {name}" in done.output


def test_a_command_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    done = CliRunner().invoke(command_line(asked(["state"])), ["state"])

    assert done.exit_code == 2
    assert "status" in done.output


def test_up_waits_for_nothing_that_other_commands_import() -> None:
    imported = imported_by("from hub.cli import asked, command_line\ncommand_line(asked(['up']))")

    assert "hub.cli.up" in imported
    assert not imported & {"hub.cli.bench", "hub.cli.backup", "jupyterhub.app", "oauthenticator", "fastapi"}


def test_the_service_waits_for_nothing_that_signing_in_imports() -> None:
    imported = imported_by("import hub.service.app")

    assert not imported & {"jupyterhub.app", "jupyterhub.auth", "oauthenticator", "alembic.script"}
