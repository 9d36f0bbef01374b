"""What Prometheus reads: counts and times only, no names of people."""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hub import __version__
from hub.health import Health
from hub.leases.metrics import LeaseMetrics
from hub.settings import Settings
from hub.web.gateway_api import OwnedCluster
from hub.web.hub_api import SeatRecord
from hub.workshops.metrics import WorkshopMetrics


class Metrics:
    """The service's own registry, so that two apps in one process do not meet."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.leases, self.workshops = LeaseMetrics(registry), WorkshopMetrics(registry)
        self._seats = Gauge("werkbank_seats", "Running seats", ["profile"], registry=registry)
        self._up = Gauge("werkbank_dependency_up", "1 when the dependency answers", ["name"], registry=registry)
        self.keeps = Counter("werkbank_seat_keeps", "Times a seat was kept", registry=registry)
        self._classes = Gauge(
            "werkbank_gpu_class_info",
            "1 for each GPU class of the settings",
            ["gpu_class", "simulated"],
            registry=registry,
        )
        self._backup = Known("last_backup_timestamp_seconds", "When the last backup was made; absent: never")
        self._clusters = Known("dask_clusters", "Dask clusters that run or start; absent: not known")
        self._workers = Known("dask_workers", "Dask workers that run; absent: not known")
        for known in (self._backup, self._clusters, self._workers):
            registry.register(known)
        Gauge("werkbank_build_info", "The running version", ["version"], registry=registry).labels(__version__).set(1)

    def observe(self, seats: Iterable[SeatRecord], health: Iterable[Health], settings: Settings) -> None:
        """Set the gauges from what was just seen."""
        self._seats.clear()
        for profile, count in Tally(seat.profile or "unknown" for seat in seats).items():
            self._seats.labels(profile).set(count)
        for dependency in health:
            self._up.labels(dependency.name).set(dependency.ok)
        self._classes.clear()
        for name, declared in settings.gpu_classes.items():
            self._classes.labels(name, str(declared.simulated).lower()).set(1)

    def observe_backup(self, made: datetime | None) -> None:
        """When the last backup was made; None: there was none."""
        self._backup.value = None if made is None else made.timestamp()

    def observe_dask(self, clusters: Sequence[OwnedCluster] | None) -> None:
        """How many clusters and workers there are; None: there is no gateway, or it does not say."""
        self._clusters.value = None if clusters is None else len(clusters)
        self._workers.value = None if clusters is None else sum(cluster.running for cluster in clusters)

    def exposition(self) -> bytes:
        """The text format."""
        return generate_latest(self._registry)


class Known(Collector):
    """A gauge that says nothing, rather than 0, while its value is None."""

    def __init__(self, name: str, says: str) -> None:
        self._name, self._says = f"werkbank_{name}", says
        self.value: float | None = None

    def collect(self) -> Iterator[Metric]:
        """One family, with or without its sample."""
        family = GaugeMetricFamily(self._name, self._says)
        if self.value is not None:
            family.add_metric([], self.value)
        yield family
