"""Parks and resumes through the actuator, a process beside the kernel that makes the driver calls."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_runtime_dir

from .cuda import process_start
from .lease import Lease
from .parking.answers import DONE, LATER, MIGRATION, NOTHING_ON_DEVICE, REFUSED, SIMULATED, Answer
from .parking.client import Kernel, ParkingClient

_NO_ROOM_PAUSES_S = (0.5, 1, 2, 4, 8, 15)  # a device that was just left takes a moment to be empty

_client: ParkingClient | None = None
_users = 0


class Parker:
    """One per kernel, in the background loop; all share the seat's actuator, which is started with the first act."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._used = False

    async def park(self, lease: Lease, pid: int, modules: list[str]) -> dict[str, Any]:
        """Take the kernel's device memory to the host; outcome, reason, bytes and seconds as a report wants them."""
        return self._report("park", lease, await self._actuator().park(_kernel(lease, pid, modules)))

    async def resume(self, lease: Lease, pid: int, modules: list[str]) -> dict[str, Any]:
        """The way back, onto the devices of the lease. While they have no room yet it is tried again, for half a
        minute.
        """
        kernel = _kernel(lease, pid, modules)
        answer = await self._actuator().resume(kernel)
        for pause in _NO_ROOM_PAUSES_S:
            if answer.outcome != LATER:
                break
            await asyncio.sleep(pause)
            answer = await self._actuator().resume(kernel)
        if kernel.migration and answer.outcome == REFUSED and answer.reason in MIGRATION:
            # A no would end the lease. All is safe in host memory, and the device it came from takes it back.
            answer = replace(answer, outcome=LATER)
        return self._report("resume", lease, answer)

    async def no_parking(self, lease: Lease) -> str:
        """Have a canary sent to the lease's devices, which should still be empty. The code of why nobody is parked
        there; "" when kernels can be, and as long as that is not known. Nothing is started where nothing is parked.
        """
        kernel = _kernel(lease, 0, [])
        if kernel.driver == "simulated" or lease.raw.get("parkable") is False or not kernel.devices:
            return ""
        answer = await self._actuator().capabilities(kernel.devices, kernel.driver)
        self._log.info("lease.canary lease=%s outcome=%s reason=%s", lease.id, answer.outcome, answer.reason)
        return answer.reason if answer.outcome == REFUSED else ""

    async def close(self) -> None:
        """The last one ends the actuator, after the act it is in."""
        global _client, _users
        if not self._used:
            return
        self._used, _users = False, _users - 1
        if not _users and _client is not None:
            client, _client = _client, None
            await client.close()

    def _actuator(self) -> ParkingClient:
        global _client, _users
        if not self._used:
            self._used, _users = True, _users + 1
        if _client is None:
            _client = ParkingClient(_journal())
        return _client

    def _report(self, act: str, lease: Lease, answer: Answer) -> dict[str, Any]:
        self._log.info("lease.%s lease=%s outcome=%s reason=%s", act, lease.id, answer.outcome, answer.reason)
        return {
            "outcome": answer.outcome,
            "reason": answer.reason,
            "bytes": answer.bytes,
            "seconds": answer.seconds,
            # Nothing of it was on the device: it can return to any.
            "movable": act == "park" and answer.outcome == DONE and answer.mode in (NOTHING_ON_DEVICE, SIMULATED),
        }


def _kernel(lease: Lease, pid: int, modules: list[str]) -> Kernel:
    manner = lease.raw.get("parking") or {}
    return Kernel(
        lease=lease.id,
        epoch=lease.epoch,
        pid=pid,
        pid_started=process_start(pid),
        devices=[str(device["uuid"]) for device in lease.raw.get("devices") or []],
        modules=modules,
        lock_timeout_s=float(manner.get("lock_timeout_s") or 10),
        host_reserve=int(manner.get("host_reserve") or 0),
        host_budget=manner.get("host_budget"),
        driver=str(manner.get("driver") or "cuda"),
        migration=manner.get("migration") is True,
    )


def _journal() -> Path:
    """One per seat: two seats of one user must not end each other's acts."""
    seat = hashlib.sha256(os.environ.get("JUPYTERHUB_SERVER_NAME", "").encode()).hexdigest()[:12]
    return Path(jupyter_runtime_dir()) / f"werkbank-parking-{seat}"
