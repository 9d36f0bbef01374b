"""Would it fit? Asked by programs and the command line."""

import asyncio
import math
import time
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel

from hub.leases.routes import AtDesk
from hub.settings import Profile, Settings
from hub.slurm.placing import Placement
from hub.web.problems import answers
from hub.words import later
from hub.workshops.access import Organises
from hub.workshops.agreement import unknown
from hub.workshops.capacity import Alternative, Answer, Booking, Need, Wish, enough_devices, takes, would_fit
from hub.workshops.facility import facility_of
from hub.workshops.model import MOST_SEATS
from hub.workshops.organiser import Organiser
from hub.workshops.window import YEARS, Window

api = APIRouter(prefix="/api/v1", tags=["workshops"])


async def organiser_of(request: Request) -> Organiser:
    organiser: Organiser = request.app.state.organiser
    return organiser


Organised = Annotated[Organiser, Depends(organiser_of)]

LONGEST = 31 * 86_400


class Question(BaseModel):
    """A class as it is asked about."""

    seats: Annotated[int, Query(ge=1, le=MOST_SEATS)]
    at: Annotated[AwareDatetime | None, Query(description="When it begins; left out, now.")] = None
    seconds: Annotated[int, Query(alias="for", ge=60, le=LONGEST, description="How long it takes, in seconds.")] = 7200
    profile: Annotated[str, Query(max_length=32, description="Left out, the first that may lease the GPUs.")] = ""
    gpu: Annotated[str, Query(max_length=32, description="A GPU class; left out, no GPUs.")] = ""
    devices: Annotated[
        int | None, Query(ge=1, le=100_000, description="GPUs of the class; left out, one for every eight seats.")
    ] = None


class BookingView(BaseModel):
    """Who has what of it, and when."""

    title: str
    """Empty where it is of others, for who is no admin."""
    start: datetime
    end: datetime
    amount: int
    """Bytes, or devices."""


class NeedView(BaseModel):
    """One thing that is needed."""

    what: str
    """`seat memory`, or the GPU class."""
    wanted: int
    free: int
    """Left at the busiest moment."""
    total: int
    fits: bool
    taken: list[BookingView]


class AlternativeView(BaseModel):
    """What fits, with one thing changed."""

    changed: Literal["seats", "devices", "gpu_class", "start"]
    seats: int
    devices: int
    gpu_class: str
    start: datetime
    end: datetime


class HindranceView(BaseModel):
    """Why a node cannot be had."""

    node: str
    until: datetime | None
    """Null where nobody knows."""
    jobs: list[int]
    """Jobs that may still run when it begins."""
    reservation: str
    """For what it is kept; empty, with no jobs: it takes none now."""


class PlacementView(BaseModel):
    """Nodes of a cluster: Slurm keeps whole ones only."""

    nodes: list[str]
    """Those that would be kept; none where it does not fit."""
    hindrances: list[HindranceView]
    """What stands in the way of the others."""
    is_possible: bool
    """Whether all nodes together would do, were they free."""
    followed: datetime | None
    """When the first of them is somebody else's afterwards: what runs there ends then."""


class FitsView(BaseModel):
    """Whether it fits, why not, and what would."""

    fits: bool
    is_tight: bool
    """It fits by what is promised, but not if every seat used all of its memory at once."""
    machine_memory: int
    profile: str
    start: datetime
    end: datetime
    needs: list[NeedView]
    placement: PlacementView | None
    """Null where no nodes are kept for workshops."""
    alternatives: list[AlternativeView]


@api.get("/fits", responses=answers(401, 403, 422, 503))
async def fits(desk: AtDesk, organised: Organised, who: Organises, asked: Annotated[Question, Query()]) -> FitsView:
    """Would a class fit, beside running seats, reservations and workshops? If not, what would?"""
    now = time.time()
    profile = _profile(desk.settings, asked)
    wish = _wish(asked, profile, desk.settings, now)
    facility = facility_of(desk.settings, desk.broker.state, await organised.promised(), now)
    return view_of(who.of(await asyncio.to_thread(would_fit, wish, facility, now)), profile.name)


def _profile(settings: Settings, asked: Question) -> Profile:
    """The profile that is asked for, else the first that may lease what is asked for. Raises Problem 422."""
    if not asked.profile:
        fitting = (one for one in settings.profiles if not asked.gpu or asked.gpu in one.gpu_classes)
        return next(fitting, settings.profiles[0])
    found = next((one for one in settings.profiles if one.name == asked.profile), None)
    if found is None:
        known = [one.name for one in settings.profiles]
        raise unknown("no-such-profile", later("There is no profile {value}."), asked.profile, known)
    return found


def _wish(asked: Question, profile: Profile, settings: Settings, now: float) -> Wish:
    """What is asked for. Raises Problem 422 for what no class can have here."""
    allowed = profile.gpu_classes
    if asked.gpu and asked.gpu not in settings.gpu_classes:
        raise unknown("unknown-class", later("There is no GPU class called {value}."), asked.gpu, allowed)
    if asked.gpu and asked.gpu not in profile.gpu_classes:
        sentence = later("Kernels of this profile cannot lease {value}.")
        raise unknown("class-not-allowed", sentence, asked.gpu, allowed)
    if asked.devices and not asked.gpu:
        raise unknown("no-class", later("{value} GPUs of which class?"), str(asked.devices), allowed)
    if asked.at and asked.at.year not in YEARS:
        sentence = later("Nobody plans for the year {value}.")
        raise unknown("no-such-year", sentence, str(asked.at.year), [f"{YEARS.start}–{YEARS.stop - 1}"])
    start = asked.at.timestamp() if asked.at else now
    if start < now - 60:
        moment = asked.at.isoformat(" ", "minutes") if asked.at else ""
        raise unknown("past", later("{value} is past."), moment, [datetime.now(UTC).isoformat(" ", "minutes") + " …"])
    return Wish(
        seats=asked.seats,
        seat_memory=int(profile.memory),
        window=Window(start, start + asked.seconds),
        gpu_class=asked.gpu,
        devices=(asked.devices or enough_devices(asked.seats)) if asked.gpu else 0,
        other_classes=profile.gpu_classes,
        seat_cpus=profile.cores,
    )


def view_of(answer: Answer, profile: str) -> FitsView:
    """The answer as the API tells it."""
    return FitsView(
        fits=answer.fits,
        is_tight=answer.is_tight,
        machine_memory=answer.machine_memory,
        profile=profile,
        start=_utc(answer.wish.window.start),
        end=_utc(answer.wish.window.end),
        needs=[_need(need) for need in answer.needs],
        placement=_placement(answer.placement) if answer.placement is not None else None,
        alternatives=[_alternative(one) for one in answer.alternatives],
    )


def _need(need: Need) -> NeedView:
    taken = [_booking(booking, need.what) for booking in need.taken]
    return NeedView(what=need.what, wanted=need.wanted, free=need.free, total=need.total, fits=need.fits, taken=taken)


def _placement(placement: Placement) -> PlacementView:
    hindrances = [
        HindranceView(node=one.node, until=_known(one.until), jobs=list(one.jobs), reservation=one.reservation)
        for one in placement.hindrances
    ]
    return PlacementView(
        nodes=list(placement.nodes),
        hindrances=hindrances,
        is_possible=placement.is_possible,
        followed=_known(placement.followed),
    )


def _known(moment: float | None) -> datetime | None:
    return None if moment is None or math.isinf(moment) else _utc(moment)


def _booking(booking: Booking, what: str) -> BookingView:
    amount = takes(booking, what)
    return BookingView(
        title=booking.title, start=_utc(booking.window.start), end=_utc(booking.window.end), amount=amount
    )


def _alternative(one: Alternative) -> AlternativeView:
    wish = one.wish
    return AlternativeView.model_validate(
        {
            "changed": one.changed,
            "seats": wish.seats,
            "devices": wish.devices,
            "gpu_class": wish.gpu_class,
            "start": _utc(wish.window.start),
            "end": _utc(wish.window.end),
        }
    )


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
