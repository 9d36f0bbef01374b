"""Says what is in an image. Runs inside it, with Debian's Python and nothing else; prints JSON."""

import json
import os
import platform
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

PACKAGES = "/opt/werkbank/lib/python3.*/site-packages"
NODE = "/opt/werkbank/lib/werkbank-proxy/node_modules"
LICENCE_CLASSIFIER = "License :: "
SKIPPED = ("/proc", "/sys", "/dev")
CACHES = ("/root/.cache", "/root/.npm", "/home/werkbank/.cache", "/home/werkbank/.npm", "/var/cache/apt/archives",
          "/var/lib/apt/lists", "/root/.npmrc", "/root/.netrc", "/root/.config", "/etc/pip.conf", "/run/network",
          "/run/ca.crt", "/run/secrets", "/build", "/tools", "/tmp")  # fmt: skip  # noqa: S108 - only looked into
KEY = re.compile(rb"-----BEGIN ([A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}")
MOST_OF_A_KEY = 64_000


def main() -> None:
    paths = list(walk())
    told = {
        "uid": os.getuid(),
        "first_process": Path("/proc/1/comm").read_text().strip(),
        "environment": dict(os.environ),
        "python_version": platform.python_version(),
        "python": [python(one) for one in found_distributions()],
        "debian": list(debian()),
        "node": list(node()),
        "writable": [path for path, mode in paths if not stat.S_ISLNK(mode) and os.access(path, os.W_OK)],
        "privileged": [path for path, mode in paths if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID)],
        "left": [path for path in CACHES if holds(Path(path))],
        "keys": [path for path, mode in paths if stat.S_ISREG(mode) and is_key(path)],
    }
    json.dump(told, sys.stdout)


def walk() -> Iterator[tuple[str, int]]:
    for folder, below, files in os.walk("/"):
        below[:] = [name for name in below if os.path.join(folder, name) not in SKIPPED]
        for name in (*below, *files):
            path = os.path.join(folder, name)
            yield path, os.lstat(path).st_mode


def holds(path: Path) -> bool:
    """Whether a file is there, or something in a folder."""
    try:
        return any(path.iterdir()) if path.is_dir() else path.exists()
    except PermissionError:
        return False


def is_key(path: str) -> bool:
    if not path.endswith((".pem", ".key", "id_rsa", "id_ed25519")) or os.path.getsize(path) > MOST_OF_A_KEY:
        return False
    try:
        return bool(KEY.search(Path(path).read_bytes()))
    except PermissionError:
        return False


def found_distributions() -> list[Distribution]:
    path = [str(folder) for folder in Path("/").glob(PACKAGES.lstrip("/"))]
    return sorted(distributions(path=path), key=lambda one: one.metadata["Name"].lower())


def python(one: Distribution) -> dict[str, str]:
    told = one.metadata
    classifiers = told.get_all("Classifier") or []
    classified = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith(LICENCE_CLASSIFIER)]
    expression, free = ((told.get_all(field) or [""])[0] for field in ("License-Expression", "License"))
    licence = expression or " AND ".join(classified) or free.partition("\n")[0]
    return {"name": told["Name"], "version": one.version, "licence": licence[:120]}


def debian() -> Iterator[dict[str, str]]:
    said = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\n"],
        capture_output=True,
        text=True,
        check=True,
    )
    for line in said.stdout.splitlines():
        name, version, architecture = line.split("\t")
        yield {"name": name, "version": version, "architecture": architecture, "licence": copyright_of(name)}


def copyright_of(package: str) -> str:
    """The licences that Debian's own file names, where a machine can read it."""
    try:
        text = Path("/usr/share/doc", package, "copyright").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    named = re.findall(r"^License: *(\S.*)$", text, re.MULTILINE)
    return " AND ".join(sorted({line.strip() for line in named}))[:400]


def node() -> Iterator[dict[str, str]]:
    for file in sorted(Path(NODE).rglob("package.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        above = file.parent.parent.name
        is_package = above == "node_modules" or above.startswith("@")
        if is_package and told.get("name") and told.get("version"):
            yield {"name": told["name"], "version": told["version"], "licence": str(told.get("license") or "")}


main()
