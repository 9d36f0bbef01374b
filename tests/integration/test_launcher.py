"""The launcher on a machine that never saw Werkbank: installs, repairs, refuses in one sentence."""

import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.workbench import ROOT, eventually

CHECKOUT = (
    "werkbank",
    "werkbank.yaml",
    "pyproject.toml",
    "README.md",
    "hub",
    "images",
    "extensions",
    "tutorials",
    "tests/requirements.lock",
)
NO_NETWORK = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the launcher uses, without any environment."""
    folder = tmp_path / "a checkout"  # people's paths have spaces
    leave_out = shutil.ignore_patterns("__pycache__", "node_modules", ".venv")
    for name in CHECKOUT:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=leave_out)
        else:
            shutil.copy2(source, target)
    return folder


def launch(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./werkbank", *arguments],
        cwd=checkout,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def old_python(folder: Path) -> Path:
    """A Python that says it is 3.9."""
    path = folder / "python3"
    path.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" || exit 1\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_an_old_python_gets_one_sentence_and_nothing_is_made(checkout: Path, tmp_path: Path) -> None:
    refused = launch(checkout, "up", WERKBANK_PYTHON=str(old_python(tmp_path)))
    assert refused.returncode == 2
    assert refused.stderr.startswith("Werkbank needs Python 3.11 or newer and found Python 3.9.2.")
    assert not (checkout / ".venv").exists()


def test_without_a_network_the_first_start_says_so_and_leaves_nothing_half_made(checkout: Path) -> None:
    refused = launch(checkout, "up", **NO_NETWORK)
    assert refused.returncode == 2
    assert "the package index cannot be reached" in refused.stderr
    assert "nothing is left half-installed" in refused.stderr
    assert not (checkout / ".venv").exists()
    assert not (checkout / ".werkbank").exists()


def test_ctrl_c_during_the_installation_leaves_nothing_half_made(checkout: Path) -> None:
    with subprocess.Popen(
        ["./werkbank", "check"], cwd=checkout, stderr=subprocess.PIPE, start_new_session=True
    ) as launcher:
        eventually(lambda: (checkout / ".venv").exists(), what="the installation begins")
        os.killpg(launcher.pid, signal.SIGINT)
        assert launcher.wait(60) == 130
    assert not (checkout / ".venv").exists()


@pytest.mark.timeout(600)
def test_a_first_start_installs_a_second_needs_no_network_and_a_broken_installation_is_repaired(checkout: Path) -> None:
    first = launch(checkout, "check")
    assert first.returncode == 0, first.stderr
    assert "installing hub, lab and gateway" in first.stderr
    assert "profiles small, medium, large" in first.stdout

    second = launch(checkout, "check", **NO_NETWORK)
    assert second.returncode == 0, second.stderr
    assert "install" not in second.stderr

    # Cut off in the middle: files are missing and the stamp was never written.
    (checkout / ".venv/werkbank-stamp").unlink()
    shutil.rmtree(next((checkout / ".venv").glob("lib/*/site-packages/typer")))
    third = launch(checkout, "check")
    assert third.returncode == 0, third.stderr

    # A changed extension is installed again.
    module = checkout / "extensions/seat/werkbank_seat/__init__.py"
    time.sleep(0.01)  # file times are compared: let the clock tick once
    module.write_text(module.read_text() + "CHANGED = True\n")
    assert launch(checkout, "check").returncode == 0
    installed = next((checkout / ".venv").glob("lib/*/site-packages/werkbank_seat/__init__.py"))
    assert "CHANGED" in installed.read_text()
