"""What is in an image, and whether it is what an image promises."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from hub.images.known import image_of
from hub.images.program import ImagesError, Program, last_lines
from hub.images.recipes import GPU, GPU_LOCK, LOCK, RECIPES, WHOLE
from hub.runtime import ROOT

PROBE = Path(__file__).with_name("probe.py")
PINNED = re.compile(r"^[A-Za-z0-9].*?(?= *\\?$)", re.MULTILINE)
OWN = re.compile(r"^/(home/werkbank|tmp|var/tmp|var/lib/werkbank|run/lock)(/|$)")
"""Where the account of an image may write; the root file system is often read-only as well."""
BUILDING = re.compile(r"^(PIP|UV|NPM|SSL_CERT|REQUESTS_CA|NODE_EXTRA|HTTPS?_PROXY|https?_proxy|SOURCE_DATE)")
ANNOTATIONS = ("title", "version", "revision", "licenses", "base.name")
USER, ROOT_USER = "1000:1000", "0:0"
"""Of images; of that of the whole workbench, which starts seats as other accounts."""


@dataclass(frozen=True)
class Contents:
    """What the probe saw in an image."""

    image: str
    facts: dict[str, Any]

    @property
    def python(self) -> dict[str, str]:
        """Versions of Python packages by name, as the index writes names."""
        return {plain(one["name"]): one["version"] for one in self.facts["python"]}


def look(engine: Program, name: str) -> Contents:
    """Start an image and see what is in it. Raises ImagesError."""
    image_of(engine, name)
    tag = RECIPES[name].tag
    # Through its own entrypoint, so that the init and the first check of a container are seen as well.
    done = subprocess.run(
        [engine.path, "run", "--rm", "--interactive", "--network=none", tag, "/usr/bin/python3", "-"],
        input=PROBE.read_text(encoding="utf-8"), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ImagesError(f"{tag} does not start: {last_lines(done.stderr)}")
    return Contents(name, json.loads(done.stdout))


def problems(engine: Program, seen: Contents) -> Iterator[str]:
    """Promises that an image breaks, each a sentence."""
    facts, image = seen.facts, image_of(engine, seen.image)
    config = image.get("Config") or {}
    user = ROOT_USER if seen.image == WHOLE else USER
    if config.get("User") != user or f"{facts['uid']}:{facts['uid']}" != user:
        yield f"it runs as {config.get('User') or 'root'} and should as {user}"
    if facts["first_process"] != "tini":
        yield f"its first process is {facts['first_process']} and should be tini"
    if not (config.get("Healthcheck") or image.get("Healthcheck")):
        yield "it has no health check"
    labels = config.get("Labels") or {}
    if missing := [name for name in ANNOTATIONS if not labels.get(f"org.opencontainers.image.{name}")]:
        yield f"it lacks labels: {', '.join(missing)}"
    if user == USER and (writable := [path for path in facts["writable"] if not OWN.match(path)]):
        yield f"its account can write to {some(writable)}"
    if facts["privileged"]:
        yield f"programs change who they run as: {some(facts['privileged'])}"
    if left := facts["left"]:
        yield f"something of its building is left in {some(left)}"
    if facts["keys"]:
        yield f"it has private keys: {some(facts['keys'])}"
    if told := [name for name in {**facts["environment"], **_declared(config)} if BUILDING.match(name)]:
        yield f"its environment tells of its building: {some(sorted(told))}"
    yield from _versions(seen)


def _declared(config: dict[str, Any]) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in config.get("Env") or [])


def _versions(seen: Contents) -> Iterator[str]:
    locked = locked_versions(ROOT / LOCK, seen.facts["python_version"])
    if seen.image == GPU:
        locked = locked_versions(ROOT / GPU_LOCK, seen.facts["python_version"]) | locked
    for name, version in seen.python.items():
        if name.startswith("werkbank"):
            continue
        if name not in locked:
            yield f"{name} {version} is in no lock"
        elif locked[name] != version:
            yield f"{name} is {version}, and the lock says {locked[name]}"


def locked_versions(lock: Path, python: str) -> dict[str, str]:
    """By name, what a lock pins for Linux and this version of Python."""
    here = {"python_full_version": python, "python_version": python.rpartition(".")[0], "sys_platform": "linux"}
    pinned = [Requirement(line) for line in PINNED.findall(lock.read_text(encoding="utf-8"))]
    return {
        plain(one.name): str(one.specifier).removeprefix("==")
        for one in pinned
        if one.marker is None or one.marker.evaluate(here)
    }


def plain(name: str) -> str:
    """A Python package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def some(names: list[str], most: int = 5) -> str:
    """The first few, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
