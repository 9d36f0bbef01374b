"""A small process of our own, parked and resumed before anybody's kernel is: drivers differ, and fail silently."""

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .answers import LATER, Stopped
from .driver import CudaDriver, DriverFailed
from .facts import driver_release
from .processes import boot_id, start_time

log = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 5.0
PATTERN_BYTES = 16 * 2**20


class NoRoom(Exception):
    """The canary could not begin, so nothing is known: its device may be full."""


def pattern() -> bytes:
    """The device memory of a canary: no two blocks of it are alike."""
    return hashlib.shake_128(b"canary").digest(PATTERN_BYTES)


class Canaries:
    """Remembers, while this process lives, on which devices a canary came back whole."""

    def __init__(self, driver: CudaDriver):
        self._driver = driver
        self._sang: dict[tuple[str, str, str], bool] = {}

    def known(self, uuid: str) -> bool | None:
        """What is known of the device under the driver of now; None when no canary was sent. Unreadable."""
        return self._sang.get(self._key(uuid))

    def sings(self, uuid: str) -> bool:
        """Whether a canary on this device keeps its memory. NoRoom, Unreadable, DriverMissing, DriverTooOld."""
        key = self._key(uuid)
        if key not in self._sang:
            self._sang[key] = self._send(uuid)
        return self._sang[key]

    def trouble(self, uuids: Iterable[str]) -> str | None:
        """The precheck's code when one does not, or None. Stopped where it cannot be tried; and as sings()."""
        try:
            return None if all(self.sings(uuid) for uuid in uuids) else "canary-failed"
        except NoRoom as problem:
            raise Stopped(LATER, "canary-no-room") from problem

    @staticmethod
    def _key(uuid: str) -> tuple[str, str, str]:
        return boot_id(), driver_release(), uuid

    def _send(self, uuid: str) -> bool:
        self._driver.start()
        with _canary(uuid) as child:
            try:
                self._park(child.pid)
                self._resume(child.pid)
                whole = _ask(child) == hashlib.sha256(pattern()).hexdigest()
                # Some drivers hang the machine when a process ends that was restored; a parked one ends well.
                self._park(child.pid)
            except DriverFailed as failure:
                log.error("canary on %s: %s", uuid, failure)
                return False
        log.info("canary on %s: %s", uuid, "whole" if whole else "memory differs")
        return whole

    def _park(self, pid: int) -> None:
        self._driver.lock(pid, LOCK_TIMEOUT_S)
        self._driver.checkpoint(pid)

    def _resume(self, pid: int) -> None:
        self._driver.restore(pid)
        self._driver.unlock(pid)


@contextmanager
def _canary(uuid: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child with the pattern in the memory of the device; killed at the end, for it may wait for ever. NoRoom."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", f"{__package__}.canary_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": uuid},
    )
    try:
        assert child.stdout
        if child.stdout.readline().strip() != b"ready":
            raise NoRoom(uuid)
        assert start_time(child.pid) is not None
        yield child
    finally:
        child.kill()
        child.communicate()


def _ask(child: subprocess.Popen[bytes]) -> str:
    assert child.stdin
    assert child.stdout
    child.stdin.write(b"digest\n")
    child.stdin.flush()
    return child.stdout.readline().decode().strip()
