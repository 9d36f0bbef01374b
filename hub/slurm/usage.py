"""What jobs used, as Slurm's accounting tells it: `sacct`, by fields. Tried with 22.05.

Not `--json`: 22.05 refuses that where times are wanted as numbers, and ends as if all were well. Its rows have no
escapes, and the name of a job is its owner's to choose, line breaks included; so what stands between fields is drawn
by lot for each question, and nobody can give a job a name that reads as somebody else's row.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hub.slurm.commands import Slurm, SlurmSilent
from hub.slurm.jobs import JobState, state_of
from hub.slurm.tres import Tres, tres_of

FIELDS = (
    *("JobIDRaw", "User", "Account", "State", "Submit", "Start", "End", "ElapsedRaw"),
    *("AllocTRES", "ConsumedEnergyRaw", "JobName"),
)
PATIENCE_S = 60.0
"""The accounting searches its database; nobody waits for a page meanwhile."""
MOST_JOBS = 500
"""Numbers in one question."""
NOT_BEGUN, NOT_ENDED = ("Unknown", "None"), "Unknown"
WHOLE_STEPS = ("batch", "extern")
"""Steps that last as long as their job. Slurm adds the energy of the others up for the job, and leaves these out."""
NO_VALUE = 0xFFFF_FF00
"""What is no value in Slurm's numbers of 32 bits, and so are the few above it and all that fill 64."""


@dataclass(frozen=True)
class JobUse:
    """What one job held, once it has begun. Times are Unix seconds."""

    id: int
    submitted: float
    """With the id it says which job it is: one that is put back in the line keeps its number, and is submitted anew."""
    name: str
    user: str
    account: str
    began: float
    ended: float | None
    """None for one that runs, as far as the accounting knows."""
    seconds: float
    """For how long it held what it has, so far; without the time in which it was suspended."""
    tres: Tres
    """What it holds."""
    energy: float | None
    """Joules, as the cluster's plugin counts them: of its nodes, their processors or their GPUs. None where it reports
    nothing: empty and zero are no measurement."""
    end_is_due: bool = False
    """It is over, and when it ended is yet to be told; `seconds` goes on with the clock meanwhile, and says nothing.
    So it is for some seconds once an accounting is back that was away."""


async def usage(
    slurm: Slurm, since: float, until: float, now: float, *, accounts: Iterable[str] = (), names: Iterable[str] = ()
) -> list[JobUse]:
    """The jobs that held something between two moments, of these accounts or of these names: give one of the two.

    `now` is the present on the same clock. Raises SlurmSilent, SlurmRefused.
    """
    which = {"accounts": ",".join(accounts), "name": ",".join(names)}
    (chosen,) = [f"--{option}={value}" for option, value in which.items() if value]
    # As a distance from now: a time of day would be read in the zone of the machine.
    window = [f"--starttime=now-{_seconds(now - since)}", f"--endtime=now-{_seconds(now - until)}"]
    return await _ask(slurm, chosen, *window)


async def usage_of(slurm: Slurm, ids: Sequence[int]) -> list[JobUse]:
    """Jobs by their numbers, however long ago they were; those that the accounting does not know are left out.

    Raises SlurmSilent, SlurmRefused.
    """
    found = []
    for first in range(0, len(ids), MOST_JOBS):
        found += await _ask(slurm, f"--jobs={','.join(map(str, ids[first : first + MOST_JOBS]))}")
    return found


async def counts_gpus(slurm: Slurm) -> bool:
    """Whether the accounting counts GPUs at all: without gres/gpu in AccountingStorageTRES every job has none.

    Raises SlurmSilent, SlurmRefused.
    """
    told = await slurm.ask("sacctmgr", "--noheader", "--parsable2", "show", "tres", "format=Type,Name")
    return any(line.split("|")[:2] == ["gres", "gpu"] for line in told.splitlines())


async def _ask(slurm: Slurm, *which: str) -> list[JobUse]:
    separator = f"~{secrets.token_hex(12)}~"
    told, complaint = await slurm.ask_both(
        "sacct",
        "--allusers",
        "--duplicates",  # what a job held before it was put back in the line was held, too
        "--noheader",
        "--parsable",
        f"--delimiter={separator}",
        f"--format={','.join(FIELDS)}",
        *which,
        patience=PATIENCE_S,
    )
    if "error:" in complaint:
        raise SlurmSilent(f"sacct gave no whole answer: {complaint.strip()[-500:]}")
    return read_usage(told, separator)


def read_usage(told: str, separator: str) -> list[JobUse]:
    """What sacct printed: a row for each job, then one for each of its steps. Jobs that have not begun are left out.

    Raises SlurmSilent for what is not understood: nothing follows from it.
    """
    found: list[JobUse] = []
    own: JobUse | None = None
    for row in _rows(told, separator):
        number, dot, step = row["JobIDRaw"].partition(".")
        if not dot:
            own = _job(row)
            found += [own] if own else []
        elif own is not None and number == str(own.id) and step in WHOLE_STEPS:
            # The node of a job without steps is counted here alone; what Slurm added up is in it, where there is both.
            found[-1] = own = replace(own, energy=_larger(own.energy, _energy(row)))
    return found


def _rows(told: str, separator: str) -> Iterator[Mapping[str, str]]:
    *values, end = told.split(separator)
    width = len(FIELDS)
    if len(values) % width or end.strip():
        raise SlurmSilent(f"sacct said something that is not understood here: {told[-200:]}")
    for first in range(0, len(values), width):
        row = dict(zip(FIELDS, values[first : first + width], strict=True))
        # A separator ends each row, too: the line's end stands before the next one.
        yield row | {"JobIDRaw": row["JobIDRaw"].removeprefix("\n")}


def _job(row: Mapping[str, str]) -> JobUse | None:
    if row["Start"] in NOT_BEGUN or not row["AllocTRES"]:
        return None
    is_open = row["End"] == NOT_ENDED
    try:
        return JobUse(
            id=_whole(row["JobIDRaw"]),
            submitted=float(_whole(row["Submit"])),
            name=row["JobName"],
            user=row["User"],
            account=row["Account"],
            began=float(_whole(row["Start"])),
            ended=None if is_open else float(_whole(row["End"])),
            seconds=float(_whole(row["ElapsedRaw"])),
            tres=tres_of(row["AllocTRES"]),
            energy=_energy(row),
            end_is_due=is_open and state_of(row["State"].split(" ")[:1]) not in (JobState.RUNNING, JobState.ENDING),
        )
    except ValueError as error:
        which = row["JobIDRaw"][:40]
        raise SlurmSilent(f"sacct said something of job {which} that is not understood here: {error}") from error


def _energy(row: Mapping[str, str]) -> float | None:
    told = row["ConsumedEnergyRaw"]
    if not told:
        return None
    if not re.fullmatch(r"-?[0-9]+", told):
        which = row["JobIDRaw"][:40]
        raise SlurmSilent(f"sacct said {told[:40]} of the energy of job {which}, which is not understood here")
    joules = int(told)
    is_none = joules <= 0 or NO_VALUE <= joules < 2**32 or joules >= 2**63
    return None if is_none else float(joules)


def _whole(told: str) -> int:
    """Raises ValueError. Python's own reads 7_1, a task of an array, as 71."""
    if not re.fullmatch("[0-9]+", told):
        raise ValueError(f"{told[:40]!r} is no number")
    return int(told)


def _larger(one: float | None, other: float | None) -> float | None:
    known = [energy for energy in (one, other) if energy is not None]
    return max(known, default=None)


def _seconds(distance: float) -> str:
    return f"{max(0, round(distance))}seconds"
