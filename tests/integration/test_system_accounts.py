"""Seats and workers as system accounts: a root Werkbank with accounts of its own, in a private mount namespace."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.workbench import ROOT, Workbench, eventually, text_of

FIRST_UID = 61_000


def unreachable(path: Path) -> list[Path]:
    """The parents of `path` that other accounts may not enter."""
    return [parent for parent in [path, *path.parents] if not parent.stat().st_mode & 0o001]


@pytest.fixture
def accounts() -> Iterator[Workbench]:
    """A workbench in system-accounts mode where `scientist` has an account and `trainer` has none."""
    base = Path(sys.base_prefix).resolve()
    if os.geteuid() != 0:
        pytest.skip("system accounts need root")
    if unreachable(ROOT) or unreachable(Path(sys.prefix)) or set(unreachable(base)) - {Path("/root")}:
        pytest.skip("other accounts cannot reach this checkout or its Python")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no right to make a mount namespace here")
    with tempfile.TemporaryDirectory(prefix="werkbank-accounts-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        bench = Workbench(folder / "state", folder / "werkbank.yaml")
        settings = (
            (ROOT / "werkbank.yaml").read_text().replace("seats_run_as: same-user", "seats_run_as: system-accounts")
        )
        bench.settings.write_text(settings)
        started = subprocess.run(
            ["unshare", "--mount", "sh", "-euc", script(folder, bench, base)],
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert started.returncode == 0, started.stdout + started.stderr
        yield bench
        bench.close()
        bench.down("--seats")


def script(folder: Path, bench: Workbench, base: Path) -> str:
    """Shell that lays private copies over the account files, opens the way to Python, and starts Werkbank."""
    home = folder / "home-scientist"
    home.mkdir()
    os.chown(home, FIRST_UID, FIRST_UID)
    lines = ["mount --make-rprivate /"]
    for file, line in (
        ("passwd", f"scientist:x:{FIRST_UID}:{FIRST_UID}::{home}:/bin/sh"),
        ("group", f"scientist:x:{FIRST_UID}:"),
    ):
        copy = folder / file
        copy.write_text(f"{Path('/etc', file).read_text().rstrip()}\n{line}\n")
        lines.append(f"mount --bind {copy} /etc/{file}")
    if unreachable(base):
        top = base.relative_to("/root").parts[0]
        aside = folder / "root"
        aside.mkdir()
        lines += [
            f"mount --rbind /root {aside}",
            "mount -t tmpfs -o mode=755 tmpfs /root",
            f"mkdir /root/{top}",
            f"mount --rbind {aside}/{top} /root/{top}",
        ]
    up = [sys.executable, "-m", "hub.cli", "up", "--detach", "--port", "0"]
    up += ["--state", str(bench.state), "--settings", str(bench.settings)]
    return "\n".join([*lines, f"cd {ROOT}", f"exec {shlex.join(up)}"])


def test_seats_kernels_and_workers_run_as_their_users_account_and_nobody_elses(accounts: Workbench) -> None:
    scientist = accounts.browser("scientist")
    scientist.start_seat("small")
    seat = next(
        p for p in psutil.process_iter() if p.uids().real == FIRST_UID and "singleuser" in " ".join(p.cmdline())
    )
    assert set(seat.uids()) == {FIRST_UID}
    assert set(seat.gids()) == {FIRST_UID}
    status = Path(f"/proc/{seat.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    home = Path(seat.environ()["HOME"])
    eventually(lambda: list(home.glob("tutorials/*/*.ipynb")), what="lessons are in the account's home")
    assert {path.stat().st_uid for path in home.rglob("*")} == {FIRST_UID}

    code = """
import os
from dask_gateway import Gateway
with Gateway().new_cluster() as cluster, cluster.get_client() as client:
    cluster.scale(1)
    print(client.submit(lambda: (__import__("os").getuid(), __import__("os").environ["HOME"])).result())
"""
    inside = [
        "nsenter",
        "-t",
        str(seat.pid),
        "-m",
        "-S",
        str(FIRST_UID),
        "-G",
        str(FIRST_UID),
        sys.executable,
        "-c",
        code,
    ]
    done = subprocess.run(
        inside, env=seat.environ(), cwd=home, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.strip() == str((FIRST_UID, str(home))), done.stderr
    assert os.stat("/").st_uid == 0
    scientist.stop_seat()


def test_a_user_without_an_account_gets_a_sentence(accounts: Workbench) -> None:
    trainer = accounts.browser("trainer")
    refused = trainer.post_spawn({"profile": "small"})
    assert refused.status_code == 403
    assert "This machine has no account called trainer" in text_of(refused.text)
    assert trainer.hub_user()["servers"] == {}
