"""The driver's checkpoint calls, typed. Every failure is one of three exceptions; nothing else gets out.

`cuda.bindings` tells of a missing driver by RuntimeError and of everything else by the first item of a tuple.
"""

import ctypes
from collections.abc import Mapping
from typing import Any
from uuid import UUID

INVALID_VALUE, OUT_OF_MEMORY, OPERATING_SYSTEM, ILLEGAL_STATE = 1, 2, 304, 401
NOT_READY, NOT_SUPPORTED = 600, 801

RUNNING, LOCKED, CHECKPOINTED, FAILED = "running", "locked", "checkpointed", "failed"
CHECKPOINTING, RESTORING, UNKNOWN = "checkpointing", "restoring", "unknown"
STATES = {0: RUNNING, 1: LOCKED, 2: CHECKPOINTED, 3: FAILED, 4: CHECKPOINTING, 5: RESTORING}


class DriverMissing(Exception):
    """There is no CUDA driver, or it shows no device: nothing here can be parked."""


class DriverTooOld(Exception):
    """The driver has no checkpoint calls."""


class DriverFailed(Exception):
    """A call answered an error; `code` is its CUresult."""

    def __init__(self, op: str, code: int, name: str):
        super().__init__(f"{op}: {name} ({code})")
        self.op, self.code, self.name = op, code, name


class CudaDriver:
    """Initialised once and for good: a process that has called cuInit holds no device memory, and restores fast."""

    def __init__(self) -> None:
        self._bindings: Any = None

    def start(self) -> None:
        """Loads and initialises the driver; cheap when it is. DriverMissing."""
        if self._bindings is not None:
            return
        try:
            from cuda.bindings import driver

            error, *_ = driver.cuInit(0)
        except (ImportError, OSError, RuntimeError) as problem:
            raise DriverMissing(str(problem)) from problem
        if int(error) != 0:
            raise DriverMissing(f"cuInit: {error.name} ({int(error)})")
        self._bindings = driver

    def state(self, pid: int) -> str:
        """One of STATES, or UNKNOWN for a state that this code does not know."""
        try:
            return STATES.get(int(self._call("GetState", pid)), UNKNOWN)
        except ValueError:
            # The bindings know the states of their own release only.
            return UNKNOWN

    def has_cuda(self, pid: int) -> bool:
        """Whether the process has initialised CUDA. The restore thread is asked for, because GetState also
        answers "running" for processes that have not.
        """
        try:
            self._call("GetRestoreThreadId", pid)
        except DriverFailed as failure:
            if failure.code == INVALID_VALUE:
                return False
            raise
        return True

    def lock(self, pid: int, timeout_s: float) -> None:
        """RUNNING to LOCKED. DriverFailed NOT_READY when its work does not end in time; it then runs on."""
        self.start()
        args = self._bindings.CUcheckpointLockArgs()
        # 0 would mean: wait for ever.
        args.timeoutMs = max(1, int(timeout_s * 1000))
        self._call("Lock", pid, args)

    def checkpoint(self, pid: int) -> None:
        """LOCKED to CHECKPOINTED. After an error nothing is certain but what state() then says."""
        self._call("Checkpoint", pid, None)

    def restore(self, pid: int, moves: Mapping[str, str] | None = None) -> None:
        """CHECKPOINTED to LOCKED, on the devices it came from, or as `moves` says: old UUID to new, a permutation of
        all that devices() names. Call it only when there is room: an error is final.
        """
        if not moves:
            return self._call("Restore", pid, None)
        self.start()
        # The driver reads the pairs through a pointer: they live until it has answered.
        pairs = [self._pair(old, new) for old, new in moves.items()]
        args = self._bindings.CUcheckpointRestoreArgs()
        args.gpuPairs, args.gpuPairsCount = pairs, len(pairs)
        self._call("Restore", pid, args)

    def unlock(self, pid: int) -> None:
        """LOCKED to RUNNING."""
        self._call("Unlock", pid, None)

    def can_move(self) -> bool:
        """Whether the bindings know restores onto other devices; those of CUDA 12 do not. DriverMissing."""
        self.start()
        return hasattr(self._bindings, "CUcheckpointGpuPair")

    def devices(self) -> tuple[str, ...]:
        """The UUIDs of all devices that the driver shows, as NVML writes them. DriverFailed."""
        ordinals = range(self._ask("cuDeviceGetCount"))
        uuids = (self._ask("cuDeviceGetUuid", self._ask("cuDeviceGet", ordinal)) for ordinal in ordinals)
        return tuple(f"GPU-{UUID(bytes=bytes(uuid.bytes))}" for uuid in uuids)

    def _pair(self, old: str, new: str) -> Any:
        pair = self._bindings.CUcheckpointGpuPair()
        for name, uuid in (("oldUuid", old), ("newUuid", new)):
            # A CUuuid cannot be filled, only laid over memory that is; the pair copies it.
            raw = ctypes.create_string_buffer(UUID(uuid.removeprefix("GPU-")).bytes, 16)
            setattr(pair, name, self._bindings.CUuuid(ctypes.addressof(raw)))
        return pair

    def _call(self, op: str, *arguments: Any) -> Any:
        return self._ask(f"cuCheckpointProcess{op}", *arguments)

    def _ask(self, function: str, *arguments: Any) -> Any:
        self.start()
        op = function.removeprefix("cuCheckpointProcess")
        try:
            error, *values = getattr(self._bindings, function)(*arguments)
        except (AttributeError, RuntimeError) as problem:
            # The bindings, or the driver below them, do not have the function.
            raise DriverTooOld(str(problem)) from problem
        if int(error) != 0:
            raise DriverFailed(op, int(error), getattr(error, "name", str(error)))
        return values[0] if values else None
