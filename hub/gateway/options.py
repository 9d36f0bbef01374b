"""The options of a user's next cluster, bounded by the profile of the seat that asks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dask_gateway_server.options import Bool, Float, Integer, Options, Select

from hub.settings import Profile
from hub.words import translator

GIB = 2**30
MIN_WORKER_GIB = 0.25


def cluster_options(profile: Profile, prefix: Path, language: str = "en", *, may_requeue: bool = False) -> Options:
    """Options whose bounds are the profile's and whose environment is the seat's, with labels in `language`.

    Worker memory counts in GiB. The number of workers is bounded over all clusters of a user; that
    is the backend's work. `may_requeue` offers the option to let Slurm put workers back in the line.
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
            "scheduler_cmd": [f"{prefix}/bin/dask", "scheduler"],
            "worker_cmd": [f"{prefix}/bin/dask", "worker"],
        }

    memory = _("Memory per worker (GiB)")
    requeue = [Bool("requeue", label=_("Back in line when its node fails"))] if may_requeue else []
    return Options(
        Integer("worker_cores", default=1, min=1, max=limits.worker_cores, label=_("Cores per worker")),
        Float("worker_memory", default=min(1.0, most), min=MIN_WORKER_GIB, max=most, label=memory),
        # Each worker leases one GPU of the class; it starts once it has it.
        Select("gpu_class", options=classes, default="none", label=_("GPU per worker")),
        *requeue,
        handler=configuration,
    )
