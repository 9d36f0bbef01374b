"""When a changed setting takes effect: the one list of what is safe while the workbench runs.

What stands on no line here waits for a restart. The longest line that fits a key counts.
"""

from enum import StrEnum


class When(StrEnum):
    """When people notice."""

    NOW = "now"
    """Within seconds, for everybody."""
    START = "start"
    """For seats that start from then on."""
    SIGN_IN = "sign-in"
    """For each person at their next sign-in."""
    RESTART = "restart"
    """Once the workbench was restarted."""


WHEN = {
    "site.title": When.NOW,
    "site.memory_overcommit": When.NOW,
    "site.footprint": When.NOW,
    "site.containers.image": When.START,
    "site.slurm.accounts": When.START,
    "site.slurm.partition": When.START,
    "site.slurm.qos": When.START,
    "admin_groups": When.SIGN_IN,
    "trainer_groups": When.NOW,
    "profiles": When.START,
    "profiles.title": When.NOW,
    "profiles.description": When.NOW,
    "profiles.groups": When.NOW,
    "profiles.gpu_classes": When.START,
    "profiles.dask": When.NOW,
    "profiles.idle_timeout": When.NOW,
    "profiles.life": When.NOW,
    "programmes": When.NOW,
    "programmes.members": When.SIGN_IN,
    "workshops": When.NOW,
    "culling": When.NOW,
    # The culler sets its clock once.
    "culling.check_period": When.RESTART,
    "leases": When.NOW,
    # Another database is another set of records.
    "leases.database": When.RESTART,
    # Seats and the guard were started under one kind of isolation.
    "leases.isolation": When.RESTART,
    # Seats that run were told how often to be heard; a shorter period would take them for dead.
    "leases.heartbeat_period": When.RESTART,
}

ENTRIES = ("profiles", "programmes", "environments", "gpu_classes")
"""Sections of named entries: the second step of such a key is a name."""


def when(key: str) -> When:
    """When a change of `key` takes effect; `profiles.small.cpu` is looked up as `profiles.cpu`."""
    steps = key.split(".")
    if steps[0] in ENTRIES:
        del steps[1:2]
    for length in range(len(steps), 0, -1):
        if (found := WHEN.get(".".join(steps[:length]))) is not None:
            return found
    return When.RESTART
