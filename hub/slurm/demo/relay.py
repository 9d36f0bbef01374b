"""From ports of this machine to the same ports of another: `relay DESCRIPTOR:PORT …`, run in the other's network.

Sockets stay in the network that they were made in: this gets listening ones of here, and connects to 127.0.0.1 there.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from hub.slurm.demo.machines import Machine

CHUNK = 2**16

_connected: set[asyncio.Task[None]] = set()


def begin(machine: Machine, listeners: Sequence[socket.socket]) -> subprocess.Popen[bytes]:
    """Start one; it ends with its standard input, however its starter ends."""
    pairs = [f"{one.fileno()}:{one.getsockname()[1]}" for one in listeners]
    return subprocess.Popen(
        ["nsenter", "-t", str(machine.first.pid), "--net", "--", sys.executable, "-P", "-m", __name__, *pairs],
        stdin=subprocess.PIPE,
        pass_fds=[one.fileno() for one in listeners],
        start_new_session=True,
    )


async def relay(pairs: Sequence[str]) -> None:
    """Pass on what comes, both ways, until standard input ends."""
    for descriptor, port in (pair.split(":") for pair in pairs):
        await asyncio.start_server(_to(int(port)), sock=socket.socket(fileno=int(descriptor)))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


def _to(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # While both ends are slow nothing else refers to it, and it would be cleared away.
        task = asyncio.current_task()
        assert task is not None
        _connected.add(task)
        task.add_done_callback(_connected.discard)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        for one in (back, writer):
            one.close()

    return connected


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        # The end of one direction is not that of the other.
        if writer.can_write_eof():
            writer.write_eof()


if __name__ == "__main__":
    asyncio.run(relay(sys.argv[1:]))
