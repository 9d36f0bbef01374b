"""The canary itself: `python -m werkbank_kernels.parking.canary_child SECONDS` with one visible device.

It lives for so many seconds at most. It says "ready" when the pattern is on the device, and answers each line with the
digest of what is there now.
"""

import hashlib
import os
import signal
import sys
from typing import Any

from cuda.bindings import driver

from .canary import PATTERN_BYTES, pattern


def _value(result: tuple[Any, ...]) -> Any:
    error, *values = result
    if int(error) != 0:
        raise SystemExit(f"canary: {error.name}")
    return values[0] if values else None


def main() -> None:
    # Ends this process also inside a call that never returns, and when nobody is left who would.
    signal.alarm(int(sys.argv[1]))
    _value(driver.cuInit(0))
    context = _value(driver.cuDevicePrimaryCtxRetain(_value(driver.cuDeviceGet(0))))
    _value(driver.cuCtxSetCurrent(context))
    address = _value(driver.cuMemAlloc(PATTERN_BYTES))
    _value(driver.cuMemcpyHtoD(address, pattern(), PATTERN_BYTES))
    print("ready", flush=True)
    for _ in sys.stdin:
        back = bytearray(PATTERN_BYTES)
        _value(driver.cuMemcpyDtoH(back, address, PATTERN_BYTES))
        print(hashlib.sha256(back).hexdigest(), flush=True)
    # Without a good-bye to the driver: it could wait for a device that a dead actuator will not give back.
    os._exit(0)


if __name__ == "__main__":
    main()
