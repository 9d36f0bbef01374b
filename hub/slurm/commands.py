"""Asking Slurm: its own programs, each with an end to its patience, and errors that tell "no" from "no answer"."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

from hub.errors import WerkbankError

PATIENCE_S = 20.0
ENDS_WITHIN_S = 5.0
SUDO = "sudo"
ELSEWHERE = "/usr/local/bin:/usr/bin:/bin"
"""Where programs are looked for that are not on our path."""
PROGRAMS = frozenset({"sacct", "sacctmgr", "sbatch", "scancel", "scontrol", "sinfo", "squeue"})


class SlurmError(WerkbankError):
    """Slurm did not do what it was asked."""


class SlurmSilent(SlurmError):
    """Slurm does not answer now. What it knew before still holds: nothing that it ran has ended because of this."""


class SlurmRefused(SlurmError):
    """Slurm said no."""


class NotAllowed(SlurmRefused):
    """sudo said no, and Slurm was not asked."""


SILENT = re.compile(
    r"""unable\ to\ (contact|connect)|problem\ talking\ to\ the\ database|
    connection\ (refused|reset|timed\ out)|timed\ out|no\ route\ to\ host|zero\ bytes\ were|
    communication\ (connection|shutdown)|munge|authentication|credential|transport\ endpoint|temporarily\ un|
    slurmctld\.?\ (is\ )?(not\ responding|down)|dbd.*(down|not\ responding)|backup\ controller|name\ or\ service|
    could\ not\ establish\ a\ configuration|try\ again|resource\ temporarily|socket\ (error|timed)|i/o\ error""",
    re.IGNORECASE | re.VERBOSE,
)
"""What Slurm's programs print when they got no answer. All else that fails is a refusal."""

SUDO_SAYS = re.compile(r"sudo: |(?=Sorry, user )")
"""How lines of sudo begin. One that comes before what Slurm's program printed is a warning."""


def place_of(program: str) -> str:
    """Where a program of Slurm's is: sudo has a path of its own, and rules of sudo name files."""
    return shutil.which(program) or shutil.which(program, path=ELSEWHERE) or f"/usr/bin/{program}"


class Slurm:
    """The programs of Slurm, as `prefix` runs them: nothing on the machine itself, `sudo -n -u ann` as somebody."""

    def __init__(self, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> None:
        self._prefix = tuple(prefix)
        self._environment = dict(environment or {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"})
        # Times as Unix seconds, whatever the machine's zone and an admin's taste in formats.
        self._environment |= {"SLURM_TIME_FORMAT": "%s"}

    async def ask(self, program: str, *arguments: str, given: str = "", patience: float = PATIENCE_S) -> str:
        """What one of Slurm's programs prints; `given` is its input. Raises SlurmSilent and SlurmRefused."""
        return (await self.ask_both(program, *arguments, given=given, patience=patience))[0]

    async def ask_both(
        self, program: str, *arguments: str, given: str = "", patience: float = PATIENCE_S
    ) -> tuple[str, str]:
        """As `ask`, with what it prints beside its answer."""
        if program not in PROGRAMS:
            raise ValueError(f"{program} is none of Slurm's programs that are used here.")
        by_sudo = self._prefix[:1] == (SUDO,)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._prefix,
                place_of(program) if by_sudo else program,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            kind = NotAllowed if error.filename == SUDO else SlurmRefused
            raise kind(f"{error.filename} is not installed on this machine.") from error
        try:
            async with asyncio.timeout(patience):
                out, said = await process.communicate(given.encode())
        except TimeoutError:
            raise SlurmSilent(f"{program} gave no answer within {patience:g} s.") from None
        finally:
            if process.returncode is None:
                await _end(process, by_sudo=by_sudo)
        if process.returncode:
            raise _error(program, said.decode(errors="replace").strip() or out.decode(errors="replace").strip())
        return out.decode(errors="replace"), said.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process, *, by_sudo: bool) -> None:
    """End a program that took too long, and wait until it is gone."""
    if by_sudo:
        # What it runs is somebody else's, whom only sudo can end: it passes this on, and killed it could not.
        with suppress(ProcessLookupError, PermissionError, TimeoutError):
            process.terminate()
            async with asyncio.timeout(ENDS_WITHIN_S):
                await process.wait()
        return
    # With all that the prefix started: who holds on to the pipes would be waited for.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _error(program: str, said: str) -> SlurmError:
    """Which of them it is, from what was printed."""
    last = said.splitlines()[-1:]
    if last and SUDO_SAYS.match(last[0]):
        return NotAllowed(SUDO_SAYS.sub("", last[0]))
    lines = [re.sub(r"^\w+: (error: |fatal: )?", "", line).strip() for line in said.splitlines()]
    sentence = " ".join(line for line in lines if line)[-500:] or f"{program} failed and did not say why."
    return SlurmSilent(sentence) if SILENT.search(said) else SlurmRefused(sentence)
