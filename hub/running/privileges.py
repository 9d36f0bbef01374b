"""What does not work where Werkbank is not root, and which of it is missed here."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from hub.errors import SettingsError
from hub.names import own_account
from hub.settings import DemoAuthentication, Settings
from hub.slurm import rights
from hub.slurm.commands import Slurm, SlurmError, place_of
from hub.slurm.privacy import hidden_from, sentence

SHADOW = Path("/etc/shadow")
FIRST_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
SOON_S = 5.0


def shortcomings(settings: Settings) -> Iterator[str]:
    """Sentences for an admin, each with what helps; none for root. What it is to give jobs of others is `rights`'."""
    if os.geteuid() == 0:
        return
    me = own_account()
    if settings.authentication.kind == "pam" and not os.access(SHADOW, os.R_OK):
        yield (
            f"authentication.kind: {me} is not root and may not read {SHADOW}, so PAM takes nobody's local password. "
            f"`usermod -aG shadow {me}` on Debian; accounts of a directory (sssd) need nothing; `oidc` neither."
        )
    if 0 < settings.server.port < (first := _first_port()):
        yield (
            f"server.port: {me} is not root and may not listen on {settings.server.port}. Choose one from {first} on, "
            "and let the web server that speaks TLS have the other."
        )


def lacks(settings: Settings) -> list[str]:
    """What we may not do that giving Slurm jobs of people needs; nothing where this machine has no Slurm."""
    if settings.site.slurm is None or not os.access(place_of("sbatch"), os.X_OK):
        return []
    people = {one for programme in settings.programmes for one in (*programme.members, *programme.leads)}
    if isinstance(settings.authentication, DemoAuthentication):
        people |= settings.authentication.users.keys()
    return list(rights.missing(people))


def require_sight(settings: Settings) -> None:
    """Raises SettingsError where Slurm would hide people's jobs from us: all of them would seem to have ended."""
    if settings.site.slurm is None:
        return
    me = own_account()
    with contextlib.suppress(SlurmError):  # not to know is not to be blind
        if "jobs" in (hidden := asyncio.run(hidden_from(me, Slurm(), SOON_S))):
            raise SettingsError(f"{sentence(me, hidden)} Nothing was started.")


def _first_port() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(FIRST_PORT.read_text())
    return 1024
