"""Is the public port free, and if not, whose is it?"""

import contextlib
import socket
from dataclasses import asdict

import psutil

from hub.errors import PortTaken, StartError
from hub.state import Ports, free_ports


def choose(address: str, port: int, kept: Ports) -> int:
    """`port` if it is free; for 0 any free one but `kept`, where nobody may listen yet. Raises PortTaken."""
    port = port or free_ports(1, besides=asdict(kept).values())[0]
    try:
        with socket.create_server((address, port)) as sock:
            return int(sock.getsockname()[1])
    except PermissionError:
        raise StartError(f"Port {port} needs root; choose one above 1023 with --port. Nothing was started.") from None
    except OSError as error:
        if error.errno == 98:  # EADDRINUSE
            raise PortTaken(
                f"Port {port} on {address} is taken{_owner(port)}. Choose another with --port. Nothing was started."
            ) from None
        raise StartError(f"Cannot listen on {address}:{port}: {error.strerror}. Nothing was started.") from None


def require_free(kept: Ports) -> None:
    """Raises PortTaken when a port that this workbench keeps was taken by another program meanwhile."""
    for port in asdict(kept).values():
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            raise PortTaken(
                f"Port {port}, which this workbench keeps for itself (ports.json), is taken{_owner(port)}. "
                "End that program, or remove ports.json when no seat runs. Nothing was started."
            ) from None


def _owner(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
