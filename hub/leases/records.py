"""Values to JSON and back. Fields a record does not have yet get their default, unknown ones are dropped."""

from dataclasses import asdict, fields
from typing import Any, TypeVar

from hub.leases.model import Device, DeviceState, Kind, Lease, LeaseState, Outlook, Reservation

Value = TypeVar("Value")


def to_record(value: Lease | Device | Reservation) -> dict[str, Any]:
    """What JSON can hold."""
    return {name: sorted(part) if isinstance(part, frozenset) else part for name, part in asdict(value).items()}


def to_lease(record: dict[str, Any]) -> Lease:
    """The lease of a record."""
    parts = _known(Lease, record)
    changed = {
        "state": LeaseState(parts["state"]),
        "kind": Kind(parts["kind"]),
        "groups": frozenset(parts["groups"]),
        "devices": tuple(parts["devices"]),
        "outlook": Outlook(**_known(Outlook, parts.get("outlook") or {})),
    }
    return Lease(**(parts | changed))


def to_device(record: dict[str, Any]) -> Device:
    """The device of a record."""
    parts = _known(Device, record)
    nodes = tuple((major, minor) for major, minor in parts.get("nodes", ()))
    return Device(**(parts | {"state": DeviceState(parts["state"]), "nodes": nodes}))


def to_reservation(record: dict[str, Any]) -> Reservation:
    """The reservation of a record."""
    parts = _known(Reservation, record)
    return Reservation(**(parts | {"users": frozenset(parts["users"])}))


def _known(kind: type[Any], record: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: part for name, part in record.items() if name in names}
