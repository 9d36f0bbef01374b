"""Dask's schedulers and workers as forks of a warm process."""

import os
import pwd
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from werkbank_zygote.client import NoZygote, fork
from werkbank_zygote.exec_only import needs_exec


@dataclass(frozen=True)
class Program:
    """One scheduler or worker."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    log: Path
    """A file that is not there yet."""
    account: pwd.struct_passwd | None
    """The system account to become; None stays who we are."""
    place: str = ""
    """The name of its private folders, which are there; empty for none."""


def is_dask(command: Sequence[str]) -> bool:
    """Whether a command is what the zygote can stand for: `dask …`."""
    return os.path.basename(command[0]) == "dask"


def fork_dask(address: Path, zygote: Mapping[str, str], program: Program, before_start: Callable[[int], None]) -> int:
    """The pid of the program, forked from the zygote at `address` that was started with the environment `zygote`.

    NoZygote when that cannot be: then nothing runs and nothing is left of it.
    """
    if reason := needs_exec(program.env, zygote):
        raise NoZygote(reason)
    with _standard_streams(program) as streams:
        process = fork(
            address,
            "dask",
            ["dask", *program.argv[1:]],
            program.env,
            program.cwd,
            streams,
            uid=program.account.pw_uid if program.account else None,
            place=program.place,
            before_start=before_start,
        )
    process.close()
    return process.pid


@contextmanager
def _standard_streams(program: Program) -> Iterator[tuple[int, int, int]]:
    """Nothing to read, and the log, which its user may read."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if program.account is not None:
                os.fchown(log, program.account.pw_uid, program.account.pw_gid)
            yield nothing, log, log
        except OSError:
            program.log.unlink()  # whoever starts it in the ordinary way makes it anew
            raise
        finally:
            os.close(log)
    finally:
        os.close(nothing)
