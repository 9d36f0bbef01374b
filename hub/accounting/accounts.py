"""What the service keeps at hand of accounting, and how a report is made."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from hub.accounting.cluster import ClusterJobs, Known
from hub.accounting.homes import HomeBook
from hub.accounting.ledger import Ledger
from hub.accounting.model import DAY, NOTHING, Amounts
from hub.accounting.months import monday_of, today
from hub.accounting.periods import Period
from hub.accounting.query import By, Fresh, Key, Tally, Use, Whose
from hub.accounting.report import Entry, Grouping, JobsKnown, Line, UseReport, entries, line, titles, totals
from hub.accounting.scope import Scope, workshop_scope
from hub.accounting.source import Source
from hub.leases.desk import Desk
from hub.leases.model import Lease
from hub.settings import Settings
from hub.settings.model import FootprintFactors
from hub.words import Translate, later, translator
from hub.workshops.model import Workshop
from hub.workshops.people import Members
from hub.workshops.store import Workshops
from hub.workshops.window import Window

MOST_DAYS = 93
"""Up to so many days are told one by one, more by month."""
MOST_WORKSHOPS = 200
"""In one report, the latest of them."""


@dataclass(frozen=True)
class Told:
    """A whole report: everybody, and the days or months of the same."""

    scope: Scope
    by: Grouping
    period: Period
    until: float
    is_filling: bool
    total: list[Line]
    entries: list[Entry]
    series: list[Entry]
    """By day up to three months, else by month."""
    factors: FootprintFactors
    jobs: Known | None = None
    """How far it is known what jobs used; None where seats are no jobs."""

    @property
    def lacks_jobs(self) -> bool:
        """Whether it is unknown what jobs used in some of the period."""
        return self.jobs is not None and self.jobs.lacks(min(self.period.end * DAY, self.until))

    def lines(self, some: Iterable[Entry]) -> list[Line]:
        """Some of the entries as they are told."""
        return [line(one, self.factors) for one in some]

    def view(self, some: Iterable[Entry] = ()) -> UseReport:
        """For the API; `some` are the entries that are shown."""
        return UseReport(
            by=self.by,
            first=self.period.first,
            last=self.period.last,
            whose=self.scope.kind,
            of=self.scope.name,
            until=self.until,
            is_filling=self.is_filling,
            jobs=JobsKnown(counted_until=self.jobs.until, is_unknown=self.lacks_jobs) if self.jobs else None,
            count=len(self.entries),
            total=self.total,
            lines=self.lines(some),
        )


class Accounts:
    """One per service."""

    def __init__(self, settings: Settings, engine: Engine, desk: Desk) -> None:
        self.settings, self._desk = settings, desk
        source = Source(desk.broker.store.engine, self._is_simulated)
        self.source, self.ledger = source, Ledger(engine, source)
        self.use = Use(engine, source)
        self.homes = HomeBook(engine)
        is_cluster = settings.site.slurm is not None
        self.jobs = ClusterJobs(engine, source, lambda: self.settings, self.now) if is_cluster else None
        self.workshops, self.members = Workshops(engine), Members(engine)

    def _is_simulated(self, gpu_class: str) -> bool:
        declared = self.settings.gpu_classes.get(gpu_class)
        return declared is not None and declared.simulated

    def now(self) -> float:
        """The broker's clock, which leases are held by."""
        return self._desk.broker.now()

    async def report(self, scope: Scope, by: Grouping, period: Period, language: str) -> Told:
        """Who used what; reads in threads."""
        live, now = self._live(), self.now()
        jobs = await self.known_jobs()  # first: what is read meanwhile is more than is said, not less
        fresh = await asyncio.to_thread(self.use.fresh, live, now)
        inside: By = "day" if period.end - period.start <= MOST_DAYS else "month"
        # Databases answer both at once.
        series, shown = await asyncio.gather(
            asyncio.to_thread(self.use.tallies, inside, period, scope.whose, fresh),
            asyncio.to_thread(self._shown, scope, by, period, fresh, language),
        )
        return Told(
            scope=scope,
            by=by,
            period=period,
            until=now,
            is_filling=fresh.is_filling,
            total=totals(series, self.settings.site.footprint, translator(language)(later("Together"))),
            entries=shown,
            series=self._entries(series, inside, language),
            factors=self.settings.site.footprint,
            jobs=jobs,
        )

    async def known_jobs(self) -> Known | None:
        """How far it is known what jobs used; None where seats are no jobs. Reads in a thread."""
        return await asyncio.to_thread(self.jobs.known) if self.jobs is not None else None

    async def week(self, whose: Whose) -> Amounts:
        """What came to somebody since Monday, 00:00 UTC; reads in a thread."""
        day = today(self.now())
        return await asyncio.to_thread(self._sum, Period(monday_of(day), day + 1, ""), whose, self._live(), self.now())

    def _sum(self, period: Period, whose: Whose, live: list[Lease], now: float) -> Amounts:
        tallies = self.use.tallies("day", period, whose, self.use.fresh(live, now))
        return sum((tally.amounts for tally in tallies.values()), NOTHING)

    async def people(self, period: Period) -> int:
        """How many people had a device or a seat; reads in a thread."""
        return await asyncio.to_thread(self._people, period, self._live(), self.now())

    def _people(self, period: Period, live: list[Lease], now: float) -> int:
        tallies = self.use.tallies("user", period, Whose(), self.use.fresh(live, now))
        return len({name for (name, _), tally in tallies.items() if tally.amounts != NOTHING})

    def _live(self) -> list[Lease]:
        return list(self._desk.broker.state.leases.values())

    async def unheld_energy(self, period: Period) -> tuple[float, float]:
        """Energy (mJ) of devices that nobody had, and for how many device-seconds it was measured."""
        return await asyncio.to_thread(self.use.unheld_energy, period)

    def _shown(self, scope: Scope, by: Grouping, period: Period, fresh: Fresh, language: str) -> list[Entry]:
        if by == "workshop":
            return self._by_workshop(period, fresh, language)
        shown = self._entries(self.use.tallies(by, period, scope.whose, fresh), by, language)
        if by == "user" and scope.workshop is not None:
            return self._under_numbers(shown, scope.workshop, translator(language))
        return shown

    def _under_numbers(self, some: list[Entry], workshop: Workshop, translate: Translate) -> list[Entry]:
        """Learners as the trainer knows them: under a number, or the name of whoever shows it."""
        members = {member.user: member for member in self.members.of_workshop(workshop.id)}
        unseen = {user: translate(later("Learner {number}")).format(number=one.number) for user, one in members.items()}
        known = {user: one.name if one.shares_name else unseen[user] for user, one in members.items()}
        return [
            replace(one, name=unseen[one.name], title=known[one.name]) if one.name in known else one for one in some
        ]

    def _entries(self, tallies: Mapping[Key, Tally], by: Grouping, language: str) -> list[Entry]:
        known = self._devices() if by == "device" else titles(self.settings, language).get(by, {})
        sizes = self.homes.sizes() if by == "user" else {}
        return entries(tallies, by, known, translator(language), sizes)

    def _devices(self) -> dict[str, str]:
        """Devices as people know them; one that is gone keeps its UUID."""
        known = self._desk.broker.state.devices.values()
        return {one.uuid: f"{one.model} {one.index} · {one.uuid}" for one in known if not one.simulated and one.model}

    def _by_workshop(self, period: Period, fresh: Fresh, language: str) -> list[Entry]:
        """Each workshop with hours in the period: what its people had in its hours."""
        days = Window(period.start * DAY, period.end * DAY)
        some = [kept.workshop for kept in self.workshops.all() if kept.workshop.window.overlaps(days)]
        tallies: dict[Key, Tally] = {}
        for workshop in some[-MOST_WORKSHOPS:]:
            found = self.use.tallies("gpu_class", period, workshop_scope(workshop, self.workshops).whose, fresh)
            for (_class, simulated), tally in found.items():
                known = tallies.get((workshop.id, simulated), Tally())
                both = Tally(known.amounts + tally.amounts, known.is_live or tally.is_live)
                tallies[workshop.id, simulated] = both
        known_titles = {one.id: one.title.in_language(language) for one in some}
        return entries(tallies, "workshop", known_titles, translator(language), {})
