"""The demo cluster: a head with accounting and nodes with devices, begun in seconds and taken away without a trace."""

import contextlib
import json
import os
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hub.errors import StartError
from hub.slurm.demo import configuration
from hub.slurm.demo.configuration import DATABASE_PORT, HEAD, HEAD_ADDRESS, LOCAL_MAJOR, NAME, Shape
from hub.slurm.demo.machines import (
    NEEDED,
    Machine,
    Process,
    begin_machine,
    collect,
    has_groups,
    join_network,
    missing_programs,
    remove_groups,
    said,
    until,
)

PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd", "sbatch")
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "slurmdbd", "munge", "mariadb-server")
"""Debian's, that bring them."""
FOLDERS = ("etc", "slurm", "run", "log", "state", "spool", "devices", "database", "home", "machines")
NOTES = "machines.json"


def why_not() -> str:
    """Why no cluster can be made here; empty where one can."""
    if os.geteuid() != 0:
        return "it needs root, to make machines of namespaces"
    if missing := missing_programs([*NEEDED, *PROGRAMS]):
        return f"{', '.join(missing)} not installed (apt-get install {' '.join(PACKAGES)})"
    probe = ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--mount-proc", "true"]
    run = subprocess.run(probe, capture_output=True, text=True, timeout=20, check=False)
    return f"no namespaces can be made: {run.stderr.strip()}" if run.returncode else ""


@dataclass
class Cluster:
    """One that runs; begun by `begin`, found again by `found`."""

    folder: Path
    shape: Shape
    users: tuple[str, ...]
    confined: bool
    ways: tuple[Path, ...] = ()
    """Folders that all accounts get to on every machine, wherever they lie."""
    machines: dict[str, Machine] = field(default_factory=dict)
    daemons: dict[str, Process] = field(default_factory=dict)
    """By name; `slurmd` of a node is "slurmd.n1"."""
    ways_on_head: bool = False
    """Whether accounts get there on the head, too. Nothing can be written there then, by root either."""

    @property
    def head(self) -> Machine:
        """The machine on which jobs are given."""
        return self.machines[HEAD]

    def run(self, *command: str, user: str = "", timeout: float = 30.0) -> str:
        """What a command on the head says. Raises StartError where it fails."""
        return said(self.head.run(*command, user=user, timeout=timeout))

    # --- what tests and admins do to it -----------------------------------------------------------------

    def begin_node(self, name: str) -> None:
        """Start a node, or start it again after `end_node`."""
        devices = self.folder / "machines" / name / "devices"
        (self.folder / "machines" / name / "spool").mkdir(parents=True, exist_ok=True)
        devices.mkdir(exist_ok=True)
        for number in range(self.shape.gpus):
            # Devices and no files: jobs on plain files get no CUDA_VISIBLE_DEVICES.
            _make_device(devices / f"gpu{number}", number)
        self._add(begin_machine(self.folder, name, with_groups=self.confined, ways=self.ways))
        join_network(self.machines[name], self.head, self.shape.address(name))
        self.begin_slurmd(name)

    def end_node(self, name: str) -> None:
        """A power cut: all that runs there is gone at once."""
        self.machines.pop(name).end()
        if self.confined:
            remove_groups(self.folder, name)
        self._write_down()

    def begin_slurmd(self, name: str) -> None:
        """Start the daemon of a node that runs."""
        self._begin(f"slurmd.{name}", name, "/usr/sbin/slurmd", "-D", "-N", name)

    def begin_slurmctld(self) -> None:
        """Start what schedules, and wait until it answers."""
        self._begin("slurmctld", HEAD, "/usr/sbin/slurmctld", "-D")
        until(lambda: "UP" in self.head.run("scontrol", "ping").stdout, "slurmctld answers")

    def begin_slurmdbd(self) -> None:
        """Start the accounting, and wait until it answers."""
        self._begin("slurmdbd", HEAD, "/usr/sbin/slurmdbd", "-D", user="slurm")
        asks = ("sacctmgr", "-n", "-P", "show", "cluster")
        until(lambda: self.head.run(*asks).returncode == 0, "slurmdbd answers")

    def begin_munged(self) -> None:
        """Start what proves who is who, and wait until it answers. All machines share it."""
        run, log = self.folder / "run", self.folder / "log" / "munged.log"
        socket, files = run / "munge.sock", {"key": "munge.key", "pid": "munged.pid", "seed": "munged.seed"}
        places = [f"--{what}-file={run / name}" for what, name in files.items()]
        self._begin(
            "munged",
            HEAD,
            "/usr/sbin/munged",
            "--foreground",
            "--force",
            f"--socket={socket}",
            f"--log-file={log}",
            *places,
        )
        until(lambda: self.head.run("munge", "-n", "-S", str(socket)).returncode == 0, "munged answers")

    def wait_until_idle(self) -> None:
        """Until every node can take jobs and has none."""

        def all_idle() -> bool:
            states = self.head.run("sinfo", "-h", "-N", "-o", "%T").stdout.split()
            return states == ["idle"] * self.shape.nodes

        until(all_idle, "all nodes are idle", 60)

    # --- from nothing to a cluster, and back -------------------------------------------------------------

    def begin(self) -> None:
        """Start all of it. Raises StartError, with nothing left behind."""
        try:
            _write_files(self)
            ways = self.ways if self.ways_on_head else ()
            self._add(begin_machine(self.folder, HEAD, with_groups=self.confined, ways=ways))
            for step in (
                ("link", "add", "br0", "type", "bridge"),
                ("addr", "add", f"{HEAD_ADDRESS}/24", "dev", "br0"),
                ("link", "set", "br0", "up"),
            ):
                said(self.head.run("ip", *step))
            self.begin_munged()
            self._begin_database()
            self.begin_slurmdbd()
            if NAME not in self.run("sacctmgr", "-n", "-P", "show", "cluster"):
                self.run("sacctmgr", "-i", "add", "cluster", NAME)
            self.begin_slurmctld()
            for name in self.shape.names:
                self.begin_node(name)
            self.wait_until_idle()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End all machines and remove what was theirs. The folder, with its logs, is the caller's."""
        for name in sorted(self.machines, key=lambda name: name == HEAD):  # the head last: cables end there
            self.machines.pop(name).end()
            if self.confined:
                remove_groups(self.folder, name)
        self.daemons.clear()
        collect()
        self._write_down()

    def _begin_database(self) -> None:
        data, socket = self.folder / "database", self.folder / "run" / "database.sock"
        is_new = not (data / "mysql").exists()
        if is_new:
            made = ("--no-defaults", "--user=mysql", f"--datadir={data}", "--auth-root-authentication-method=normal")
            self.run("mariadb-install-db", *made, "--skip-test-db", timeout=60)
        # A demo's records may be lost with the machine: what counts is that it is there in seconds.
        self._begin(
            "mariadbd", HEAD, "/usr/sbin/mariadbd", "--no-defaults", "--user=mysql", f"--datadir={data}",
            f"--socket={socket}", f"--port={DATABASE_PORT}", "--bind-address=127.0.0.1",
            f"--pid-file={data}/mariadbd.pid", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M",
            "--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin",
            "--performance-schema=OFF",
        )  # fmt: skip
        asks = ("mariadb-admin", "--no-defaults", "-uroot", f"-S{socket}", "ping")
        until(lambda: self.head.run(*asks).returncode == 0, "the database answers")
        if is_new:
            password = _password_of(self.folder)
            grants = "".join(
                f"create user slurm@'{place}' identified by '{password}';"
                f"grant all on slurm_acct_db.* to slurm@'{place}';"
                for place in ("127.0.0.1", "localhost")
            )
            self.run("mariadb", "--no-defaults", "-uroot", f"-S{socket}", "-e", grants)

    def _begin(self, what: str, machine: str, *command: str, user: str = "") -> None:
        log = self.folder / "log" / f"{what}.out"
        self.daemons[what] = self.machines[machine].begin(*command, log=log, user=user)
        self._write_down()

    def _add(self, machine: Machine) -> None:
        self.machines[machine.name] = machine
        self._write_down()

    def _write_down(self) -> None:
        notes = {
            "shape": self.shape._asdict(),
            "users": list(self.users),
            "confined": self.confined,
            "ways": [str(one) for one in self.ways],
            "machines": {name: asdict(one) for name, one in self.machines.items()},
            "daemons": {name: asdict(one) for name, one in self.daemons.items()},
        }
        file = self.folder / NOTES
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(notes, indent=1))
        draft.replace(file)


@contextmanager
def cluster(
    folder: Path,
    users: Sequence[str] = (),
    shape: Shape = Shape(),
    ways: Sequence[Path] = (),
    *,
    ways_on_head: bool = False,
) -> Iterator[Cluster]:
    """A cluster in `folder`, which others must be able to enter; it is ended with the block. Raises StartError."""
    if reason := why_not():
        raise StartError(f"No Slurm cluster can be made here: {reason}.")
    made = Cluster(folder, shape, tuple(users), has_groups(), tuple(ways), ways_on_head=ways_on_head)
    made.begin()
    try:
        yield made
    finally:
        made.end()


def found(folder: Path) -> Cluster | None:
    """The cluster that was begun in `folder`, as it was written down; None where none was."""
    try:
        notes: dict[str, Any] = json.loads((folder / NOTES).read_text())
    except FileNotFoundError:
        return None
    machines = {
        name: Machine(name, Process(**one["first"]), Process(**one["holder"]))
        for name, one in notes["machines"].items()
    }
    daemons = {name: Process(**one) for name, one in notes["daemons"].items()}
    shape, ways = Shape(**notes["shape"]), tuple(Path(one) for one in notes["ways"])
    return Cluster(folder, shape, tuple(notes["users"]), notes["confined"], ways, machines, daemons)


def _write_files(cluster: Cluster) -> None:
    folder, shape, confined = cluster.folder, cluster.shape, cluster.confined
    for name in FOLDERS:
        (folder / name).mkdir(exist_ok=True, mode=0o755)
    slurm = folder / "slurm"
    (slurm / "slurm.conf").write_text(configuration.slurm_conf(folder, shape, confined=confined))
    (slurm / "gres.conf").write_text(configuration.gres_conf(folder, shape))
    (slurm / "cgroup.conf").write_text(configuration.cgroup_conf(confined=confined))
    (folder / "etc" / "hosts").write_text(configuration.hosts(shape))
    for name, text in configuration.accounts(folder, cluster.users).items():
        _write_privately(folder / "etc" / name, text, 0o640 if name == "shadow" else 0o644)
    _write_privately(slurm / "slurmdbd.conf", configuration.slurmdbd_conf(folder, _password_of(folder)), 0o600)
    _write_privately(folder / "run" / "munge.key", secrets.token_hex(512), 0o600)
    for name, owner in (("state", "slurm"), ("log", "slurm"), ("database", "mysql"), ("run", "mysql")):
        shutil.chown(folder / name, owner, owner)
    shutil.chown(slurm / "slurmdbd.conf", "slurm", "slurm")
    (folder / "run").chmod(0o1777)  # sockets of three accounts
    for uid, user in enumerate(cluster.users, configuration.FIRST_UID):
        home = folder / "home" / user
        home.mkdir(exist_ok=True, mode=0o700)
        os.chown(home, uid, uid)


def _password_of(folder: Path) -> str:
    """The accounting's own, made at the first start."""
    file = folder / "etc" / "database.password"
    with contextlib.suppress(FileNotFoundError):
        return file.read_text()
    _write_privately(file, secrets.token_hex(16), 0o600)
    return file.read_text()


def _write_privately(file: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as opened:
        opened.write(text)
    file.chmod(mode)


def _make_device(path: Path, number: int) -> None:
    if not path.exists():
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(LOCAL_MAJOR, number))
        path.chmod(0o666)
