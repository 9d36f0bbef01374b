"""What Slurm keeps from a user who is not root: with `PrivateData`, jobs of others seem not to be there."""

import os
import re

from hub.slurm.commands import PATIENCE_S, Slurm

MATTERS = frozenset({"jobs", "nodes", "usage", "accounts", "users"})
SEES_ALL = frozenset({"operator", "administrator"})


async def hidden_from(user: str, slurm: Slurm, patience: float = PATIENCE_S) -> frozenset[str]:
    """What of MATTERS Slurm or its accounting hides from `user`, who runs this. Raises SlurmSilent, SlurmRefused."""
    if os.geteuid() == 0:
        return frozenset()
    cluster = await slurm.ask("scontrol", "show", "config", patience=patience)
    if re.search(rf"^SlurmUser\s*=\s*{re.escape(user)}\(", cluster, re.MULTILINE):
        return frozenset()
    hidden = _private(cluster) | _private(await slurm.ask("sacctmgr", "show", "configuration", patience=patience))
    return frozenset() if hidden and await _sees_all(user, slurm, patience) else hidden


def sentence(user: str, hidden: frozenset[str]) -> str:
    """What follows from it, and what helps."""
    return (
        f"Slurm hides from {user}, who runs this, what is not its own (PrivateData has {', '.join(sorted(hidden))}): "
        f"seats and kernels that run would look ended, or their use would be unknown. Make it an operator: "
        f"`sacctmgr add user {user} account=root adminlevel=operator`, or where Slurm knows it "
        f"`sacctmgr modify user {user} set adminlevel=operator`."
    )


def _private(told: str) -> frozenset[str]:
    found = re.findall(r"^PrivateData\s*=\s*(\S+)", told, re.MULTILINE)
    words = {word for line in found for word in line.lower().split(",")}
    return MATTERS if "all" in words else frozenset(words & MATTERS)


async def _sees_all(user: str, slurm: Slurm, patience: float) -> bool:
    asks = ("--noheader", "--parsable2", "show", "user", f"name={user}", "format=AdminLevel")
    told = await slurm.ask("sacctmgr", *asks, patience=patience)
    return not SEES_ALL.isdisjoint(told.lower().split())
