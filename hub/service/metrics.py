"""What Prometheus reads: counts only, no names of people."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from hub.health import Health
from hub.leases.metrics import LeaseMetrics
from hub.web.hub_api import SeatRecord


class Metrics:
    """The service's own registry, so that two apps in one process do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.leases = LeaseMetrics(self._registry)
        self._seats = Gauge("werkbank_seats", "Running seats", ["profile"], registry=self._registry)
        self._up = Gauge("werkbank_dependency_up", "1 when the dependency answers", ["name"], registry=self._registry)
        self.keeps = Counter("werkbank_seat_keeps", "Times a seat was kept", registry=self._registry)

    def observe(self, seats: Iterable[SeatRecord], health: Iterable[Health]) -> None:
        """Set the gauges from what was just seen."""
        self._seats.clear()
        for profile, count in Tally(seat.profile or "unknown" for seat in seats).items():
            self._seats.labels(profile).set(count)
        for dependency in health:
            self._up.labels(dependency.name).set(dependency.ok)

    def exposition(self) -> bytes:
        """The text format."""
        return generate_latest(self._registry)
