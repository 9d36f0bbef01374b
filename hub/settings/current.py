"""The settings as they are now: the file is read again when it changed, and what is safe takes effect."""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from pydantic import BaseModel

from hub.declared import Overrides
from hub.errors import SettingsError
from hub.logs import get_logger
from hub.settings.effects import When, when
from hub.settings.flat import changed
from hub.settings.model import Profile, Settings
from hub.settings.reading import load

log = get_logger("settings")

LOOK_PERIOD = 0.5
"""Seconds in which the file is looked at once at most: a look is one `stat`."""

Stamp = tuple[int, int, int]
Tree = TypeVar("Tree", bound=BaseModel)


class Current:
    """One per process. A file that cannot be used changes nothing but `problem`; the last good settings stand."""

    def __init__(self, file: Path, overrides: Overrides | None = None) -> None:
        """Read the file. Raises SettingsError."""
        self.file, self.overrides = file, overrides or {}
        self._lock, self._looked = Lock(), time.monotonic()
        self._stamp = _stamp(file)
        self.started = load(file, self.overrides)
        """As this process found them when it started."""
        self.written, self._settings = self.started, self.started
        """`written`: what the file says, as far as it could last be used."""
        self.problem = ""
        """Why the file cannot be used now; empty when it can."""

    def __deepcopy__(self, _memo: Any) -> "Current":
        """Configuration is copied for every object that it is given to; all of them follow one file."""
        return self

    @property
    def settings(self) -> Settings:
        """The settings to act on now."""
        if time.monotonic() - self._looked >= LOOK_PERIOD:
            self.look()
        return self._settings

    @property
    def waiting(self) -> list[str]:
        """Keys of the file whose change waits for a restart."""
        return changed(self._settings, self.written)

    def look(self) -> None:
        """Read the file if it is another than at the last look."""
        with self._lock:
            self._looked = time.monotonic()
            stamp = _stamp(self.file)
            if stamp != self._stamp:
                self._stamp = stamp
                self._read()

    def _read(self) -> None:
        try:
            written = load(self.file, self.overrides)
        except SettingsError as error:
            self.problem = str(error)
            log.error("settings.unusable", file=str(self.file), problem=self.problem)
            return
        keys = changed(self.written, written)
        self.problem, self.written = "", written
        self._settings = in_effect(self.started, self._settings, written)
        log.info("settings.read", file=str(self.file), changed=keys, waiting=self.waiting)


def _stamp(file: Path) -> Stamp | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def in_effect(started: Settings, before: Settings, written: Settings) -> Settings:
    """`started`, with everything of `written` that is safe while the workbench runs; `before` is what was in effect.

    A profile that refers to an environment or GPU class which waits for a restart waits with it. Profiles that are
    gone are remembered for the seats that still run them.
    """
    settings = _laid_over(started, written, "")
    ready = [_ready(profile, started, before) for profile in written.profiles]
    profiles = tuple(profile for profile in ready if profile is not None)
    settings = settings.model_copy(update={"profiles": profiles or before.profiles})
    names = {profile.name for profile in settings.profiles}
    gone = {one.name: one for one in (*before.retired, *before.profiles) if one.name not in names}
    return settings.with_retired(gone.values())


def _ready(profile: Profile, started: Settings, before: Settings) -> Profile | None:
    """The profile if all that it refers to is there; else as it was, if it was there before."""
    is_there = profile.environment in started.environments and set(profile.gpu_classes) <= set(started.gpu_classes)
    return profile if is_there else _named(before.profiles, profile.name)


def _named(profiles: Iterable[Profile], name: str) -> Profile | None:
    return next((profile for profile in profiles if profile.name == name), None)


def _laid_over(old: Tree, new: Tree, key: str) -> Tree:
    """`old` with the fields of `new` that need no restart."""
    update: dict[str, Any] = {}
    for name in type(old).model_fields:
        place = f"{key}.{name}" if key else name
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, BaseModel) and place in ("site", "leases", "culling"):
            update[name] = _laid_over(before, after, place)
        elif when(place) is not When.RESTART:
            update[name] = after
    return old.model_copy(update=update)
