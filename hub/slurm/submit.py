"""Giving Slurm a job, and taking it back: typed options, and nothing of the job that a shell reads."""

import base64
import json
import os
import pwd
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.logs import get_logger
from hub.settings import SlurmSite
from hub.slurm.commands import SUDO, Slurm, SlurmRefused
from hub.slurm.reservations import Kept

log = get_logger("slurm")

GRACE_S = 300
"""A job may run a little longer than the seat in it: it is the hub that ends seats, with a word to their user."""
ESTIMATE_PATIENCE_S = 3.0
"""Somebody waits for a page that is of use without an estimate, too."""
VARIABLE = "WERKBANK_JOB"
"""Where what a job is about reaches the module that it runs (extensions/seat)."""
FIRST_PERSON = 1000
"""Accounts with smaller numbers are the system's; jobs are for people."""


@dataclass(frozen=True)
class JobRequest:
    """What a job asks for."""

    name: str
    folder: str
    """Where it begins; its user's home."""
    cpus: int
    memory: int
    """Bytes."""
    seconds: int
    """After which Slurm ends it."""
    gres: str | None = None
    """Devices, in Slurm's words."""
    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    reservation: str | None = None
    """Of which its user is; one that Slurm does not let it in is done without."""
    comment: str | None = None
    """By which whoever gave it knows it again; no shell reads it."""
    requeue: bool = False
    """Whether Slurm may put it back in the line, to begin again elsewhere with the same script."""

    def within(self, kept: Kept | None, now: float) -> "JobRequest":
        """The same in a reservation, and over before its nodes are another's."""
        if kept is None:
            return self
        return replace(self, reservation=kept.name, seconds=kept.bounded(self.seconds, now))

    def options(self) -> list[str]:
        """For sbatch. The job gets no environment of ours, and writes its own log."""
        wanted = {
            "job-name": self.name,
            "chdir": self.folder,
            "nodes": 1,
            "ntasks": 1,
            "cpus-per-task": self.cpus,
            "mem": f"{-(-self.memory // 2**20)}M",
            "time": max(1, -(-self.seconds // 60)),
            "gres": self.gres,
            "account": self.account,
            "partition": self.partition,
            "qos": self.qos,
            "reservation": self.reservation,
            "comment": self.comment,
            "export": "NIL",
            "output": "/dev/null",
        }
        return [
            "--requeue" if self.requeue else "--no-requeue",
            *(f"--{name}={value}" for name, value in wanted.items() if value is not None),
        ]


def account_of_groups(site: SlurmSite, groups: Collection[str]) -> str | None:
    """The account that counts for a member of these groups; None for their user's default."""
    return next((account for programme, account in site.accounts.items() if programme in groups), None)


def script_of(python: str, module: str, job: Mapping[str, Any]) -> str:
    """A script that runs a module of ours, which finds `job` as JSON in a variable: one word of base64 to a shell."""
    text = base64.b64encode(json.dumps(job).encode()).decode()
    return f"#!/bin/sh\n{VARIABLE}={text}\nexport {VARIABLE}\nexec {shlex.quote(python)} -m {module}\n"


def as_account(name: str) -> Sequence[str]:
    """What stands before a command that runs as a person's account. Raises SlurmRefused for one that is not a person's.

    As root we become the account; else sudo lets us, for Slurm's programs only.
    """
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise SlurmRefused(f"This machine has no account called {name}.") from None
    if uid < FIRST_PERSON:
        raise SlurmRefused(f"{name} is an account of the system; jobs are for people.")
    if uid == os.geteuid():
        return ()
    if os.geteuid() != 0:
        return (SUDO, "-n", "-u", name, "--")
    return ("setpriv", "--reuid", name, "--regid", str(pwd.getpwnam(name).pw_gid), "--init-groups", "--")


async def submit(account: str, request: JobRequest, script: str) -> int:
    """Give Slurm the job of an account; its number. Raises SlurmSilent and SlurmRefused, with nothing given."""
    try:
        said = await Slurm(as_account(account)).ask("sbatch", "--parsable", *request.options(), given=script)
    except SlurmRefused as refused:
        if request.reservation is None or "reservation" not in str(refused):
            raise
        # It is over since somebody looked, or does not know its member yet.
        log.info("job.outside", user=account, reservation=request.reservation, why=str(refused))
        return await submit(account, replace(request, reservation=None), script)
    try:
        return int(said.strip().split(";")[0])
    except ValueError:
        raise SlurmRefused(f"sbatch gave no job's number: {said.strip()[:200]}") from None


async def expected(account: str, request: JobRequest) -> float | None:
    """When Slurm thinks that such a job would begin (Unix seconds), without giving it one; None where it does not say.

    Raises SlurmSilent and SlurmRefused.
    """
    slurm = Slurm(as_account(account))
    _out, said = await slurm.ask_both(
        "sbatch", "--test-only", *request.options(), given="#!/bin/sh\n", patience=ESTIMATE_PATIENCE_S
    )
    return read_expected(said)


def read_expected(said: str) -> float | None:
    """The time in "sbatch: Job 7 to start at 1795743023 using …"."""
    found = re.search(r"to start at (\S+)", said)
    if found is None:
        return None
    return float(found[1]) if found[1].isdecimal() else datetime.fromisoformat(found[1]).timestamp()


async def cancel(account: str, job: int) -> None:
    """Take a job back; one that has ended is no problem. Raises SlurmSilent and SlurmRefused."""
    try:
        await Slurm(as_account(account)).ask("scancel", str(job))
    except SlurmRefused as refused:
        if "nvalid job id" not in str(refused) and "already completing or completed" not in str(refused):
            raise
