"""What the catalogue says about a lesson, as a typed model; the only reader of ``catalogue/`` and ``expected/``."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .refusals import CatalogueError, refusal

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("en", "nl")

Track = Literal["start-here", "ai-talent", "ained", "health-ri", "scale-out", "responsible", "trainer"]
Audience = Literal["researcher", "student", "data-steward", "engineer", "civil-servant", "trainer"]
# Measures of the Algoritmekader (MinBZK) that lessons serve; the ids were read from its files.
Measure = Literal[
    "urn:nl:ak:mtr:owp-13",  # simpler algorithms
    "urn:nl:ak:mtr:owp-32",  # explainability
    "urn:nl:ak:mtr:dat-01",  # data quality
    "urn:nl:ak:mtr:dat-04",  # pseudonymise
    "urn:nl:ak:mtr:dat-05",  # copyright
    "urn:nl:ak:mtr:dat-07",  # training, validation and test data
    "urn:nl:ak:mtr:dat-09",  # data minimisation
    "urn:nl:ak:mtr:dat-12",  # FAIR data
    "urn:nl:ak:mtr:owk-05",  # energy-efficient programming
    "urn:nl:ak:mtr:owk-06",  # optimise training
    "urn:nl:ak:mtr:owk-07",  # reproducibility
    "urn:nl:ak:mtr:owk-10",  # no leakage through output
    "urn:nl:ak:mtr:ver-02",  # accuracy
    "urn:nl:ak:mtr:ver-03",  # bias analysis
    "urn:nl:ak:mtr:imp-03",  # human intervention
    "urn:nl:ak:mtr:imp-04",  # publish in the register
    "urn:nl:ak:mtr:mon-06",  # measure environmental impact
    "urn:nl:ak:mtr:org-16",  # awareness and training
]

Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", max_length=60)]
LessonId = Annotated[str, Field(pattern=r"^[A-Z][0-9]+$")]
Minutes = Annotated[int, Field(ge=1, le=240)]


class Model(BaseModel):
    """Refuses unknown keys: a misspelt key would otherwise be a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(Model):
    """The same words in both languages."""

    en: Annotated[str, Field(min_length=1)]
    nl: Annotated[str, Field(min_length=1)]


class Duration(Model):
    read: Minutes
    exercises: Minutes

    @property
    def total(self) -> int:
        return self.read + self.exercises


class Prerequisite(Model):
    id: LessonId
    importance: Literal["necessary", "helpful"]


class DataSource(Model):
    name: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(pattern=r"^(pypi:[a-z0-9-]+|generated|file:[\w./-]+)$")]
    licence: Annotated[str, Field(min_length=2)]
    personal_data: Literal["none", "synthetic", "public-deidentified", "public-office"]


class Resources(Model):
    profile: Slug
    gpu: Literal["none", "optional"]
    dask: Literal["none", "local", "gateway-or-local"]
    memory_gb: Annotated[float, Field(gt=0, le=16)]


class Measured(Model):
    """One run of the solution notebook on two CPU cores; ``wh`` is null where energy was not measured."""

    cpu2_seconds: Annotated[float, Field(gt=0, le=120)]
    peak_memory_mib: Annotated[int, Field(gt=0, le=2048)]
    wh: Annotated[float, Field(gt=0)] | None
    on: dt.date
    versions: dict[str, str]


class ExerciseEntry(Model):
    id: Annotated[str, Field(pattern=r"^[A-Z][0-9]+-[0-9]+$")]
    kind: Literal["try", "change", "transfer"]
    minutes: Minutes


class Review(Model):
    on: dt.date
    by: Annotated[list[Literal["author", "domain", "didactic", "language"]], Field(min_length=1)]


class Licence(Model):
    text: str
    code: str


class Entry(Model):
    """One lesson in the catalogue."""

    id: LessonId
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    folder: Slug
    stem: Slug
    title: Text
    track: Track
    audience: Annotated[list[Audience], Field(min_length=1)]
    level: Literal["beginner", "intermediate", "advanced"]
    minutes: Duration
    goals: Annotated[list[Text], Field(min_length=3, max_length=3)]
    prerequisites: list[Prerequisite]
    data: Annotated[list[DataSource], Field(min_length=1)]
    libraries: Annotated[list[str], Field(min_length=1)]
    extras: list[Slug] = []
    resources: Resources
    measured: Measured
    measures: list[Measure]
    claims: Annotated[list[Slug], Field(min_length=1)]
    exercises: Annotated[list[ExerciseEntry], Field(min_length=3, max_length=3)]
    reviewed: Review
    licence: Licence
    next: list[LessonId]

    @model_validator(mode="after")
    def _exercises_belong_here(self) -> Entry:
        kinds = [exercise.kind for exercise in self.exercises]
        if kinds != ["try", "change", "transfer"]:
            raise ValueError(f"the exercises of {self.id} are {kinds}; they go from try to change to transfer")
        strangers = [exercise.id for exercise in self.exercises if not exercise.id.startswith(f"{self.id}-")]
        if strangers:
            raise ValueError(f"exercises {strangers} do not carry the id of lesson {self.id}")
        if len({exercise.id for exercise in self.exercises}) < len(self.exercises):
            raise ValueError(f"two exercises of {self.id} have the same id; number them {self.id}-1 to {self.id}-3")
        minutes = sum(exercise.minutes for exercise in self.exercises)
        if minutes != self.minutes.exercises:
            raise ValueError(f"{self.id} promises {self.minutes.exercises} min of exercises; they add up to {minutes}")
        return self


class Claim(Model):
    """A promise of the facility: literal Dutch from the letter, and our English."""

    quote: Annotated[str, Field(min_length=10)]
    en: Annotated[str, Field(min_length=10)]


class Expectation(Model):
    """A number that text and tests share; a cell prints it as ``<label>: <number>``, with the label in the lesson's
    language.

    ``decimals`` is how many of them text shows; left out, two, and none for a ``year``, a ``count`` and ``%``.
    """

    value: float
    tolerance: Annotated[float, Field(ge=0)]
    unit: Annotated[str, Field(pattern=r"^\S{1,12}$")]
    decimals: Annotated[int, Field(ge=0, le=6)] | None = None
    label: Text


def read_entry(lesson: str) -> Entry:
    """The catalogue entry of ``lesson``; raises `CatalogueError` that lists all problems at once."""
    path = ROOT / "catalogue" / f"{lesson}.yaml"
    if not path.exists():
        raise CatalogueError(f"there is no lesson {lesson!r} in catalogue/; there are {', '.join(lessons())}")
    return _entry(path, path.stat().st_mtime_ns)


@cache
def _entry(path: Path, _changed: int) -> Entry:
    """Read once per change of the file: timetables and tables ask for the same entries many times."""
    return validated(Entry, read_yaml(path), f"catalogue/{path.name}")


def read_claims() -> dict[str, Claim]:
    """The facility's promises by name; raises `CatalogueError`."""
    file = "catalogue/claims.yaml"
    return {name: validated(Claim, claim, f"{file}: {name}") for name, claim in read_yaml(ROOT / file).items()}


def read_expected(lesson: str) -> dict[str, Expectation]:
    """The numbers a lesson promises, by name; raises `CatalogueError`."""
    file = f"expected/{lesson}.json"
    try:
        stored = json.loads((ROOT / file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise CatalogueError(f"{file}: cannot be read: {problem}") from None
    return {name: validated(Expectation, number, f"{file}: {name}") for name, number in stored.items()}


def lessons() -> list[str]:
    """The ids of all lessons, in a stable order."""
    return sorted(path.stem for path in (ROOT / "catalogue").glob("*.yaml") if path.stem != "claims")


def read_yaml(path: Path) -> Any:
    """What a file of ours says; raises `CatalogueError` for one that is no YAML."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except YAMLError as problem:
        raise CatalogueError(f"{path.relative_to(ROOT)}: is no YAML: {problem}") from None


def validated(model: type[Model], value: Any, place: str) -> Any:
    """``value`` as ``model``; raises `CatalogueError` with a line for each problem, which begins with ``place``."""
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        raise CatalogueError("\n".join(f"{place}: {said}" for said in refusal(model, problem))) from None
