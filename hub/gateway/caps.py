"""How many workers may a user's cluster have, with the user's other clusters counted in?

Dask Gateway bounds each cluster alone; a user with many clusters would have as many times the
profile's limit. These functions are plain, so that the backend only asks and acts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hub.settings import Profile
from hub.words import translator


@dataclass(frozen=True)
class ClusterUse:
    """One active cluster of a user: its name and the workers it wants."""

    name: str
    workers: int


def refusal_to_start(profile: Profile, clusters: Iterable[ClusterUse], language: str = "en") -> str | None:
    """Why one more cluster cannot be had, as a sentence; None when it can."""
    _ = translator(language)
    clusters = list(clusters)
    limits = profile.dask
    title = profile.title.in_language(language)
    if limits.workers == 0:
        sentence = _("The profile {profile} comes without Dask clusters. Start a seat with a larger profile.")
        return sentence.format(profile=title)
    if len(clusters) >= limits.clusters:
        sentence = _(
            "You have {count} of {limit} clusters that the profile {profile} allows ({names}). "
            "Shut one down first: cluster.shutdown() or Gateway().stop_cluster(name)."
        )
        names = ", ".join(cluster.name[:8] for cluster in clusters)
        return sentence.format(count=len(clusters), limit=limits.clusters, profile=title, names=names)
    return None


def refusal_to_requeue(profile: Profile, language: str = "en") -> str:
    """Why workers cannot go back in the line, as a sentence."""
    _ = translator(language)
    sentence = _("With the profile {profile} no worker goes back in the line: leave the option requeue out.")
    return sentence.format(profile=profile.title.in_language(language))


def refusal_to_scale(allowed: int, wanted: int, elsewhere: int, language: str = "en") -> str:
    """Why a cluster cannot have `wanted` workers while the user's other clusters have `elsewhere`."""
    _ = translator(language)
    sentence = _(
        "Your clusters may have {limit} workers together and {elsewhere} run in other clusters: "
        "this one can have at most {allowed}, not {wanted}. Scale the others down first."
    )
    return sentence.format(limit=elsewhere + allowed, elsewhere=elsewhere, allowed=allowed, wanted=wanted)


def workers_allowed(profile: Profile, clusters: Iterable[ClusterUse], name: str, wanted: int) -> int:
    """How many of `wanted` workers the cluster `name` may have beside the user's others."""
    elsewhere = sum(cluster.workers for cluster in clusters if cluster.name != name)
    return max(0, min(wanted, profile.dask.workers - elsewhere))
