"""A process with device memory, driven over stdin and stdout: one JSON object a line.

Requests: {"op": "init"}, {"op": "context", "device": 0}, {"op": "alloc", "mib": 16}, {"op": "managed", "mib": 1},
{"op": "sum"}, {"op": "free"}, {"op": "pid"}, {"op": "fork"} (a child with a context of its own), {"op": "thread"}
(id of a second thread), {"op": "bind", "lease": {}} (as the gate of a leased kernel does), {"op": "child_sees"} (the
devices of a child that is started now). Answers: {"ok": value} or {"error": "text"}.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from typing import Any

from cuda.bindings import driver
from werkbank_kernels.gate import Gate
from werkbank_kernels.lease import Lease

gate = Gate()
held: list[tuple[int, int]] = []
children: list[subprocess.Popen[str]] = []


def checked(result: tuple[Any, ...]) -> Any:
    """The value of a driver call. RuntimeError with the name of its error."""
    error, *values = result
    if int(error) != 0:
        raise RuntimeError(error.name)
    return values[0] if values else None


def context(device: int = 0) -> None:
    checked(driver.cuInit(0))
    checked(driver.cuCtxSetCurrent(checked(driver.cuDevicePrimaryCtxRetain(checked(driver.cuDeviceGet(device))))))


def alloc(mib: int, seed: int = 0) -> int:
    """Allocates, and fills at most 8 MiB so that much costs little; each process fills its memory otherwise."""
    address = int(checked(driver.cuMemAlloc(mib * 2**20)))
    filled = min(mib, 8) * 2**20
    checked(driver.cuMemcpyHtoD(address, random.Random(seed or os.getpid()).randbytes(filled), filled))
    held.append((address, filled))
    return address


def total() -> str:
    """A digest over all that is held."""
    digest = hashlib.sha256()
    for address, size in held:
        buffer = bytearray(size)
        checked(driver.cuMemcpyDtoH(buffer, address, size))
        digest.update(buffer)
    return digest.hexdigest()


def free() -> None:
    while held:
        checked(driver.cuMemFree(held.pop()[0]))


def fork() -> int:
    child = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    children.append(child)
    assert child.stdin
    assert child.stdout
    child.stdin.write('{"op": "context"}\n')
    child.stdin.flush()
    child.stdout.readline()
    return child.pid


def bind(lease: dict[str, Any]) -> bool:
    known = Lease.from_json(lease)
    return gate.bind(known.environment, known)


def child_sees() -> list[str]:
    """UUIDs in hexadecimal, in the child's order."""
    lines = '{"op": "init"}\n{"op": "uuids"}\n'
    run = subprocess.run([sys.executable, __file__], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])["ok"]


def uuid(device: int) -> str:
    return checked(driver.cuDeviceGetUuid(device)).bytes.hex()


def thread() -> int:
    started = threading.Thread(target=threading.Event().wait, daemon=True)
    started.start()
    return started.native_id or 0


OPERATIONS = {
    "init": lambda: checked(driver.cuInit(0)),
    "context": context,
    "alloc": alloc,
    "managed": lambda mib: int(checked(driver.cuMemAllocManaged(mib * 2**20, 1))),
    "sum": total,
    "free": free,
    "info": lambda: [int(part) for part in driver.cuMemGetInfo()[1:]],
    "count": lambda: checked(driver.cuDeviceGetCount()),
    "uuid": uuid,
    "uuids": lambda: [uuid(device) for device in range(checked(driver.cuDeviceGetCount()))],
    "bind": bind,
    "child_sees": child_sees,
    "pid": os.getpid,
    "fork": fork,
    "thread": thread,
}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": OPERATIONS[request.pop("op")](**request)}
        except Exception as problem:
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), flush=True)
    for child in children:
        child.communicate()


if __name__ == "__main__":
    main()
