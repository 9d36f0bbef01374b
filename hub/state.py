"""The state directory: what lies where, who holds it, which ports belong to it.

.werkbank/
lock            held by the `up` that runs (flock; gone with its process)
run.json        what runs now: address, pids, settings file
ports.json      loopback ports, chosen once: seats that outlive the hub know them by heart
last-backup.json  when the last backup was made; no secret
secrets/        cookie secret, tokens and demo password, readable by the owner alone
homes/          home folders in same-user mode
private/        what stands for /tmp and /var/tmp in each seat, with system accounts
clusters/       a folder for each Dask cluster
logs/  hub.sqlite  werkbank.sqlite  leases.sqlite
"""

import contextlib
import fcntl
import json
import os
import random
import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hub.errors import StateError
from hub.names import home_name, own_account

LISTENING_PORTS = range(15_000, 32_000)
PORTS = "WERKBANK_PORTS"
"""The variable that names other ones to choose from: "20000-20999"."""


@dataclass(frozen=True)
class Ports:
    """Loopback ports behind the public one."""

    hub: int
    proxy_api: int
    service: int
    gateway_api: int
    gateway: int
    gateway_tcp: int


@dataclass(frozen=True)
class StateDirectory:
    """Paths and small files of one workbench."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> "StateDirectory":
        """Make the directory where it is missing. Raises StateError when it cannot be used."""
        state = cls(path.resolve())
        try:
            for folder in (state.path, state.secrets, state.homes, state.logs):
                if not folder.is_dir():
                    folder.mkdir(parents=True, exist_ok=True)
                    give_to_owner_of(state.path, folder)
            state.secrets.chmod(0o700)
        except OSError as error:
            raise StateError(
                f"{path} cannot be used as state directory: {error.strerror}. It has to be of {own_account()}, "
                f"who runs this: `chown -R {own_account()} {state.path}`."
            ) from None
        return state

    def require_own(self) -> None:
        """Raises StateError where something in it is another account's, and cannot be written by us."""
        files = [file for folder in (self.path, self.secrets, self.logs) for file in folder.iterdir()]
        foreign = [file for file in files if not _is_ours(file)]
        if foreign:
            named = ", ".join(str(file.relative_to(self.path)) for file in foreign[:3])
            raise StateError(
                f"In {self.path}, {named} cannot be written by {own_account()}, who runs this: "
                f"`chown -R {own_account()} {self.path}`. Nothing was started."
            )

    def close(self) -> None:
        """Keep all other accounts out of it."""
        self.path.chmod(0o700)

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def homes(self) -> Path:
        return self.path / "homes"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def clusters(self) -> Path:
        """A folder for each Dask cluster, in which its processes run."""
        return self.path / "clusters"

    @property
    def private(self) -> Path:
        """A folder for each place that has temporary folders of its own."""
        return self.path / "private"

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def password_file(self) -> Path:
        return self.secrets / "demo-password"

    def seat_log(self, user: str, server: str) -> Path:
        """Where a seat's output goes."""
        return self.logs / f"seat-{home_name(user)}.{home_name(server) if server else 'default'}.log"

    def database(self, name: str) -> str:
        """SQLAlchemy URL of the SQLite database `name` in this directory."""
        return f"sqlite:///{self.path / name}.sqlite"

    def secret(self, name: str, nbytes: int = 32) -> str:
        """The secret called `name` (hex), made at its first use."""
        path = self.secrets / name
        if not path.exists():
            write_private(path, secrets.token_hex(nbytes))
        return path.read_text().strip()

    def demo_password(self) -> str:
        """The demo users' shared password of this run. Short enough to type."""
        if not self.password_file.exists():
            return self.renew_demo_password()
        return self.password_file.read_text().strip()

    def renew_demo_password(self) -> str:
        """A new shared password: each `up` makes one."""
        password = "-".join(secrets.token_hex(2) for _ in range(4))
        write_private(self.password_file, password)
        return password

    def ports(self) -> Ports:
        """The loopback ports of this workbench, chosen at the first call and kept."""
        path = self.path / "ports.json"
        if path.exists():
            return Ports(**json.loads(path.read_text()))
        names = [field.name for field in fields(Ports)]
        ports = Ports(**dict(zip(names, free_ports(len(names)), strict=True)))
        write_private(path, json.dumps(asdict(ports), indent=1))
        return ports

    def write_run(self, run: dict[str, Any]) -> None:
        """Record what runs, for `status`, `down` and the next `up`."""
        write_private(self.run_file, json.dumps(run, indent=1))

    def read_run(self) -> dict[str, Any] | None:
        """What runs (or ran, when its `up` was killed); None when nothing does."""
        try:
            run: dict[str, Any] = json.loads(self.run_file.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            raise StateError(f"{self.run_file} is damaged; remove it when no Werkbank runs here.") from None
        return run

    def clear_run(self) -> None:
        """Forget what ran."""
        self.run_file.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory for this process. Raises StateError when another holds it."""
        with (self.path / "lock").open("w") as lock:
            give_to_owner_of(self.path, self.path / "lock")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StateError(
                    f"Werkbank already runs with the state in {self.path}. "
                    "`./werkbank status` shows where; `./werkbank down` stops it."
                ) from None
            yield

    def is_held(self) -> bool:
        """Whether an `up` holds this directory now."""
        try:
            with self.held():
                return False
        except StateError:
            return True


def write_private(path: Path, text: str) -> None:
    """Write so that nobody else can read it and no reader ever sees half of it."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    give_to_owner_of(path.parent, temporary)
    temporary.replace(path)


def give_to_owner_of(folder: Path, path: Path) -> None:
    """As root: what is made in somebody's folder is theirs, or they could not use it. Others own what they make."""
    if os.geteuid() == 0 and (owner := folder.stat()).st_uid != 0:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _is_ours(file: Path) -> bool:
    """Whether we can write it, or let ourselves."""
    return file.lstat().st_uid == os.geteuid() or os.access(file, os.W_OK)


def free_ports(count: int, besides: Iterable[int] = ()) -> list[int]:
    """Free loopback ports that stay free until somebody listens on them, none of `besides`.

    They lie below the range that the kernel takes ports for outgoing connections from: one of those
    could be in use by the time we listen, or at a later start.
    """
    found: list[int] = []
    candidates = sorted(set(_listening_ports()).difference(besides))
    for port in random.SystemRandom().sample(candidates, len(candidates)):
        if len(found) == count:
            break
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


def _listening_ports() -> range:
    """Raises StateError for a range that is none."""
    text = os.environ.get(PORTS, "")
    if not text:
        return LISTENING_PORTS
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1023 < int(first) <= int(last) < 65_536):
        raise StateError(f'{PORTS}="{text}" is no range of ports above 1023, such as 20000-20999.')
    return range(int(first), int(last) + 1)
