"""The options of a user's next cluster, bounded by the profile of the seat that asks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dask_gateway_server.options import Bool, Float, Integer, Options, Select

from hub.settings import Profile
from hub.words import translator

GIB = 2**30
MIN_WORKER_GIB = 0.25


LEAST_HOURS = 0.25


@dataclass(frozen=True)
class JobBounds:
    """What a cluster may choose whose scheduler and workers are jobs."""

    hours: float
    """That each job may run, at most."""
    programmes: tuple[str, ...] = ()
    """For which they may be counted: those of the user that have an account, the first unless it chooses."""
    may_requeue: bool = False
    """Whether Slurm may put workers back in the line."""


def cluster_options(profile: Profile, prefix: Path, language: str = "en", jobs: JobBounds | None = None) -> Options:
    """Options whose bounds are the profile's and whose environment is the seat's, with labels in `language`.

    Worker memory counts in GiB. The number of workers is bounded over all clusters of a user; that
    is the backend's work. `jobs` are the bounds where its processes are jobs.
    """
    _, limits = translator(language), profile.dask
    classes = [("none", ""), *((name, name) for name in profile.gpu_classes)]
    most = int(limits.worker_memory) / GIB

    def configuration(options: Any) -> Mapping[str, Any]:
        return {
            "worker_cores": options.worker_cores,
            "worker_memory": int(options.worker_memory * GIB),
            "cluster_max_workers": limits.workers,
            "gpu_class": options.gpu_class,
            "requeue": options.get("requeue", False),
            "hours": options.get("hours", 0.0),
            "programme": options.get("programme", ""),
            "reservation": options.get("reservation", True),
            "scheduler_cmd": [f"{prefix}/bin/dask", "scheduler"],
            "worker_cmd": [f"{prefix}/bin/dask", "worker"],
        }

    memory = _("Memory per worker (GiB)")
    return Options(
        Integer("worker_cores", default=1, min=1, max=limits.worker_cores, label=_("Cores per worker")),
        Float("worker_memory", default=min(1.0, most), min=MIN_WORKER_GIB, max=most, label=memory),
        # Each worker leases one GPU of the class; it starts once it has it.
        Select("gpu_class", options=classes, default="none", label=_("GPU per worker")),
        *(_of_jobs(jobs, language) if jobs is not None else ()),
        handler=configuration,
    )


def _of_jobs(bounds: JobBounds, language: str) -> Iterator[Any]:
    _ = translator(language)
    least, most = min(LEAST_HOURS, bounds.hours), bounds.hours
    # Slurm finds a gap for a short job sooner.
    yield Float("hours", default=most, min=least, max=most, label=_("Hours that it may run"))
    yield Bool("reservation", default=True, label=_("On nodes kept for my workshop"))
    if len(bounds.programmes) > 1:
        yield Select("programme", options=list(bounds.programmes), label=_("Counted for"))
    if bounds.may_requeue:
        yield Bool("requeue", label=_("Back in line when its node fails"))
