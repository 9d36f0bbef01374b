"""What the catalogue says about a lesson, as a typed model; the only reader of ``catalogue/`` and ``expected/``."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("en", "nl")

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
    name: str
    source: Annotated[str, Field(pattern=r"^(pypi:[a-z0-9-]+|generated|file:[\w./-]+)$")]
    licence: str
    personal_data: Literal["none", "synthetic", "public-deidentified"]


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
    track: Slug
    audience: Annotated[
        list[Literal["researcher", "student", "data-steward", "engineer", "civil-servant"]], Field(min_length=1)
    ]
    level: Literal["beginner", "intermediate", "advanced"]
    minutes: Duration
    goals: Annotated[list[Text], Field(min_length=3, max_length=3)]
    prerequisites: list[Prerequisite]
    data: Annotated[list[DataSource], Field(min_length=1)]
    libraries: Annotated[list[str], Field(min_length=1)]
    resources: Resources
    measured: Measured
    measures: list[Annotated[str, Field(pattern=r"^urn:nl:ak:mtr:[a-z]{3}-[0-9]{2}$")]]
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
    """

    value: float
    tolerance: Annotated[float, Field(ge=0)]
    unit: Literal["K", "year", "count", "%"]
    label: Text


def read_entry(lesson: str) -> Entry:
    """The catalogue entry of ``lesson``; raises pydantic's ValidationError listing all problems at once."""
    return Entry.model_validate(_yaml(ROOT / "catalogue" / f"{lesson}.yaml"))


def shelf() -> str:
    """What JupyterLab shows of all lessons, as JSON: it lies beside the notebooks."""
    shown = {"id", "version", "folder", "stem", "title", "track", "level", "minutes", "resources", "exercises"}
    entries = [read_entry(lesson).model_dump(mode="json", include=shown) for lesson in lessons()]
    return json.dumps({"lessons": entries}, ensure_ascii=False, indent=1) + "\n"


def read_claims() -> dict[str, Claim]:
    return {name: Claim.model_validate(claim) for name, claim in _yaml(ROOT / "catalogue" / "claims.yaml").items()}


def read_expected(lesson: str) -> dict[str, Expectation]:
    stored = json.loads((ROOT / "expected" / f"{lesson}.json").read_text(encoding="utf-8"))
    return {name: Expectation.model_validate(number) for name, number in stored.items()}


def lessons() -> list[str]:
    """The ids of all lessons, in a stable order."""
    return sorted(path.stem for path in (ROOT / "catalogue").glob("*.yaml") if path.stem != "claims")


def _yaml(path: Path):
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
