"""Who is counted where: Slurm's accounts with their members, bounds and shares, and what would make them as wanted."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from hub.slurm.commands import Slurm
from hub.slurm.tres import gpus_of

ROOT_ACCOUNT = "root"
FIELDS = ("Account", "User", "Fairshare", "GrpTRES")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")
"""Users whom sacctmgr is told of: it reads commas and equals signs in its arguments."""


@dataclass(frozen=True)
class Account:
    """An account, as it is or as it is wanted."""

    name: str
    share: int = 1
    gpus: int | None = None
    """Devices that its jobs may hold together; None is without bound."""
    users: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Change:
    """One thing to do, as a command of sacctmgr."""

    says: str
    arguments: tuple[str, ...]
    takes_away: bool = False
    """Somebody or something is less than before: done only when asked for."""


async def accounts(slurm: Slurm, cluster: str) -> dict[str, Account]:
    """The accounts of a cluster, by name. Raises SlurmSilent, SlurmRefused."""
    asks = ("--noheader", "--parsable2", "show", "associations", f"cluster={cluster}", f"format={','.join(FIELDS)}")
    return read_accounts(await slurm.ask("sacctmgr", *asks))


async def cluster_name(slurm: Slurm) -> str:
    """The name under which this cluster is in the accounting. Raises SlurmSilent, SlurmRefused."""
    told = await slurm.ask("scontrol", "show", "config")
    found = re.search(r"^ClusterName\s*=\s*(\S+)", told, re.MULTILINE)
    return found[1] if found else ""


def read_accounts(told: str) -> dict[str, Account]:
    """What sacctmgr printed: a line for each account, and one for each user in it."""
    rows = [line.split("|") for line in told.splitlines() if line.count("|") == len(FIELDS) - 1]
    users: dict[str, set[str]] = {}
    for account, user, _share, _tres in rows:
        users.setdefault(account, set()).update({user} if user else ())
    return {
        account: Account(account, _share_of(share), _gpus_in(tres), frozenset(users[account]))
        for account, user, share, tres in rows
        if not user and account != ROOT_ACCOUNT
    }


def changes(have: Mapping[str, Account], want: Iterable[Account], cluster: str) -> Iterator[Change]:
    """What would make the wanted accounts as they are wanted; others are left alone. In the order to do it in."""
    for one in (replace(wanted, name=wanted.name.lower()) for wanted in want):
        # In small letters, as Slurm keeps names: others would be made again and again.
        at = (f"cluster={cluster}",)
        has = have.get(one.name)
        if has is None:
            yield Change(f"make the account {one.name}", ("add", "account", one.name, *at))
            has = Account(one.name)
        if has.share != one.share:
            says = f"{one.name}: share {has.share} → {one.share}"
            yield Change(says, _set(one.name, cluster, f"fairshare={one.share}"))
        if has.gpus != one.gpus:
            says = f"{one.name}: GPUs at once {_bound(has.gpus)} → {_bound(one.gpus)}"
            bound = -1 if one.gpus is None else one.gpus
            yield Change(says, _set(one.name, cluster, f"GrpTRES=gres/gpu={bound}"))
        for user in sorted(one.users - has.users):
            yield Change(f"{one.name}: add {user}", ("add", "user", user, f"account={one.name}", *at))
        for user in sorted(has.users - one.users):
            gone = ("delete", "user", user, f"account={one.name}", *at)
            yield Change(f"{one.name}: remove {user}", gone, takes_away=True)


async def apply(slurm: Slurm, change: Change) -> None:
    """Do it. Raises SlurmSilent, SlurmRefused."""
    await slurm.ask("sacctmgr", "--immediate", *change.arguments)


def _set(account: str, cluster: str, what: str) -> tuple[str, ...]:
    return ("modify", "account", "where", f"account={account}", f"cluster={cluster}", "set", what)


def _bound(gpus: int | None) -> str:
    return "no bound" if gpus is None else str(gpus)


def _share_of(text: str) -> int:
    return int(text) if text.isdecimal() else 1


def _gpus_in(tres: str) -> int | None:
    # A type's bound is an admin's own; what programmes have is a bound on all of them.
    total = [part for part in tres.split(",") if part.startswith("gres/gpu=")]
    return gpus_of(total[0]).get("", 0) if total else None
