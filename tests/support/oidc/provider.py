"""A certified OpenID provider as a process of its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.runtime import node

_HERE = Path(__file__).parent
_INSTALLED = Path(sys.prefix) / "lib" / "werkbank-test-provider"

CLIENT_ID = "werkbank"
CLIENT_SECRET = "a+secret%with:signs/that&need=encoding"


@dataclass
class Provider:
    """One that runs, with accounts that a test can change at any time."""

    issuer: str
    _accounts: Path
    _process: subprocess.Popen[str]

    def set_accounts(self, accounts: Mapping[str, Mapping[str, Any]]) -> None:
        """Login → claims, from the next sign-in on."""
        self._accounts.write_text(json.dumps(accounts))

    def stop(self) -> None:
        """End it, as in an outage. Harmless when it has ended."""
        self._process.terminate()
        self._process.wait(timeout=30)


@contextmanager
def running_provider(redirect_uri: str, folder: Path) -> Iterator[Provider]:
    """A provider that knows the hub whose callback is `redirect_uri`."""
    install()
    # Beside its modules, where Node looks for them.
    script = shutil.copy(_HERE / "provider.mjs", _INSTALLED)
    accounts = folder / "accounts.json"
    accounts.write_text("{}")
    client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uris": [redirect_uri]}
    arguments = json.dumps({"accounts": str(accounts), "client": client})
    with (folder / "provider.log").open("w") as log:
        process = subprocess.Popen([str(node()), str(script), arguments], stdout=subprocess.PIPE, stderr=log, text=True)
    with process:
        provider = Provider(_issuer(process, folder / "provider.log"), accounts, process)
        try:
            yield provider
        finally:
            provider.stop()


def install() -> None:
    """Install the locked provider beside the Python packages, unless this very lock is installed."""
    lock = _INSTALLED / "package-lock.json"
    # npm writes this file when all modules are in place.
    complete = (_INSTALLED / "node_modules" / ".package-lock.json").exists()
    if complete and lock.read_bytes() == (_HERE / lock.name).read_bytes():
        return
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", lock.name):
        shutil.copy(_HERE / name, _INSTALLED)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*_npm(), "ci", *options], cwd=_INSTALLED, check=True)


def _npm() -> list[str]:
    """npm as it comes with Node's wheel, under that same Node."""
    return [str(node()), str(node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _issuer(process: subprocess.Popen[str], log: Path) -> str:
    """The first line it prints; an empty one means that it has ended."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("issuer "):
        process.kill()
        raise AssertionError(f"The provider did not start:\n{line}{log.read_text()}")
    return line.removeprefix("issuer ").strip()
