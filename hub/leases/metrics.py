"""What Prometheus reads of leases: counts by state and class, waits, and how wrong estimates were."""

from collections import Counter as Tally

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hub.leases.events import Action, Transition
from hub.leases.model import LeaseState
from hub.leases.state import State

WAIT_BUCKETS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600)
ERROR_BUCKETS = (-3600, -900, -300, -60, -15, 0, 15, 60, 300, 900, 3600)
"""Waited minus estimated, in seconds: negative where people were served sooner than told."""


class LeaseMetrics:
    """Fed with every decision; gauges are set when somebody reads."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._leases = Gauge("werkbank_leases", "Live leases", ["gpu_class", "state"], registry=registry)
        self._devices = Gauge("werkbank_devices", "Devices", ["gpu_class", "state"], registry=registry)
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

    def set_gauges(self, state: State) -> None:
        """What there is now."""
        self._leases.clear()
        self._devices.clear()
        for (gpu_class, now), count in Tally((x.gpu_class, str(x.state)) for x in state.leases.values()).items():
            self._leases.labels(gpu_class, now).set(count)
        for (gpu_class, now), count in Tally((x.gpu_class, str(x.state)) for x in state.devices.values()).items():
            self._devices.labels(gpu_class, now).set(count)
