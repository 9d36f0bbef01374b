"""The workplace that is measured: users in programmes, simulated devices, leases that wait."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from hub.leases.identity import lease_id
from hub.leases.model import Device, Kind, Lease
from hub.leases.watch import start_time

GPU_CLASS = "simulated"
PROFILE = "medium"
"""The profile of the measured seats."""
PROGRAMMES = tuple(f"programme-{letter}" for letter in "abcdef")
USERS = 300
WAITING_PER_USER = 8
"""A user's leases that may wait, as in the settings' default."""
UNATTENDED = 0.15
"""The share of leases that are not interactive."""


@dataclass(frozen=True)
class Size:
    """How much of everything there is."""

    waiting: int = 1_000
    devices: int = 256

    @property
    def users(self) -> int:
        """More than usual where so many leases wait that each would reach the bound on their own."""
        return max(USERS, self.waiting // 4)


def user_name(number: int) -> str:
    return f"user-{number:05}"


def programme_of(user: str) -> str:
    """The programme a user belongs to: the first programmes are larger than the last."""
    number = int(user.rpartition("-")[2])
    shares = (0, 0, 0, 1, 1, 2, 2, 3, 4, 5)
    return PROGRAMMES[shares[number % len(shares)]]


def token_of(user: str) -> str:
    """The token by which the stand-in for the hub knows a user."""
    return f"bench-{user}"


def devices(count: int) -> tuple[Device, ...]:
    """Simulated devices, named as the broker's own inventory names them."""
    return tuple(
        Device(f"SIMULATED-{GPU_CLASS}-{n}", GPU_CLASS, index=n, model="Simulated GPU", memory=2**34, simulated=True)
        for n in range(count)
    )


def requests(size: Size, random: Random) -> Iterator[Lease]:
    """Requests without end, each from some user."""
    number = 0
    while True:
        number += 1
        user = user_name(random.randrange(size.users))
        yield request(user, f"bench-key-{number:08}", unattended=random.random() < UNATTENDED)


def request(user: str, key: str, *, unattended: bool = False) -> Lease:
    """A request for one device, as the API makes it of a seat's question."""
    programme = programme_of(user)
    return Lease(
        id=lease_id(user, key),
        user=user,
        programme=programme,
        groups=frozenset({programme}),
        gpu_class=GPU_CLASS,
        count=1,
        kind=Kind.UNATTENDED if unattended else Kind.INTERACTIVE,
        holder=f"{key}.ipynb",
        server="",
        gated=True,
        requested=0.0,
    )


def own_process() -> tuple[int, str]:
    """A process that lives as long as the measurement; it stands for every kernel."""
    return os.getpid(), start_time(os.getpid())


def settings(base: dict[str, Any], size: Size) -> dict[str, Any]:
    """The settings tree `base` with this workplace in it."""
    title = {"en": "Measured", "nl": "Gemeten"}
    simulated = {"title": title, "memory": "16GiB", "simulated": True}
    profiles = [profile | {"groups": []} for profile in base["profiles"] if profile["name"] == PROFILE]
    programmes = [{"name": name, "title": title, "share": 1 + n % 3} for n, name in enumerate(PROGRAMMES)]
    return base | {
        "site": base.get("site", {}) | {"simulate_gpus": size.devices, "seats_run_as": "same-user"},
        "gpu_classes": {GPU_CLASS: simulated},
        "profiles": [profile | {"gpu_classes": [GPU_CLASS]} for profile in profiles],
        "programmes": programmes,
        "leases": base.get("leases", {}) | {"database": "sqlite", "waiting_per_user": WAITING_PER_USER},
        "gateway": {"enabled": False},
    }
