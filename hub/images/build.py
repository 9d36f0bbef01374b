"""Builds images, each only when what it is made of has changed, and always to the same bytes."""

import hashlib
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub import __version__
from hub.images.program import ImagesError, Program, last_lines
from hub.images.recipes import RECIPES, Recipe, files_of, needed
from hub.images.settling import settle
from hub.runtime import ROOT

INPUTS = "nl.werkbank.inputs"
"""Label: hash of all that an image was built from."""
TITLES = {
    "werkbank": "Werkbank: the whole workbench in one container",
    "hub": "Werkbank: hub, proxy, service and Dask Gateway",
    "lab": "Werkbank: a seat, JupyterLab with kernels on the CPU",
    "lab-gpu": "Werkbank: a seat that can use GPUs, with PyTorch and CUDA",
    "worker": "Werkbank: Dask schedulers and workers",
}
PUBLIC = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_NATIVE_TLS", "PIP_INDEX_URL",
          "PIP_EXTRA_INDEX_URL", "NPM_CONFIG_REGISTRY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy",
          "https_proxy", "no_proxy")  # fmt: skip
"""How this machine reaches its package mirrors: the build needs to know, and the image must not."""
CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")
DEFAULT_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PATIENCE_S = 1800.0
EPOCH = 1_767_225_600  # 1 January 2026

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """What became of one image."""

    name: str
    id: str
    seconds: float
    is_new: bool


@dataclass(frozen=True)
class Builder:
    """Builds with one engine, on one base image."""

    engine: Program
    base: str
    root: Path = ROOT
    anew: bool = False
    """Also what has not changed, and nothing from the engine's cache."""
    epoch: int = field(default_factory=lambda: source_date())

    def build(self, names: Sequence[str], tell: Tell) -> Iterator[Built]:
        """Build images and all that they are built on. Raises ImagesError; what was built before stays."""
        known_by = {"": self._base_id(tell)}
        revision = revision_of(self.root)
        for recipe in needed(names):
            wanted = known_by[recipe.name] = self.fingerprint(recipe, known_by, revision)
            began = time.monotonic()
            is_new = self.anew or not self._is_there(recipe, wanted)
            if is_new:
                tell(f"{recipe.name} …")
                self._build(recipe, wanted, revision)
            image = self.engine.image(recipe.tag)
            assert image is not None
            yield Built(recipe.name, image["Id"], time.monotonic() - began, is_new)

    def _is_there(self, recipe: Recipe, wanted: str) -> bool:
        """Built from these very inputs, and on what its parent is now."""
        known = self.engine.image(recipe.tag)
        if known is None or _labels(known).get(INPUTS) != wanted:
            return False
        below = next(iter(recipe.parents.values()))
        parent = self.engine.image(RECIPES[below].tag if below else self.base)
        under = parent["RootFS"]["Layers"] if parent else []
        return bool(known["RootFS"]["Layers"][: len(under)] == under)

    def fingerprint(self, recipe: Recipe, parents: Mapping[str, str], revision: str) -> str:
        """Of all that decides what an image is; of its parents, theirs."""
        digest = hashlib.sha256(f"{self.epoch} {recipe}".encode())
        for parent in recipe.parents.values():
            digest.update(parents[parent].encode())
        for file in files_of(recipe, self.root):
            digest.update(f"{file.relative_to(self.root)} {os.access(file, os.X_OK)}\n".encode())
            digest.update(file.read_bytes())
        if recipe.name in TITLES:
            digest.update(f"{__version__} {revision}".encode())
        return digest.hexdigest()

    def _base_id(self, tell: Tell) -> str:
        known = self.engine.image(self.base)
        if known is None:
            tell(f"fetching {self.base} …")
            done = self.engine.run("pull", self.base, timeout=PATIENCE_S, check=False)
            if done.returncode:
                raise ImagesError(
                    f"The base image {self.base} cannot be had ({last_lines(done.stderr)}). Name another one with "
                    "--base, or make one from Debian's packages: `werkbank images base`. Nothing was built."
                )
            known = self.engine.image(self.base)
        assert known is not None
        return str(known["Id"])

    def _build(self, recipe: Recipe, wanted: str, revision: str) -> None:
        folder = f"images/{recipe.folder}/Containerfile"
        with _secrets() as secrets:
            words = [self.engine.path, "build", "--file", folder, "--tag", recipe.tag, *secrets, *self._dating()]
            for argument, parent in recipe.parents.items():
                words += ["--build-arg", f"{argument}={RECIPES[parent].tag if parent else self.base}"]
            if recipe.target:
                words += ["--target", recipe.target]
            if self.anew:
                words += ["--no-cache"]
            done = subprocess.run(
                [*words, "."],
                cwd=self.root, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S, check=False,
            )  # fmt: skip
        if done.returncode:
            raise ImagesError(f"{recipe.name} could not be built: {last_lines(done.stderr or done.stdout)}")
        self._label(recipe, _annotations(recipe, self.base, revision) | {INPUTS: wanted})
        if recipe.name in TITLES and not self.engine.is_docker:
            settle(self.engine, recipe.tag)

    def _label(self, recipe: Recipe, labels: Mapping[str, str]) -> None:
        """By itself: what Podman takes from its cache as a whole keeps the labels that it had."""
        words = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "Containerfile").write_text(f"FROM {recipe.tag}\n", encoding="utf-8")
            file = f"--file={folder}/Containerfile"
            self.engine.run("build", file, "--tag", recipe.tag, *self._dating(), *words, folder, timeout=PATIENCE_S)

    def _dating(self) -> list[str]:
        """Every file and layer is of one moment, so that the same inputs give the same digest."""
        epoch = ["--build-arg", f"SOURCE_DATE_EPOCH={self.epoch}"]
        if self.engine.is_docker:
            return ["--provenance=false", "--output=type=docker,rewrite-timestamp=true", *epoch]
        # Docker's format has health checks; OCI's has none.
        return ["--format=docker", "--layers", "--network=host", f"--timestamp={self.epoch}", *epoch]


def source_date() -> int:
    """The moment that every file and layer bears, in Unix seconds: SOURCE_DATE_EPOCH, else always the same.

    It is no commit's: a layer from the engine's cache would bear that of the commit it was first built from.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", str(EPOCH))
    if not given.isdecimal():
        raise ImagesError(f"SOURCE_DATE_EPOCH: {given!r} is not a number of seconds. Nothing was built.")
    return int(given)


def revision_of(root: Path) -> str:
    """The commit that images are built from, `-changed` when the checkout has more; "" without git."""
    commit = _git(root, "rev-parse", "HEAD")
    return commit and commit + ("-changed" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _annotations(recipe: Recipe, base: str, revision: str) -> dict[str, str]:
    """OCI's own names. Steps on the way have none: they would not come from the cache."""
    if recipe.name not in TITLES:
        return {}
    name = "org.opencontainers.image."
    return {
        f"{name}title": TITLES[recipe.name],
        f"{name}version": __version__,
        f"{name}revision": revision,
        f"{name}licenses": "BSD-3-Clause",
        f"{name}base.name": base,
    }


def _labels(image: Mapping[str, object]) -> Mapping[str, str]:
    config = image.get("Config")
    return (config.get("Labels") or {}) if isinstance(config, dict) else {}


@contextmanager
def _secrets() -> Iterator[list[str]]:
    """This machine's mirrors and certificates, mounted while packages are fetched and in no layer."""
    certificates = next(
        (Path(value) for name in CERTIFICATES if (value := os.environ.get(name)) and Path(value).is_file()),
        DEFAULT_CERTIFICATES,
    )
    with tempfile.NamedTemporaryFile("w", suffix=".network", encoding="utf-8") as network:
        known = {name: os.environ[name] for name in PUBLIC if name in os.environ}
        network.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in known.items())
        network.flush()
        secrets = [f"--secret=id=network,src={network.name}"]
        if certificates.is_file():
            secrets.append(f"--secret=id=ca,src={certificates}")
        yield secrets
