"""What the container of a seat runs: start the seat, say that it serves, and be its way to the workbench.

A seat in a container has a network of its own, or none. It reaches the workbench by Unix sockets in a folder that the
workbench shows it (`WERKBANK_DOORS`), and finds each behind the port of loopback that it has on the workbench's machine
(`WERKBANK_DOOR_PORTS`, "40001=hub 40002=service"): so a seat's programs know of no container. At one of them,
`arrivals`, it is given the socket that it serves on, which the proxy knows as a file: no network leads to a seat.

Only Python's standard library is imported: this process stays beside the seat for as long as it runs.
"""

import os
import signal
import socket
import subprocess
import sys

from werkbank_seat.arriving import arrive

DOORS, PORTS, WORD = "WERKBANK_DOORS", "WERKBANK_DOOR_PORTS", "WERKBANK_DOOR_WORD"


def main():
    """Run the seat of this container; its exit status."""
    os.umask(0o077)
    doors, ports, word = (os.environ.pop(name) for name in (DOORS, PORTS, WORD))
    line = arrive(doors, word)
    _, (listener,), _, _ = socket.recv_fds(line, 1, 1)
    # Before the seat begins: it asks the hub while it starts.
    listening = {name: _loopback(int(port)) for port, name in (pair.split("=") for pair in ports.split())}
    reader, writer = os.pipe()
    seat = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub.singleuser", *sys.argv[1:]],
        env={**os.environ, "WERKBANK_LISTEN_FD": str(listener), "WERKBANK_READY_FD": str(writer)},
        stdin=subprocess.DEVNULL,
        pass_fds=(listener, writer),
    )
    os.close(writer)
    os.close(listener)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: seat.send_signal(number))
    from werkbank_seat import doors as passing  # asyncio takes a tenth of a second, and the seat has begun

    passing.serve(passing.Way(doors, word), listening, line, reader, seat)
    status = seat.wait()
    return status if status >= 0 else 128 - status


def _loopback(port):
    return socket.create_server(("127.0.0.1", port), backlog=128)


if __name__ == "__main__":
    sys.exit(main())
