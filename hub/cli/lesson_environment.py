"""The environment of the lessons, `.venv-lessons`: what a seat's lab has, the extras, and our own extensions.

It is apart from the workbench's own: some extras hold back what the hub needs newer.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hub.errors import WerkbankError
from hub.runtime import ROOT
from tutorials.build.extras import ENVIRONMENT, STAMP, distributions, extras

TORCH = "torch==2.13.0"
LOCK = ROOT / "images" / "lessons.lock"
EXTENSIONS = ROOT / "extensions"
PYTHON = ENVIRONMENT / "bin" / "python"
_UNREACHABLE = re.compile(
    r"resolve|connect|network|unreachable|timed out|no matching distribution|certificate|error sending request", re.I
)

Say = Callable[[str], None]


class UnknownExtra(WerkbankError):
    """There is no such extra; nothing was installed."""


class NotInstalled(WerkbankError):
    """The libraries of the lessons could not be installed."""


class _Content(NamedTuple):
    """What the environment holds, as its stamp says."""

    of: str
    extras: list[str]
    tests: bool


class _Step(NamedTuple):
    title: str
    command: Sequence[str | Path]


def ensure(wanted: Iterable[str], *, for_tests: bool, say: Say) -> bool:
    """Make the environment hold these extras besides those it has; False when it did already.

    Raises UnknownExtra, and NotInstalled with the reason in one sentence; a new environment is then taken away, and
    an older one is begun again next time.
    """
    named = set(wanted)
    if unknown := sorted(named - set(extras())):
        raise UnknownExtra(
            f"There is no extra {', '.join(unknown)}; allowed are {', '.join(extras())}. Nothing was installed."
        )
    had = _stamp()
    asked = _Content(_fingerprint(), sorted(named.union(had.extras)), for_tests or had.tests)
    if had == asked and not _has_newer_extension():
        return False
    is_new = not PYTHON.exists()
    (ENVIRONMENT / STAMP).unlink(missing_ok=True)
    try:
        for step in _steps(asked.extras, asked.tests):
            say(f"  {step.title} …")
            _run(step)
    except BaseException:
        if is_new:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        raise
    (ENVIRONMENT / STAMP).write_text(json.dumps(asked._asdict()))
    return True


def _steps(named: Sequence[str], for_tests: bool) -> Iterator[_Step]:
    if not PYTHON.exists():
        yield _Step("making .venv-lessons", [sys.executable, "-m", "venv", "--clear", ENVIRONMENT])
    # As this machine's own index has it, with or without GPU code; a site that brings its own keeps it.
    if any("torch" in distributions(extra) for extra in named) and not _has("torch"):
        yield _Step(f"{TORCH}, as plain pip finds it", [PYTHON, "-m", "pip", "install", "--quiet", TORCH])
    intents = [ROOT / "images" / "lab", *(ROOT / "images" / "lessons" / extra for extra in named)]
    if for_tests:
        intents += [ROOT / "images" / "hub", ROOT / "tests"]
    asked = [word for folder in intents for word in ("-r", folder / "requirements.in")]
    # The lock's hashes hold although only a part of it is asked for: uv checks those of constraints too.
    yield _Step(f"the lab, and {', '.join(named) or 'no extras'}", _uv("-c", LOCK, *asked, "hatchling"))
    ours = [project.parent for project in sorted(EXTENSIONS.glob("*/pyproject.toml"))]
    yield _Step("our own extensions", _uv("--no-deps", "--no-build-isolation", "--reinstall", *ours))


def _uv(*arguments: str | Path) -> list[str | Path]:
    uv = Path(sys.prefix) / "bin" / "uv"
    return [uv, "pip", "install", "--quiet", "--python", PYTHON, "--compile-bytecode", *arguments]


def _run(step: _Step) -> None:
    with tempfile.TemporaryFile("w+") as log:
        status = subprocess.run(step.command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
        if status == 0:
            return
        log.seek(0)
        lines = [line.strip() for line in log if line.strip()] or ["it said nothing"]
    if _UNREACHABLE.search("\n".join(lines)):
        raise NotInstalled(
            f"The libraries of the lessons could not be installed: the package index cannot be reached "
            f"({lines[-1][:200]}). Check the network and run the same command again; nothing is left half-installed."
        )
    raise NotInstalled(
        f"The libraries of the lessons could not be installed (while: {step.title}): {' '.join(lines[-5:])[:600]}"
    )


def _stamp() -> _Content:
    try:
        stamp = json.loads((ENVIRONMENT / STAMP).read_text(encoding="utf-8"))
        return _Content(str(stamp["of"]), list(stamp["extras"]), bool(stamp["tests"]))
    except (OSError, ValueError, KeyError, TypeError):
        return _Content("", [], False)


def _fingerprint() -> str:
    """Of all that decides what is installed."""
    files = [LOCK, *sorted((ROOT / "images").glob("*/requirements.in")), ROOT / "tests" / "requirements.in"]
    files += sorted((ROOT / "images" / "lessons").glob("*/requirements.in"))
    files += sorted(EXTENSIONS.glob("*/pyproject.toml"))
    digest = hashlib.sha256(f"{sys.version_info[:2]} {TORCH}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _has(distribution: str) -> bool:
    code = f"from importlib.metadata import version; version({distribution!r})"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", code], capture_output=True, check=False).returncode == 0


def _has_newer_extension() -> bool:
    """Extensions are installed, not linked: a change installs them again."""
    made = (ENVIRONMENT / STAMP).stat().st_mtime
    skipped = {"node_modules", "__pycache__"}
    return any(
        file.stat().st_mtime > made
        for file in EXTENSIONS.rglob("*")
        if file.is_file() and not skipped.intersection(file.parts)
    )
