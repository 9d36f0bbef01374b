"""A lease as its seat and its user see it, and a GPU class as everybody does."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from hub.leases.estimate import Estimates
from hub.leases.model import ENDED, Device, Lease, LeaseState
from hub.leases.room import why_unparkable
from hub.leases.sentences import ENDED as ENDED_WORDS
from hub.leases.sentences import UNPARKABLE, WAITING, say
from hub.leases.state import State, Step
from hub.leases.waiting import standing
from hub.settings import GpuClass, Settings
from hub.slurm.words import why_pending
from hub.words import Translate, translator

MANNERS = {
    # Parking copies what a process has reserved, so libraries are asked not to reserve everything.
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    # `torch.cuda.is_available()` then asks NVML and does not start CUDA.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}


class Reason(BaseModel):
    """A code for programs, a sentence for people."""

    code: str
    text: str


class DeviceView(BaseModel):
    """A device as its lease names it."""

    uuid: str
    index: int
    model: str
    memory: int
    """Bytes."""
    simulated: bool


class ParkingView(BaseModel):
    """What the seat needs to know in order to park."""

    driver: str
    """`cuda`, or `simulated` for devices that exist only on paper."""
    lock_timeout_s: float
    host_reserve: int
    """Bytes of the machine's memory to leave free."""
    host_budget: int | None
    """Bytes that parked kernels may take together."""
    migration: bool
    """The device to resume on may be another than the one parked on."""


class JobView(BaseModel):
    """The job that a lease is on a cluster."""

    id: int
    """Its number; 0 while the cluster has yet to take it."""
    node: str
    """Where it runs; empty before that."""
    ends_at: float | None
    """When its time is over; None where that is not known (yet)."""
    contact: str
    """Where the host of its kernel listens, with its public key; empty before it does."""


class LeaseView(BaseModel):
    """Everything about one lease; each answer carries all of it."""

    id: str
    user: str
    server: str
    holder: str
    gpu_class: str
    title: str
    count: int
    kind: str
    state: str
    epoch: int
    since: float
    requested: float
    simulated: bool
    devices: list[DeviceView]
    environment: dict[str, str]
    place: int | None
    of: int | None
    estimate_s: float | None
    reason: Reason | None
    ends_at: float | None
    busy: bool
    wants: bool
    parkable: bool
    unparkable: Reason | None
    keeps_left: int
    kept_until: float | None
    held_seconds: float
    busy_seconds: float
    ended: Reason | None
    parking: ParkingView
    heartbeat_s: float
    job: JobView | None
    """None where kernels run on this machine."""


class ClassView(BaseModel):
    """One GPU class: what there is, and what somebody who asked now would get."""

    name: str
    title: str
    simulated: bool
    isolation: Literal["enforced", "advisory", "none"]
    """How well its devices are kept from processes without a lease."""
    total: int
    free: int
    held: int
    out_of_service: int
    waiting: int
    expected_wait_s: float | None
    known: bool
    """False while the devices cannot be read: the counts are the last that were."""


@dataclass(frozen=True)
class Viewer:
    """Makes views; knows the settings and the estimates."""

    settings: Settings
    estimates: Estimates

    def view(self, state: State, lease: Lease, language: str, unreadable: str = "") -> LeaseView:
        """The lease as it stands in `state`, with sentences in `language`."""
        rules = state.rules
        gpu_class = self.settings.gpu_classes.get(lease.gpu_class)
        devices = [state.devices[uuid] for uuid in lease.devices if uuid in state.devices]
        parameters = self.settings.leases
        simulated = bool(gpu_class and gpu_class.simulated)
        return LeaseView(
            **{
                name: getattr(lease, name) for name in ("id", "user", "server", "holder", "gpu_class", "count", "epoch")
            },
            **{name: getattr(lease, name) for name in ("since", "requested", "busy", "wants")},
            title=gpu_class.title.in_language(language) if gpu_class else lease.gpu_class,
            kind=str(lease.kind),
            state=str(lease.state),
            simulated=simulated,
            devices=[_device(device, gpu_class, language) for device in devices],
            environment=environment(lease, devices, rules.jobs),
            ends_at=lease.ends_at or None,
            keeps_left=max(0, rules.keeps - lease.keeps),
            kept_until=lease.kept_until if lease.kept_until > state.now else None,
            held_seconds=_held(state, lease),
            busy_seconds=lease.busy_seconds,
            parking=ParkingView(
                driver="simulated" if simulated else "cuda",
                lock_timeout_s=10,
                host_reserve=int(parameters.host_reserve),
                host_budget=int(parameters.host_budget) if parameters.host_budget else None,
                migration=parameters.migration,
            ),
            heartbeat_s=rules.heartbeat_period,
            job=_job(lease, devices) if rules.jobs else None,
            **self._waiting(state, lease, language, unreadable),
            **_words(state, lease, language),
        )

    def _seconds(self, state: State, lease: Lease, place: int | None) -> float:
        """Until it has a device; negative where nothing can be said."""
        if state.rules.jobs:
            return lease.outlook.starts - state.now if lease.outlook.starts > state.now else -1.0
        return self.estimates.of_lease(state, lease, place) if place else -1.0

    def _waiting(self, state: State, lease: Lease, language: str, unreadable: str) -> dict[str, Any]:
        stands = standing(state, lease)
        if stands is None:
            return {"place": None, "of": None, "estimate_s": None, "reason": None}
        code = stands.reason
        if unreadable and not lease.job:  # on a cluster both come from a Slurm that does not answer
            code = "slurm-silent" if state.rules.jobs else "unreadable"
        facts = {
            "count": lease.count if code == "several" else len(state.of_class.get(lease.gpu_class) or ()),
            "most": state.rules.programme_devices.get(lease.programme)
            if code == "programme-devices"
            else state.rules.devices_of(lease.user),
        }
        seconds = self._seconds(state, lease, stands.place)
        # A bound of one's own ends when one gives back, or on Monday: no estimate can know.
        bound = code in ("own-cap", "programme-hours", "programme-devices", "unreadable", "out-of-service")
        reason = Reason(code=code, text=_why(code, lease, translator(language), facts))
        estimate = None if bound or seconds < 0 else round(seconds)
        return {"place": stands.place, "of": stands.of, "estimate_s": estimate, "reason": reason}


def _why(code: str, lease: Lease, translate: Translate, facts: dict[str, Any]) -> str:
    """Why a lease waits; what a cluster says of its job is in words of the cluster's own."""
    return why_pending(code, translate) if lease.job and code not in WAITING else say(WAITING, code, translate, **facts)


def _job(lease: Lease, devices: list[Device]) -> JobView:
    # A node's device is called after it.
    node = devices[0].uuid.partition("/")[0] if devices else ""
    return JobView(id=lease.job, node=node, ends_at=lease.outlook.ends or None, contact=lease.contact)


def environment(lease: Lease, devices: list[Device], is_job: bool) -> dict[str, str]:
    """The variables a kernel gets with its devices; empty without any. To a job its cluster shows the devices."""
    if not devices:
        return {}
    if is_job:
        return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "WERKBANK_LEASE": lease.id, **MANNERS}
    uuids = ",".join(device.uuid for device in devices)
    return {
        "CUDA_VISIBLE_DEVICES": uuids,
        "NVIDIA_VISIBLE_DEVICES": uuids,
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "WERKBANK_LEASE": lease.id,
        **MANNERS,
    }


def _device(device: Device, gpu_class: GpuClass | None, language: str) -> DeviceView:
    # A simulated device has no model that a driver knows: it is called as its class, in the reader's language.
    named = device.simulated and gpu_class is not None
    model = gpu_class.title.in_language(language) if named and gpu_class else device.model
    facts = {name: getattr(device, name) for name in DeviceView.model_fields}
    return DeviceView(**(facts | {"model": model}))


def _held(state: State, lease: Lease) -> float:
    """Device-seconds until now, those not yet charged included."""
    since = max(0.0, state.now - lease.charged) * lease.count if lease.devices and lease.acquired else 0.0
    return lease.held_seconds + since


def _words(state: State, lease: Lease, language: str) -> dict[str, Any]:
    say_it = translator(language)
    code = why_unparkable(Step(state, state.now), lease)
    ended = None
    if lease.state in ENDED:
        known = lease.ended if lease.state is not LeaseState.BROKEN or lease.ended in ENDED_WORDS else "gpu-lost"
        ended = Reason(code=lease.ended, text=say(ENDED_WORDS, known, say_it))
    unparkable = Reason(code=code, text=say(UNPARKABLE, code, say_it)) if code else None
    return {"parkable": not code, "unparkable": unparkable, "ended": ended}
