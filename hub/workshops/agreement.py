"""Do workshops agree with the workbench: what they name must exist on it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from hub.settings import Settings
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.model import Workshop

CATALOGUE = Path(__file__).parents[2] / "tutorials" / "notebooks" / "catalogue.json"


def disagreements(workshop: Workshop, settings: Settings) -> Iterator[Problem]:
    """What of it does not exist on this workbench."""
    profiles = {profile.name: profile for profile in settings.profiles}
    profile = profiles.get(workshop.profile)
    if profile is None:
        yield unknown("no-such-profile", later("There is no profile {value}."), workshop.profile, profiles)
    elif workshop.gpus and workshop.gpus.gpu_class not in profile.gpu_classes:
        sentence = later("Kernels of this profile cannot lease {value}.")
        yield unknown("class-not-allowed", sentence, workshop.gpus.gpu_class, profile.gpu_classes)
    programmes = [programme.name for programme in settings.programmes]
    if workshop.programme and workshop.programme not in programmes:
        yield unknown("no-such-programme", later("There is no programme {value}."), workshop.programme, programmes)
    catalogue = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    lessons = [lesson["id"] for lesson in catalogue["lessons"]]
    for lesson in workshop.lessons:
        if lesson not in lessons:
            yield unknown("no-such-lesson", later("There is no lesson {value}."), lesson, lessons)
    timetables = [timetable["id"] for timetable in catalogue["timetables"]]
    if workshop.timetable and workshop.timetable not in timetables:
        yield unknown("no-such-timetable", later("There is no timetable {value}."), workshop.timetable, timetables)


def unknown(code: str, sentence: str, value: str, known: Iterable[str]) -> Problem:
    """Something that does not exist here, with what does."""
    allowed = ", ".join(known) or "-"
    return Problem(422, code, sentence, later("Known here: {allowed}."), {"value": value, "allowed": allowed})
