"""How many workers may a user's cluster have, with the user's other clusters counted in?

Dask Gateway bounds each cluster alone; a user with many clusters would have as many times the
profile's limit. These functions are plain, so that the backend only asks and acts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.settings import Profile


@dataclass(frozen=True)
class ClusterUse:
    """One active cluster of a user: its name and the workers it wants."""

    name: str
    workers: int


def refusal_to_start(profile: Profile, clusters: Iterable[ClusterUse]) -> str | None:
    """Why one more cluster cannot be had, as a sentence; None when it can."""
    clusters = list(clusters)
    limits = profile.dask
    if limits.workers == 0:
        return f"The profile {profile.title.en} comes without Dask clusters. Start a seat with a larger profile."
    if len(clusters) >= limits.clusters:
        names = ", ".join(cluster.name[:8] for cluster in clusters)
        return (
            f"You have {len(clusters)} of {limits.clusters} clusters that the profile {profile.title.en} allows "
            f"({names}). Shut one down first: Gateway().stop_cluster(name) or cluster.shutdown()."
        )
    return None


def workers_allowed(profile: Profile, clusters: Iterable[ClusterUse], name: str, wanted: int) -> int:
    """How many of `wanted` workers the cluster `name` may have beside the user's others."""
    elsewhere = sum(cluster.workers for cluster in clusters if cluster.name != name)
    return max(0, min(wanted, profile.dask.workers - elsewhere))
