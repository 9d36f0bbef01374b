"""Qualities of service: which there are, who may use which, and what would let accounts use the one of the settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hub.slurm.associations import Account, Change
from hub.slurm.commands import Slurm

FIELDS = ("Account", "User", "QOS")

Whose = tuple[str, str]
"""An account, and a user in it; the account itself where the user is empty."""
May = Mapping[Whose, frozenset[str]]
"""The qualities that each may use."""


@dataclass(frozen=True)
class Qualities:
    """What a cluster's accounting has. Names are in small letters, as Slurm keeps them."""

    known: frozenset[str]
    may: May
    """With what comes from the account above."""
    own: May
    """Without: empty for those who have just what their account has."""


async def qualities(slurm: Slurm, cluster: str) -> Qualities:
    """What there is. Raises SlurmSilent, SlurmRefused."""
    plain = ("--noheader", "--parsable2", "show")
    known = await slurm.ask("sacctmgr", *plain, "qos", "format=Name")
    asks = (*plain, "associations", f"cluster={cluster}")
    wanted = f"format={','.join(FIELDS)}"
    may = await slurm.ask("sacctmgr", *asks, wanted)
    own = await slurm.ask("sacctmgr", *asks, "WOPInfo", wanted)
    return Qualities(frozenset(known.split()), read_may(may), read_may(own))


def read_may(told: str) -> dict[Whose, frozenset[str]]:
    """What sacctmgr printed: a line for each account, and one for each user in it."""
    rows = [line.split("|") for line in told.splitlines() if line.count("|") == len(FIELDS) - 1]
    return {(account, user): frozenset(filter(None, names.split(","))) for account, user, names in rows}


def missing(qos: str, have: Qualities) -> Iterator[Change]:
    """What would make the quality, where there is none of that name."""
    if qos.lower() not in have.known:
        yield Change(f"make the QOS {qos.lower()}, without bounds of its own", ("add", "qos", qos.lower()))


def allowances(qos: str, have: Qualities, want: Iterable[Account], cluster: str) -> Iterator[Change]:
    """What would let jobs of these accounts use it, whoever gives them; whatever else they may use stays.

    In the order to do it in, once the accounts are there.
    """
    name = qos.lower()
    for one in want:
        account = one.name.lower()
        at = (f"account={account}", f"cluster={cluster}", "set", f"qos+={name}")
        if name not in have.may.get((account, ""), frozenset()):
            yield Change(f"{account}: its jobs may use the QOS {name}", ("modify", "account", "where", *at))
        for user in sorted(one.users):
            if name not in have.may.get((account, user), frozenset()) and _is_apart((account, user), have):
                says = f"{account}: {user}, who has a list of their own, may use the QOS {name}"
                yield Change(says, ("modify", "user", "where", f"user={user}", *at))


def _is_apart(whose: Whose, have: Qualities) -> bool:
    """Whether somebody has a list of their own: what their account may use does not reach them."""
    own = have.own.get(whose, frozenset())
    return bool(own) and own == have.may.get(whose, frozenset())
