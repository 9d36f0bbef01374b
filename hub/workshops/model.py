"""A workshop as it is declared: one object, the same in YAML, in the API and on pages."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from hub.settings.model import Section, Words
from hub.settings.types import Duration, Name, UserName
from hub.words import later
from hub.workshops.capacity import enough_devices
from hub.workshops.window import NoSuchTime, Window, read_moment

LONGEST_DAYS = 31
OURS = "workshop-"
"""Reservations of workshops are called so, and after it."""
MOST_SEATS = 10_000
RESERVED = frozenset({"new", "fits", "import"})
"""Names of pages beside those of workshops."""


class Unfit(ValueError):
    """Parts of a workshop that do not go together, with the field where it shows and a sentence for people."""

    def __init__(self, place: str, sentence: str, **facts: str) -> None:
        super().__init__(sentence.format(**facts))
        self.place, self.sentence, self.facts = place, sentence, facts


def _moment(value: Any) -> datetime:
    """YAML reads some times as such already; both are what this machine's clock shows, unless they say otherwise."""
    try:
        return read_moment(value.isoformat(" ") if isinstance(value, datetime) else str(value))
    except NoSuchTime as problem:
        raise ValueError(str(problem)) from None


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(lambda moment: moment.isoformat(" ", "minutes"), return_type=str),
]
"""A date and time, as this machine's clock shows it."""


class Gpus(Section):
    """GPUs that are kept for the workshop while it lasts."""

    gpu_class: Name
    """One of the profile's GPU classes."""
    devices: Annotated[int, Field(ge=1, le=100_000)] | Literal["enough"] = "enough"
    """How many; `enough` is one for every eight seats, because idle kernels make room."""

    def count_for(self, seats: int) -> int:
        """Devices for a class of so many seats."""
        return enough_devices(seats) if self.devices == "enough" else self.devices


class Listed(Section):
    """Somebody on the class list, who may not have an account yet."""

    name: str = Field(min_length=1, max_length=200)
    """What they are called."""
    email: str = Field(min_length=3, max_length=254)
    """Where their own link to the workshop is sent; nobody else is on the list with it."""
    affiliation: str = Field(default="", max_length=200)
    """Where they work or study."""


class Join(Section):
    """Joining by a code or a link, for whoever has it."""

    limit: int | None = Field(default=None, ge=1, le=MOST_SEATS)
    """How many may join in this way; left out, until all seats are taken."""
    temporary_accounts: bool = False
    """Whether people without an account here get one for the workshop, and for no longer than that."""


class Workshop(Section):
    """A class: when, for whom, with which lessons, and what it needs."""

    id: Name
    """Short name, used in addresses and logs."""
    title: Words
    """What people see."""
    starts: Moment
    """When it begins, such as 2027-01-14 14:00."""
    ends: Moment
    """When it is over."""
    place: str = Field(default="", max_length=200)
    """The room or the address; left out, it is online."""
    programme: Name | None = None
    """Who its use is counted for; left out, each learner's own programme."""
    trainers: tuple[UserName, ...] = Field(min_length=1, max_length=50)
    """Users who give it."""
    learners: tuple[UserName, ...] = Field(default=(), max_length=MOST_SEATS)
    """Users who take part."""
    roster: tuple[Listed, ...] = Field(default=(), max_length=MOST_SEATS)
    """The class list; everybody on it gets a link of their own."""
    join: Join | None = None
    """Joining by a code; left out, only learners and the roster take part."""
    seats: int = Field(ge=1, le=MOST_SEATS)
    """Seats to plan for: learners, trainers and spare ones together."""
    profile: Name
    """The profile of its seats."""
    gpus: Gpus | None = None
    """GPUs to keep for it; left out, none."""
    lessons: tuple[Annotated[str, Field(pattern=r"^[A-Z]\d{1,3}$")], ...] = Field(min_length=1, max_length=50)
    """Lessons by id, in the order in which they are given."""
    timetable: Name | None = None
    """The timetable that it follows; left out, its lessons one after the other."""
    retention: Duration = Field(default="30d", validate_default=True)
    """How long afterwards its records are kept."""

    @model_validator(mode="after")
    def _makes_sense(self) -> "Workshop":
        if self.id in RESERVED:
            raise Unfit("id", later("{id} is the name of a page; choose another"), id=self.id)
        if self.ends <= self.starts:
            sentence = later("it ends at {end}, which is not after it starts")
            raise Unfit("ends", sentence, end=f"{self.ends:%Y-%m-%d %H:%M}")
        if (self.ends - self.starts).days >= LONGEST_DAYS:
            raise Unfit("ends", later("it takes longer than {days} days; make it two"), days=str(LONGEST_DAYS))
        if both := sorted(set(self.trainers) & set(self.learners)):
            raise Unfit("learners", later("{names} cannot be trainer and learner at once"), names=", ".join(both))
        if (people := len(self.people) + len(self.roster)) > self.seats:
            sentence = later("{people} people cannot have {seats} seats")
            raise Unfit("seats", sentence, people=str(people), seats=str(self.seats))
        if twice := [email for email, count in Counter(one.email.lower() for one in self.roster).items() if count > 1]:
            sentence = later("{emails} cannot be on the roster twice")
            raise Unfit("roster", sentence, emails=", ".join(sorted(twice)[:5]))
        return self

    @property
    def window(self) -> Window:
        """From its start until its end."""
        return Window(self.starts.timestamp(), self.ends.timestamp())

    @property
    def reservation(self) -> str:
        """What the broker calls the devices that are kept for it."""
        return OURS + self.id

    @property
    def people(self) -> frozenset[str]:
        """Users who are named in it: trainers and learners."""
        return frozenset(self.trainers) | frozenset(self.learners)
