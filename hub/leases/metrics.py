"""What Prometheus reads of leases: counts by state and class, waits, and how wrong estimates were."""

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hub.leases.events import Action, Transition
from hub.leases.line import Line
from hub.leases.model import Device, DeviceState, LeaseState, Rank
from hub.leases.reservations import still_due
from hub.leases.state import State, Step, is_grantable

WAIT_BUCKETS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)
ERROR_BUCKETS = (-3600, -900, -300, -60, -15, 0, 15, 60, 300, 900, 3600)
"""Waited minus estimated, in seconds: negative where people were served sooner than told."""


class LeaseMetrics:
    """Fed with every decision; gauges are set when somebody reads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, says: str, *more: str) -> Gauge:
            return Gauge(f"werkbank_{name}", says, ["gpu_class", *more], registry=registry)

        self._leases = gauge("leases", "Live leases", "state")
        self._devices = gauge("devices", "Devices", "state")
        self._out = gauge("devices_out_of_service", "Devices that are drained or not seen any more")
        self._free = gauge("devices_free", "Devices that could be given now and are kept for no reservation")
        self._line = gauge("leases_in_line", "Leases that wait for a device and are held back by no bound of their own")
        self._oldest = gauge("lease_oldest_wait_seconds", "How long the one in line waits that has waited longest")
        self._moved = Counter("werkbank_lease_transitions", "Edges of leases", ["before", "after"], registry=registry)
        self._waits = Histogram(
            "werkbank_lease_wait_seconds", "From request to offer", buckets=WAIT_BUCKETS, registry=registry
        )
        self._errors = Histogram(
            "werkbank_wait_estimate_error_seconds",
            "Waited minus what was estimated at first",
            buckets=ERROR_BUCKETS,
            registry=registry,
        )
        self._energy = Counter(
            "werkbank_gpu_energy_joules",
            "Energy that devices counted themselves while we looked; nothing where they do not count",
            ["gpu_class"],
            registry=registry,
        )

    def observe(self, state: State, actions: tuple[Action, ...], errors: list[float]) -> None:
        """Count what a decision did."""
        for action in actions:
            if isinstance(action, Transition):
                self._moved.labels(str(action.before or "none"), str(action.after)).inc()
                lease = state.leases.get(action.lease)
                if action.after is LeaseState.OFFERED and lease is not None:
                    self._waits.observe(max(0.0, action.at - lease.requested))
        for error in errors:
            self._errors.observe(error)

    def took(self, gpu_class: str, joules: float) -> None:
        """Count energy that a device of that class has measured."""
        self._energy.labels(gpu_class).inc(joules)

    def set_gauges(self, state: State, now: float) -> None:
        """What there is at `now` (Unix seconds)."""
        for gauge in (self._leases, self._devices, self._out, self._free, self._line, self._oldest):
            gauge.clear()
        for (gpu_class, at), count in Tally((x.gpu_class, str(x.state)) for x in state.leases.values()).items():
            self._leases.labels(gpu_class, at).set(count)
        step = Step(state, now)
        for gpu_class in state.of_class:
            self._set_class(step, gpu_class)

    def _set_class(self, step: Step, gpu_class: str) -> None:
        devices = list(step.class_devices(gpu_class))
        states = Tally(device.state for device in devices)
        for at in DeviceState:  # each of them, so that a graph has its zeros
            self._devices.labels(gpu_class, str(at)).set(states[at])
        self._out.labels(gpu_class).set(sum(map(_is_out, devices)))
        self._free.labels(gpu_class).set(max(0, sum(map(is_grantable, devices)) - _kept(step, gpu_class)))
        line = step.line(gpu_class)
        self._line.labels(gpu_class).set(len(line))
        self._oldest.labels(gpu_class).set(max(0.0, step.now - _first(line)) if len(line) else 0.0)


def _is_out(device: Device) -> bool:
    return device.draining or not device.visible


def _kept(step: Step, gpu_class: str) -> int:
    """Devices that reservations lack: those that are open, and those that are about to open."""
    about_to = step.now + step.rules.reservation_drain
    return sum(
        still_due(step, reservation)
        for reservation in step.reservations.values()
        if reservation.gpu_class == gpu_class and reservation.start <= about_to and step.now < reservation.end
    )


def _first(line: Line) -> float:
    """Since when the first of a line waits that has somebody in it (Unix seconds)."""
    ages = (*(found for rank, found in line.ages.items() if rank is not Rank.RETURNING), *line.returning.values())
    return min(found.first()[0] for found in ages if len(found))
