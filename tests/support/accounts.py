"""A workbench in system-accounts mode with accounts of its own: root, in a private mount namespace."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.workbench import ROOT, Workbench

FIRST_UID = 61_000


def unreachable(path: Path) -> list[Path]:
    """The parents of `path` that other accounts may not enter."""
    return [parent for parent in [path, *path.parents] if not parent.stat().st_mode & 0o001]


def skip_without_rights() -> None:
    """Skip a test that this account or machine does not allow, and say why."""
    base = Path(sys.base_prefix).resolve()
    if os.geteuid() != 0:
        pytest.skip("system accounts need root")
    if unreachable(ROOT) or unreachable(Path(sys.prefix)) or set(unreachable(base)) - {Path("/root")}:
        pytest.skip("other accounts cannot reach this checkout or its Python")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to make a mount namespace here")


@contextmanager
def workbench_of_accounts(
    users: Sequence[str],
    change: Callable[[str], str] = lambda settings: settings,
    environment: dict[str, str] | None = None,
) -> Iterator[Workbench]:
    """A running workbench where each of `users` has an account, the first with FIRST_UID; nobody else has one.

    `change` makes its settings from those of the repository in system-accounts mode.
    """
    with folder_of_accounts() as folder:
        bench = Workbench(folder / "state", folder / "werkbank.yaml", environment=environment or {})
        stock = (ROOT / "werkbank.yaml").read_text()
        bench.settings.write_text(change(stock.replace("seats_run_as: same-user", "seats_run_as: system-accounts")))
        started = subprocess.run(
            ["unshare", "--mount", "sh", "-euc", _script(folder, bench, users)],
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
            env=os.environ | bench.environment,
        )
        assert started.returncode == 0, started.stdout + started.stderr
        try:
            yield bench
        finally:
            bench.end()


def _script(folder: Path, bench: Workbench, users: Sequence[str]) -> str:
    """Shell that lays private copies over the account files, opens the way to Python, and starts Werkbank."""
    up = [sys.executable, "-m", "hub.cli", "up", "--detach", "--port", "0"]
    up += ["--state", str(bench.state), "--settings", str(bench.settings)]
    lines = ["mount --make-rprivate /", *private_accounts(folder, users), *way_to_python(folder)]
    return "\n".join([*lines, f"cd {ROOT}", f"exec {shlex.join(up)}"])


@contextmanager
def folder_of_accounts() -> Iterator[Path]:
    """Where accounts have their homes: not in /tmp, of which each may have one of its own."""
    with tempfile.TemporaryDirectory(prefix="werkbank-accounts-", dir="/srv") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "homes").mkdir()
        yield folder


def private_accounts(folder: Path, users: Sequence[str]) -> Iterator[str]:
    people, groups = [], []
    for uid, user in enumerate(users, FIRST_UID):
        home = folder / "homes" / user
        home.mkdir(mode=0o700)
        os.chown(home, uid, uid)
        people.append(f"{user}:x:{uid}:{uid}::{home}:/bin/sh")
        groups.append(f"{user}:x:{uid}:")
    for file, lines in (("passwd", people), ("group", groups)):
        copy = folder / file
        copy.write_text("\n".join([Path("/etc", file).read_text().rstrip(), *lines, ""]))
        yield f"mount --bind {copy} /etc/{file}"


def way_to_python(folder: Path) -> Iterator[str]:
    base = Path(sys.base_prefix).resolve()
    if unreachable(base):
        top = base.relative_to("/root").parts[0]
        aside = folder / "root"
        aside.mkdir()
        yield f"mount --rbind /root {aside}"
        yield "mount -t tmpfs -o mode=755 tmpfs /root"
        yield f"mkdir /root/{top}"
        yield f"mount --rbind {aside}/{top} /root/{top}"
