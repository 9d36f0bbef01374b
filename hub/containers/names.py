"""What the containers, volumes and networks of a workbench are called, and where its sockets for them are."""

import hashlib
import os
from pathlib import Path

from hub.names import home_name

LABEL = "werkbank"
"""On all that a workbench makes at an engine; its value tells workbenches apart."""
USER_LABEL, SERVER_LABEL = "werkbank.user", "werkbank.server"
DEEPEST = 107
"""Bytes in the path of a Unix socket."""


def workbench_id(state: Path) -> str:
    """Tells this workbench from others at the same engine."""
    return hashlib.sha256(os.fsencode(state)).hexdigest()[:8]


def container_name(state: Path, user: str, server: str) -> str:
    """The container of a seat: safe for every user name, and no other seat's."""
    named = f".{home_name(server)}" if server else ""  # names of homes hold no dot
    return f"werkbank-{workbench_id(state)}-seat-{home_name(user)}{named}"


def volume_name(state: Path, user: str) -> str:
    """Where the files of a user are, whatever becomes of their seats."""
    return f"werkbank-{workbench_id(state)}-home-{home_name(user)}"


def network_name(state: Path, user: str) -> str:
    """The network that a user's seats have to themselves."""
    return f"werkbank-{workbench_id(state)}-net-{home_name(user)}"


def bridge_name(state: Path, user: str) -> str:
    """The interface of that network on this machine: at most 15 letters, and all of Werkbank's begin alike."""
    digest = hashlib.sha256(f"{workbench_id(state)}/{user}".encode()).hexdigest()
    return f"{BRIDGES}{digest[:12]}"


BRIDGES = "wb-"


def sockets_folder(state: Path) -> Path:
    """Where the sockets are: a short path, which sockets need, that nobody but us can write."""
    if os.geteuid() == 0:
        return Path("/run") / f"werkbank-{workbench_id(state)}" / "seats"
    return state / "seats"


def seat_socket(state: Path, user: str, server: str) -> Path:
    """Where a seat serves. Raises ValueError where the path is too long for a socket."""
    digest = hashlib.sha256(f"{user}/{server}".encode()).hexdigest()[:16]
    path = sockets_folder(state) / "serving" / digest
    if len(os.fsencode(path)) > DEEPEST:
        raise ValueError(f"{path} is too long for a socket; choose a shorter --state")
    return path
