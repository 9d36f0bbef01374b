"""What the trainers' pages show of a workshop, worked out; the words are the templates'."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.slurm.placing import Placement
from hub.workshops.capacity import MEMORY, Answer, Booking, Need, takes
from hub.workshops.catalogue import Catalogue, Lesson
from hub.workshops.lifecycle import OPEN, WorkshopState
from hub.workshops.model import Workshop
from hub.workshops.store import Kept

STEPS = tuple(WorkshopState)
GROUPS = ("now", "coming", "draft", "closed")


@dataclass(frozen=True)
class Row:
    """A workshop in the list."""

    id: str
    title: str
    state: WorkshopState
    workshop: Workshop
    devices: int


def rows_by_group(kept: Sequence[Kept], language: str, words: str = "") -> list[tuple[str, list[Row]]]:
    """What is given now, what is to come, drafts, and what is over, the latest first; groups without any left out."""
    groups: dict[str, list[Row]] = {name: [] for name in GROUPS}
    wanted = words.lower().split()
    for one in kept:
        workshop = one.workshop
        text = " ".join((workshop.id, workshop.title.en, workshop.title.nl, workshop.place, *workshop.trainers)).lower()
        if all(word in text for word in wanted):
            devices = workshop.gpus.count_for(workshop.seats) if workshop.gpus else 0
            row = Row(workshop.id, workshop.title.in_language(language), one.state, workshop, devices)
            groups[_group(one.state)].append(row)
    groups["closed"].reverse()
    return [(name, rows) for name, rows in groups.items() if rows]


def _group(state: WorkshopState) -> str:
    if state in OPEN:
        return "now"
    return {WorkshopState.DRAFT: "draft", WorkshopState.CLOSED: "closed"}.get(state, "coming")


@dataclass(frozen=True)
class NeedRow:
    """One thing that is needed, as a bar of what there is: what others have, and what this class would take."""

    what: str
    """A GPU class; "" for memory."""
    wanted: float
    free: float
    total: float
    """GiB, or devices."""
    fits: bool
    others_percent: float
    wanted_percent: float
    taken: tuple[tuple[str, float, datetime, datetime], ...]
    """Who has the rest: title, how much, from when to when."""


@dataclass(frozen=True)
class Other:
    """What would fit, with one thing changed, and the fields of the form that say so."""

    changed: str
    seats: int
    devices: int
    gpu_class: str
    starts: datetime
    ends: datetime
    fields: dict[str, str]


@dataclass(frozen=True)
class Held:
    """Why a node cannot be had."""

    node: str
    until: datetime | None
    jobs: tuple[int, ...]
    reservation: str


@dataclass(frozen=True)
class NodesView:
    """The nodes that it would have; where there are too few, who has the others."""

    nodes: tuple[str, ...]
    held: tuple[Held, ...]
    is_possible: bool
    followed: datetime | None


@dataclass(frozen=True)
class AnswerView:
    """Whether it fits, why not, and what would."""

    fits: bool
    is_tight: bool
    seats: int
    needs: tuple[NeedRow, ...]
    others: tuple[Other, ...]
    nodes: NodesView | None = None
    """None where no nodes are kept for workshops."""


def answer_view(answer: Answer) -> AnswerView:
    """The answer as a page shows it."""
    return AnswerView(
        fits=answer.fits,
        is_tight=answer.is_tight,
        seats=answer.wish.seats,
        needs=tuple(_need(need) for need in answer.needs),
        others=tuple(_other(one) for one in answer.alternatives),
        nodes=_nodes(answer.placement) if answer.placement is not None else None,
    )


def _nodes(placement: Placement) -> NodesView:
    held = tuple(Held(one.node, _known(one.until), one.jobs, one.reservation) for one in placement.hindrances)
    return NodesView(placement.nodes, held, placement.is_possible, _known(placement.followed))


def _known(moment: float | None) -> datetime | None:
    return None if moment is None or math.isinf(moment) else _utc(moment)


def _need(need: Need) -> NeedRow:
    unit = 2**30 if need.what == MEMORY else 1
    whole = max(need.total, need.total - need.free + need.wanted) or 1
    return NeedRow(
        what="" if need.what == MEMORY else need.what,
        wanted=need.wanted / unit,
        free=need.free / unit,
        total=need.total / unit,
        fits=need.fits,
        others_percent=round(100 * (need.total - need.free) / whole, 2),
        wanted_percent=round(100 * need.wanted / whole, 2),
        taken=tuple(_taken(booking, need.what, unit) for booking in need.taken),
    )


def _taken(booking: Booking, what: str, unit: int) -> tuple[str, float, datetime, datetime]:
    window = booking.window
    return booking.title, takes(booking, what) / unit, _utc(window.start), _utc(window.end)


def _other(alternative: Any) -> Other:
    wish = alternative.wish
    starts, ends = _utc(wish.window.start), _utc(wish.window.end)
    fields = {
        "seats": {"seats": str(wish.seats)},
        "devices": {"devices": str(wish.devices)},
        "gpu_class": {"gpu_class": wish.gpu_class},
        "start": {"starts": f"{starts.astimezone():%Y-%m-%dT%H:%M}", "ends": f"{ends.astimezone():%Y-%m-%dT%H:%M}"},
    }[alternative.changed]
    return Other(alternative.changed, wish.seats, wish.devices, wish.gpu_class, starts, ends, fields)


@dataclass(frozen=True)
class Agenda:
    """The lessons of a workshop in order, and whether their minutes fit in its hours."""

    lessons: tuple[Lesson, ...]
    minutes: int
    window_minutes: int

    @property
    def is_long(self) -> bool:
        """Whether reading and exercises take longer than there is."""
        return self.minutes > self.window_minutes


def agenda(workshop: Workshop, known: Catalogue) -> Agenda:
    """What is given."""
    lessons = tuple(known.lessons[id] for id in workshop.lessons if id in known.lessons)
    return Agenda(lessons, known.minutes_of(workshop.lessons), int(workshop.window.seconds // 60))


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
