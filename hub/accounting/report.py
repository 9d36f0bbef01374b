"""Use as the API, the exports and the pages tell it: in hours, kilowatt-hours, grams and litres, or not measured."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hub.accounting.footprint import MILLIJOULES_PER_KWH, Footprint, footprint
from hub.accounting.model import NOTHING, Amounts
from hub.accounting.months import date_of, month_name
from hub.accounting.query import By, Key, Tally
from hub.settings.model import FootprintFactors, Settings
from hub.words import Translate, later

OTHERS: dict[str, str] = {
    "programme": later("No programme"),
    "profile": later("Profile not known"),
    "lesson": later("Other notebooks"),
    "notebook": later("Seats without a GPU"),
    "device": later("Device not known"),
    "gpu_class": later("Kind not known"),
}
"""What stands for those without a name."""
Grouping = By | Literal["workshop"]
IN_TIME = ("day", "month")


class Line(BaseModel):
    """What came to one of those that are told apart. null: not measured, not reported, or there was nothing of it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """Short name; a day as 2026-11-26, a month as 2026-11; empty for the rest."""
    title: str
    """What people call it."""
    simulated: bool
    """On devices that exist only on paper; never added to the others."""
    is_live: bool
    """Something in it runs on, and is counted until now."""
    gpu_hours_held: float
    gpu_hours_busy: float
    """Of those, hours in which a cell ran."""
    leases: int
    leases_unserved: int
    """Of those, ended without ever having had a GPU."""
    waits: int
    """Of those, leases of which it is known how long they waited."""
    wait_mean_s: float | None
    wait_longest_s: float | None
    waited_at_most_1min: int
    waited_at_most_15min: int
    waited_at_most_1h: int
    gpu_energy_kwh: float | None
    """Of the GPUs while held, as far as it was measured."""
    gpu_energy_measured_share: float | None = Field(description="For which part of the held hours it was measured.")
    site_energy_kwh: float | None
    """The same with what the facility adds (PUE)."""
    co2e_g: float | None
    water_l: float | None
    seat_hours: float
    cpu_hours: float | None
    """CPU time of seats, where it is measured."""
    cpu_measured_share: float | None
    storage_bytes: int | None = None
    """Of a user's home, as last measured; told for users alone."""
    gpu_busy_share: float | None = None
    """In which part of the held hours a cell ran, those of jobs left out: nobody measures when jobs are busy."""
    jobs: int = 0
    """Jobs of the cluster, each counted once. Kernels are leases, and none of these."""
    gpu_hours_jobs: float = 0.0
    """Of `gpu_hours_held`, those of jobs."""
    core_hours_jobs: float = 0.0
    """Core-hours that jobs held."""
    job_energy_kwh: float | None = None
    """Energy of jobs as the cluster reports it: of their nodes, as a rule, and no part of `gpu_energy_kwh`."""
    job_energy_measured_share: float | None = Field(
        default=None, description="For which part of the core-hours of jobs their energy was reported."
    )


class JobsKnown(BaseModel):
    """How far it is known what jobs of the cluster used."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    counted_until: float | None
    """Unix seconds; null where nothing was read so far."""
    is_unknown: bool
    """What they used since then is unknown in this period: the cluster's accounting does not answer."""


class UseReport(BaseModel):
    """Who used what in a period."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    by: Grouping
    first: date
    """The first day (UTC)."""
    last: date
    """The last day (UTC)."""
    whose: Literal["me", "programme", "workshop", "all"]
    of: str
    """Which programme or workshop; else empty."""
    until: float
    """Until when what runs on is counted (Unix seconds)."""
    is_filling: bool
    """Use from before this version is still being counted; figures grow until that is done."""
    jobs: JobsKnown | None = None
    """How far it is known what jobs used; null where seats are no jobs."""
    count: int
    """How many lines there are in all."""
    total: list[Line]
    """Everything, also of lines that are left out here: what is real, and what is simulated."""
    lines: list[Line]


def titles(settings: Settings, language: str) -> dict[str, Mapping[str, str]]:
    """What people call programmes, classes and profiles; those that are gone keep their short name."""
    return {
        "programme": {one.name: one.title.in_language(language) for one in settings.programmes},
        "gpu_class": {name: one.title.in_language(language) for name, one in settings.gpu_classes.items()},
        "profile": {one.name: one.title.in_language(language) for one in settings.profiles},
    }


@dataclass(frozen=True, slots=True)
class Entry:
    """One of those that are told apart, before it is told: there may be ten thousand, of which a page shows fifty."""

    name: str
    title: str
    simulated: bool
    tally: Tally
    size: int | None = None
    """Bytes of a user's home; None where it is not measured, and for all but users."""


def entries(
    tallies: Mapping[Key, Tally], by: Grouping, known: Mapping[str, str], translate: Translate, sizes: Mapping[str, int]
) -> list[Entry]:
    """Times in their order, others by what they held, the most first. `known` are the titles of those that have one."""
    other, made = translate(OTHERS.get(by, "–")), []
    for (name, simulated), tally in tallies.items():
        if not _is_empty(by, name, tally.amounts):
            shown = _shown(by, name)
            made.append(Entry(shown, known.get(name) or shown or other, simulated, tally, sizes.get(name)))
    if by in IN_TIME:
        return sorted(made, key=lambda one: (one.name, one.simulated))
    return sorted(made, key=_most_first)


def _most_first(one: Entry) -> tuple[float, float, float, str, bool]:
    had = one.tally.amounts
    return -had.held_seconds, -had.seat_seconds, -had.core_seconds, one.name, one.simulated


def totals(tallies: Mapping[Key, Tally], factors: FootprintFactors, title: str) -> list[Line]:
    """All together: what is real, then what is simulated if anything is."""
    made = []
    for simulated in (False, True):
        mine = [tally for (_name, on_paper), tally in tallies.items() if on_paper is simulated]
        if mine or not simulated:
            whole = Tally(sum((tally.amounts for tally in mine), NOTHING), any(tally.is_live for tally in mine))
            made.append(line(Entry("", title, simulated, whole), factors))
    return made


def line(one: Entry, factors: FootprintFactors) -> Line:
    """An entry as it is told."""
    had = one.tally.amounts
    return Line(
        name=one.name,
        title=one.title,
        simulated=one.simulated,
        is_live=one.tally.is_live,
        gpu_hours_held=had.held_seconds / 3600,
        gpu_hours_busy=had.busy_seconds / 3600,
        seat_hours=had.seat_seconds / 3600,
        cpu_hours=had.cpu_seconds / 3600 if had.cpu_measured_seconds else None,
        cpu_measured_share=_share(had.cpu_measured_seconds, had.seat_seconds),
        storage_bytes=one.size,
        **_jobs(had),
        **_waits(had),
        **_energy(one, factors),
    )


def _jobs(had: Amounts) -> dict[str, Any]:
    seen = had.held_seconds - had.job_gpu_seconds
    told = had.job_energy_core_seconds > 0
    return {
        # Sums in another order differ in their last digits.
        "gpu_busy_share": min(1.0, had.busy_seconds / seen) if seen > 1e-6 * had.held_seconds else None,
        "jobs": had.jobs,
        "gpu_hours_jobs": had.job_gpu_seconds / 3600,
        "core_hours_jobs": had.core_seconds / 3600,
        "job_energy_kwh": had.job_energy_mj / MILLIJOULES_PER_KWH if told else None,
        "job_energy_measured_share": _share(had.job_energy_core_seconds, had.core_seconds),
    }


def _waits(had: Amounts) -> dict[str, Any]:
    return {
        "leases": had.leases,
        "leases_unserved": had.unserved,
        "waits": had.waits,
        "wait_mean_s": had.wait_seconds / had.waits if had.waits else None,
        "wait_longest_s": had.wait_longest if had.waits else None,
        "waited_at_most_1min": had.within_1m,
        "waited_at_most_15min": had.within_15m,
        "waited_at_most_1h": had.within_1h,
    }


def _energy(one: Entry, factors: FootprintFactors) -> dict[str, Any]:
    had = one.tally.amounts
    took = _footprint(had, one.simulated, factors)
    return {
        "gpu_energy_kwh": took.gpu_kwh,
        "gpu_energy_measured_share": _share(had.measured_seconds, had.held_seconds),
        "site_energy_kwh": took.site_kwh,
        "co2e_g": took.co2e_grams,
        "water_l": took.water_litres,
    }


def _footprint(had: Amounts, simulated: bool, factors: FootprintFactors) -> Footprint:
    """Nothing is measured on paper, nor where no counter was read."""
    measured = had.measured_seconds > 0 and not simulated
    return footprint(had.energy_mj if measured else None, factors)


def _share(part: float, whole: float) -> float | None:
    # A counter is read a moment after the device was given back.
    return min(1.0, part / whole) if whole else None


def _is_empty(by: Grouping, name: str, had: Amounts) -> bool:
    """Whether there is nothing to tell: seats have no GPU, and GPU use without a device no name."""
    if by in ("gpu_class", "device", "lesson") and not name:
        return not had.held_seconds and (by == "device" or not had.leases)
    return had == NOTHING


def _shown(by: Grouping, name: str) -> str:
    if by == "day":
        return date_of(int(name)).isoformat()
    return month_name(int(name)) if by == "month" else name


def found(some: Iterable[Entry], words: str) -> list[Entry]:
    """Those in whose name or title every word occurs."""
    wanted = words.casefold().split()[:10]
    return [one for one in some if all(word in f"{one.name} {one.title}".casefold() for word in wanted)]
