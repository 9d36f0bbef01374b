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


def reported(record: ClusterRecord, wanted: int) -> ReportedCluster:
    """The record's report; `wanted` workers are asked for."""
    cluster = ReportedCluster(**vars(record.to_model()))
    cluster.workers_running = running_workers(record)
    cluster.workers_wanted = wanted
    return cluster


def running_workers(record: ClusterRecord) -> int:
    """Workers of a cluster that have said that they are there."""
    return sum(worker.status == JobStatus.RUNNING for worker in record.active_workers())
