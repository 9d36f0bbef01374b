"""A small process of our own, parked and resumed before anybody's kernel is: drivers differ, and fail silently."""

import hashlib
import logging
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from .answers import LATER, Stopped
from .driver import OUT_OF_MEMORY, CudaDriver, DriverFailed
from .facts import driver_release
from .processes import boot_id, start_time

log = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 5.0
# A canary ends itself after this long, whatever hangs: a lease that ended meanwhile has its device clean again by then.
LIFE_S = 30
LOOK_EVERY_S = 0.05
PATTERN_BYTES = 16 * 2**20


class NoRoom(Exception):
    """The canary could not begin, so nothing is known: its device may be full."""


def pattern() -> bytes:
    """The device memory of a canary: no two blocks of it are alike."""
    return hashlib.shake_128(b"canary").digest(PATTERN_BYTES)


class Canaries:
    """Remembers, while this process lives, on which devices a canary came back whole.

    `stopping` says that the actuator must end: a canary that has not begun yet is then given up.
    """

    def __init__(self, driver: CudaDriver, stopping: Callable[[], bool] = lambda: False):
        self._driver, self._stopping = driver, stopping
        self._sang: dict[tuple[str, str, str], bool] = {}

    def known(self, uuid: str) -> bool | None:
        """What is known of the device under the driver of now; None when no canary was sent. Unreadable."""
        return self._sang.get(self._key(uuid))

    def sings(self, uuid: str) -> bool:
        """Whether a canary on this device keeps its memory. NoRoom, Stopped, Unreadable; DriverMissing and the like."""
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
            self._wait_until_ready(child, uuid)
            try:
                self._park(child.pid)
                self._resume(child.pid)
                whole = _ask(child) == hashlib.sha256(pattern()).hexdigest()
                # Some drivers hang the machine when a process ends that was restored; a parked one ends well.
                self._park(child.pid)
            except DriverFailed as failure:
                log.error("canary on %s: %s", uuid, failure)
                if (failure.op, failure.code) == ("Restore", OUT_OF_MEMORY):
                    # The kernel took the room meanwhile, which it may.
                    raise NoRoom(uuid) from failure
                return False
        log.info("canary on %s: %s", uuid, "whole" if whole else "memory differs")
        return whole

    def _wait_until_ready(self, child: subprocess.Popen[bytes], uuid: str) -> None:
        """This takes most of a canary's time, and nothing has been done to it: only here it may be given up."""
        assert child.stdout
        while not select.select([child.stdout], [], [], LOOK_EVERY_S)[0]:
            if self._stopping():
                raise Stopped(LATER, "stopping")
        if child.stdout.readline().strip() != b"ready":
            raise NoRoom(uuid)
        assert start_time(child.pid) is not None

    def _park(self, pid: int) -> None:
        self._driver.lock(pid, LOCK_TIMEOUT_S)
        self._driver.checkpoint(pid)

    def _resume(self, pid: int) -> None:
        self._driver.restore(pid)
        self._driver.unlock(pid)


@contextmanager
def _canary(uuid: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child that puts the pattern into the memory of the device; killed at the end, for it may wait for ever."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", f"{__package__}.canary_child", str(LIFE_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": uuid},
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def _ask(child: subprocess.Popen[bytes]) -> str:
    """The digest of what the child has now; empty when it has ended."""
    assert child.stdin
    assert child.stdout
    with suppress(BrokenPipeError):
        child.stdin.write(b"digest\n")
        child.stdin.flush()
    return child.stdout.readline().decode().strip()
