"""One engine and one build of all images, for whatever tests containers."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.support.containers import Engine, engine_in
from tests.support.workbench import ROOT

STORE = ROOT / ".werkbank" / "test-containers"
NEEDED = ("podman", "runc", "mmdebstrap")


def images(engine: Engine, *words: str, timeout: float = 1500) -> subprocess.CompletedProcess[str]:
    """Run `werkbank images …` with the engine."""
    command = [sys.executable, "-m", "hub.cli", "images", *words]
    return subprocess.run(
        command, cwd=ROOT, env=engine.environment, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Podman with its own images, which stay for the next run."""
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        pytest.skip(f"{' and '.join(missing)} are not installed (on Debian: apt install podman runc mmdebstrap)")
    if os.geteuid() != 0:
        pytest.skip("only root can build and run images here")
    return engine_in(STORE)


@pytest.fixture(scope="session")
def built(engine: Engine) -> dict[str, Any]:
    """All images, built from the checkout on Debian's packages; what was built of each."""
    base = images(engine, "base")
    assert base.returncode == 0, base.stderr
    done = images(engine, "build", "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told
