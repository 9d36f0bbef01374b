"""Seats and Dask clusters, as the page "Operations" shows them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from hub.admin.operations_model import ClusterFact, SeatFact, age
from hub.settings import Settings
from hub.web.gateway_api import OwnedCluster
from hub.web.hub_api import SeatRecord

MOST_ON_ITS_WAY = 120.0
"""Seconds after which a seat or cluster that still starts or stops is stuck: twice what the hub waits for a seat."""
WORKS = 360.0
"""Seconds since the last activity for which something is taken to run: seats tell every five minutes."""

Stage = Literal["running", "starting", "stopping", "stuck"]


def seat_facts(
    seats: Iterable[SeatRecord], memory: Mapping[tuple[str, str], int], settings: Settings, language: str, now: datetime
) -> list[SeatFact]:
    """All seats: the stuck ones first, then by user and name."""
    profiles = {profile.name: profile for profile in (*settings.retired, *settings.profiles)}
    facts = []
    for seat in seats:
        profile = profiles.get(seat.profile or "")
        facts.append(
            SeatFact(
                user=seat.user,
                server=seat.server,
                profile=profile.title.in_language(language) if profile else seat.profile or "",
                stage=_seat_stage(seat, now),
                since=seat.started,
                idle=_idle(seat, now),
                memory=memory.get((seat.user, seat.server)),
                most=int(profile.memory) if profile else None,
            )
        )
    return sorted(facts, key=lambda fact: (fact.stage != "stuck", fact.user, fact.server))


def _seat_stage(seat: SeatRecord, now: datetime) -> Stage:
    if seat.ready and seat.pending is None:
        return "running"
    late = seat.started is not None and (now - seat.started).total_seconds() > MOST_ON_ITS_WAY
    if seat.pending == "stop":
        # Since when it stops nobody tells; a seat that runs for days stops in seconds all the same.
        return "stopping"
    return "stuck" if late or seat.pending is None else "starting"


def _idle(seat: SeatRecord, now: datetime) -> int | None:
    if seat.last_activity is None:
        return None
    idle = (now - seat.last_activity).total_seconds()
    return 0 if idle < WORKS else age(idle)


def cluster_facts(
    clusters: Iterable[OwnedCluster], settings: Settings, language: str, now: datetime
) -> list[ClusterFact]:
    """All clusters: the stuck ones first, then by user and start."""
    facts = [
        ClusterFact(
            name=cluster.name,
            user=cluster.user,
            server=cluster.server,
            stage=_cluster_stage(cluster, now),
            since=cluster.started,
            workers=cluster.running,
            wanted=cluster.wanted,
            cores=cluster.running * cluster.cores,
            memory=cluster.running * cluster.memory,
            gpu_class=_title(cluster.gpu_class, settings, language),
        )
        for cluster in clusters
    ]
    return sorted(facts, key=lambda fact: (fact.stage != "stuck", fact.user, fact.since, fact.name))


def _cluster_stage(cluster: OwnedCluster, now: datetime) -> Stage:
    if cluster.status == "running":
        return "running"
    if cluster.status == "pending":
        return "stuck" if (now - cluster.started).total_seconds() > MOST_ON_ITS_WAY else "starting"
    return "stopping"


def _title(gpu_class: str, settings: Settings, language: str) -> str:
    declared = settings.gpu_classes.get(gpu_class)
    return declared.title.in_language(language) if declared else gpu_class
