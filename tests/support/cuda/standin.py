"""Compiles the stand-in libraries, and sets up, inspects and troubles a machine of stand-in devices."""

import ctypes
import fcntl
import mmap
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.cuda.table import MAX_DEVICES, STATE_UNCHANGED, STATES, TARGET_KILLED, FaultRow, ProcessRow, Table

SOURCES = Path(__file__).parent
LIBRARIES = {"libcuda.so.1": "cuda.c", "libnvidia-ml.so.1": "nvml.c"}
MIB, GIB = 2**20, 2**30


@dataclass(frozen=True)
class StandInDevice:
    """One device; `mig` is None where the model knows no MIG."""

    uuid: str = "GPU-a0000000-0000-4000-8000-000000000000"
    model: str = "NVIDIA H200"
    memory: int = 140 * GIB
    mig: bool | None = False


@dataclass(frozen=True)
class Call:
    """One checkpoint call that a process made; `code` is what the driver answered."""

    op: str
    caller: int
    target: int
    code: int


def compile_libraries(into: Path) -> Path:
    """Both libraries in the folder `into`; the caller keeps it for the whole test session."""
    for name, source in LIBRARIES.items():
        files = [str(SOURCES / source), str(SOURCES / "standin.c")]
        flags = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", f"-Wl,-soname,{name}"]
        subprocess.run(["gcc", *flags, "-o", str(into / name), *files], check=True)
    return into


def devices(count: int, memory: int = 140 * GIB) -> list[StandInDevice]:
    """`count` devices that differ in their UUID only."""
    return [StandInDevice(uuid=f"GPU-a0000000-0000-4000-8000-{n:012x}", memory=memory) for n in range(count)]


class StandIn:
    """A machine of stand-in devices. Its processes are those started with `environment()`."""

    def __init__(self, libraries: Path, folder: Path, having: list[StandInDevice], context_bytes: int = 64 * MIB):
        self.libraries, self.folder, self.devices = libraries, folder, having
        for part in ("device", "host"):
            (folder / part).mkdir(parents=True)
        (folder / "table").write_bytes(bytes(ctypes.sizeof(Table)))
        with self._table_file() as file:
            self._memory = mmap.mmap(file, ctypes.sizeof(Table))
        self.table = Table.from_buffer(self._memory)
        self._fill(having, context_bytes)

    def _table_file(self):
        return _open_file(self.folder / "table", os.O_RDWR)

    def _fill(self, having: list[StandInDevice], context_bytes: int) -> None:
        assert len(having) <= MAX_DEVICES
        self.table.driver, self.table.cuda_version = b"580.95.05", 13000
        self.table.context_bytes, self.table.next_address = context_bytes, 0x7F0000000000
        self.table.started_ms = int(time.monotonic() * 1000)
        self.table.device_count = len(having)
        for row, device in zip(self.table.devices, having, strict=False):
            row.uuid, row.model, row.memory = device.uuid.encode(), device.model.encode(), device.memory
            row.mig = -1 if device.mig is None else int(device.mig)

    def environment(self) -> dict[str, str]:
        """What a process needs to see these devices; merge it into its environment."""
        path = [str(self.libraries), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return {"LD_LIBRARY_PATH": ":".join(path), "STANDIN_CUDA_DIR": str(self.folder)}

    def load_here(self, name: str = "libnvidia-ml.so.1") -> None:
        """Loads a library into this process, whose LD_LIBRARY_PATH was read when it began. Later loads by
        name find this one. The caller sets STANDIN_CUDA_DIR in os.environ.
        """
        ctypes.CDLL(str(self.libraries / name), mode=ctypes.RTLD_GLOBAL)

    @contextmanager
    def locked(self) -> Iterator[Table]:
        """The table, while nobody else looks at it."""
        with _open_file(self.folder / "lock", os.O_RDWR | os.O_CREAT) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield self.table

    # -- trouble --

    def fail_next(self, op: str, code: int, times: int = 1, then: str | None = None) -> None:
        """The next `times` calls of `op` answer `code`; `then` is the state their target is left in, or
        "killed". The operations are listed in README.md.
        """
        after = STATE_UNCHANGED if then is None else TARGET_KILLED if then == "killed" else STATES.index(then)
        with self.locked():
            row = self._fault(op)
            row.code, row.times, row.state_after = code, times, after

    def delay(self, op: str, before_ms: int = 0, after_ms: int = 0) -> None:
        """Every call of `op` waits before it acts, and again before it answers."""
        with self.locked():
            row = self._fault(op)
            row.delay_before_ms, row.delay_after_ms = before_ms, after_ms

    def corrupt_next_restore(self) -> None:
        """The next restore gives memory back with one byte of each allocation changed."""
        self.fail_next("corrupt", 1)

    def _fault(self, op: str) -> FaultRow:
        rows = [row for row in self.table.faults if row.op in (op.encode(), b"")]
        row = next((row for row in rows if row.op), rows[0])
        row.op = op.encode()
        return row

    def set_busy(self, pid: int, busy: bool = True) -> None:
        """The process has work on its device that does not end, so it cannot be locked."""
        self.process(pid).busy = int(busy)

    def hold(self, index: int, memory: int) -> None:
        """Something without a process holds this much of a device."""
        self.table.devices[index].foreign = memory

    # -- what can be seen --

    def process(self, pid: int) -> ProcessRow:
        """The row of a process that called cuInit. KeyError where there is none."""
        for row in self.table.processes:
            if row.pid == pid:
                return row
        raise KeyError(pid)

    def knows(self, pid: int) -> bool:
        return any(row.pid == pid for row in self.table.processes)

    def on_device(self, index: int) -> list[int]:
        """The living processes with a context on a device, parked or not."""
        with self.locked() as table:
            return [row.pid for row in table.processes if row.contexts[index] and Path(f"/proc/{row.pid}").exists()]

    def state(self, pid: int) -> str:
        number = self.process(pid).state
        return STATES[number] if number in range(len(STATES)) else str(number)

    def set_state(self, pid: int, state: str | int) -> None:
        self.process(pid).state = STATES.index(state) if isinstance(state, str) else state

    def calls(self) -> list[Call]:
        """The checkpoint calls so far, in order of their end."""
        log = self.folder / "calls.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [Call(op, *map(int, numbers)) for op, *numbers in map(str.split, lines)]

    def acts_on(self, pid: int) -> list[str]:
        """The calls that change a process, without those that only ask."""
        return [call.op for call in self.calls() if call.target == pid and call.op in ACTS]

    def allocations(self) -> dict[str, int]:
        """How many allocations are kept on a device, and how many in host memory."""
        return {part: len(list((self.folder / part).iterdir())) for part in ("device", "host")}


ACTS = ("lock", "checkpoint", "restore", "unlock")


@contextmanager
def _open_file(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags, 0o666)
    try:
        yield file
    finally:
        os.close(file)
