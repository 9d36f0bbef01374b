"""What a kernel's job runs on its node: `python -m werkbank_kernels.job.host`. It tells the broker that it is there,
starts the kernel when the seat says how, and again at each restart, and ends with the kernel's lease.

`WERKBANK_JOB` holds JSON in base64: the `lease`, its `token`, the broker's `api` and the `log` (below the home).
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from werkbank_seat.on_node import begins_again, environment, open_log, take_job

from .arriving import note, tell_arrival
from .wire import CHANNELS, Message, decode, encode, keep_alive

# Shown by Slurm to its job; what the seat says of them is about the seat.
_OF_THE_JOB = re.compile(r"SLURM_|CUDA_VISIBLE_DEVICES$|GPU_DEVICE_ORDINAL$|ROCR_VISIBLE_DEVICES$|ZE_AFFINITY|TMPDIR$")
# The seat's own, without meaning on another machine.
_OF_THE_SEAT = re.compile(r"WERKBANK_(GATE|NODE|READY_FD|LISTEN_FD|JOB)$|NVIDIA_VISIBLE_DEVICES$|JPY_PARENT_PID$")
_END_S = 5.0
ALONE_S = 3600.0  # a seat looks every few seconds; without one the broker ends the job long before this


class Host:
    """One per job. Its sockets are used in the event loop."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        keep_alive(self._socket)
        public, self._socket.curve_secretkey = zmq.curve_keypair()
        self._socket.curve_server = True
        self.port = self._socket.bind_to_random_port("tcp://*")
        self.key = public.decode()
        self._folder = Path(tempfile.mkdtemp(prefix="werkbank-kernel-"))
        self._curve = zmq.curve_keypair()
        # Kept over restarts, so that whoever is connected finds the new process by itself.
        self._ports = dict(zip((f"{name}_port" for name in CHANNELS), _free_ports(len(CHANNELS)), strict=True))
        self._kernel: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._seat: bytes | None = None
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Serve the seat until it says `end`, or `end` is called."""
        serving = asyncio.get_running_loop().create_task(self._serve(), name="serve")
        try:
            await self._over.wait()
        finally:
            serving.cancel()
            await self._end_kernel()
            self._socket.close()
            self._context.term()
            _forget(self._folder)

    def end(self) -> None:
        """End the kernel, and serving."""
        self._over.set()

    async def _serve(self) -> None:
        do = {"start": self._start, "signal": self._signal, "status": self._status, "end": self._end}
        while True:
            try:
                async with asyncio.timeout(ALONE_S):
                    seat, data = await self._socket.recv_multipart()
            except TimeoutError:
                note("no seat was heard of for long")
                self.end()  # whoever would end this job cannot reach it
                return
            message = decode(data)
            if message is None or not hmac.compare_digest(str(message.get("token")).encode(), self._token.encode()):
                continue  # nobody of ours
            self._seat = seat
            act = do.get(str(message.get("act")))
            try:
                answer = await act(message) if act else {"error": "unknown act"}
            except (OSError, KeyError, TypeError, ValueError) as problem:
                answer = {"error": f"{type(problem).__name__}: {problem}"}
            await self._socket.send_multipart([seat, encode({"n": message.get("n"), **answer})])

    # What the seat asks for.

    async def _start(self, message: Message) -> Message:
        """Run the kernel; one that runs already is left alone, for the answer may have been lost."""
        begins = self._kernel is None or self._kernel.returncode is not None
        if begins:
            file = self._connection_file(str(message["key"]), str(message["signature_scheme"]))
            argv = [str(word).replace(str(message["connection_file"]), str(file)) for word in message["argv"]]
            folder = str(message.get("cwd") or "")
            self._kernel = await asyncio.create_subprocess_exec(
                *argv,
                env=kernel_environment(message["env"]),
                cwd=folder if os.path.isdir(folder) else Path.home(),  # noqa: ASYNC240 - one look
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
            note(f"kernel {self._kernel.pid} began")
            task = asyncio.create_task(self._until_ended(self._kernel), name=f"kernel-{self._kernel.pid}")
            task.add_done_callback(lambda done: done.exception())
            self._watching = task
        assert self._kernel is not None
        return {"ports": self._ports, "key": self._curve[0].decode(), "pid": self._kernel.pid, "began": begins}

    async def _signal(self, message: Message) -> Message:
        self._send(signal.Signals(int(message["signal"])))
        return {}

    async def _status(self, _message: Message) -> Message:
        kernel = self._kernel
        return {"pid": kernel.pid if kernel else 0, "status": kernel.returncode if kernel else None}

    async def _end(self, _message: Message) -> Message:
        asyncio.get_running_loop().call_later(0.1, self.end)  # the answer goes first
        return {}

    # The kernel.

    def _send(self, number: signal.Signals) -> None:
        if self._kernel is not None and self._kernel.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._kernel.pid, number)

    async def _until_ended(self, kernel: asyncio.subprocess.Process) -> None:
        status = await kernel.wait()
        note(f"kernel {kernel.pid} ended: {status}")
        if self._seat is not None and not self._over.is_set():
            await self._socket.send_multipart([self._seat, encode({"ended": status, "pid": kernel.pid})])

    async def _end_kernel(self) -> None:
        self._send(signal.SIGTERM)
        if self._kernel is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._kernel.wait(), _END_S)
        self._send(signal.SIGKILL)

    def _connection_file(self, key: str, scheme: str) -> Path:
        public, secret = (part.decode() for part in self._curve)
        facts = {"transport": "tcp", "ip": "0.0.0.0", "key": key, "signature_scheme": scheme, **self._ports}  # noqa: S104
        file = self._folder / "connection.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(facts | {"curve_publickey": public, "curve_secretkey": secret}))
        return file


def kernel_environment(seat: dict[str, Any]) -> dict[str, str]:
    """What the seat's kernels get, with what is the job's and the account's. No devices where Slurm gave none."""
    given = {str(name): str(value) for name, value in seat.items()}
    kept = {name: value for name, value in given.items() if not (_OF_THE_JOB.match(name) or _OF_THE_SEAT.match(name))}
    job = {name: value for name, value in os.environ.items() if _OF_THE_JOB.match(name)}
    devices = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "")}
    return {**environment(kept), **job, **devices, "JPY_PARENT_PID": str(os.getpid())}


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _forget(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink(missing_ok=True)
    folder.rmdir()


async def _serve(job: dict[str, str]) -> None:
    host, given_up = Host(job["token"]), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, host.end)
    telling = asyncio.create_task(asyncio.to_thread(tell_arrival, job, host.port, host.key, given_up), name="arrival")
    running = asyncio.create_task(host.run(), name="host")
    try:
        await asyncio.wait({telling, running}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done() and not telling.result():
            running.cancel()  # the lease has ended meanwhile
        with contextlib.suppress(asyncio.CancelledError):
            await running
    finally:
        given_up.set()


def _write_to(place: str) -> None:
    """Both outputs to the log, where there is room for one: a full disk must not keep the kernel from running."""
    try:
        log = open_log(place)
    except OSError:
        log = os.open(os.devnull, os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)


def main() -> int:
    """Be the host of this job's kernel; the exit status."""
    if begins_again():
        return 0  # what was in the kernel is lost, and its lease over
    job = take_job()
    _write_to(job["log"])
    asyncio.run(_serve(job))
    return 0


if __name__ == "__main__":
    sys.exit(main())
