"""What is wrong, and what to do about it: the first thing that the page "Operations" shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hub.accounting.cluster import Known
from hub.admin.operations_model import ClusterFact, DeviceFact, Level, MachineFact, SeatFact, Sign, age, moment
from hub.admin.operations_words import AWAY, TODO
from hub.health import Seen
from hub.web.problems import Problem
from hub.words import later, translations, translator

GIB = 2**30
MOST_NAMED = 5
"""Things that a sign names; the rest is a number."""

SETTINGS = later("The settings file cannot be used")
SETTINGS_TODO = later(
    "The last settings that could be used hold. Correct the file, or put an earlier version back under Settings."
)
APART = later("GPUs are not kept apart as the settings ask")
APART_TODO = later(
    "Leases go on, but a seat may open a GPU that it does not lease. Look after the control groups of this machine."
)
QUARANTINE_TODO = later(
    "Nobody is given a GPU that was not seen clean. It is looked at every second and comes back by itself: end what is "
    "left on it, or reset it when nobody else uses it."
)
UNSEEN_TODO = later(
    "Its lease stays with its kernel. `nvidia-smi` and `dmesg` on this machine say why; a GPU that fell off the bus "
    "comes back with a restart of the machine."
)
SILENT_TODO = later(
    "Its GPU stays with it until its process is known to be gone. A seat that hangs can be stopped below."
)
SEATS_TODO = later("The log of a seat, logs/seat-NAME.default.log in the state folder, ends with its last words.")
CLUSTERS_TODO = later(
    "Its log lies in the folder of the cluster, below clusters in the state folder. It can be stopped."
)
JOBS = later("What jobs used is unknown: Slurm's accounting does not answer")
JOBS_TODO = later(
    "Seats and kernels go on, and pages about use say until when they know. Look after slurmdbd and its database: "
    "`sacct` on this machine says what is wrong. What was used meanwhile is counted once it answers."
)
NODES_TODO = later(
    "It is looked at every half minute. `sinfo -R` and `scontrol show reservation` say who has the nodes; bring some "
    "back, or tell its trainers to choose another hour. The page of the workshop says which hours would do."
)
DISK = later("The disk of the state folder is nearly full")
DISK_TODO = later(
    "Without room databases cannot write and seats do not start. Look at logs, homes and clusters in the state folder."
)
MEMORY = later("The memory of this machine is nearly full")
MEMORY_TODO = later("Stop seats that nobody uses; the seats below say what each has in use, where that is counted.")


@dataclass(frozen=True)
class Troubles:
    """What others say of themselves."""

    seen: Sequence[Seen]
    settings: str
    """Why the settings file cannot be used; empty when it can."""
    not_enforced: str
    """Why isolation is not enforced though the settings ask for it; empty when it is, or they do not."""
    jobs: Known | None = None
    """How far it is known what jobs of a cluster used; None where seats are no jobs."""
    without_nodes: Mapping[str, Problem] = field(default_factory=dict)
    """Workshops that have not the nodes of a cluster that they should, and why."""


@dataclass(frozen=True)
class Facts:
    """Everything that there is, whatever of it is shown."""

    devices: Sequence[DeviceFact]
    seats: Sequence[SeatFact]
    clusters: Sequence[ClusterFact]
    machine: MachineFact


def signs_of(troubles: Troubles, facts: Facts, language: str, now: float) -> tuple[Sign, ...]:
    """Everything that is wrong, what is for now before what is for today. `now` is in Unix seconds."""
    _ = translator(language)
    signs = [_away(one, language, now) for one in troubles.seen if not one.ok]
    if troubles.not_enforced:
        signs.append(Sign("stop", _(APART), troubles.not_enforced, None, None, _(APART_TODO)))
    if troubles.settings:
        signs.append(Sign("wait", _(SETTINGS), troubles.settings, None, None, _(SETTINGS_TODO)))
    if troubles.jobs is not None and troubles.jobs.is_away:
        since = moment(troubles.jobs.until) if troubles.jobs.until is not None else None
        signs.append(Sign("wait", _(JOBS), troubles.jobs.why, since, _minutes(since, now), _(JOBS_TODO)))
    signs += _workshops(troubles.without_nodes, language)
    signs += _machine(facts.machine, language)
    signs += _devices(facts.devices, language, now)
    signs += _running(facts.seats, facts.clusters, language, now)
    return tuple(sorted(signs, key=lambda sign: sign.level != "stop"))


def _away(seen: Seen, language: str, now: float) -> Sign:
    _ = translator(language)
    since = moment(seen.since) if seen.since is not None else None
    part = "gpus" if seen.name in ("devices", "slurm", "broker") else ""
    return Sign("stop", _(AWAY[seen.name]), seen.detail, since, _minutes(since, now), _(TODO[seen.name]), part)


def _workshops(without_nodes: Mapping[str, Problem], language: str) -> list[Sign]:
    if not (count := len(without_nodes)):
        return []
    _, ngettext = translator(language), translations(language).ngettext
    what = ngettext("{count} workshop has not its nodes", "{count} workshops have not their nodes", count)
    why = [f"{id}: {problem.in_words(_).message}" for id, problem in sorted(without_nodes.items())]
    return [_about("stop", what, why, None, _(NODES_TODO), "", 0.0)]


def _machine(machine: MachineFact, language: str) -> list[Sign]:
    _, signs = translator(language), []
    if machine.disk_free < GIB:
        signs.append(Sign("stop", _(DISK), f"{machine.disk_free / GIB:.1f} GiB", None, None, _(DISK_TODO)))
    if machine.memory - machine.memory_used < machine.memory / 20:
        said = f"{machine.memory_used / GIB:.0f} / {machine.memory / GIB:.0f} GiB"
        signs.append(Sign("wait", _(MEMORY), said, None, None, _(MEMORY_TODO)))
    return signs


def _devices(devices: Sequence[DeviceFact], language: str, now: float) -> list[Sign]:
    _, ngettext = translator(language), translations(language).ngettext
    unseen = [device for device in devices if device.stage == "unseen"]
    dirty = [device for device in devices if device.stage == "quarantined"]
    silent = [device for device in devices if device.silent_since]
    signs = []
    if count := len(unseen):
        what = ngettext("{count} GPU is not seen by the driver", "{count} GPUs are not seen by the driver", count)
        signs.append(
            _about("stop", what, [_number(one) for one in unseen], _first(unseen), _(UNSEEN_TODO), "gpus", now)
        )
    if count := len(dirty):
        what = ngettext("{count} GPU is in quarantine", "{count} GPUs are in quarantine", count)
        signs.append(
            _about("wait", what, [_number(one) for one in dirty], _first(dirty), _(QUARANTINE_TODO), "gpus", now)
        )
    if count := len(silent):
        what = ngettext(
            "{count} GPU is with a kernel that is not heard from",
            "{count} GPUs are with kernels that are not heard from",
            count,
        )
        heard = min(one.silent_since for one in silent if one.silent_since)
        named = [f"{_number(one)} ({one.user})" for one in silent]
        signs.append(_about("wait", what, named, heard, _(SILENT_TODO), "gpus", now))
    return signs


def _running(seats: Sequence[SeatFact], clusters: Sequence[ClusterFact], language: str, now: float) -> list[Sign]:
    _, ngettext = translator(language), translations(language).ngettext
    late_seats = [seat for seat in seats if seat.stage == "stuck"]
    late = [cluster for cluster in clusters if cluster.stage == "stuck"]
    signs = []
    if count := len(late_seats):
        what = ngettext("{count} seat does not get started", "{count} seats do not get started", count)
        named = [f"{seat.user}/{seat.server}".rstrip("/") for seat in late_seats]
        since = min((seat.since for seat in late_seats if seat.since), default=None)
        signs.append(_about("wait", what, named, since, _(SEATS_TODO), "seats", now))
    if count := len(late):
        what = ngettext("{count} Dask cluster does not get started", "{count} Dask clusters do not get started", count)
        named = [f"{cluster.name} ({cluster.user})" for cluster in late]
        signs.append(_about("wait", what, named, min(c.since for c in late), _(CLUSTERS_TODO), "clusters", now))
    return signs


def _about(level: Level, what: str, names: list[str], since: datetime | None, todo: str, part: str, now: float) -> Sign:
    """A sign about some things of a kind; the first few are named."""
    said = ", ".join(names[:MOST_NAMED]) + (f" … +{len(names) - MOST_NAMED}" if len(names) > MOST_NAMED else "")
    return Sign(level, what.format(count=len(names)), said, since, _minutes(since, now), todo, part)


def _number(device: DeviceFact) -> str:
    return f"{device.title} #{device.number}"


def _first(devices: Sequence[DeviceFact]) -> datetime:
    return min(device.since for device in devices)


def _minutes(since: datetime | None, now: float) -> int | None:
    return None if since is None else age(now - since.timestamp()) // 60
