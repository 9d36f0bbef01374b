"""Devices, parked kernels and the line, as the page "Operations" shows them."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from hub.admin.operations_model import DeviceFact, DeviceStage, ParkedFact, QueueFact, age, moment
from hub.audit import Entry
from hub.leases.desk import Desk
from hub.leases.explain import ids_in_line
from hub.leases.explain_view import LineRow, rows_in_line, why_waits
from hub.leases.model import Device, DeviceState, Lease, LeaseState
from hub.leases.page_facility import coarse
from hub.leases.page_view import stage_of
from hub.pages.filters import written
from hub.words import later, translator

DRAINED_BY = later("Taken out of service by {who}, {at}.")
DRAINED = later("Taken out of service by an admin.")
LEFT_OVER = later("Still on it: {what}.")
NOT_CLEAN = later("Not seen clean after its last lease.")
UNSEEN = later("The driver does not show it any more.")
NODE_AWAY = later("Its node takes no jobs now; `sinfo --list-reasons` says why.")

_STAGES: dict[DeviceState, DeviceStage] = {
    DeviceState.FREE: "free",
    DeviceState.RESERVED: "kept",
    DeviceState.HELD: "kept",
    DeviceState.CLEANING: "checking",
    DeviceState.QUARANTINED: "quarantined",
}


# --- devices ------------------------------------------------------------------------------------------


def device_facts(
    desk: Desk, left_over: Mapping[str, str], drained: Mapping[str, Entry], language: str
) -> list[DeviceFact]:
    """All devices: what is wrong first, then what is out of service, then by class and number."""
    state = desk.broker.state
    facts = [
        device_fact(desk, state.devices[uuid], left_over.get(uuid, ""), drained.get(uuid), language)
        for name in sorted(state.of_class)
        for uuid in state.of_class[name]
    ]
    return sorted(facts, key=lambda fact: (not fact.is_wrong, not fact.draining))


def device_fact(desk: Desk, device: Device, left: str, drained: Entry | None, language: str) -> DeviceFact:
    """One of them; `left` is what is left on it, `drained` who took it out of service."""
    state = desk.broker.state
    lease = state.leases.get(device.lease) if device.lease else None
    since = (lease.acquired or lease.since) if lease else device.since
    return DeviceFact(
        uuid=device.uuid,
        number=device.label,
        drainable=not state.rules.jobs,
        title=_title(desk, device.gpu_class, language),
        model=device.model,
        memory=device.memory,
        simulated=device.simulated,
        stage=_stage(device, lease),
        since=moment(since),
        age=age(state.now - since),
        lease=lease.id if lease else "",
        user=lease.user if lease else "",
        holder=lease.holder if lease else "",
        draining=device.draining,
        silent_since=moment(lease.heard) if lease and lease.silent else None,
        why=_why(device, left, drained, state.rules.jobs, language),
    )


def _stage(device: Device, lease: Lease | None) -> DeviceStage:
    if not device.visible:
        return "unseen"
    if lease is not None:
        return stage_of(lease)
    if device.state is DeviceState.QUARANTINED:
        return "quarantined"
    if device.taken:
        return "taken"
    return "out" if device.draining else _STAGES[device.state]


def _why(device: Device, left: str, drained: Entry | None, is_far: bool, language: str) -> str:
    _, said = translator(language), []
    if not device.visible:
        said.append(_(NODE_AWAY if is_far else UNSEEN))
    elif device.state is DeviceState.QUARANTINED:
        said.append(_(LEFT_OVER).format(what=left) if left else _(NOT_CLEAN))
    if device.draining and drained is None:
        said.append(_(DRAINED))
    elif device.draining and drained is not None:
        said.append(_(DRAINED_BY).format(who=drained.who, at=written(drained.at.timestamp())))
    return " ".join(said)


def parked_facts(desk: Desk, language: str) -> list[ParkedFact]:
    """Kernels whose work lies in memory, the oldest first."""
    state = desk.broker.state
    parked = [lease for lease in state.leases.values() if lease.state is LeaseState.PARKED]
    return [
        ParkedFact(
            lease=lease.id,
            user=lease.user,
            holder=lease.holder,
            title=_title(desk, lease.gpu_class, language),
            simulated=_is_simulated(desk, lease.gpu_class),
            stage=stage_of(lease),
            since=moment(lease.since),
            ends_at=moment(lease.ends_at) if lease.ends_at else None,
        )
        for lease in sorted(parked, key=lambda lease: (lease.since, lease.id))
    ]


# --- the line -----------------------------------------------------------------------------------------


def waiting(desk: Desk) -> list[Lease]:
    """All leases that wait, class by class, first to last."""
    state = desk.broker.state
    names = {lease.gpu_class for lease in state.leases.values() if lease.is_waiting}
    return [state.leases[id] for name in sorted(names) for id in ids_in_line(state, name)]


def queue_facts(desk: Desk, leases: Iterable[Lease], language: str) -> list[QueueFact]:
    """These leases that wait, with why and for how long. Each costs milliseconds: they are not for all of a crowd."""
    facts: list[QueueFact] = []
    for _name, line in groupby(leases, key=lambda lease: lease.gpu_class):
        rows = rows_in_line(desk.broker.state, [lease.id for lease in line], language)
        facts += [_queue(desk, row, language) for row in rows]
    return facts


def _queue(desk: Desk, row: LineRow, language: str) -> QueueFact:
    state = desk.broker.state
    lease = state.leases[row.lease]
    view = desk.view(lease, language)
    code = view.reason.code if view.reason else ""
    return QueueFact(
        lease=row.lease,
        title=view.title,
        simulated=view.simulated,
        place=row.place,
        user=row.user,
        programme=row.programme,
        holder=row.holder,
        since=moment(row.since),
        rank=row.rank,
        why=row.held_back or (why_waits(state, lease, code, language) if code else ""),
        wait=None if view.estimate_s is None else coarse(view.estimate_s),
    )


def _title(desk: Desk, gpu_class: str, language: str) -> str:
    declared = desk.settings.gpu_classes.get(gpu_class)
    return declared.title.in_language(language) if declared else gpu_class


def _is_simulated(desk: Desk, gpu_class: str) -> bool:
    declared = desk.settings.gpu_classes.get(gpu_class)
    return bool(declared and declared.simulated)
