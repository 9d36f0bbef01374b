"""The looks of a pre-flight. Each is a function of its own that returns findings and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import data
from ..scaling import Scale
from ..words import LANGUAGES, differences, tr
from .findings import Finding, verdict
from .offer import Offer

MUST_AGREE = ("python", "dask", "distributed", "cloudpickle", "msgpack", "numpy")
SETUP_TIMEOUT = 60.0  # seconds; imports that take longer would keep a class waiting
PER_SEAT = 0.1  # GB of disk: notebooks with their figures, and what somebody keeps of a workshop


def of_lessons(offer: Offer, lessons: Iterable[str]) -> Iterator[Finding]:
    """Whether each lesson is on offer in every language, with the libraries it needs in this environment."""
    for lesson in lessons:
        absent = [language for language in LANGUAGES if offer.notebook(lesson, language) is None]
        extras = [name for name in offer.lessons.get(lesson, {}).get("extras", []) if not _is_whole(offer, name)]
        what = tr("preflight.lesson", lesson=lesson)
        if absent:
            yield verdict(False, what, tr("preflight.absent", languages=", ".join(absent)), tr("preflight.build"))
        elif extras:
            said = tr("preflight.extras", extras=", ".join(extras))
            yield verdict(False, what, said, tr("preflight.install", extras=" ".join(extras)))
        else:
            yield verdict(True, what, tr("preflight.there"))


def _is_whole(offer: Offer, extra: str) -> bool:
    try:
        return all(version(name) for name in offer.extras.get(extra, []))
    except PackageNotFoundError:
        return False


def of_setups(offer: Offer, lessons: Iterable[str]) -> Iterator[Finding]:
    """Whether the first cell of each lesson runs in a process of its own and an empty folder; how long it takes."""
    for lesson in lessons:
        notebook = offer.notebook(lesson, LANGUAGES[0])
        if notebook is None:
            continue  # `of_lessons` says so
        what = tr("preflight.setup", lesson=lesson)
        seconds, problem = _run(_setup_of(notebook))
        if problem:
            yield verdict(False, what, tr("preflight.setup_failed", problem=problem), tr("preflight.ask"))
        else:
            yield verdict(True, what, tr("preflight.setup_runs", seconds=seconds))


def _setup_of(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    setups = [cell for cell in cells if "setup" in cell["metadata"].get("tags", [])]
    return "\n".join("".join(cell["source"]) for cell in setups)


def _run(program: str) -> tuple[float, str]:
    """Seconds that ``program`` took, and the last line it complained with; empty when it did not."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="preflight-") as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-c", program],
                cwd=folder,
                env=os.environ | {"MPLBACKEND": "Agg"},
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SETUP_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            return SETUP_TIMEOUT, tr("preflight.too_long", seconds=SETUP_TIMEOUT)
    said = done.stderr.strip().splitlines() or [tr("preflight.exit", status=done.returncode)]
    return time.monotonic() - began, "" if done.returncode == 0 else said[-1][:200]


def of_versions(workers: Scale) -> Iterator[Finding]:
    """Whether this kernel, the scheduler, the workers and the gateway's server have the same versions."""
    what = tr("preflight.versions")
    if workers.client is None:
        yield Finding("mind", what, workers.sentence, tr("preflight.no_workers"))
        return
    unlike = sorted(_unlike(workers.client.get_versions()))
    if workers.kind == "gateway":
        unlike += _gateway_unlike()
    said = tr("preflight.unlike", names=", ".join(unlike)) if unlike else tr("preflight.alike")
    yield verdict(not unlike, what, f"{workers.sentence} {said}", tr("preflight.same_environment"))


def _unlike(versions: dict[str, Any]) -> set[str]:
    """Packages of which somebody in the cluster has another version than this kernel."""
    ours = versions["client"]["packages"]
    others = [versions["scheduler"], *versions["workers"].values()]
    return {name for one in others for name in MUST_AGREE if one["packages"].get(name) != ours.get(name)}


def _gateway_unlike() -> list[str]:
    from dask_gateway import Gateway

    versions = Gateway().get_versions()
    return [] if versions["server"]["version"] == versions["client"]["version"] else ["dask-gateway"]


def of_data() -> Iterator[Finding]:
    """Whether the files that lessons carry can be read."""
    unreadable = [name for name in data.names() if not _is_readable(name)]
    said = tr("preflight.unreadable", names=", ".join(unreadable)) if unreadable else tr("preflight.readable")
    yield verdict(not unreadable, tr("preflight.data"), said, tr("preflight.ask"))


def _is_readable(name: str) -> bool:
    try:
        return bool(data.path_of(name).read_bytes())
    except OSError:
        return False


def of_words() -> Iterator[Finding]:
    """Whether hints and labels are there in every language."""
    missing = differences()
    said = tr("preflight.untranslated", names=", ".join(missing[:5])) if missing else tr("preflight.translated")
    yield verdict(not missing, tr("preflight.words"), said, tr("preflight.ask"))


def of_disk(seats: int, home: Path | None = None) -> Iterator[Finding]:
    """Whether the disk with the homes has room for what ``seats`` people keep of a workshop."""
    free, wanted = shutil.disk_usage(home or Path.home()).free / 1e9, seats * PER_SEAT
    said = tr("preflight.disk_room", free=free, wanted=wanted, seats=seats)
    if wanted <= free < 2 * wanted:
        yield Finding("mind", tr("preflight.disk"), said, tr("preflight.disk_tight"))
    else:
        yield verdict(free >= wanted, tr("preflight.disk"), said, tr("preflight.disk_full"))
