"""`werkbank test`: the project's own tests, and what they need from the system."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from hub.runtime import ROOT

SUITES = {
    "unit": ["tests/unit", "tests/tutorials"],
    "integration": ["tests/integration"],
    "acceptance": ["tests/acceptance"],
}
ALL = "all"
BROWSER_PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-liberation")


def run_tests(
    context: typer.Context,
    suite: Annotated[str, typer.Argument(help="unit, integration, acceptance or all.")] = ALL,
    screenshots: Annotated[Path | None, typer.Option(help="Where browser tests save pictures.")] = None,
) -> None:
    """Run the tests; what follows the options goes to pytest (`./werkbank test unit -k settings`)."""
    if suite not in (*SUITES, ALL):
        raise typer.BadParameter(f'There are no "{suite}" tests; choose one of {", ".join(SUITES)} or {ALL}.')
    if suite in ("acceptance", ALL):
        _ensure_browser()
    pictures = (screenshots or ROOT / ".werkbank" / "screenshots").resolve()
    os.environ["WERKBANK_SCREENSHOTS"] = str(pictures)
    failed = [title for title, command in _commands(suite, context.args) if not _passes(title, command)]
    if failed:
        typer.echo(f"Failed: {', '.join(failed)}.", err=True)
        raise typer.Exit(1)


def _commands(suite: str, more: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    tool = Path(sys.prefix) / "bin"
    if suite in ("unit", ALL) and not more:
        yield "lint", [str(tool / "ruff"), "check", "."]
        yield "format", [str(tool / "ruff"), "format", "--check", "."]
        yield "types", [str(tool / "mypy")]
        yield "shell", [str(tool / "shellcheck"), "werkbank", "images/lock.sh", ".ci/run"]
        yield "spelling", [str(tool / "codespell")]
    folders = [folder for name in SUITES if suite in (name, ALL) for folder in SUITES[name]]
    yield f"{suite} tests", [sys.executable, "-m", "pytest", *folders, *more]


def _passes(title: str, command: list[str]) -> bool:
    typer.echo(f"── {title}", err=True)
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def _ensure_browser() -> None:
    """Debian's Chromium, installed when we may; without it the browser tests say why they are skipped."""
    if shutil.which("chromium") or shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    typer.echo("Installing Chromium for the browser tests.", err=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    lock = ["-o", "DPkg::Lock::Timeout=300"]
    subprocess.run(["apt-get", *lock, "update", "-qq"], env=environment, check=False)
    install = ["apt-get", *lock, "install", "-y", "-qq", "--no-install-recommends", *BROWSER_PACKAGES]
    if subprocess.run(install, env=environment, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        typer.echo("Chromium could not be installed; browser tests are skipped.", err=True)
