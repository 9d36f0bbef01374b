"""A lease as the broker tells it, and the sentences about it that people see."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .words import duration, tr

QUEUED, OFFERED, ACTIVE, NOTICE = "queued", "offered", "active", "notice"
PARKING, PARKED, RESUMING = "parking", "parked", "resuming"
RELEASED, EXPIRED, LOST, BROKEN = "released", "expired", "lost", "broken"

ENDED = frozenset({RELEASED, EXPIRED, LOST, BROKEN})
HELD = frozenset({ACTIVE, NOTICE})
AWAY = frozenset({PARKING, PARKED, RESUMING})
WAITING = frozenset({QUEUED, OFFERED})


@dataclass(frozen=True)
class Lease:
    """One answer of the broker. `raw` is that answer, whole."""

    id: str
    state: str
    epoch: int
    since: float
    raw: Mapping[str, Any] = field(repr=False, compare=False, default_factory=dict)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Lease:
        """Raises KeyError, TypeError or ValueError for something that is not a lease."""
        return cls(str(raw["id"]), str(raw["state"]), int(raw["epoch"]), float(raw["since"]), raw)

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def environment(self) -> dict[str, str]:
        """What the holder's process must see; {} while there is no device."""
        return {str(name): str(value) for name, value in (self.raw.get("environment") or {}).items()}

    @property
    def why_ended(self) -> str:
        return str((self.raw.get("ended") or {}).get("text") or tr("stopped.over_unknown"))

    @property
    def heartbeat_s(self) -> float:
        return max(0.05, float(self.raw.get("heartbeat_s") or 10))

    def is_older_than(self, other: Lease) -> bool:
        """Whether this answer was overtaken by `other`: answers of parallel requests arrive in any order."""
        return self.id == other.id and ((self.epoch, self.since) < (other.epoch, other.since) or other.ended)

    def lost(self, why: str) -> Lease:
        """This lease as it stands when the broker no longer knows it."""
        raw = {**self.raw, "state": LOST, "devices": [], "environment": {}, "ended": {"code": "unknown", "text": why}}
        return Lease(self.id, LOST, self.epoch, time.time(), raw)


def device_name(lease: Lease | None) -> str:
    """What the lease holds, as people call it: "2 × NVIDIA H200 (simulated)"."""
    if lease is None:
        return "GPU"
    devices = lease.raw.get("devices") or []
    name = str(devices[0]["model"]) if devices else title(lease)
    count = f"{len(devices)} × " if len(devices) > 1 else ""
    return f"{count}{name}{_simulated(lease, name)}"


def title(lease: Lease) -> str:
    return str(lease.raw.get("title") or lease.raw.get("gpu_class") or "GPU")


def _simulated(lease: Lease, name: str) -> str:
    """The mark that a device is simulated, unless its name already says so."""
    if not lease.raw.get("simulated") or tr("simulated") in name.lower():
        return ""
    return f" ({tr('simulated')})"


def waiting_sentence(lease: Lease | None, silent: bool) -> str:
    """What a cell at the gate shows: place, reason, estimate, or that the GPU comes back."""
    parts = [_where(lease)]
    if lease is not None and lease.state in (QUEUED, PARKED):
        parts += [_reason(lease), _estimate(lease)]
    if silent:
        parts.append(tr("wait.silent"))
    parts.append(tr("wait.cancel"))
    return " ".join(part for part in parts if part)


def _where(lease: Lease | None) -> str:
    if lease is None:
        return tr("wait.asking")
    place = {"place": lease.raw.get("place"), "of": lease.raw.get("of")}
    numbered = None not in place.values()
    name = title(lease) + _simulated(lease, title(lease))
    if lease.state == QUEUED:
        return tr("wait.place", title=name, **place) if numbered else tr("wait.queued", title=name)
    if lease.state == PARKED:
        return tr("wait.parked_place", **place) if numbered else tr("wait.parked")
    return tr("wait.resuming") if lease.state in AWAY else tr("wait.offered", title=name)


def _reason(lease: Lease) -> str:
    return str((lease.raw.get("reason") or {}).get("text") or "")


def _estimate(lease: Lease) -> str:
    estimate = lease.raw.get("estimate_s")
    if estimate is not None:
        return tr("wait.estimate", time=duration(float(estimate)))
    return tr("wait.no_estimate") if lease.state == QUEUED else ""
