"""What a kernel reaches over its network."""

import json
from collections.abc import Sequence

from tests.support.notebook import Notebook

REACH = """
import socket

def _reach(place):
    try:
        with socket.create_connection(tuple(place), timeout=1.5):
            return True
    except OSError:
        return False

reached = [_reach(place) for place in places]
"""
ADDRESSES = """
import fcntl, json, socket, struct
found = []
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    for _, name in socket.if_nameindex():
        try:
            answer = fcntl.ioctl(probe, 0x8915, struct.pack("256s", name.encode()))
        except OSError:
            continue
        found.append(socket.inet_ntoa(answer[20:24]))
print(json.dumps([address for address in found if not address.startswith("127.")]))
"""


def reached(notebook: Notebook, places: Sequence[tuple[str, int]]) -> list[bool]:
    """Whether a connection to each place comes about."""
    code = f"places = {[list(place) for place in places]!r}\n{REACH}\nimport json; print(json.dumps(reached))"
    found: list[bool] = json.loads(notebook.done(notebook.run(code)))
    return found


def addresses(notebook: Notebook) -> list[str]:
    """The kernel's own, besides loopback."""
    found: list[str] = json.loads(notebook.done(notebook.run(ADDRESSES)))
    return found
