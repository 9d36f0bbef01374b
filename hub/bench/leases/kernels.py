"""What a lease adds to the start of a kernel while a device is free: plain and leased kernels in turn, in one seat.

Hub, proxy, service, seat and kernels are real; the devices are simulated, so nothing is waited for but the lease.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from ruamel.yaml import YAML

from hub.bench.figures import rounded
from hub.bench.peers import werkbank
from hub.bench.seat import Seat, StartFailed
from hub.bench.settings import generated
from hub.seats.kernel import Kernel

USER, GPU_CLASS, DEVICES = "bench-00", "bench", 2
KINDS = {"plain": "python3", "leased": f"python3-{GPU_CLASS}"}
FREE_TIMEOUT, LOOK_PERIOD = 60.0, 0.05


def measure(settings: Path, folder: Path, runs: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Medians of the milliseconds from asking for a kernel to its first reply. Raises StartError, StartFailed."""
    folder.mkdir()
    tell(f"Kernels with and without a lease, {runs} of each")
    with werkbank(folder / "state", _with_devices(generated(settings, folder / "settings.yaml", [USER]))) as peer:
        found = asyncio.run(_in_a_seat(peer.address, peer.password, runs))
    medians = {kind: median(times) for kind, times in found.items()}
    adds = medians["leased"] - medians["plain"]
    return {"n": runs, **rounded({"plain_ms": medians["plain"], "leased_ms": medians["leased"], "adds_ms": adds})}


def _with_devices(file: Path) -> Path:
    """The same settings with simulated devices that kernels of the first profile may lease, and nobody else."""
    yaml = YAML(typ="safe")
    tree: dict[str, Any] = yaml.load(file)
    title = {"en": "Bench", "nl": "Meting"}
    tree["gpu_classes"] = {GPU_CLASS: {"title": title, "memory": "16GiB", "simulated": True}}
    tree["site"]["simulate_gpus"] = DEVICES
    for number, profile in enumerate(tree["profiles"]):
        profile["gpu_classes"] = [] if number else [GPU_CLASS]
    with file.open("w") as out:
        yaml.dump(tree, out)
    return file


async def _in_a_seat(address: str, password: str, runs: int) -> dict[str, list[float]]:
    seat = await Seat.sign_in(address, USER, password)
    async with seat.http:
        await seat.start()
        try:
            for kernel in KINDS.values():
                await _milliseconds(seat, kernel)  # what a seat loads for its first is not counted
            found: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for _run in range(runs):
                for kind, kernel in KINDS.items():
                    await _until_free(seat)
                    found[kind].append(await _milliseconds(seat, kernel))
        finally:
            await seat.stop()
    return found


async def _milliseconds(seat: Seat, kernel: str) -> float:
    asked = time.perf_counter()
    started = await Kernel.start(seat.http, seat.path, kernel)
    try:
        await started.run("1+1")
        return (time.perf_counter() - asked) * 1e3
    finally:
        await started.end()


async def _until_free(seat: Seat) -> None:
    """A device given back is looked at before it is given again: that is not part of a start."""
    deadline = time.monotonic() + FREE_TIMEOUT
    while time.monotonic() < deadline:
        reply = await seat.http.get("/services/werkbank/api/v1/gpus")
        if reply.raise_for_status().json()[0]["free"] == DEVICES:
            return
        await asyncio.sleep(LOOK_PERIOD)
    raise StartFailed(f"no device was free again within {FREE_TIMEOUT:g} s")
