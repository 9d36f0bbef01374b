"""What the gateway tells of a cluster: what stock tells, and its workers."""

from typing import Any

from dask_gateway_server.backends.db_base import Cluster as ClusterRecord
from dask_gateway_server.backends.db_base import JobStatus
from dask_gateway_server.models import Cluster


class ReportedCluster(Cluster):  # type: ignore[misc]
    """A cluster as its user sees it. Stock says nothing of workers: for them one had to ask each scheduler."""

    workers_running: int
    workers_wanted: int

    def to_dict(self, full: bool = True) -> dict[str, Any]:
        """As stock, with `workers`: how many run, and how many are asked for."""
        workers = {"running": self.workers_running, "wanted": self.workers_wanted}
        return {**super().to_dict(full), "workers": workers}


class OwnedCluster(ReportedCluster):
    """A cluster as the service sees it for admins."""

    def to_dict(self, full: bool = True) -> dict[str, Any]:
        """As its user sees it, with `user` and `seat`: whose it is."""
        return {**super().to_dict(full), "user": self.username, "seat": self.config["seat"]}


def reported(record: ClusterRecord, wanted: int, kind: type[ReportedCluster] = ReportedCluster) -> ReportedCluster:
    """The record's report; `wanted` workers are asked for."""
    cluster = kind(**vars(record.to_model()))
    cluster.workers_running = sum(worker.status == JobStatus.RUNNING for worker in record.active_workers())
    cluster.workers_wanted = wanted
    return cluster
