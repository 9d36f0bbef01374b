"""What a process of the workbench cannot do besides what its user cannot do anyway.

`Confinement` is a setting of the site and the same for all its processes, never part of a request. It is put on before
a process becomes its user, whether it is forked or started: with root's rights, so that no set-uid program has to be
given up for it unless the site says so.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from . import landlock, private, system_calls
from .calls import no_new_privileges

__all__ = ["Confinement", "landlock", "private", "system_calls"]


@dataclass(frozen=True)
class Confinement:
    """What is closed; the default closes nothing."""

    private_folders: str = ""
    """Where the folders lie that stand for /tmp and /var/tmp, one for each place; empty for the machine's own."""
    files: bool = False
    """Write only at home, in temporary folders and in `writable`; read everything but what lies beside the home."""
    readable: tuple[str, ...] = ()
    """Folders that can be read although they lie beside a home, and are seen although they lie in /tmp."""
    writable: tuple[str, ...] = ()
    new_privileges: bool = True
    """Whether set-uid programs (sudo, ping) give their rights."""
    core_dumps: bool = True
    filter: bytes = b""
    """A program for seccomp, of `system_calls.compiled`; empty lets all through."""

    @property
    def filters(self) -> int:
        """How many filters for system calls this puts on."""
        return 1 if self.filter else 0

    def dumped(self) -> str:
        """As text, for a command line."""
        return json.dumps(asdict(self) | {"filter": self.filter.hex()})

    @classmethod
    def of(cls, text: str) -> Confinement:
        """What `dumped` wrote. ValueError."""
        found = json.loads(text)
        if not isinstance(found, Mapping) or set(found) - {field.name for field in fields(cls)}:
            raise ValueError("no confinement")
        lists = {name: tuple(found[name]) for name in ("readable", "writable") if name in found}
        return cls(**{**found, **lists, "filter": bytes.fromhex(found.get("filter", ""))})

    def enter(self, home: str, place: str) -> None:
        """Namespaces of its own, with private folders, for a process that does not enter its caller's. OSError."""
        if self.private_folders and place:
            private.enter(os.path.join(self.private_folders, place), [*self.readable, *self.writable, home])

    def put_on(self, home: str) -> None:
        """Give up the rest, for good and for all that this process will start. OSError."""
        if not self.core_dumps:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not self.new_privileges:  # first: without root, only who has renounced them may give up more
            no_new_privileges()
        if self.files and home:
            landlock.restrict(landlock.rules(home, self.readable, self.writable))
        if self.filter:
            system_calls.put_on(self.filter)
