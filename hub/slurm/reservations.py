"""Reservations as Slurm keeps them: whole nodes for some people in a window. Tried with 22.05.

Slurm reserves no single GPUs ("TRES type 'gres/gpu' not supported with reservations"), so a class gets whole nodes.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hub.slurm.commands import Slurm, SlurmRefused, SlurmSilent

PREFIX = "werkbank-"
"""What the names of those that are kept for workshops begin with."""
FLAGS = "FLEX,NO_HOLD_JOBS_AFTER_END"
"""Members' jobs begin before it on free nodes, go on after it, and use other nodes where its own are full; those that
still wait when it ends are not held back. Without these flags Slurm ends what runs in it."""
LEAD_S = 3600.0
"""Jobs of members go in it from so long before it begins."""
BEGINS_WITHIN_S = 30
"""How long a job waits that has nobody before it, with time to spare."""
LEAST_S = 600
"""What would get less time than this before the next reservation of its nodes is not kept to it."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
"""Names of users that can stand in a list of scontrol's, where - and + take out and add."""


@dataclass(frozen=True)
class NodeReservation:
    """Whole nodes that are kept for users in a window of Unix seconds."""

    name: str
    start: float
    end: float
    nodes: frozenset[str]
    users: frozenset[str]

    def overlaps(self, start: float, end: float) -> bool:
        """Whether it shares a moment with this window."""
        return self.start < end and start < self.end


async def reservations(slurm: Slurm) -> dict[str, NodeReservation]:
    """All of them, by name. Raises SlurmSilent, SlurmRefused."""
    rows = list(_rows(await slurm.ask("scontrol", "show", "reservation", "--oneliner")))
    names = await expanded(slurm, [row["Nodes"] for row in rows])
    return {row["ReservationName"]: _reservation(row, names[row["Nodes"]]) for row in rows}


async def expanded(slurm: Slurm, told: Collection[str]) -> dict[str, frozenset[str]]:
    """Which nodes each of Slurm's expressions (`n[1-3,7]`) names; Slurm itself takes those apart that are lists."""
    found = {}
    for one in set(told):
        if "[" in one:
            found[one] = frozenset((await slurm.ask("scontrol", "show", "hostnames", one)).split())
        else:
            found[one] = frozenset(name for name in one.split(",") if name and name != "(null)")
    return found


async def make(slurm: Slurm, wanted: NodeReservation, now: float) -> None:
    """Reserve. Raises SlurmRefused, where a job runs on a node until later than it begins, say, and SlurmSilent."""
    await slurm.ask("scontrol", "create", "reservation", f"ReservationName={wanted.name}", *_window(wanted, now),
                    f"Users={_list(wanted.users, wanted)}", f"Nodes={_list(wanted.nodes, wanted)}",
                    f"Flags={FLAGS}")  # fmt: skip


async def change(slurm: Slurm, known: NodeReservation, wanted: NodeReservation, now: float) -> None:
    """Make one that there is what is wanted; what runs in it goes on. Raises SlurmRefused and SlurmSilent."""
    changes = []
    if known.start > now and _seconds(known.start) != _seconds(max(wanted.start, now)):
        changes.append(_window(wanted, now)[0])
    if _seconds(known.end) != _seconds(wanted.end):
        changes.append(_window(wanted, now)[1])
    if known.users != wanted.users:
        changes.append(f"Users={_list(wanted.users, wanted)}")
    if known.nodes != wanted.nodes:
        changes.append(f"Nodes={_list(wanted.nodes, wanted)}")
    if changes:
        await slurm.ask("scontrol", "update", f"ReservationName={wanted.name}", *changes)


async def end(slurm: Slurm, name: str) -> None:
    """Keep its nodes no longer; none of that name is no problem. Jobs in it go on. Raises SlurmRefused, SlurmSilent."""
    try:
        await slurm.ask("scontrol", "delete", f"ReservationName={name}")
    except SlurmRefused as refused:
        if "in use" in str(refused):
            await slurm.ask("scontrol", "update", f"ReservationName={name}", "EndTime=now")
        elif "nvalid" not in str(refused) and "not found" not in str(refused).lower():
            raise


async def may_reserve(slurm: Slurm) -> bool:
    """Whether we are one of Slurm's operators: who is not is refused before Slurm looks for the reservation.

    Raises SlurmSilent.
    """
    try:
        await slurm.ask("scontrol", "delete", f"ReservationName={PREFIX}none")
    except SlurmRefused as refused:
        return not is_forbidden(refused)
    return True


def is_forbidden(refused: SlurmRefused) -> bool:
    """Whether Slurm lets us make no reservations at all."""
    return re.search(r"invalid user|denied|permission", str(refused), re.IGNORECASE) is not None


def keepable(users: Iterable[str]) -> frozenset[str]:
    """Those whose names Slurm can be told."""
    return frozenset(user for user in users if _NAME.fullmatch(user))


@dataclass(frozen=True)
class Kept:
    """The reservation that a job goes in, and from when on its nodes are somebody else's (Unix seconds)."""

    name: str
    until: float | None = None

    def bounded(self, seconds: int, now: float) -> int:
        """How long a job may run that wants `seconds`: one that runs into the next reservation would never begin."""
        return seconds if self.until is None else bounded(seconds, self.until, now)


def kept_for(user: str, found: Mapping[str, NodeReservation], now: float) -> Kept | None:
    """The reservation for a job that a user begins now: of those that are on, the one that ends first; before one
    begins, the next. None where there is none.
    """
    mine = [one for one in found.values() if one.name.startswith(PREFIX) and user in one.users]
    on = [one for one in mine if one.start - LEAD_S <= now < one.end]
    if not on:
        return None
    best = min(on, key=lambda one: (one.start > now, one.end, one.name))
    return Kept(best.name, kept_until(best.name, found.values(), now))


def others_from(user: str, found: Iterable[NodeReservation], now: float) -> dict[str, float]:
    """In how many seconds nodes are kept for others than a user: 0.0 is now."""
    after: dict[str, float] = {}
    for one in found:
        if user not in one.users and one.end > now:
            for node in one.nodes:
                after[node] = min(after.get(node, math.inf), max(0.0, one.start - now))
    return after


def bounded(seconds: int, until: float, now: float) -> int:
    """How long a job that begins about now may run to be over by then: whole minutes, for Slurm counts those."""
    left = until - now
    return seconds if left < LEAST_S else min(seconds, int((left - BEGINS_WITHIN_S) // 60) * 60)


def kept_until(name: str, found: Iterable[NodeReservation], now: float) -> float | None:
    """From when on nodes of a reservation are somebody else's; None where that is not to be."""
    known = list(found)
    nodes = next((one.nodes for one in known if one.name == name), frozenset())
    return min((one.start for one in known if one.name != name and one.start > now and one.nodes & nodes), default=None)


async def shorten(slurm: Slurm, job: int, seconds: int) -> None:
    """Bound a job that waits. Raises SlurmRefused and SlurmSilent."""
    await slurm.ask("scontrol", "update", f"JobId={job}", f"TimeLimit={seconds // 60}")


def _window(wanted: NodeReservation, now: float) -> list[str]:
    """Slurm refuses a start that is past."""
    start = "now" if wanted.start <= now else f"uts{_seconds(wanted.start)}"
    return [f"StartTime={start}", f"EndTime=uts{_seconds(wanted.end)}"]


def _seconds(moment: float) -> int:
    return round(moment)


def _list(names: frozenset[str], of: NodeReservation) -> str:
    if not names or not all(_NAME.fullmatch(one) for one in names):
        raise SlurmRefused(f"{of.name} cannot be kept for or on {', '.join(sorted(names)) or 'nothing'}.")
    return ",".join(sorted(names))


def _rows(told: str) -> Iterator[dict[str, str]]:
    """A line for each, of words `Name=value`; no value of those that are read has a space in it."""
    for line in told.splitlines():
        row = dict(word.partition("=")[::2] for word in line.split() if "=" in word)
        if "ReservationName" in row:
            yield row


def _reservation(row: Mapping[str, str], nodes: frozenset[str]) -> NodeReservation:
    try:
        start, ends = float(row["StartTime"]), float(row["EndTime"])
    except (KeyError, ValueError) as error:
        raise SlurmSilent(f"scontrol said something of a reservation that is not understood here: {error}") from error
    users = row.get("Users", "(null)")
    return NodeReservation(
        row["ReservationName"], start, ends, nodes, frozenset() if users == "(null)" else frozenset(users.split(","))
    )
